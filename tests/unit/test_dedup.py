"""Tokens, signatures, bands, the order of documents and who is dropped: oracles and datasketch itself."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash
from datasketch.hashfunc import sha1_hash32
from datasketch.lsh import _optimal_param
from hypothesis import given
from hypothesis import strategies as st

from curate.dedup import Dedup, order
from curate.dedup.documents.greedy import EDGES, dropping, greedy
from curate.dedup.documents.marks import NEW, Marker, portions
from curate.dedup.documents.urls import canonical_url
from curate.dedup.signatures.banding import Banding
from curate.dedup.signatures.bands import band_keys, candidate_probability, optimal_bands
from curate.dedup.signatures.permutations import affine_signatures, fmix32
from curate.dedup.signatures.tokens import (
    BLOCK_CHARS,
    Ragged,
    char_hashes,
    distinct,
    ngrams,
    ragged,
    tokenize,
)
from curate.document import Document, batches

TEXTS = st.lists(
    st.one_of(
        st.text(alphabet="abAB cd.,é中\u0301\n\U0001f600\ud800", max_size=40),
        st.text(max_size=20),
    ),
    max_size=6,
)
NO_SALT = np.zeros(1, np.uint64)


def pieces(text: str) -> list[str]:
    """Tokens as a regular expression sees them (of the characters used here)."""
    visible = "".join(
        " " if c.isspace() or re.match(r"[\x00-\x1f\x7f-\x9f\xad\u200b-\u200f]", c) else c
        for c in text
    )
    return re.findall(r"中|(?:[^\W中]|\u0301)+|[^\w\s]", visible)


@given(st.lists(st.text(alphabet="abAB cd.,é中\u0301\n\U0001f600", max_size=40), max_size=6))
def test_tokens_equal_a_regular_expression(texts: list[str]) -> None:
    found = tokenize(texts)
    assert found.hashes.lengths.tolist() == [len(pieces(text)) for text in texts]
    names: dict[int, str] = {}
    for row, text in enumerate(texts):
        for value, token in zip(found.hashes[row].tolist(), pieces(text), strict=True):
            assert names.setdefault(value, token.lower()) == token.lower()
    assert len(set(names.values())) == len(names)


@given(TEXTS)
def test_a_text_has_the_same_tokens_in_any_company(texts: list[str]) -> None:
    together = tokenize(texts)
    for row, text in enumerate(texts):
        alone = tokenize([text])
        assert np.array_equal(alone.hashes[0], together.hashes[row])
        assert np.array_equal(alone.words[0], together.words[row])


def test_a_long_text_is_cut_between_words() -> None:
    words = [f"word{number}" for number in range(BLOCK_CHARS // 3)]
    found = tokenize(["short", " ".join(words), "short"])
    assert found.hashes.lengths.tolist() == [1, len(words), 1]
    assert found.hashes[1][-1] == tokenize([words[-1].upper()]).hashes[0][0]
    assert tokenize(["x" * 3 * BLOCK_CHARS]).hashes.lengths.tolist() == [4]


def test_case_and_spacing_are_forgiven_and_signs_are_not() -> None:
    same = ["One,  two", "ONE, TWO", "one ,\ntwo", "one\u00ad, two"]
    found = tokenize([*same, "one two"])
    assert all(np.array_equal(found.hashes[0], found.hashes[row]) for row in range(3))
    assert not np.array_equal(found.hashes[0], found.hashes[4])
    assert np.array_equal(found.words[0], found.words[4])
    assert char_hashes(["ab, c"]).lengths.tolist() == [4]


@given(st.lists(st.lists(st.integers(0, 5), max_size=12), max_size=5), st.integers(1, 4))
def test_ngrams_are_those_of_each_row(rows: list[list[int]], n: int) -> None:
    found = ngrams(ragged([np.array(row, np.uint64) for row in rows]), n)
    seen: dict[int, tuple[int, ...]] = {}
    for row, values in enumerate(rows):
        runs = [tuple(values[i : i + n]) for i in range(len(values) - n + 1)]
        assert len(found[row]) == len(runs)
        for value, run in zip(found[row].tolist(), runs, strict=True):
            assert seen.setdefault(value, run) == run
    assert len(set(seen.values())) == len(seen)


@given(st.lists(st.lists(st.integers(0, 9), max_size=12), max_size=5))
def test_distinct_rows(rows: list[list[int]]) -> None:
    found = distinct(ragged([np.array(row, np.uint64) for row in rows]))
    assert [found[row].tolist() for row in range(len(rows))] == [sorted(set(row)) for row in rows]


def signatures(rows: Ragged, permutations: int, seed: int) -> np.ndarray:
    return affine_signatures(rows.values.astype(np.uint32), rows.offsets, permutations, seed)


@given(st.sets(st.text(), min_size=1, max_size=40), st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_the_permutations_are_datasketchs(shingles: set[str], permutations: int, seed: int) -> None:
    raw = [shingle.encode("utf-8", "surrogatepass") for shingle in shingles]
    theirs = MinHash(permutations, seed)
    theirs.update_batch(raw)
    hashes = np.array([sha1_hash32(shingle) for shingle in raw], np.uint64)
    assert np.array_equal(signatures(ragged([hashes]), permutations, seed)[0], theirs.hashvalues)


def test_rows_of_any_length_are_signed_together() -> None:
    draw = np.random.RandomState(2)
    lengths = [0, 3, 100_000, 0, 40_000, 1, 0]
    rows = ragged([draw.randint(0, 2**63, length).astype(np.uint64) for length in lengths])
    found = signatures(rows, 5, 3)
    for row, length in enumerate(lengths):
        alone = signatures(Ragged(rows[row], np.array([0, length])), 5, 3)[0]
        assert np.array_equal(found[row], alone)
    assert (found[0] == 0xFFFFFFFF).all()
    assert len(np.unique(fmix32(np.arange(10**5, dtype=np.uint32)))) == 10**5


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.8, 0.9])
@pytest.mark.parametrize("weight", [0.5, 0.9])
def test_bands_are_datasketchs_optimum(threshold: float, weight: float) -> None:
    assert optimal_bands(threshold, 64, weight) == _optimal_param(threshold, 64, 1 - weight, weight)


def test_known_optimum() -> None:
    assert optimal_bands(0.8, 128) == (9, 13)
    assert optimal_bands(0.8, 128, 0.9) == (14, 9)


def test_bands_propose_pairs_as_the_curve_says() -> None:
    draw = np.random.RandomState(1)
    found = expected = 0.0
    for _ in range(400):
        ours = draw.randint(0, 2**63, 200).astype(np.uint64)
        theirs = np.concatenate([ours[:178], draw.randint(0, 2**63, 22).astype(np.uint64)])
        values = signatures(ragged([ours, theirs]), 128, 1)
        keys = band_keys(values, 14, 9, np.zeros(2, np.uint64))
        found += bool((keys[0] == keys[1]).any())
        expected += candidate_probability(178 / 222, 14, 9)
    assert abs(found - expected) < 4 * (400 * 0.87 * 0.13) ** 0.5


def test_salts_keep_groups_apart() -> None:
    values = signatures(ragged([np.arange(9, dtype=np.uint64)] * 2), 8, 1)
    keys = band_keys(values, 4, 2, np.array([1, 2], np.uint64))
    assert not set(keys[0].tolist()) & set(keys[1].tolist())


def test_short_texts_have_no_bands() -> None:
    banding = Banding("words", 5, permutations=16, bands=4, rows=4, seed=1)
    texts = [
        "only eight words are here in this text",
        "with nine words there are five runs of five",
    ]
    shingles = banding.shingles(texts)
    assert shingles.lengths.tolist() == [0, 5]
    assert [keys and len(keys) for keys in banding.keys(texts, shingles, np.zeros(2, np.uint64)).to_pylist()] == [None, 4]  # fmt: skip


def marks(given: list[Document], **options: object) -> dict[str, list[object]]:
    step = Dedup(**{"bands": 4, "rows": 4, **options})  # type: ignore[arg-type]
    (batch,) = step.marker()(iter(batches(given)))
    return batch.to_pydict()


def test_exact_keys() -> None:
    texts = ["One\n two", "one TWO", "One two.", " \n", None, "", "\u200b"]
    keys = marks([Document(str(n), "s", "o", text=text) for n, text in enumerate(texts)])["key"]
    assert keys[0] == keys[1] != keys[2]
    assert keys[3:] == [None, None, None, None]


def test_payloads_urls_and_sources() -> None:
    rows = [
        Document("a", "s", "o", content=b"x", text="t", url="https://www.a.org/x/?b=1&a=2"),
        Document("b", "r", "o", content=b"x", url="http://a.org/x?a=2&b=1#top"),
        Document("c", "s", "o", text="t", url="not a url"),
        Document("d", "s", "o"),
    ]
    payload = marks(rows, method="payload")["key"]
    assert payload[0] == payload[1] != payload[2] is not None
    assert payload[3] is None
    url = marks(rows, method="url")["key"]
    assert url[0] == url[1] != url[2] is not None
    assert url[3] is None
    apart = marks(rows, method="payload", within="source")["key"]
    assert apart[0] != apart[1]
    assert canonical_url("http://www2.a.org:80/") == "a.org"
    assert canonical_url("http://www.com/a") == "www.com/a", "the domain itself"
    fetched = [Document("e", "s", "o", content=b"x", url="u"), Document("f", "s", "o", content=b"x" * 9, url="u"), Document("g", "s", "o", url=" ")]  # fmt: skip
    error, whole, none = zip(*marks(fetched, method="url").values(), strict=True)
    assert whole[0] < error[0], "the longer one is preferred before extraction, too"
    assert none[1] is None


def test_equal_tokens_of_other_shingles_are_no_exact_copies() -> None:
    upper, lower = " ".join(f"WORD{n}" for n in range(30)), " ".join(f"word{n}" for n in range(30))
    rows = [Document("a", "s", "o", text=upper), Document("b", "s", "o", text=lower)]
    first, second = marks(rows)["key"]
    assert first == second
    first, second = marks(rows, scheme="datasketch")["key"]
    assert first != second, "its shingles know case, so their similarity may be 0"


def test_nodes_sort_the_preferred_document_first() -> None:
    def document(id: str, text: str, split: str = "train", day: int | None = None) -> Document:
        fetched = None if day is None else datetime(2024, 1, day, tzinfo=UTC)
        signals = {"quality": -float(day)} if day else {}
        return Document(id, id, "o", text=text, fetched=fetched, labels={"split": split}, signals=signals)  # fmt: skip

    rows = [
        document("d", "short", "heldout", 1),
        document("a", "the longest", day=2),
        document("c", "same len", day=3),
        document("e", "same len"),
    ]

    def ranked(*prefer: str) -> str:
        (batch,) = batches(rows)
        keys = sorted(order.keys(batch, prefer))
        return "".join(order.document_id(key, prefer) for key in keys)

    assert ranked("heldout", "longest") == "dace"
    assert ranked("newest") == "cade"
    assert ranked("oldest") == "dace"
    assert ranked("shortest") == "dcea"
    assert ranked("source:e,c") == "ecad"
    assert ranked("highest:quality") == "dace"
    assert ranked("lowest:quality") == "cade"
    assert ranked() == "acde"
    assert order.columns(("newest",)) == ("id", "fetched")
    for wrong in ("random", "source:", "highest", "newest:x"):
        with pytest.raises(ValueError, match="prefer"):
            order.check((wrong,))


@given(st.lists(st.one_of(st.none(), st.floats()), min_size=1, max_size=20))
def test_signals_sort_as_numbers(values: list[float | None]) -> None:
    rows = [
        Document(f"{n:04}", "s", "o", signals={} if value is None else {"x": value})
        for n, value in enumerate(values)
    ]
    known = [value for value in values if value is not None and value == value]
    for kind, sign in (("lowest", 1), ("highest", -1)):
        (batch,) = batches(rows)
        prefer = (f"{kind}:x",)
        ids = [int(order.document_id(key, prefer)) for key in sorted(order.keys(batch, prefer))]
        found = [values[n] for n in ids]
        assert found[: len(known)] == sorted(known, key=lambda value: sign * value)
        assert all(value is None or value != value for value in found[len(known) :])


def test_a_batch_is_taken_in_portions() -> None:
    rows = [
        Document(str(n), "s", "o", text="x" * size) for n, size in enumerate([10, 5 << 20, 9, 9])
    ]
    (batch,) = batches(rows)
    assert [part.column("id").to_pylist() for part in portions(batch)] == [["0"], ["1"], ["2", "3"]]
    assert [len(part) for part in portions(batch.slice(2))] == [2]
    assert list(portions(batch.slice(0, 0))) == []


def brute_force(edges: set[tuple[int, int]]) -> dict[int, int]:
    """Node -> the earliest kept root, document by document."""
    dropped: dict[int, int] = {}
    for node in sorted({node for node, _ in edges}):
        roots = [root for other, root in edges if other == node and root not in dropped]
        if roots:
            dropped[node] = min(roots)
    return dropped


EDGE_SETS = st.sets(
    st.tuples(st.integers(0, 12), st.integers(0, 12)).map(lambda pair: (max(pair), min(pair))),
    max_size=40,
).map(lambda edges: {(node, root) for node, root in edges if node > root})


def table(edges: set[tuple[int, int]]) -> list[tuple[bytes, bytes, float]]:
    return [(bytes([node]), bytes([root]), 0.9) for node, root in sorted(edges)]


@given(EDGE_SETS)
def test_greedy_equals_brute_force(edges: set[tuple[int, int]]) -> None:
    found = {node[0]: root[0] for node, root, _ in dropping(table(edges)) if root}
    assert found == brute_force(edges)
    batch = pa.RecordBatch.from_pylist([dict(zip(EDGES.names, row, strict=True)) for row in table(edges)], schema=EDGES)  # fmt: skip
    assert sum(len(part) for part in greedy(iter([batch]))) == len(found)


@given(EDGE_SETS, EDGE_SETS, st.sets(st.integers(0, 12)))
def test_what_is_decided_early_stays(
    edges: set[tuple[int, int]], later: set[tuple[int, int]], waiting: set[int]
) -> None:
    """Edges that come later belong to nodes that were said to wait."""
    open_rows = [(bytes([node]), None, None) for node in waiting]
    early = dropping(sorted([*table(edges), *open_rows], key=lambda row: (row[0], row[1] or b"")))
    added = {(node, root) for node, root in later if node in waiting}
    final = brute_force(edges | added)
    for node, root, _ in early:
        assert node[0] in final
        assert root is not None
        assert root[0] not in final


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold": 0},
        {"bands": 3},
        {"bands": 20, "rows": 10},
        {"ngram": 0},
        {"bands": 0, "rows": 3},
        {"most_heads": 0},
        {"prefer": ("best",)},
        {"seed": -1},
        {"false_negative_weight": 5},
        {"alarm_share": 50},
        {"unit": "chars", "scheme": "datasketch"},
        {"index": ("a", "a")},
    ],
)
def test_impossible_parameters(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        Dedup(**wrong)  # type: ignore[arg-type]


def test_a_published_scheme_brings_its_own_numbers() -> None:
    assert Dedup(scheme="datatrove").banding() == Banding("words", 5, 112, 14, 8, 1, "datatrove")
    assert Dedup(scheme="bigcode", threshold=0.7, permutations=128).banding().bands == 20
    text = " ".join(f"word{n}" for n in range(40))
    rows = [Document("a", "s", "o", text=text), Document("b", "s", "o", text=f"{text}!"), Document("c", "s", "o")]  # fmt: skip
    first, second, none = marks(rows, scheme="text-dedup", bands=None, rows=None)["bands"]
    assert len(first) == 24
    assert len(set(first) & set(second)) > 8
    assert none is None
    with pytest.raises(ValueError, match="none of curate, datasketch"):
        Dedup(scheme="minhash")


def test_the_marker_reads_only_what_it_needs() -> None:
    def columns(**options: object) -> tuple[str, ...]:
        return Dedup(**options).marker().columns  # type: ignore[arg-type]

    assert columns() == ("id", "text", "labels", "source")
    assert columns(prefer=()) == ("id", "text", "source")
    assert columns(method="url", prefer=("newest",)) == ("id", "fetched", "url", "source")
    assert columns(method="payload") == ("id", "content", "text", "labels", "source")
    assert isinstance(Dedup(method="exact").marker(), Marker)
    assert marks([Document("a", "s", "o", text="x")])["node"][0][:1] == NEW
