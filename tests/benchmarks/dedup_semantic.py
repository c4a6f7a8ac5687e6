"""What thresholds of `dedup_semantic` find, what clusters lose, and how fast it is.

    python -m tests.benchmarks.dedup_semantic quality --fit TEXTS.jsonl… --pairs JUDGED.jsonl
        --versions MODULES.jsonl [--dimensions 384]
    python -m tests.benchmarks.dedup_semantic speed [--documents 100000 --dimensions 384 --master local[2]]

`TEXTS`: objects with `text`. `JUDGED`: `doc_a`, `doc_b`, `label` (2 and more is a near-duplicate, 0.5 is
none). `MODULES`: `doc_a`, `doc_b` of one module in two versions, `identical`; different modules are no
duplicates. The vectors are latent semantic analysis (truncated SVD of hashed TF-IDF), fitted on all these
texts without labels: a stand-in where no weights of a sentence encoder can be had. It knows words and
no paraphrases, so the tables show how to choose a threshold, not which one suits another model.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curate.dedup.semantic.cosine import Rows, similar
from curate.dedup.semantic.embeddings import matrix
from curate.dedup.semantic.report import THRESHOLDS
from curate.dedup.semantic.step import DedupSemantic
from curate.dedup.semantic.within_clusters import deciding, near_duplicates
from curate.document import SCHEMA, SPARK_SCHEMA, Document, batches, document_id
from curate.spark import session
from tests.benchmarks.texts import read_texts, records

Vectors = NDArray[np.float32]


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    quality = commands.add_parser("quality")
    quality.add_argument("--fit", type=Path, nargs="+", required=True)
    quality.add_argument("--pairs", type=Path, required=True)
    quality.add_argument("--versions", type=Path, required=True)
    quality.add_argument("--dimensions", type=int, default=384)
    quality.set_defaults(run=measure_quality)
    speed = commands.add_parser("speed")
    speed.add_argument("--documents", type=int, default=100_000)
    speed.add_argument("--dimensions", type=int, default=384)
    speed.add_argument("--largest", type=float, default=0.0, help="share around one topic")
    speed.add_argument("--clusters", type=int)
    speed.add_argument("--master", default="local[2]")
    speed.set_defaults(run=measure_speed)
    given = parser.parse_args()
    given.run(given)


def measure_quality(given: argparse.Namespace) -> None:
    """Precision and recall a threshold, and the pairs that clusters part."""
    judged = [row for row in records(given.pairs) if row["label"] != "unknown"]
    modules = [row for row in records(given.versions) if not row["identical"]]
    texts = [
        text for rows in (judged, modules) for row in rows for text in (row["doc_a"], row["doc_b"])
    ]
    others = read_texts(given.fit)
    vectors = lsa(texts + others, given.dimensions)
    print(f"{len(vectors):,} texts, LSA of {given.dimensions} dimensions")
    two = 2 * len(judged)
    cosines = (vectors[0:two:2] * vectors[1:two:2]).sum(axis=1)
    labels = np.array([float(row["label"]) for row in judged])
    print("\nweb pages, judged")
    table(cosines[labels >= 2], cosines[labels == 0.5])
    ours, theirs = vectors[two : len(texts) : 2], vectors[two + 1 : len(texts) : 2]
    across = ours @ theirs.T
    same = np.eye(len(ours), dtype=bool)
    print("\nmodules of two versions, against different modules")
    table(across[same], across[~same])
    lost_pairs(vectors)


def lsa(texts: list[str], dimensions: int) -> Vectors:
    """Unit vectors of texts."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

    counts = HashingVectorizer(n_features=2**16, alternate_sign=False, norm=None).transform(texts)
    weights = TfidfTransformer(sublinear_tf=True).fit_transform(counts)
    found = TruncatedSVD(dimensions, n_iter=3, random_state=0).fit_transform(weights)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    unit: Vectors = (found / np.maximum(lengths, 1e-12)).astype(np.float32)
    return unit


def table(positive: NDArray[Any], negative: NDArray[Any]) -> None:
    """Precision and recall of `cosine >= threshold`."""
    print(
        f"{len(positive)} duplicates, {len(negative):,} others\nthreshold  found  wrong  precision  recall"
    )
    for threshold in THRESHOLDS:
        found, wrong = int((positive >= threshold).sum()), int((negative >= threshold).sum())
        precision = found / (found + wrong) if found + wrong else float("nan")
        print(f"{threshold:9.2f}{found:7}{wrong:7,}{precision:11.3f}{found / len(positive):8.3f}")


def lost_pairs(vectors: Vectors) -> None:
    """Pairs of all texts at a threshold that lie in two clusters, and what goes with and without them."""
    spark = session("local[2]")
    with tempfile.TemporaryDirectory() as folder:
        df, path = corpus(spark, vectors, folder)
        for clusters in (None, 2 * isqrt(len(vectors))):
            step = DedupSemantic(embeddings=path, clusters=clusters)
            usable, count = step.checked(step.vectors(df))
            found = step.clustered(usable, count).orderBy("cluster", "key").toArrow()
            cluster = np.asarray(found.column("cluster"))
            rows = Rows.of(matrix(found.column("vector")))
            once = found.sort_by("key").set_column(
                0, "cluster", pa.array(np.zeros(count, np.int64))
            )
            print(
                f"\n{len(set(cluster))} clusters of {count:,} texts, the largest {np.bincount(cluster).max()}"
            )
            print("threshold   pairs  parted    goes  goes without clusters")
            for threshold in THRESHOLDS:
                left, right = np.nonzero(np.triu(similar(rows, rows, threshold), 1))
                parted = int((cluster[left] != cluster[right]).sum())
                goes, all_in_all = (
                    sum(map(len, deciding(threshold)(iter(table.combine_chunks().to_batches()))))
                    for table in (found, once)
                )
                print(f"{threshold:9.2f}{len(left):8,}{parted:8,}{goes:8,}{all_in_all:8,}")


def corpus(spark: Any, vectors: Vectors, folder: str) -> tuple[Any, str]:
    """Documents with these vectors, and where the vectors are."""
    rows = [
        Document(document_id("bench", str(row)), "bench", str(row), text="x")
        for row in range(len(vectors))
    ]
    pq.write_table(
        pa.Table.from_batches(list(batches(rows)), SCHEMA), f"{folder}/documents.parquet"
    )
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    Path(f"{folder}/vectors").mkdir(exist_ok=True)
    pq.write_table(
        pa.table({"id": [row.id for row in rows], "embedding": flat}),
        f"{folder}/vectors/0.parquet", row_group_size=10_000,
    )  # fmt: skip
    return spark.read.schema(SPARK_SCHEMA).parquet(f"{folder}/documents.parquet").repartition(
        4
    ), f"{folder}/vectors"


@contextmanager
def told(what: str, documents: int) -> Iterator[None]:
    """Prints how long something took, and the CPU time of the driver, the JVM and the workers."""
    started, cpu = time.perf_counter(), cpu_seconds()
    yield
    seconds, cpu = time.perf_counter() - started, cpu_seconds() - cpu
    print(
        f"{what:26}{seconds:7.1f} s{documents / seconds:9,.0f} documents/s,"
        f"{cpu:7.1f} s of CPU{documents / cpu:9,.0f} documents a second and core",
        flush=True,
    )


def cpu_seconds() -> float:
    """CPU time of all processes of this session, which Spark's are (Linux: proc(5), fields 6, 14-17)."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[3]) == os.getsid(0):
                ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def measure_speed(given: argparse.Namespace) -> None:
    """The stages of the step apart, then the step as a job runs it."""
    draw = np.random.default_rng(0)
    topics = draw.normal(size=(given.documents // 20, given.dimensions)).astype("f4")
    topic = draw.integers(0, len(topics), given.documents)
    topic[draw.random(given.documents) < given.largest] = 0
    noise = draw.choice([0.1, 0.3, 0.6], given.documents)[:, None]
    vectors = topics[topic] + noise * draw.normal(size=(given.documents, given.dimensions)).astype(
        "f4"
    )
    spark = session(given.master)
    count = given.documents
    with tempfile.TemporaryDirectory() as folder:
        df, path = corpus(spark, vectors.astype("f4"), folder)
        step = DedupSemantic(embeddings=path, clusters=given.clusters)
        step(
            corpus(spark, vectors[:2000].astype("f4"), f"{folder}")[0]
        )  # the JVM and the workers warm
        df, path = corpus(spark, vectors.astype("f4"), folder)
        read = step.vectors(df).persist()
        with told("read, round, join", count):
            usable, rows = step.checked(read)
        with told("k-means and assignment", count):
            clustered = step.clustered(usable, rows)
        sizes = clustered.groupBy("cluster").count().toPandas()["count"]
        print(f"    {len(sizes)} clusters, the largest of {sizes.max()}")
        with told("verdicts in the clusters", count):
            near = near_duplicates(clustered, step.threshold, step.max_cluster_rows).count()
        read.unpersist()
        with told("the step, all in all", count):
            dropped = step(df).where("drop is not null").count()
        print(f"    {dropped:,} dropped, {near:,} in the clusters")


if __name__ == "__main__":
    main()
