"""The step `dedup_semantic`: documents that say the same in other words, by vectors of their texts.

Enters: kept documents, and their vectors in Parquet files or a model that makes them. Leaves: the same
rows; a duplicate has `drop` = `dedup_semantic.near`, the id of the kept document that stands for it in
`labels["dedup_semantic.duplicate_of"]`, and their cosine in `signals["dedup_semantic.similarity"]`. A
document without a vector is kept, and `labels["dedup_semantic.unusable"]` says why it has none.

The decision: greedy in the order of preference. A document goes if a better one that stays in its
cluster is at least `threshold` similar: no chains, so nothing goes for a document it is not like.
A second pass with the same clusters finds nothing. With other clusters it may find pairs that lay in
two before; `curate.dedup.semantic.report` measures what a threshold does before it is chosen.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from curate.columns import put
from curate.dedup import order
from curate.dedup.checkpoint import checkpointed, small
from curate.dedup.semantic import embedding_model
from curate.dedup.semantic.embeddings import Bits, Pass, encode, read_vectors
from curate.dedup.semantic.kmeans import KMeans, assigning
from curate.dedup.semantic.within_clusters import near_duplicates
from curate.document import COLUMNS
from curate.errors import InputError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_NODES = "id string, key binary"
_VECTORS = "key binary, vector binary, unusable string"
_CLUSTERED = "cluster long, key binary, vector binary"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DedupSemantic:
    """Drop documents whose vector is as good as that of a better one (SemDeDup, Abbas et al. 2023,
    arXiv:2303.09540, §3; D4, Tirumala et al. 2023, arXiv:2308.12284).

    `embeddings`: Parquet files with the columns `id_column` and `vector_column` (lists, or bytes of
    `bits`), or `model`: a folder of a Hugging Face model, of which the first `max_tokens` tokens of a
    text are the mean. `threshold`: least cosine of a duplicate, SemDeDup's 1 - epsilon; what it means
    depends on the model, so measure it first. Compared are documents of one cluster: `clusters` by
    spherical k-means (None: the square root of their number), a cluster above `max_cluster_rows` in
    parts. `prefer` orders who stays, ties broken by the smallest id. Drops: `dedup_semantic.near`.
    """

    name: ClassVar[str] = "dedup_semantic"
    embeddings: str | None = None
    model: str | None = None
    threshold: float = 0.95
    clusters: int | None = None
    iterations: int = 10
    sample_per_cluster: int = 256
    max_cluster_rows: int = 50_000
    max_tokens: int = 512
    id_column: str = "id"
    vector_column: str = "embedding"
    bits: Bits = "float32"
    seed: int = 0
    prefer: tuple[str, ...] = order.PREFER

    def __post_init__(self) -> None:
        if (self.embeddings is None) == (self.model is None):
            raise ValueError("give either embeddings (Parquet files) or model (a folder)")
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold must be in (0, 1], got {self.threshold}")
        counts = (self.iterations, self.sample_per_cluster, self.max_cluster_rows, self.max_tokens)
        if min(*counts, self.clusters or 1) < 1 or self.clusters == 0:
            raise ValueError(
                "clusters, iterations, sample_per_cluster, max_cluster_rows and max_tokens must be "
                "at least 1"
            )
        order.check(self.prefer)

    def inputs(self) -> tuple[str, ...]:
        """The files of vectors, or those of the model."""
        if self.embeddings is not None:
            return (self.embeddings,)
        folder = Path(self.model or "").expanduser()
        files = sorted(str(file) for file in folder.glob("*") if file.is_file())
        return tuple(files) or (str(folder),)

    def __call__(self, df: DataFrame) -> DataFrame:
        """Mark the duplicates among all rows of `df`."""
        from pyspark.sql import functions as f

        read = self.vectors(df).persist()
        try:
            vectors, usable_rows = self.checked(read)
            verdicts = vectors.where("unusable is not null").selectExpr(
                "key", "cast(null as binary) root", "cast(null as double) similarity", "unusable"
            )
            if usable_rows:
                clustered = self.clustered(vectors, usable_rows)
                near = near_duplicates(clustered, self.threshold, self.max_cluster_rows)
                near = near.withColumnRenamed("node", "key").withColumn("unusable", f.lit(None))
                verdicts = verdicts.unionByName(near)
            return _mark(df, checkpointed(verdicts), self.prefer)
        finally:
            read.unpersist()

    def vectors(self, df: DataFrame) -> DataFrame:
        """(key, vector, unusable) of every row: the key sorts the better of two documents first."""
        from pyspark.sql import functions as f

        if self.model is not None:
            folder = str(Path(self.model).expanduser().absolute())
            embedding_model.check(folder)
            needed = dict.fromkeys((*order.columns(self.prefer), "text"))
            embedder = _embedder(self.prefer, folder, self.max_tokens)
            return df.select(*needed).mapInArrow(embedder, _VECTORS)
        nodes = df.select(*order.columns(self.prefer)).mapInArrow(_keys(self.prefer), _NODES)
        columns = (self.id_column, self.vector_column, self.bits)
        read = read_vectors(df.sparkSession, self.embeddings or "", *columns)
        absent = f.expr("case when vector is null then coalesce(unusable, 'missing') end")
        return nodes.join(read, "id", "left").select("key", "vector", absent.alias("unusable"))

    def checked(self, vectors: DataFrame) -> tuple[DataFrame, int]:
        """The vectors, those of another length than most marked as unusable, and how many can be used.

        Raises `InputError` if there are documents, and vectors for none of them."""
        from pyspark.sql import functions as f

        size = f.length("vector")
        counts = vectors.groupBy(size.alias("size_bytes"), "unusable").count().collect()
        lengths = {row["size_bytes"]: row["count"] for row in counts if row["unusable"] is None}
        usual = max(lengths, key=lambda length: (lengths[length], length), default=0)
        unusable = {row["unusable"]: row["count"] for row in counts if row["unusable"]}
        if other := sum(lengths.values()) - lengths.get(usual, 0):
            unusable["length"] = unusable.get("length", 0) + other
        if self.embeddings and set(unusable) == {"missing"} and not lengths:
            self._no_vectors(vectors, unusable["missing"])
        if unusable:
            told = ", ".join(f"{count:,} {reason}" for reason, count in sorted(unusable.items()))
            _log.warning("documents without a usable vector, kept as they are: %s", told)
        marked = f.when(size != usual, f.lit("length")).otherwise(f.col("unusable"))
        return vectors.withColumn("unusable", marked), lengths.get(usual, 0)

    def clustered(self, vectors: DataFrame, rows: int) -> DataFrame:
        """(cluster, key, vector) of the rows that can be used, computed."""
        usable = vectors.where("unusable is null").select("key", "vector")
        named = usable.withColumn("id", order.id_of("key", self.prefer))
        means = KMeans(self.clusters, self.iterations, self.sample_per_cluster, self.seed)
        centroids = means.fit(named, rows)
        return checkpointed(usable.mapInArrow(assigning(centroids), _CLUSTERED))

    def _no_vectors(self, vectors: DataFrame, rows: int) -> None:
        first = vectors.select(order.id_of("key", self.prefer).alias("id")).first()
        raise InputError(
            f"{self.embeddings} has a vector for none of the {rows:,} documents, the first of which has "
            f"the id '{first['id'] if first else ''}'; its column '{self.id_column}' must hold such ids"
        )


def _keys(prefer: tuple[str, ...]) -> Pass:
    """(columns of a document) -> (id, key)."""

    def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in incoming:
            keys = pa.array(order.keys(batch, prefer), pa.binary())
            yield pa.RecordBatch.from_arrays([batch.column("id"), keys], names=["id", "key"])

    return run


def _embedder(prefer: tuple[str, ...], folder: str, max_tokens: int) -> Pass:
    """(columns of a document, text) -> (key, vector, unusable), by a model; blank texts have no vector."""

    def run(incoming: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in incoming:
            texts = [text or "" for text in batch.column("text").to_pylist()]
            told = [place for place, text in enumerate(texts) if text and not text.isspace()]
            rows = embedding_model.embed([texts[place] for place in told], folder, max_tokens)
            cells: list[object] = [None] * len(texts)
            for place, row in zip(told, rows, strict=True):
                cells[place] = row
            vectors = pa.array(cells, pa.list_(pa.float32()))
            encoded = encode(batch.column("id"), vectors)
            keys = pa.array(order.keys(batch, prefer), pa.binary())
            columns = [keys, encoded.column("vector"), encoded.column("unusable")]
            yield pa.RecordBatch.from_arrays(columns, names=["key", "vector", "unusable"])

    return run


def _mark(df: DataFrame, verdicts: DataFrame, prefer: tuple[str, ...]) -> DataFrame:
    """Write the verdicts into the rows."""
    from pyspark.sql import functions as f

    by_id = verdicts.select(
        order.id_of("key", prefer).alias("id"), order.id_of("root", prefer).alias("root"),
        "similarity", f.col("unusable").alias("unusable"),
    )  # fmt: skip
    near, unusable = f.col("root").isNotNull(), f.col("unusable").isNotNull()
    duplicate_of = put("labels", {"dedup_semantic.duplicate_of": f.col("root")})
    without = put("labels", {"dedup_semantic.unusable": f.col("unusable")})
    similarity = put("signals", {"dedup_semantic.similarity": f.col("similarity")})
    marked = df.join(small(by_id), "id", "left").withColumns(
        {
            "labels": f.when(near, duplicate_of).when(unusable, without).otherwise(f.col("labels")),
            "signals": f.when(near, similarity).otherwise(f.col("signals")),
            "drop": f.coalesce("drop", f.when(near, f.lit("dedup_semantic.near"))),
        }
    )
    return marked.select(*COLUMNS)
