"""Vectors, clusters and verdicts of `dedup_semantic` in plain Python, against brute force."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from curate.dedup.semantic import embedding_model
from curate.dedup.semantic.cosine import BLOCK_ROWS, Greedy, Rows, cosines, similar
from curate.dedup.semantic.embeddings import MAX_DIMENSIONS, SCALE, encode, matrix, rounded
from curate.dedup.semantic.kmeans import (
    COARSE_SCALE,
    KMeans,
    assigning,
    coarse,
    merge,
    nearest,
    summing,
)
from curate.dedup.semantic.step import DedupSemantic
from curate.dedup.semantic.within_clusters import deciding, head, splitting
from curate.errors import InputError, MissingError


def vectors(seed: int, rows: int, dimensions: int = 16, spread: float = 0.2) -> NDArray[np.float32]:
    """Rows near a few directions, some of them equal."""
    draw = np.random.default_rng(seed)
    middle = draw.normal(size=(max(1, rows // 6), dimensions))
    made = middle[draw.integers(0, len(middle), rows)] + spread * draw.normal(
        size=(rows, dimensions)
    )
    made[draw.integers(0, rows, rows // 10)] = made[0]
    return made.astype(np.float32)


def brute(whole: NDArray[np.int16], threshold: float) -> dict[int, int]:
    """Greedy in the order of the rows, one pair at a time: {dropped: kept for it}."""
    left, right = np.indices((len(whole), len(whole))).reshape(2, -1)
    alike = (cosines(whole[left], whole[right]) >= threshold).reshape(len(whole), -1)
    kept: list[int] = []
    dropped = {}
    for row in range(len(whole)):
        similar_kept = [earlier for earlier in kept if alike[row, earlier]]
        if similar_kept:
            dropped[row] = similar_kept[0]
        else:
            kept.append(row)
    return dropped


def clustered(whole: NDArray[np.int16], clusters: NDArray[np.int64]) -> pa.RecordBatch:
    """As a task gets them: sorted by cluster, then by key."""
    order = np.argsort(clusters, kind="stable")
    columns = [
        pa.array(clusters[order]),
        pa.array([b"%06d" % row for row in order], pa.binary()),
        pa.array([row.tobytes() for row in whole[order]], pa.binary()),
    ]
    return pa.RecordBatch.from_arrays(columns, names=["cluster", "key", "vector"])


def cut(batch: pa.RecordBatch, rows: int) -> list[pa.RecordBatch]:
    return [batch.slice(start, rows) for start in range(0, max(1, len(batch)), rows)]


def found_by(run: Any, batches: list[pa.RecordBatch]) -> dict[int, tuple[int, float]]:
    rows = [row for batch in run(iter(batches)) for row in batch.to_pylist()]
    return {
        int(row["node"]): (int(row["root"]), row["similarity"])
        for row in rows
        if row["node"] is not None
    }


@given(st.integers(0, 1000), st.sampled_from([1, 2, 3, 64, 1000]), st.floats(1e-30, 1e30))
def test_rounded_vectors_keep_their_cosines(seed: int, dimensions: int, factor: float) -> None:
    made = vectors(seed, 12, dimensions).astype(np.float64)
    whole = rounded(made)
    left, right = np.triu_indices(12)
    true = made / np.linalg.norm(made, axis=1, keepdims=True)
    true_cosines = np.einsum("ij,ij->i", true[left], true[right])
    assert np.allclose(cosines(whole[left], whole[right]), true_cosines, atol=1e-4)
    assert (cosines(whole, whole) == 1.0).all()
    assert np.abs(rounded(made * factor).astype(int) - whole).max() <= 1
    assert np.array_equal(rounded(made[3:5]), whole[3:5]), "no matter what stands beside it"


def test_a_cosine_of_coarse_vectors_is_exact_in_float32() -> None:
    for made in (np.ones((1, MAX_DIMENSIONS)), np.eye(1, MAX_DIMENSIONS), vectors(1, 4, 5000)):
        ours = coarse(rounded(made)).astype(np.int64)
        assert (np.abs(ours) @ np.abs(ours).T).max() <= 2**24
        theirs = rounded(made, COARSE_SCALE).astype(np.int64)
        assert (np.abs(ours) @ np.abs(theirs).T).max() <= 2**24


LISTS = [[3.0, 4.0], [6.0, 8.0], [0.0, 0.0], [float("nan"), 1.0], [float("inf"), 1.0], None, [],
         [1.0, 2.0, 3.0], [1e-45, 0.0], [3e38, -3e38], [None, 1.0]]  # fmt: skip
REASONS = [None, None, "zero", "not_finite", "not_finite", "missing", "missing",
           None, None, None, "not_finite"]  # fmt: skip


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.large_list(pa.float64())])
def test_every_vector_has_an_outcome(kind: pa.DataType) -> None:
    ids = pa.array([str(row) for row in range(len(LISTS))])
    batch = encode(ids, pa.array(LISTS, kind)).to_pydict()
    assert batch["unusable"] == REASONS
    assert [vector is None for vector in batch["vector"]] == [bool(reason) for reason in REASONS]
    assert batch["vector"][0] == batch["vector"][1], "only the direction counts"
    assert np.frombuffer(batch["vector"][0], "<i2").tolist() == [0.6 * SCALE, 0.8 * SCALE]
    assert len(batch["vector"][7]) == 6


def test_every_way_to_hold_a_vector_gives_the_same() -> None:
    made = np.array([[3.0, 4.0], [1.0, -2.0], [5.0, 0.5]])
    expected = rounded(made)
    ids = pa.array([1, 2, 3])
    holders = [
        (pa.array(made.tolist(), pa.list_(pa.float64())), "float32"),
        (pa.array(made.tolist(), pa.list_(pa.float32(), 2)), "float32"),
        (pa.array(list(made.astype(np.float16)), pa.list_(pa.float16())), "float32"),
        (pa.array([row.astype("<f4").tobytes() for row in made]), "float32"),
        (pa.array([row.astype("<f2").tobytes() for row in made], pa.binary(4)), "float16"),
        (pa.array([[30, 40], [10, -20], [50, 5]], pa.list_(pa.int8())), "float32"),
        (pa.array([[0.0], *made.tolist(), [9.0]], pa.list_(pa.float32())).slice(1, 3), "float32"),
    ]
    for held, bits in holders:
        batch = encode(ids, held, bits)  # type: ignore[arg-type]
        assert np.array_equal(matrix(batch.column("vector")), expected), held.type
        assert batch.column("id").to_pylist() == ["1", "2", "3"]
    holes = pa.array([None, [3.0, 4.0], None, [1.0, -2.0], [5.0, 0.5]], pa.list_(pa.float32(), 2))
    batch = encode(pa.array(list("abcde")), holes)
    assert batch.column("unusable").to_pylist() == ["missing", None, "missing", None, None]
    assert np.array_equal(matrix(batch.column("vector").drop_null()), expected)
    torn = pa.array([b"abc", np.array([3.0, 4.0], "<f4").tobytes(), b"", None])
    batch = encode(pa.array(list("abcd")), torn)
    assert batch.column("unusable").to_pylist() == ["length", None, "missing", "missing"]
    assert np.array_equal(matrix(batch.column("vector").drop_null()), expected[:1])


@given(st.integers(0, 10**6), st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.0]), st.integers(1, 50))
def test_greedy_is_brute_force_whatever_the_batches(seed: int, threshold: float, rows: int) -> None:
    whole = rounded(vectors(seed, 60))
    clusters = np.random.default_rng(seed).integers(0, 3, 60)
    found = found_by(deciding(threshold), cut(clustered(whole, clusters), rows))
    expected = {}
    for cluster in range(3):
        members = np.flatnonzero(clusters == cluster)
        dropped = brute(whole[members], threshold)
        expected.update({int(members[row]): int(members[root]) for row, root in dropped.items()})
    assert {row: root for row, (root, _) in found.items()} == expected
    for row, (root, similarity) in found.items():
        assert similarity == cosines(whole[[row]], whole[[root]])[0] >= threshold
    left = np.array([row for row in range(60) if row not in found])
    again = deciding(threshold)(iter([clustered(whole[left], clusters[left])]))
    assert sum(len(batch) for batch in again) == 0, "with the same clusters, nothing more goes"


def test_pairs_on_the_threshold_are_decided_exactly() -> None:
    whole = np.array([[3, 4, 0], [4, 3, 0], [3, -4, 0]], np.int16)
    rows = Rows.of(whole)
    assert similar(rows, rows, 0.96)[0].tolist() == [True, True, False]
    assert similar(rows, rows, np.nextafter(0.96, 1))[0].tolist() == [True, False, False]
    same = Rows.of(rounded(np.full((40, 300), 1 / 3)))
    assert similar(same, same, 1.0).all()


def test_more_kept_vectors_than_a_block() -> None:
    draw = np.random.default_rng(2)
    whole = rounded(draw.normal(size=(2 * BLOCK_ROWS + 300, 48)))
    twice = np.concatenate([whole, whole[::-1]])
    greedy = Greedy(0.9)
    taken = []
    for start in range(0, len(twice), 700):
        part = twice[start : start + 700]
        names = [b"%d" % number for number in range(start, start + len(part))]
        taken += [(start + place, int(root)) for place, root, _ in greedy.take(names, part)]
    last = len(twice) - 1
    assert taken == [(place, last - place) for place in range(len(whole), len(twice))]


@given(st.integers(0, 10**6), st.sampled_from([0.8, 0.95]), st.integers(1, 40))
def test_a_large_cluster_in_parts(seed: int, threshold: float, head_rows: int) -> None:
    whole = rounded(vectors(seed, 60))
    batch = clustered(whole, np.zeros(60, np.int64))
    first = batch.slice(0, head_rows)
    keys = first.column("key").to_pylist()
    heads = {0: head(keys, matrix(first.column("vector")), threshold, base=100)}
    shuffled = batch.take(pa.array(np.random.default_rng(seed).permutation(60)))
    split = pa.Table.from_batches(splitting(heads)(iter(cut(shuffled, 7)))).to_pylist()
    expected = brute(whole, threshold)
    dropped = {int(row["node"]): int(row["root"]) for row in split if row["node"]}
    of_head = {row: root for row, root in expected.items() if root < head_rows}
    assert dropped == of_head, "what goes for the head is what greedy drops for it"
    left = {int(row["key"]) for row in split if not row["node"]}
    assert left == set(range(head_rows, 60)) - set(dropped)
    kept_in_head = [row for row in range(head_rows) if row not in expected]
    for row in split:
        if not row["node"]:
            assert 100 <= row["cluster"] < 100 + len(kept_in_head)


@given(st.integers(0, 10**6), st.integers(1, 40))
def test_a_pass_of_k_means_is_the_same_however_it_is_cut(seed: int, rows: int) -> None:
    whole = rounded(vectors(seed, 80))
    centroids = rounded(vectors(seed + 1, 5), COARSE_SCALE)
    cells = clustered(whole, np.zeros(80, np.int64)).select(["vector"])

    def centroids_after(batches: list[list[pa.RecordBatch]]) -> list[tuple[int, int, bytes]]:
        parts = [part for task in batches for part in summing(centroids)(iter(task))]
        merged = [row for batch in merge(iter(parts)) for row in batch.to_pylist()]
        return sorted((row["cluster"], row["score"], row["sums"]) for row in merged)

    once = centroids_after([[cells]])
    assert once == centroids_after([[part] for part in reversed(cut(cells, rows))])
    best, score = nearest(whole, centroids)
    dots = coarse(whole).astype(np.int64) @ centroids.astype(np.int64).T
    assert np.array_equal(best, dots.argmax(axis=1)) and np.array_equal(score, dots.max(axis=1))
    for cluster, total, packed in once:
        members = coarse(whole[best == cluster]).astype(np.float64)
        assert total == score[best == cluster].sum()
        assert np.array_equal(
            np.frombuffer(packed, "<i2"), rounded(members.sum(axis=0)[None], COARSE_SCALE)[0]
        )


def test_batches_without_rows_are_none() -> None:
    empty = clustered(np.empty((0, 4), np.int16), np.empty(0, np.int64))
    centroids = rounded(vectors(1, 2, 4), COARSE_SCALE)
    assert [len(part) for part in assigning(centroids)(iter([empty.drop_columns("cluster")]))] == [
        0
    ]
    assert list(summing(centroids)(iter([empty.select(["vector"])]))) == []
    assert [len(part) for part in deciding(0.9)(iter([empty]))] == [0]
    opposite = clustered(rounded(np.array([[1.0, 0], [-1.0, 0]])), np.zeros(2, np.int64))
    sums = list(
        summing(np.array([[0, COARSE_SCALE]], np.int16))(iter([opposite.select(["vector"])]))
    )
    assert [len(part) for part in merge(iter(sums))] == [], (
        "a cluster without direction is given up"
    )


def test_wrong_parameters_are_refused(tmp_path: Path) -> None:
    for wrong in (
        {}, {"embeddings": "a", "model": "b"}, {"threshold": 0.0}, {"threshold": 1.1}, {"clusters": 0},
        {"iterations": 0}, {"max_cluster_rows": 0}, {"prefer": ("best",)}, {"clusters": -1},
    ):  # fmt: skip
        given = {"embeddings": "a", **wrong} if wrong else {}
        with pytest.raises(ValueError):
            DedupSemantic(**given)  # type: ignore[arg-type]
    assert DedupSemantic(embeddings="v/*.parquet").inputs() == ("v/*.parquet",)
    assert KMeans().wanted(0) == KMeans().wanted(1) == 1


def test_what_is_no_model_is_told_in_a_line(tmp_path: Path, monkeypatch: Any) -> None:
    with pytest.raises(InputError, match="no config.json"):
        embedding_model.check(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="no \\*.safetensors"):
        embedding_model.check(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"no model")
    assert len(DedupSemantic(model=str(tmp_path)).inputs()) == 2
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingError, match="pip install"):
        embedding_model.check(str(tmp_path))
