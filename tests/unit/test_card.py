"""The dataset card of a run: true to the ledger, harmless whatever the documents say, loadable."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlcroissant
import pytest
import yaml
from huggingface_hub import DatasetCard
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from run_builder import TableSpec, document, write_run, write_table

from curate.card import About, card
from curate.card.croissant import CONFORMS_TO
from curate.card.data_files import shards
from curate.card.facts import domains, gather
from curate.card.front_matter import front_matter, licence_keys
from curate.card.markdown import as_yaml, code, fenced, inline, publishable
from curate.card.tally import Tally
from curate.card.write import MARKER, README, check_ours, opened
from curate.cli import main
from curate.document import Document
from curate.errors import InputError, OutputError
from curate.finished import open_run
from curate.store import write_json

HOSTILE = "a|b`c\n---\n# <script>alert(1)</script> [x](javascript:y) ${{7*7}} \u202e\x00- no: {"
MARKDOWN = {
    f"{name}_open"
    for name in "heading paragraph table thead tbody tr th td bullet_list ordered_list list_item".split()
}
WORDS = "The river runs past the mill and on to the sea."
RECIPE: dict[str, Any] = {
    "name": "Waters",
    "sources": [
        {"name": "web", "path": ["s3://me:pw@bucket/a/*.warc.gz?sig=secret"], "format": "warc"},
        {"name": "own", "path": ["books/*.txt", "b|c"], "format": None},
    ],
}


def kept(origin: str, **values: Any) -> Document:
    values.setdefault("language", "en")
    return document(origin, values.pop("text", WORDS), **values)


def small_run(folder: Path, recipe: dict[str, Any] | None = None) -> Path:
    """Two tables: of nine records, five documents are kept."""
    first = [
        kept("a", labels={"split": "heldout", "licence": "CC-BY-4.0"}),
        kept("b", signals={"private.email": 2.0, "private.phone": 0.0}),
        kept("c", url="https://www.example.co.uk/x", language="no"),
        kept("d", source="own", url=None, fetched=None, language=None),
        kept(
            "e", fetched=datetime(2025, 5, 6, tzinfo=UTC), labels={"toxicity.backend": "profanity"}
        ),
        kept("f", drop="gopher.word_count", language="fr"),
        kept("g", drop="gopher.word_count", language="fr"),
        document("h", drop="record.request"),
        kept("i"),
    ]
    last = [*first[:5], kept("i", drop="dedup.exact")]
    specs = [
        TableSpec("01-filter", [{"private": {"kinds": ["email", "phone"]}}, {"gopher": {}}], first),
        TableSpec("02-dedup", [{"dedup": {"method": "exact"}}], last, kind="set"),
    ]
    return write_run(folder, specs, recipe or RECIPE)


def parts(readme: Path) -> tuple[dict[str, Any], str]:
    """(front matter, Markdown) as a plain YAML reader sees them."""
    text = readme.read_text("utf-8")
    assert text.startswith("---\n")
    front, _, body = text[4:].partition("\n---\n")
    return yaml.safe_load(front), body


def headings(markdown: str) -> list[str]:
    return [line for line in markdown.splitlines() if line.startswith("#")]


def test_the_front_matter_is_what_the_hub_reads(tmp_path: Path) -> None:
    readme = card(str(small_run(tmp_path / "run")), about=About(license="CC-BY-4.0"))
    front, _ = parts(readme)
    assert front["pretty_name"] == "Waters"
    assert front["license"] == "cc-by-4.0"
    assert front["language"] == ["en", "no"]  # not the YAML boolean
    assert front["size_categories"] == ["n<1K"]
    assert front["task_categories"] == ["text-generation"]
    assert "configs" not in front
    splits = {split["name"]: split for split in front["dataset_info"]["splits"]}
    assert {name: split["num_examples"] for name, split in splits.items()} == {
        "train": 4, "heldout": 1,
    }  # fmt: skip
    assert splits["train"]["num_bytes"] == 4 * len(WORDS)
    data = DatasetCard.load(readme).data
    assert data.language == ["en", "no"]
    assert data.license == "cc-by-4.0"


def test_the_card_says_what_the_ledger_says(tmp_path: Path) -> None:
    _, body = parts(card(str(small_run(tmp_path / "run"))))
    for line in (
        "5 documents of text for training language models, kept of 9 records.",
        "| `web` | `s3://bucket/a/*.warc.gz?sig=***` | warc | 8 | 7 | 4 |",
        "| `own` | `books/*.txt`, <code>b&#124;c</code> | by file name | 1 | 1 | 1 |",
        "| `01-filter` | 9 | 6 | 2 | 1 |",
        "| dropped: `gopher.word_count` | 2 |",
        "| no document: `request` | 1 |",
        "By `dedup`. Dropped: 1 as `dedup.exact`.",
        "Fetched from 2025-03-01 to 2025-05-06; for 1 document the date is not known.",
        "- e-mail addresses: 2 masked, in 1 document of those kept",
        "- telephone numbers: 0 masked, in 0 documents of those kept",
        "- payment card numbers: not masked",
        "Judged by `profanity` (1 document)",
        "| `fr` | 2 | 28.6 % | 0 | 0 % |",
        "| `example.co.uk` | 1 | 14.3 % | 1 | 25.0 % |",
        "| `CC-BY-4.0` | 1 |",
        "The licence of the collection was not given.",
        "   - `word_count`: `{\"low\": 50, \"high\": 100000}`",
        "2. `gopher` (01-filter): Gopher's quality rules: is this prose, by length, words and symbols? Gopher (Rae et al. 2021, arXiv:2112.11446), Appendix A.1.1",
        "Not measured. `curate audit RECIPE",
        "was not measured. `curate ablate` measures it.",
        "No contact for requests",
        ", detoxify ",
        "- No decontamination was run: text of evaluation sets may be in it.",
    ):  # fmt: skip
        assert line in body
    assert "me:pw" not in body
    assert "secret" not in body
    recipe = re.search(r"```yaml\n(.*?)```", body, re.DOTALL)
    assert recipe is not None
    written = yaml.safe_load(recipe[1])
    assert written["steps"] == [
        {"private": {"kinds": ["email", "phone"]}}, {"gopher": {}}, {"dedup": {"method": "exact"}},
    ]  # fmt: skip


def test_libraries_of_other_code_are_not_known(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run")
    for table in ("01-filter", "02-dedup"):
        manifest = json.loads((run / table / "manifest.json").read_text())
        write_json(f"{run}/{table}/manifest.json", {**manifest, "code": "0.0.1+abc"})
    _, body = parts(card(str(run)))
    assert "in force (where the recipe is silent, the defaults" in body
    assert "Made with curate `0.0.1+abc`. The versions of the libraries are part" in body


def test_what_was_measured_is_told(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run")
    found = {
        "kind": "mojibake", "step": "unicode", "planted": 10, "outcomes": {}, "missed": [],
        "recall": {"hits": 9, "of": 10, "share": 0.9, "interval": [0.596, 0.982]},
    }  # fmt: skip
    audit = {"defects": [found], "controls": 40, "collateral": {"hits": 1}}
    write_json(f"{run}/audit.json", audit)
    contrast = {
        "name": "filter", "first": "read", "second": "filter", "difference": -0.04, "low": -0.06,
        "high": -0.02, "documents_low": -0.05, "documents_high": -0.03, "outcome": "better",
        "reason": None,
    }  # fmt: skip
    verdict = {
        "arms": [{}, {}], "seeds": 3, "tokens_per_run": 1000, "detectable_effect": 0.01,
        "contrasts": [contrast], "notes": [HOSTILE],
    }  # fmt: skip
    write_json(f"{run}/ablation/verdict.json", verdict)
    _, body = parts(card(str(run)))
    assert "| `mojibake` | unicode | 10 | 9 of 10 | 90.0 % | 59.6 % to 98.2 % |" in body
    assert "1 of 40 undamaged documents were dropped." in body
    assert (
        "- filter (from read to filter) made the model better: −0.040 bits per byte, interval over "
        "seeds −0.060 to −0.020."
    ) in body
    assert "<script" not in body


@pytest.mark.parametrize(
    "damaged", [{"defects": [{"kind": "x"}]}, {"defects": 7}, {"contrasts": 3}]
)
def test_a_measurement_of_another_form_counts_as_none(
    tmp_path: Path, damaged: dict[str, Any]
) -> None:
    run = small_run(tmp_path / "run")
    write_json(f"{run}/audit.json", damaged)
    write_json(f"{run}/verdict.json", damaged)
    _, body = parts(card(str(run)))
    assert "Not measured. `curate audit" in body
    assert "was not measured. `curate ablate`" in body


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    rows = [
        kept("a", source=HOSTILE, language=HOSTILE, labels={"licence": HOSTILE}),
        kept("b", source=HOSTILE, url="https://x`|<b>.example/", drop=f"gopher.{HOSTILE}"),
    ]
    recipe = {"name": HOSTILE, "sources": [{"name": HOSTILE, "path": [HOSTILE], "format": HOSTILE}]}
    steps: list[dict[str, Any]] = [{HOSTILE: {HOSTILE: HOSTILE}}]
    run = write_run(tmp_path / "run", [TableSpec("01-x", steps, rows)], recipe)
    about = About(contact=HOSTILE, license=HOSTILE, pretty_name=HOSTILE, name=HOSTILE)
    readme = card(str(run), about=about)
    front, body = parts(readme)
    assert front["license"] == "other"
    assert "language" not in front
    assert DatasetCard.load(readme).data.pretty_name == front["pretty_name"]
    fold = body.index("<details>")
    outside = body[:fold]
    assert body.count("<details>") == body.count("</details>") == 1
    tokens = MarkdownIt("commonmark").enable("table").parse(body[:fold])
    inner = [child for token in tokens for child in token.children or ()]
    found = {t.content.strip() for t in [*tokens, *inner] if t.type.startswith("html")}
    assert found == {MARKER, "<code>", "</code>"}
    assert not {t.type for t in inner} & {"link_open", "image", "em_open", "strong_open"}
    assert {t.type for t in tokens if t.type.endswith("_open")} == MARKDOWN
    assert not re.search(r"[\x00-\x08\u202a-\u202e]", body)
    _, harmless = parts(card(str(small_run(tmp_path / "harmless"))))
    assert headings(outside)[1:] == headings(harmless.partition("<details>")[0])[1:]
    metadata = json.loads((run / "croissant.json").read_text("utf-8"))
    assert "\n" not in metadata["name"]


@given(st.text(max_size=60))
def test_inline_text_holds_no_markup(text: str) -> None:
    found = inline(text)
    assert not set(re.sub(r"&#\d+;", "", found)) & set("\\`*{}[]<>|~$&\n")
    assert not re.match(r"[-+#=]|\d+[.)](?:\s|$)", found)


@given(st.text(max_size=60))
def test_code_is_one_span(text: str) -> None:
    found = code(text)
    if found.startswith("`"):
        assert found.count("`") == 2
        assert "|" not in found
        assert "\n" not in found
    else:
        assert found.startswith("<code>")
        assert "`" not in found
        assert "|" not in found


@given(st.text("`\nab", max_size=30))
def test_a_fence_is_not_closed_by_its_text(text: str) -> None:
    first, *lines, last = fenced(text).split("\n")
    assert first == last
    assert not any(line.strip().startswith(first) for line in lines)


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=4))
def test_yaml_comes_back_and_never_ends_the_front_matter(value: dict[str, str]) -> None:
    text = as_yaml(value)
    assert yaml.safe_load(text) == value
    assert not re.search(r"^---", text, re.MULTILINE)


@given(
    st.lists(
        st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 50), max_size=5), max_size=12
    ),
    st.integers(1, 8),
)
def test_a_tally_is_exact_or_says_by_how_much_it_is_not(
    batches: list[dict[str, int]], capacity: int
) -> None:
    tally, exact = Tally(capacity), Counter[str]()
    for batch in batches:
        tally.add(batch)
        exact.update(batch)
    assert tally.total == exact.total()
    assert len(tally.top()) <= capacity
    assert tally.error <= tally.total / (capacity + 1)
    for name in "abcdefgh":
        assert exact[name] - tally.error <= tally.count(name) <= exact[name]
    if len(exact) <= capacity:
        assert dict(tally.top()) == exact


def test_domains_are_registered_ones() -> None:
    import pyarrow as pa

    urls = [
        "https://a.example.co.uk/x?u=https://b.org", "HTTP://User:pw@B.Example.co.uk:80/",
        "https://10.0.0.1/x", None, "mailto:a@b.org", "", "https://[::1]/x",
    ]  # fmt: skip
    found = domains(pa.array(urls, pa.string()))
    assert found["example.co.uk"] == 2
    assert found["10.0.0.1"] == 1
    assert sum(found.values()) == 4


def test_credentials_never_leave() -> None:
    recipe = {"a": ["s3://key:pw@b/c", "https://h/x?X-Amz-Signature=abc&n=1"], "b": "no url"}
    assert publishable(recipe) == {
        "a": ["s3://b/c", "https://h/x?X-Amz-Signature=***&n=1"], "b": "no url",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("drop", "said"),
    [("gopher.word_count", "01-x kept no documents"), (None, "kept only planted documents")],
)
def test_a_run_that_kept_nothing_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], drop: str | None, said: str
) -> None:
    row = kept("a", drop=drop, url="http://planted.example/1", labels={"planted": "mojibake"})
    run = write_run(tmp_path / "run", [TableSpec("01-x", [], [row])])
    for command in (["card", str(run)], ["export", str(run), "--to", "huggingface"]):
        with pytest.raises(SystemExit) as stopped:
            main([*command, "--output", str(tmp_path / "out")])
        assert stopped.value.code == 2
        assert said in (line := capsys.readouterr().err)
        assert line.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_card_without_languages_dates_and_urls_says_so(tmp_path: Path) -> None:
    rows = [Document("0" * 32, "own", "a", text=WORDS), Document("1" * 32, "own", "b", text="")]
    write_table(tmp_path, TableSpec("alone", [], rows))
    front, body = parts(card(str(tmp_path / "alone")))
    assert "language" not in front
    assert "Not determined: no document of the run has a language." in body
    assert "When the documents were fetched is not known." in body
    assert "Not known: no document has a URL with a host." in body
    assert "No step was run." in body
    assert "| `own` | not recorded | not recorded | 2 | 2 | 2 |" in body


def test_the_card_of_a_table_ends_with_it(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run")
    assert [table.name for table in opened(f"{run}/01-filter").tables] == ["01-filter"]
    _, body = parts(card(f"{run}/01-filter", str(tmp_path / "card")))
    assert "6 documents of text" in body
    assert "By `dedup`" not in body


def test_only_cards_of_ours_are_overwritten(tmp_path: Path) -> None:
    run, mine = small_run(tmp_path / "run"), tmp_path / "mine"
    mine.mkdir()
    (mine / README).write_text("# My project")
    with pytest.raises(OutputError, match=r"README\.md was not written by curate"):
        card(str(run), str(mine))
    assert (mine / README).read_text() == "# My project"
    (mine / README).unlink()
    first = card(str(run), str(mine)).read_bytes()
    assert MARKER.encode() in first
    assert card(str(run), str(mine)).read_bytes() == first
    check_ours(mine)


def test_a_missing_file_and_a_missing_run_are_one_line(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run")
    with pytest.raises(InputError, match="no finished run"):
        card(str(tmp_path / "nowhere"))
    with pytest.raises(OutputError, match="local folder"):
        card(str(run), "s3://bucket/card")
    Path(open_run(str(run)).documents[0].table.files(False)[0]).unlink()
    with pytest.raises(InputError, match="is missing; run its step again"):
        card(str(run))


def test_the_croissant_of_a_run_is_valid_and_its_records_come_back(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run")
    for folder in (run, tmp_path / "elsewhere"):
        card(str(run), str(folder), About(license="odc-by"))
        metadata = json.loads((folder / "croissant.json").read_text("utf-8"))
        assert metadata["conformsTo"] == CONFORMS_TO
        dataset = mlcroissant.Dataset(jsonld=folder / "croissant.json")
        issues = dataset.metadata.ctx.issues
        assert not issues.errors
        assert not issues.warnings
        records = [r for one in dataset.metadata.record_sets for r in dataset.records(one.id)]
        texts = [value for record in records for key, value in record.items() if "/text" in key]
        assert texts == [WORDS.encode()] * 5


def test_a_crawl_beside_the_sources_says_what_it_obeyed(tmp_path: Path) -> None:
    write_json(
        f"{tmp_path}/crawl/crawl.json", {"options": {"obey": ["noai"], "user_agent": "me/1"}}
    )
    stamp = ["web", "a.warc.gz", 1, None, str(tmp_path / "crawl"), "warc", {}]
    run = small_run(tmp_path / "run")
    manifest = json.loads((run / "01-filter/manifest.json").read_text())
    write_json(f"{run}/01-filter/manifest.json", {**manifest, "input": [stamp]})
    _, body = parts(card(str(run), about=About(contact="me&#64;example.org")))
    assert "The source web was fetched by curate's crawler, which obeys robots.txt" in body
    assert "honoured: noai." in body
    assert "is not recorded in the run: own." in body
    assert "No contact" not in body


def test_facts_leave_planted_documents_out(tmp_path: Path) -> None:
    rows = [kept("a"), kept("b", url="http://planted.example/1", labels={"planted": "mojibake"})]
    run = write_run(tmp_path / "run", [TableSpec("01-x", [], rows)])
    facts = gather(open_run(str(run)))
    assert (facts.documents, facts.planted) == (1, 1)
    assert facts.domains_before.top() == [("example.org", 1)]
    _, body = parts(card(str(run)))
    assert "counts 1 document that the audit had planted" in body


@given(st.text(min_size=1, max_size=30))
def test_any_licence_gives_valid_keys(licence: str) -> None:
    keys = licence_keys(licence)
    assert re.fullmatch(r"[a-z0-9.+-]+", keys["license"])
    assert " " not in keys.get("license_name", "")


def test_no_shards_no_configs(tmp_path: Path) -> None:
    assert shards(tmp_path) == []
    run = open_run(str(small_run(tmp_path / "run")))
    from curate.card.data_files import of_run

    data = of_run(run.documents[-1], gather(run), tmp_path)
    assert "configs" not in front_matter("x", None, [], data)
    assert data.is_below
