"""The step `dedup`: of every group of duplicates the best document stays.

Enters: kept documents. Leaves: the same rows; a duplicate has `drop` = `dedup.payload`, `dedup.url`,
`dedup.exact` or `dedup.near`, the id of the kept document that stands for it in
`labels["dedup.duplicate_of"]`, and their similarity in `signals["dedup.similarity"]`; a kept document
that stands for others says how many it is with them in `signals["dedup.cluster_size"]`. The decision:
what is shuffled is hashes, never a text; the shingles are made again for the few documents that are
compared, which costs less than to carry them along for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from curate.columns import put
from curate.dedup import order
from curate.dedup.alarms import Alarm, find_alarms
from curate.dedup.checkpoint import checkpointed, small
from curate.dedup.documents.index import (
    INDEX_FILE,
    add_generation,
    parameters,
    read_index,
    without_known,
)
from curate.dedup.documents.marks import (
    INDEX,
    INDEXED_SPARK,
    MARKS_SPARK,
    NEW,
    SHINGLES_SPARK,
    Marker,
    Method,
    shingler,
)
from curate.dedup.documents.near import (
    Measure,
    Shingles,
    connected_duplicates,
    followers,
    near_duplicates,
)
from curate.dedup.signatures.banding import OWN, SCHEMES, Banding, Unit
from curate.dedup.signatures.bands import optimal_bands
from curate.dedup.signatures.published import PUBLISHED
from curate.document import COLUMNS
from curate.errors import InputError
from curate.table import Counts

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


@dataclass(frozen=True)
class Dedup:
    """Drop duplicate documents: equal ones, and with `near` those at or above a similarity.

    MinHash-LSH (Broder 1997; Leskovec et al., "Mining of Massive Datasets", ch. 3) proposes pairs,
    the real Jaccard similarity (or `containment`) of their n-grams of `unit` decides (Lee et al. 2021,
    arXiv 2107.06499, §4.2: word n-grams of 5, threshold .8). Texts with fewer than `ngram` distinct
    n-grams are compared exactly only. `payload` compares the bytes before extraction, `url` canonical
    addresses; before the step `extract` they spare it every copy. `scheme`: the signatures of a
    published tool (datasketch, datatrove, text-dedup, bigcode, data-juicer, redpajama-v2 …), bit for
    bit, with its own n-gram, seed, permutations, bands and rows where none are given. Otherwise `bands`
    x `rows` default to datasketch's optimum for the threshold with `false_negative_weight`: a false
    positive costs one comparison, a false negative a duplicate. `prefer` orders who stays: heldout,
    longest, shortest, newest, oldest, source:A,B, highest:SIGNAL, lowest:SIGNAL; ties go to the
    smallest id. `within: source` leaves each source (a crawl's dump) for itself. `index`: published
    indexes of kept documents; what is similar to one of theirs goes. `clusters: connected` drops
    whole chains, as other tools do. `most_heads` bounds the comparisons of a document in one bucket.
    A source that loses more than `alarm_share`, and a document that stands for more than
    `alarm_cluster`, are told.
    """

    name: ClassVar[str] = "dedup"
    method: Method = "near"
    threshold: float = 0.8
    measure: Measure = "jaccard"
    scheme: str = OWN
    unit: Unit = "words"
    ngram: int | None = None
    permutations: int | None = None
    bands: int | None = None
    rows: int | None = None
    false_negative_weight: float = 0.9
    seed: int | None = None
    prefer: tuple[str, ...] = order.PREFER
    within: Literal["corpus", "source"] = "corpus"
    clusters: Literal["similar", "connected"] = "similar"
    index: tuple[str, ...] = ()
    most_heads: int = 1000
    alarm_share: float = 0.5
    alarm_cluster: int = 1000

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold must be in (0, 1], got {self.threshold}")
        if self.scheme not in SCHEMES:
            raise ValueError(f"scheme {self.scheme!r} is none of {', '.join(SCHEMES)}")
        if (self.bands is None) != (self.rows is None):
            raise ValueError("give both bands and rows, or neither")
        banding = self.banding()
        if min(banding.ngram, banding.permutations, self.most_heads, self.alarm_cluster) < 1:
            raise ValueError("ngram, permutations, most_heads, alarm_cluster must be at least 1")
        if not 0 <= banding.seed < 2**32:
            raise ValueError(f"seed must be from 0 to 2**32 - 1, got {banding.seed}")
        for name in ("false_negative_weight", "alarm_share"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in (0, 1], got {getattr(self, name)}")
        if self.unit == "chars" and self.scheme != OWN:
            raise ValueError(f"the scheme {self.scheme} has shingles of words; leave unit out")
        if len(set(self.index)) < len(self.index):
            raise ValueError("index names one index twice")
        needed = banding.bands * banding.rows
        if min(banding.bands, banding.rows) < 1 or needed > banding.permutations:
            raise ValueError(
                f"bands x rows is {needed}, but permutations is {banding.permutations}"
            )
        order.check(self.prefer)

    def banding(self) -> Banding:
        """The shingles and bands in use."""
        mode = PUBLISHED.get(self.scheme)
        ngram, permutations, seed = (mode.n, mode.permutations, mode.seed) if mode else (5, 128, 1)
        ngram = ngram if self.ngram is None else self.ngram
        seed = seed if self.seed is None else self.seed
        if self.bands is not None and self.rows is not None:
            bands, rows = self.bands, self.rows
        elif mode and self.permutations is None:
            bands, rows = mode.bands, mode.rows
        else:
            asked = self.permutations or permutations
            bands, rows = optimal_bands(self.threshold, asked, self.false_negative_weight)
        if self.permutations is not None:
            permutations = self.permutations
        return Banding(self.unit, ngram, permutations, bands, rows, seed, self.scheme)

    def inputs(self) -> tuple[str, ...]:
        """What tells one state of an index from another."""
        return tuple(f"{path}/{INDEX_FILE}" for path in self.index)

    def __call__(self, df: DataFrame) -> DataFrame:
        """Mark the duplicates among all rows of `df`."""
        marker = self.marker()
        marks = df.select(*marker.columns).mapInArrow(marker, MARKS_SPARK).persist()
        try:
            self._check_ids(marks)
            found = checkpointed(self._duplicates(df, marks, self._known(marks)))
        finally:
            marks.unpersist()
        return _marked(df, found, self._id)

    def marker(self) -> Marker:
        """The pass that hashes documents."""
        banding = self.banding() if self.method == "near" else None
        return Marker(self.method, self.prefer, banding, self.within == "source")

    def publish(self, df: DataFrame, index: str, name: str) -> bool:
        """Add the documents of `df` to an index as its generation `name`; False if it has that one."""
        marker = self.marker()
        rows = df.select("id", *marker.columns[1:]).mapInArrow(marker.index, INDEXED_SPARK)
        return add_generation(index, name, rows, self._parameters())

    def review(self, written: DataFrame, counts: Mapping[str, Counts]) -> list[Alarm]:
        """What a person should look at."""
        return find_alarms(written, counts, self.name, self.alarm_share, self.alarm_cluster)

    def _parameters(self) -> dict[str, Any]:
        banding = self.banding() if self.method == "near" else None
        return parameters(banding, self.method, self.within)

    def _known(self, marks: DataFrame) -> DataFrame | None:
        """The documents of the indexes as marks, but those that are marked here themselves."""
        ours = marks.select(self._id("node").alias("id"), "key")
        rows: DataFrame | None = None
        for path in self.index:
            some = read_index(marks.sparkSession, path, self._parameters()).drop("shingles")
            some = without_known(some, ours, path)
            if rows is not None:
                some = rows.unionByName(without_known(some, rows, path))
            rows = some
        if rows is None:
            return None
        return checkpointed(rows.select(self._indexed("id").alias("node"), "key", "bands"))

    def _duplicates(self, df: DataFrame, marks: DataFrame, known: DataFrame | None) -> DataFrame:
        """(node, root, similarity, reason) of the rows to drop."""
        from pyspark.sql import functions as f

        if known is not None:
            marks = marks.unionByName(known)
        exact = followers(marks.where("key is not null").select("key", "node"))
        exact = exact.where(f.col("node") >= f.lit(NEW))
        exact = exact.select("node", "root", f.lit(1.0).alias("similarity"))
        reason = "exact" if self.method == "near" else self.method
        exact = exact.withColumn("reason", f.lit(f"dedup.{reason}"))
        if self.method != "near":
            return exact
        exact = checkpointed(exact)
        rest = marks.where("bands is not null").join(exact, "node", "left_anti")
        find = near_duplicates if self.clusters == "similar" else connected_duplicates
        near = find(rest, self._shingles(df), self.measure, self.threshold, self.most_heads)
        near = near.withColumn("reason", f.lit("dedup.near"))
        return _resolve(exact, near).unionByName(near)

    def _shingles(self, df: DataFrame) -> Shingles:
        """From (node) to (node, shingles): made again, or as the index has them."""
        from pyspark.sql import functions as f

        def shingles(nodes: DataFrame) -> DataFrame:
            named = nodes.withColumn("id", self._id("node"))
            ids = small(named.where(f.col("node") >= f.lit(NEW)))
            texts = df.select("id", "text").join(ids, "id").select("node", "text")
            found = texts.mapInArrow(shingler(self.banding()), SHINGLES_SPARK)
            if not self.index:
                return found
            theirs = small(named.where(f.col("node") < f.lit(NEW)))
            for path in self.index:
                rows = read_index(df.sparkSession, path, self._parameters())
                rows = rows.select("id", "shingles").join(theirs, "id").select("node", "shingles")
                found = found.unionByName(rows)
            # one id in two indexes is one document
            return found.dropDuplicates(["node"]) if len(self.index) > 1 else found

        return shingles

    def _id(self, node: str) -> Column:
        """The id at the end of a node: a byte that says new or known, and a key."""
        return order.id_of(node, self.prefer, before=1)

    def _indexed(self, document_id: str) -> Column:
        """The node of an index's document."""
        from pyspark.sql import functions as f

        prefix = INDEX + bytes(8 * len(self.prefer))
        return f.concat(f.lit(prefix), f.col(document_id).cast("binary"))

    def _check_ids(self, marks: DataFrame) -> None:
        """Every later join is by id."""
        from pyspark.sql import functions as f

        ids = marks.groupBy(self._id("node").alias("id")).count().where(f.col("count") > 1)
        twice = sorted(row["id"] for row in ids.limit(3).collect())
        if twice:
            raise InputError(
                f"dedup: documents share an id: {', '.join(twice)} …; read their sources again, "
                "each under a name of its own"
            )


def _resolve(exact: DataFrame, near: DataFrame) -> DataFrame:
    """An exact copy of a document that is a near-duplicate is one too: of the same kept document."""
    from pyspark.sql import functions as f

    names = ("root", "similarity", "reason")
    farther = near.select(
        f.col("node").alias("root"), *(f.col(name).alias(f"near_{name}") for name in names)
    )
    joined = exact.join(farther, "root", "left")
    return joined.select("node", *(f.coalesce(f"near_{name}", name).alias(name) for name in names))


def _marked(df: DataFrame, found: DataFrame, document_id: Callable[[str], Column]) -> DataFrame:
    """Write the verdicts into the rows."""
    from pyspark.sql import functions as f

    dropped = found.select(
        document_id("node").alias("id"), document_id("root").alias("root"), "similarity", "reason"
    )
    kept = dropped.groupBy(f.col("root").alias("id")).agg(
        (f.count("*") + 1.0).alias("cluster_size")
    )
    verdicts = dropped.unionByName(kept, allowMissingColumns=True)
    is_dropped, has_size = f.col("reason").isNotNull(), f.col("cluster_size").isNotNull()
    similarity = put("signals", {"dedup.similarity": f.col("similarity")})
    size = put("signals", {"dedup.cluster_size": f.col("cluster_size")})
    labels = put("labels", {"dedup.duplicate_of": f.col("root")})
    marked = df.join(small(verdicts), "id", "left").withColumns(
        {
            "labels": f.when(is_dropped, labels).otherwise(f.col("labels")),
            "signals": f.when(is_dropped, similarity)
            .when(has_size, size)
            .otherwise(f.col("signals")),
            "drop": f.coalesce("drop", "reason"),
        }
    )
    return marked.select(*COLUMNS)
