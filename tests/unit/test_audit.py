"""Planted defects are what they claim, recall counts what became of them, explain tells it all."""

# ruff: noqa: SIM905 (words are easier to read as words)

from __future__ import annotations

import gzip
import ipaddress
import json
import random
from pathlib import Path
from typing import Any

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_builder import TableSpec, document, write_run, write_table

from curate.audit.defects import (
    DEFECTS,
    IDENTIFIERS,
    NEAR_JACCARD,
    ForeignLanguage,
    jaccard,
    misread,
)
from curate.audit.diff import DIFF_LINES, unified_diff
from curate.audit.explain import explain
from curate.audit.foreign import SENTENCES
from curate.audit.plant import Assembler, page, plant, sentences
from curate.audit.questions import QUESTIONS
from curate.audit.recall import recall, wilson
from curate.document import Document
from curate.errors import InputError
from curate.text import Text

NOUNS = (
    "river garden teacher window market letter bridge engine village painter forest harbour".split()
)
VERBS = (
    "follows remembers carries describes protects repairs collects borrows measures paints".split()
)
PLACES = "near the old mill|behind the station|across the wide valley|in the quiet library|by the sea".split(
    "|"
)


def corpus(texts: int = 60, sentences_each: int = 40) -> list[str]:
    """Invented prose: no sentence is likely to occur twice."""
    draw = random.Random(7)
    made = []
    for _ in range(texts):
        lines = []
        for _ in range(sentences_each):
            a, b, c, d = (draw.choice(NOUNS) for _ in range(4))
            verb, other = draw.choice(VERBS), draw.choice(VERBS)
            lines.append(
                f"The {a} {verb} the {b} {draw.choice(PLACES)} while every {c} {other} "
                f"some {d} {draw.choice(PLACES)} before the long evening ends."
            )
        made.append("\n".join(lines))
    return made


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    made = plant(corpus(), 6, 1, str(tmp_path_factory.mktemp("planted")), markup=False)
    with gzip.open(made.documents, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def test_every_kind_is_planted_with_its_labels(planted: list[dict[str, Any]]) -> None:
    kinds = [row["labels"]["planted"] for row in planted]
    assert set(kinds) == set(DEFECTS)
    assert kinds.count("control") == 6
    assert kinds.count("near_duplicate") == 12
    assert all(isinstance(json.loads(row["labels"]["planted_evidence"]), list) for row in planted)
    assert len({row["url"] for row in planted}) == len(planted)


def test_planted_documents_are_long_and_end_their_lines(planted: list[dict[str, Any]]) -> None:
    for row in planted:
        assert len(row["text"].split()) >= 80, row["url"]
    for row in planted:
        if row["labels"]["planted"] == "control":
            assert all(line.endswith((".", "!", "?")) for line in row["text"].split("\n"))


def test_planted_documents_resemble_no_text_and_not_each_other(
    planted: list[dict[str, Any]],
) -> None:
    clean = [
        row["text"]
        for row in planted
        if row["labels"]["planted"] in ("control", "toxic", "mojibake")
    ]
    for i, text in enumerate(clean):
        assert max(jaccard(text, other) for other in [*corpus(), *clean[:i]]) < 0.5


def test_near_duplicates_are_near_and_not_equal(planted: list[dict[str, Any]]) -> None:
    texts = {row["url"]: row["text"] for row in planted if "duplicate" in row["url"]}
    for url, text in texts.items():
        copy = texts.get(f"{url}-copy")
        if copy is not None and "near" in url:
            assert NEAR_JACCARD <= jaccard(text, copy) < 1
        elif copy is not None:
            assert copy == text


def test_planting_is_fixed_by_the_seed(tmp_path: Path) -> None:
    files = [
        plant(corpus(), 2, seed, str(tmp_path / name))
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    first, again, other = (Path(made.documents).read_bytes() for made in files)
    assert first == again != other
    questions = [
        json.loads(line) for line in Path(files[0].evaluation).read_text("utf-8").splitlines()
    ]
    assert [row["question"] for row in questions] == [question for question, _ in QUESTIONS]


def test_questions_have_thirteen_words_and_are_distinct() -> None:
    assert len(QUESTIONS) == len({question for question, _ in QUESTIONS}) >= 25
    assert min(len(question.split()) for question, _ in QUESTIONS) >= 13


def test_markup_is_escaped() -> None:
    made = page("A <b>bold</b> & brave line.\nAnother.", "1")
    assert "<p>A &lt;b&gt;bold&lt;/b&gt; &amp; brave line.</p>\n<p>Another.</p>" in made


@given(st.integers(0, 10_000))
def test_identifiers_are_valid(seed: int) -> None:
    draw = random.Random(seed)
    assert ipaddress.ip_address(IDENTIFIERS["ip"](draw)).is_global
    digits = [int(char) for char in IDENTIFIERS["card"](draw) if char.isdigit()]
    luhn = sum(digits[1::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[::2])
    assert len(digits) == 16
    assert luhn % 10 == 0
    iban = IDENTIFIERS["iban"](draw).replace(" ", "")
    assert int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1
    assert phonenumbers.is_possible_number(phonenumbers.parse(IDENTIFIERS["phone"](draw), "US"))
    assert IDENTIFIERS["email"](draw).count("@") == 1


@pytest.mark.parametrize("charset", ["cp1252", "latin-1"])
def test_misread_text_can_be_read_again(charset: str) -> None:
    text = "“Déjà vu” – naïve café’s"
    raw = b"".join(
        char.encode("cp1252", "ignore") or char.encode("latin-1")
        if charset == "cp1252"
        else char.encode("latin-1")
        for char in misread(text, charset)
    )
    assert raw.decode("utf-8") == text != misread(text, charset)


def test_spoken_languages_are_not_foreign() -> None:
    for seed in range(40):
        assert ForeignLanguage(("en", "de", "ru")).plant("", random.Random(seed)).evidence[
            0
        ] not in ("de", "ru")
    assert len(SENTENCES) == 8


def test_only_plain_sentences_are_used() -> None:
    text = (
        "Too short.\nThis is a sentence with enough plain words in it to be used.\n"
        "Write to someone@example.org because this one has an address in it somewhere.\n"
        "We never use the cookie policy sentence in any planted document at all.\n"
        "no capital at the start of this sentence so it is not taken either."
    )
    assert list(sentences(text)) == ["This is a sentence with enough plain words in it to be used."]


@pytest.mark.parametrize("texts", [[], ["One."], corpus(2)])
def test_too_few_texts_are_an_error(texts: list[str]) -> None:
    with pytest.raises(InputError, match="at least 3"):
        Assembler(texts, random.Random(0))


def test_too_few_sentences_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="plant fewer"):
        plant(corpus(3, 12), 20, 0, str(tmp_path))


def test_wilson_agrees_with_published_values() -> None:
    # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3
    for hits, of, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        assert wilson(hits, of) == pytest.approx((low, high), abs=5e-5)


def _fate(row: dict[str, Any], number: int) -> Document:
    """The last state of a planted document in a run where every second defect is dealt with."""
    kind, dealt = row["labels"]["planted"], number % 2 == 0
    evidence = json.loads(row["labels"]["planted_evidence"])
    made = document(
        row["url"], Text(row["text"]), source="planted", url=row["url"], labels=dict(row["labels"])
    )
    if not dealt:
        return made
    if kind == "personal_data":
        for item in evidence:
            made.text = Text((made.text or "").replace(item, "<MASKED>"))
    elif kind == "mojibake":
        made.text = Text(" ".join([*evidence, "and more"]).replace("“", '"'))
    elif kind == "boilerplate":
        made.text = Text("Nothing of it is left.")
    elif DEFECTS[kind].steps and not ("duplicate" in kind and not row["url"].endswith("-copy")):
        made.drop = f"{DEFECTS[kind].steps[0]}.reason"
    elif kind == "control":
        made.drop = "c4.sentence_count"
    return made


@pytest.fixture
def audited(tmp_path: Path, planted: list[dict[str, Any]]) -> Path:
    rows = [_fate(row, int(row["url"].rpartition("/")[2].removesuffix("-copy"))) for row in planted]
    steps = [
        {name: {}} for name in ("unicode", "language", "repetition", "c4", "toxicity", "private")
    ]
    later = [row for row in rows if row.drop is None]
    return write_run(
        tmp_path,
        [
            TableSpec("01-clean-filter", steps, rows),
            TableSpec("02-dedup", [{"dedup": {}}], later, "set"),
            TableSpec("03-decontaminate", [{"decontaminate": {}}], [], "set"),
            TableSpec(
                "04-tokenize", [{"tokenize": {}}], [], "tokens", extra={"tokens": {"tokens": 5}}
            ),
        ],
    )


def test_recall_counts_half_of_everything(audited: Path) -> None:
    audit = recall(str(audited))
    assert [found.kind for found in audit.found] == [kind for kind in DEFECTS if kind != "control"]
    for found in audit.found:
        assert (found.planted, found.outcomes) == (6, {"caught": 3, "missed": 3}), found.kind
        assert (found.recall.hits, found.recall.of) == (3, 6)
        assert len(found.missed) == 3
    assert (audit.collateral.hits, audit.controls) == (3, 6)
    assert audit.collateral_reasons == {"c4.sentence_count": 3}


def test_recall_is_written_and_shown(audited: Path) -> None:
    audit = recall(str(audited))
    assert json.loads((audited / "audit.json").read_text("utf-8")) == json.loads(
        json.dumps(audit.to_json())
    )
    lines = audit.lines()
    assert (
        lines[0].split()
        == "defect step planted reached caught recall 95 % interval elsewhere missed".split()
    )
    assert any(line.split()[:6] == ["toxic", "toxicity", "6", "6", "3", "50.0%"] for line in lines)
    assert "undamaged documents dropped: 3 of 6 = 50.0% (95 % interval 18.8% to 81.2%)" in lines


def test_a_defect_dropped_earlier_did_not_reach_its_step(tmp_path: Path) -> None:
    labels = {"planted": "toxic", "planted_evidence": '["x"]'}

    def row(number: int, drop: str | None) -> Document:
        url = f"http://planted.example/toxic/{number}"
        return document(url, Text("x"), url=url, labels=labels, drop=drop)

    rows = [
        row(0, "gopher.word_count"),
        row(1, "toxicity.mean"),
        row(2, "fineweb.short_line_ratio"),
        row(3, "mix.share"),
    ]
    steps = [{name: {}} for name in ("gopher", "toxicity", "fineweb", "mix")]
    write_run(tmp_path, [TableSpec("01-filter", steps, rows)])
    (found,) = recall(str(tmp_path)).found
    assert found.outcomes == {"elsewhere": 2, "caught": 1, "missed": 1}
    assert (found.recall.hits, found.recall.of) == (1, 3)


def test_personal_data_whose_passage_was_cut_is_not_masked(tmp_path: Path) -> None:
    labels = {
        "planted": "personal_data",
        "planted_evidence": '["a@b.org"]',
        "planted_context": '["Write to"]',
    }
    rows = [
        document(f"{n}", Text(text), url=f"http://planted.example/personal_data/{n}", labels=labels)
        for n, text in enumerate(("Write to <EMAIL>.", "Something else.", "Write to a@b.org."))
    ]
    write_run(tmp_path, [TableSpec("01-clean", [{"private": {}}], rows)])
    (found,) = recall(str(tmp_path)).found
    assert found.outcomes == {"caught": 1, "elsewhere": 1, "missed": 1}
    assert (found.recall.hits, found.recall.of) == (1, 2)
    assert found.missed[0]["left"] == ["a@b.org"]


def test_a_recipe_without_the_step_has_no_recall(tmp_path: Path) -> None:
    labels = {"planted": "toxic", "planted_evidence": "[]"}
    row = document("1", Text("x"), url="http://planted.example/toxic/0", labels=labels)
    write_run(tmp_path, [TableSpec("01-read", [{"unicode": {}}], [row])])
    audit = recall(str(tmp_path))
    assert audit.found[0].recall.share is None
    assert "(none in recipe)" in audit.lines()[1]


def test_recall_without_planted_documents_is_an_error(tmp_path: Path) -> None:
    write_run(tmp_path, [TableSpec("01-read", [{"unicode": {}}], [document("a", Text("x"))])])
    with pytest.raises(InputError, match="no planted documents"):
        recall(str(tmp_path))


@pytest.fixture
def story(tmp_path: Path) -> Path:
    kept = document("a.warc#1", Text("First line.\nSame line here.\nLast line."))
    near = document("a.warc#2", Text("First line.\nOther line here.\nLast line."))
    short = document(
        "a.warc#3", Text("Short."), signals={"gopher.word_count": 1.0}, drop="gopher.word_count"
    )
    noise = document("a.warc#4", None, url=None, drop="record.request")
    twins = [
        document(f"a.warc#{n}", Text(f"Twin {n}."), url="https://example.org/twin") for n in (5, 6)
    ]
    steps = [{"unicode": {}}, {"gopher": {}}]
    dropped = document(
        "a.warc#2", near.text, drop="dedup.near", signals={"dedup.similarity": 0.85},
        labels={"dedup.duplicate_of": kept.id},
    )  # fmt: skip
    return write_run(
        tmp_path,
        [
            TableSpec("01-clean-filter", steps, [kept, near, short, noise, *twins]),
            TableSpec("02-dedup", [{"dedup": {}}], [kept, dropped, *twins], "set"),
        ],
    )


def test_explain_a_kept_document_by_url_id_and_prefix(story: Path) -> None:
    by_url = explain(str(story), "https://example.org/a.warc#1")
    assert [chapter.state for chapter in by_url.chapters] == ["kept", "kept"]
    assert by_url.end == "kept to the end"
    assert explain(str(story), by_url.id) == explain(str(story), by_url.id[:10]) == by_url
    assert json.loads(json.dumps(by_url.to_json()))["origin"] == "a.warc#1"


def test_explain_says_which_bound_was_broken(story: Path) -> None:
    told = explain(str(story), "https://example.org/a.warc#3")
    assert told.chapters[0].broken == ("gopher.word_count = 1, allowed 50 to 100,000",)
    assert told.end == "dropped in 01-clean-filter: gopher.word_count"


def test_explain_shows_what_a_duplicate_differs_in(story: Path) -> None:
    told = explain(str(story), "https://example.org/a.warc#2")
    assert told.duplicate is not None
    assert told.duplicate.url == "https://example.org/a.warc#1"
    assert [line for line in told.duplicate.diff if line[0] in "+-"][2:] == [
        "-Same line here.",
        "+Other line here.",
    ]
    assert (
        f"duplicate of {told.duplicate.id} (https://example.org/a.warc#1), similarity 0.850"
        in told.lines()
    )


def test_explain_a_record_that_is_no_document(story: Path) -> None:
    noise = document("a.warc#4")
    told = explain(str(story), noise.id)
    assert told.chapters[0].state == "not a document"
    assert told.end.startswith("not a document: request")


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("ffffffffffff", "no record in"),
        ("https://example.org/nowhere", "no record in"),
        ("abc", "too short"),
        ("https://example.org/twin", "fits 2 records"),
    ],
)
def test_explain_answers_a_wrong_key_in_one_line(story: Path, key: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        explain(str(story), key)
    assert "\n" not in str(caught.value)


def test_explain_reads_a_single_table_and_refuses_what_is_none(story: Path, tmp_path: Path) -> None:
    assert (
        explain(str(story / "01-clean-filter"), "https://example.org/a.warc#1").end
        == "kept to the end"
    )
    with pytest.raises(InputError, match="no finished run"):
        explain(str(tmp_path / "nothing"), "abcdef")
    write_table(
        tmp_path, TableSpec("shards", [{"tokenize": {}}], [], "tokens", extra={"tokens": {}})
    )
    with pytest.raises(InputError, match="token shards"):
        explain(str(tmp_path / "shards"), "abcdef")


@given(st.text(max_size=300), st.text(max_size=300))
def test_a_diff_is_bounded(a: str, b: str) -> None:
    assert len(list(unified_diff(a * 50, b * 50))) <= DIFF_LINES + 1
    assert list(unified_diff(a, a)) == []
