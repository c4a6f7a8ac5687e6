"""Filters: properties that hold for any text, models and lists that are found or missing."""

from __future__ import annotations

import pickle
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.document import Document
from curate.errors import InputError, MissingError
from curate.filters import FILTERS, toxicity
from curate.filters.c4 import C4
from curate.filters.repetition import COPY_SIZES, TOP_SIZES, copies, measure, repeated_ngrams
from curate.filters.toxicity import Toxicity
from curate.recipe import build_step
from curate.registry import parameters
from curate.step import Filter
from curate.text import Text

PLAIN = sorted(name for name, step in FILTERS.items() if isinstance(step, Filter))
READY = sorted(name for name in FILTERS if "(required)" not in parameters(name).values())
LINES = st.lists(
    st.sampled_from(["a b c.", "A longer line with more words in it!", "- x", "", "東京。", "#"])
)


def after(step: object, text: str = "", url: str | None = None) -> Document:
    document = Document("0", "s", "o", url=url, text=Text(text))
    step(document)  # type: ignore[operator]
    return document


@pytest.mark.parametrize("name", PLAIN)
@given(text=st.one_of(st.text(), LINES.map("\n".join)))
def test_any_text_can_be_measured(name: str, text: str) -> None:
    signals = build_step(name).measure(Text(text))
    assert all(float(value) >= 0 for value in signals.values())
    shares = [
        value
        for signal, value in signals.items()
        if "lines_ratio" in signal or "chars_ratio" in signal
    ]
    assert all(0 <= float(share) <= 1 for share in shares)


@pytest.mark.parametrize("name", sorted(set(READY) - {"toxicity"}))
@pytest.mark.parametrize(
    "text",
    ["a " * 25_000, "a\n" * 25_000, "." * 50_000, "字" * 50_000],
    ids="words lines dots 字".split(),
)
def test_no_text_is_slow(name: str, text: str) -> None:
    step = build_step(name)
    after(step)
    started = time.perf_counter()
    after(step, text)
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize("name", READY)
def test_steps_travel_light(name: str) -> None:
    assert len(pickle.dumps(build_step(name))) < 2000


def counted_twice(words: list[str], n: int) -> dict[tuple[str, ...], list[int]]:
    places: dict[tuple[str, ...], list[int]] = {}
    for i in range(len(words) - n + 1):
        places.setdefault(tuple(words[i : i + n]), []).append(i)
    return {gram: at for gram, at in places.items() if len(at) > 1}


@given(st.lists(st.sampled_from("abc"), max_size=60))
def test_repeated_ngrams_are_those_that_counting_finds(words: list[str]) -> None:
    hashes = np.array([ord(word) for word in words], np.uint64)
    for n, found in enumerate(repeated_ngrams(hashes, 10), start=1):
        first = np.flatnonzero(found.is_first)[1:]
        groups = [group.tolist() for group in np.split(found.places, first) if len(group)]
        assert found.n == n and sorted(groups) == sorted(counted_twice(words, n).values())


@given(st.lists(st.sampled_from(["a", "bb", "ccc"]), max_size=60))
def test_copied_characters_count_once(words: list[str]) -> None:
    signals = measure(Text(" ".join(words)))
    for n in COPY_SIZES:
        again = {i + k for at in counted_twice(words, n).values() for i in at[1:] for k in range(n)}
        chars = sum(len(words[i]) for i in again)
        assert signals[f"duplicate_{n}gram_chars_ratio"] == pytest.approx(
            chars / max(1, len("".join(words)))
        )
    assert all(float(signals[f"top_{n}gram_chars_ratio"]) <= 1 for n in TOP_SIZES)


def test_copies() -> None:
    assert copies([]) == (0, 0)
    assert copies(["aa", "b", "aa", "aa"]) == pytest.approx((0.5, 4 / 7))


def test_a_dropped_page_keeps_its_text() -> None:
    text = "Home\nOne sentence that is alone."
    document = after(C4(), text)
    assert (document.drop, document.text) == ("c4.sentence_count", text)


def test_bad_words_of_signs_and_in_capitals(tmp_path: Path) -> None:
    words = tmp_path / "bad.txt"
    words.write_text("\ufeff🖕\nA.B\nété\n", encoding="utf-8")
    step = C4(sentences=None, bad_words=str(words))
    for text, entry in (
        ("So there 🖕 you are.", "🖕"),
        ("He says a.b to all.", "a.b"),
        ("Un bel ÉTÉ pour tous.", "été"),
    ):
        page = after(step, text)
        assert (page.drop, page.labels["c4.match"]) == ("c4.bad_words", entry), text
    assert after(step, "A b, and the répété of a.bc too.").drop is None


@pytest.mark.parametrize("content", [b"caf\xe9\n", b"\n", None])
def test_bad_words_that_cannot_be_read_are_one_line(tmp_path: Path, content: bytes | None) -> None:
    words = tmp_path / "bad"
    words.mkdir() if content is None else words.write_bytes(content)
    with pytest.raises(InputError, match="c4.bad_words: .*one (entry a|on each) line"):
        after(C4(sentences=None, bad_words=str(words)), "A page that has a line.")


def test_bad_words_are_whole_and_of_any_language(tmp_path: Path) -> None:
    words = tmp_path / "bad.txt"
    words.write_text("ass\nzwei worte\n")
    step = C4(sentences=None, bad_words=str(words))
    assert list(step.inputs()) == [str(words)]
    assert after(step, "The class will assess the grass.").drop is None
    assert after(step, "Das sind Zwei Worte, die.").drop == "c4.bad_words"
    with pytest.raises(InputError, match="does not exist"):
        C4(bad_words=str(tmp_path / "none.txt"))


def test_detoxify_that_cannot_be_loaded_says_what_to_do(tmp_path: Path) -> None:
    pytest.importorskip("detoxify")
    (tmp_path / "config.json").write_text("{}")
    pytest.importorskip("torch").save({}, tmp_path / "bad.ckpt")
    with pytest.raises(MissingError, match="backend: profanity"):
        after(Toxicity(checkpoint=str(tmp_path / "bad.ckpt")), "some text")


def test_auto_takes_the_words_when_no_weights_are_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    toxicity._has_detoxify.cache_clear()
    assert Toxicity().resolved() == "profanity"
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "hub" / "checkpoints" / toxicity.HUB_FILE).touch()
    toxicity._has_detoxify.cache_clear()
    assert Toxicity().resolved() == ("detoxify" if find_spec("detoxify") else "profanity")
    toxicity._has_detoxify.cache_clear()
