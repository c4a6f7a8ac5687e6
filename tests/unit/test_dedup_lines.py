"""Repeated lines, paragraphs and runs of sentences: the arithmetic, without Spark."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from set_steps import document

from curate.dedup.holes import cut
from curate.dedup.lines.bloom import Published, Shape, fill, holds, open_filter, shape_for
from curate.dedup.lines.passes import Compared, Cutter
from curate.dedup.lines.spans import covered, runs
from curate.dedup.lines.step import DedupLines
from curate.dedup.lines.units import Unit, hashed, normalised, tiles
from curate.document import Document, batches
from curate.errors import InputError

UNITS: tuple[Unit, ...] = ("line", "paragraph", "sentences")
TRICKY = st.text(st.sampled_from(list("AbMr1.?!。！」\")'…- \n\t\r中é\u0301ก")), max_size=60)


def pieces(text: str, unit: Unit) -> list[str]:
    places = tiles(text, unit)
    return [text[start:end] for start, end in zip(places, places[1:], strict=False)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Ångström—No. 12! ", "angstromno 00"),
        ("don’t", "dont"),
        ("ΌΔΟΣ οδος", "οδοσ οδοσ"),
        ("İstanbul", "istanbul"),
        ("Straße", "straße"),
        ("한국어 １２", "한국어 00"),
        ("がぎ", "がぎ"),
        ("हिन्दी में।", "हिन्दी में"),
        ("٣٤ كتاب", "00 كتاب"),
        ("a\u200bb\u00a0c", "ab c"),
        ("== | ~~ $5 😀", "0"),
        ("x\ud800y", "xy"),
    ],
)
def test_what_is_compared(text: str, expected: str) -> None:
    (piece,) = normalised(text, "line")
    assert b" ".join(piece.split()).decode() == expected
    for form in ("NFC", "NFD"):
        assert normalised(unicodedata.normalize(form, text), "line") == [piece]


@given(st.text(max_size=40), st.sampled_from(UNITS))
def test_a_tile_is_compared_by_itself_alone(text: str, unit: Unit) -> None:
    whole = [piece.split() for piece in normalised(text, unit)]
    alone = [
        normalised(piece.replace("\n", " "), "line")[0].split() for piece in pieces(text, unit)
    ]
    assert whole == alone


@given(st.text(st.characters(max_codepoint=127), max_size=40))
def test_the_short_cut_for_ascii_compares_the_same(text: str) -> None:
    assert normalised(f"{text}\n中", "line")[:-1] == normalised(f"{text}\n", "line")


def test_blank_and_short_units_are_never_compared() -> None:
    text = "\n \n---\n12 345\n* * *\nOne\n中文字\nthree short words\n"
    units, words = hashed(text, "line", 3)
    assert [bool(unit) for unit in units] == [False] * 5 + [True] * 3
    assert words.tolist() == [0] * 5 + [1, 3, 3], "a Chinese character counts as a word"


@given(TRICKY, st.sampled_from(UNITS))
def test_tiles_are_the_text(text: str, unit: Unit) -> None:
    assert "".join(pieces(text, unit)) == text
    assert len(hashed(text, unit, 1)[0]) == len(pieces(text, unit))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("He met Dr. J. Smith at 3.15 p.m. on Monday. \"Hello,\" he said. Why?! Then he left", 4),
        ("他走了。她说：「好！」然后他们走了", 3),
        ("1. First do this. 2. Then that.", 2),
        ("A heading\nIts text. More text", 3),
        ("यह एक वाक्य है। यह दूसरा है।", 2),
        ("هل هذا صحيح؟ نعم.", 2),
        ("wait... What? e.g. this", 2),
    ],
)  # fmt: skip
def test_sentences(text: str, count: int) -> None:
    assert len(pieces(text, "sentences")) == count


@given(TRICKY, st.sampled_from(UNITS), st.data())
def test_what_is_left_falls_into_the_same_tiles(text: str, unit: Unit, data: st.DataObject) -> None:
    """The property that makes a second pass find nothing."""
    before = pieces(text, unit)
    gone = sorted(data.draw(st.sets(st.integers(0, len(before) - 1))))
    left = cut(text, tiles(text, unit), gone)
    kept = [tile.strip() for number, tile in enumerate(before) if number not in gone]
    assert [tile.strip() for tile in pieces(left.text, unit) if tile.strip()] == [
        *filter(None, kept)
    ]
    removed = [before[number].strip() for number in gone]
    if any(removed):
        assert left.first.startswith(next(filter(None, removed)))
        chars = sum(len(tile.strip()) for tile in before)
        assert left.removed_ratio == pytest.approx(sum(map(len, removed)) / chars)
    else:
        assert (left.text, left.removed_ratio) == (text, 0)


@pytest.mark.parametrize(
    ("text", "unit", "gone", "left"),
    [
        ("a\nX\nb\n", "line", [1], "a\nb\n"),
        ("a  \r\n\r\nX\r\n\r\n\tb", "line", [2], "a  \r\n\r\n\tb"),
        ("  X\n    a", "line", [0], "    a"),
        ("a\n\n\n\nX", "line", [4], "a"),
        ("a\nX\n\nY\nb", "line", [1, 3], "a\n\nb"),
        ("a\r\nX\n\r\n\r\nY\n b", "line", [1, 4], "a\n\r\n\r\n b"),
        ("a\n\n\n  X\n\nb", "paragraph", [1], "a\n\n\nb"),
        ("A. X.\n\nY. B.", "sentences", [1, 2], "A.\n\nB."),
        ("A.  X. B.", "sentences", [1], "A.  B."),
        ("A. X.\n\nB.", "sentences", [1], "A.\n\nB."),
        ("甲。乙。丙。", "sentences", [1], "甲。丙。"),
        ("X.", "sentences", [0], ""),
    ],
)
def test_line_breaks_around_holes(text: str, unit: Unit, gone: list[int], left: str) -> None:
    if unit == "sentences":  # a single capital letter is an initial, no sentence
        text, left = (value.replace(".", "?") for value in (text, left))
    assert cut(text, tiles(text, unit), gone).text == left


DOCUMENTS = st.lists(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3), st.booleans()), max_size=8), max_size=4
)


@given(DOCUMENTS, st.integers(1, 3), st.integers(1, 5))
def test_runs_against_brute_force(
    texts: Sequence[Sequence[tuple[int, int, bool]]], span: int, least: int
) -> None:
    flat = [(unit, words, gone, owner) for owner, text in enumerate(texts) for unit, words, gone in text]  # fmt: skip
    units, words, gone, owner = (np.array([row[k] for row in flat], int) for k in range(4))
    found, closed = runs(units, words.astype(np.int16), owner, gone.astype(bool), span, least)
    names: dict[tuple[int, ...], int] = {}
    for place in range(len(flat)):
        left = [k for k in range(place, len(flat)) if units[k] and not gone[k]][:span]
        valid = len(left) == span and left[0] == place and owner[left[-1]] == owner[place]
        if not valid or words[left].sum() < least:
            assert found[place] == 0 and not closed[place]
            continue
        assert found[place] == names.setdefault(tuple(units[left]), found[place])
        assert closed[place] == any(units[k] and gone[k] for k in range(place, left[-1]))
    assert len(set(names.values())) == len(names)


def test_what_runs_cover() -> None:
    units = np.array([1, 2, 0, 3, 4, 0, 5, 6])
    gone = np.zeros(8, bool)
    gone[3] = True
    after = covered(units, gone, np.array([1, 4]), 2)
    assert np.flatnonzero(after).tolist() == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(("rate", "units"), [(0.01, 20_000), (0.001, 50_000)])
def test_bloom_misses_nothing_and_errs_at_its_rate(rate: float, units: int) -> None:
    draw = np.random.default_rng(1)
    shape = shape_for(units, rate)
    known, others = draw.integers(-(2**63), 2**63, (2, units))
    shard = fill(shape, [known[:100], known[100:]])
    assert holds(shape, shard, known).all()
    errors = int(holds(shape, shard, others).sum())
    assert abs(errors - rate * units) < 4 * (rate * units) ** 0.5
    assert shape.bits < 1.45 * units * np.log2(1 / rate)


def test_large_filters_are_cut_into_shards() -> None:
    shape = shape_for(10**10, 0.001)
    assert shape.shards > 2000 and shape.bits <= 2**26 + 8 and shape.bits % 8 == 0
    assert shape.places(np.array([-(2**63), 2**63 - 1])).max() < shape.bits


def test_a_filter_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "filter")
    with pytest.raises(InputError, match="no published filter"):
        open_filter(path, {})
    shape = Shape(1, 64, 3)
    (tmp_path / "filter").mkdir()
    header = {"format": "curate-bloom-1", "units": 1, "compared": {"unit": "line", "span": 1}}
    header["shape"] = {"shards": 1, "bits": 64, "hashes": 3}
    (tmp_path / "filter" / "header.json").write_text(json.dumps(header))
    with pytest.raises(InputError, match="missing or cut short"):
        open_filter(path, {"unit": "line"})
    (tmp_path / "filter" / "00000.bits").write_bytes(bytes(8))
    assert open_filter(path, {"unit": "line", "span": 1}) == Published(path, 1, shape)
    with pytest.raises(InputError, match="span: 1, this step compares span: 3"):
        open_filter(path, {"unit": "line", "span": 3})


def marked(rows: list[Document], **other: object) -> list[list[int]]:
    compared = DedupLines(min_words=1, **other).compared()  # type: ignore[arg-type]
    (batch,) = compared.marker(("longest",))(batches(rows))
    return [list(units) for units in batch.column("units").to_pylist()]


def test_scopes_are_compared_apart() -> None:
    rows = [document(place, "One line", source) for source, place in
            (("s", "f#1"), ("s", "f#2"), ("s", "g#1"), ("t", "f#1"))]  # fmt: skip
    first, same_file, same_source, other = (units for (units,) in marked(rows, scope="file"))
    assert first == same_file and len({first, same_source, other}) == 3
    first, same_file, same_source, other = (units for (units,) in marked(rows, scope="source"))
    assert first == same_file == same_source != other
    assert len({units for (units,) in marked(rows)}) == 1


def test_null_blank_and_broken_texts_are_marked() -> None:
    rows = [
        document("n", None),
        document("e", ""),
        document("b", "\n\n"),
        document("s", "x\ud800 y"),
    ]
    assert [len(units) for units in marked(rows)] == [1, 1, 2, 1]
    assert [any(units) for units in marked(rows)] == [False, False, False, True]


def cut_document(text: str, gone: list[int] | None, **other: object) -> Document:
    cutter = Cutter(
        "dedup_lines", "line", **{"min_left_words": None, "min_left_ratio": None, **other}
    )  # type: ignore[arg-type]
    (batch,) = batches([document("a", text)])
    batch = batch.append_column("gone", pa.array([gone], pa.list_(pa.int32())))
    batch = batch.append_column("root", pa.array(["other"]))
    (after,) = cutter(iter([batch]))
    (row,) = after.to_pylist()
    return Document(**{**row, "signals": dict(row["signals"]), "labels": dict(row["labels"])})


def test_a_document_says_what_went() -> None:
    text = f"{'long ' * 100}\nshort line\nstays here"
    after = cut_document(text, [0])
    assert (after.text, after.drop) == ("short line\nstays here", None)
    assert len(after.labels["dedup_lines.removed"]) == 300
    assert after.labels["dedup_lines.duplicate_of"] == "other"
    assert after.signals["dedup_lines.removed_ratio"] == pytest.approx(499 / 519)
    untouched = cut_document(text, None)
    assert (untouched.text, untouched.signals) == (text, {})


def test_a_document_of_which_too_little_is_left_is_dropped_whole() -> None:
    text = "one two three\nfour five"
    assert cut_document(text, [0, 1]).drop == "dedup_lines.empty"
    for bounds, drop in (
        ({"min_left_words": 2}, None), ({"min_left_words": 3}, "dedup_lines.empty"),
        ({"min_left_ratio": 0.4}, None), ({"min_left_ratio": 0.5}, "dedup_lines.empty"),
    ):  # fmt: skip
        after = cut_document(text, [0], **bounds)
        assert (after.drop, after.text) == (drop, text if drop else "four five")


@pytest.mark.parametrize(
    "wrong",
    [
        {"span": 0}, {"count": 1}, {"rounds": 0}, {"min_words": 0}, {"min_left_words": 0},
        {"min_left_ratio": 1.0}, {"false_positive_rate": 0.0}, {"prefer": ("best",)},
        {"seen": ("a", "b"), "publish": "b"},
    ],
)  # fmt: skip
def test_wrong_parameters_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)).replace("seen", "publish")):
        DedupLines(**wrong)  # type: ignore[arg-type]


def test_a_span_is_of_sentences() -> None:
    assert DedupLines(unit="sentences").compared().span == 3
    assert DedupLines(unit="line").compared() == Compared("line", 1, 5, "all")
