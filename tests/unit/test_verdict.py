"""The arms and held-out sets a run gives: what each table kept, and the pages as they came."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from run_builder import TableSpec, document, write_run

from curate import raw as rereading
from curate import verdict as module
from curate.document import Document, share
from curate.errors import InputError
from curate.raw import _Drawn, _split, read_again
from curate.split import Split
from curate.verdict import DRAW, _Corpus, _text, ablate_runs
from model.ablation.ablate import Ways

PAGE = "<html><body><p>Página {0} of the site, with words.</p></body></html>"


def test_a_page_before_extraction_is_its_markup() -> None:
    markup = "<p>Größe\nzwei</p>"
    page = Document(
        "1", "web", "a", content=markup.encode("latin-1"), labels={"charset": "latin-1"}
    )
    assert _text(page) == markup


def test_a_text_is_itself() -> None:
    assert _text(Document("1", "web", "a", text="plain\ntext")) == "plain\ntext"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What `ablate` is called with."""
    given: dict[str, Any] = {}

    def ablate(arms: Any, heldout: Any, **others: Any) -> None:
        given.update(others, arms=arms, heldout=heldout)

    monkeypatch.setattr("model.ablation.ablate.ablate", ablate)
    return given


def rows(count: int, stage: str, every: int = 1, source: str = "web") -> list[Document]:
    """Every fourth document is held out."""
    return [
        document(
            f"{number}.html", f"{stage} text {number}", source,
            labels={"split": "train" if number % 4 else "heldout"},
        )
        for number in range(0, count, every)
    ]  # fmt: skip


def pages(count: int) -> list[Document]:
    return [
        document(
            f"{number}.html",
            content=PAGE.format(number).encode(),
            labels={"split": "train" if number % 4 else "heldout"},
        )
        for number in range(count)
    ]


def committed(folder: Path) -> Path:
    """A run whose tables show every stage, with a reference source."""
    book = rows(8, "book", source="book")
    return write_run(
        folder,
        [
            TableSpec("01-read", [{"split": {}}], [*pages(40), *book]),
            TableSpec("02-extract", [{"extract": {}}], [*rows(40, "extracted"), *book]),
            TableSpec("03-clean-filter", [{"unicode": {}}], [*rows(40, "clean", 2), *book]),
            TableSpec("04-tokenize", [{"tokenize": {}}], [], kind="tokens"),
        ],
    )


def test_the_tables_of_a_run_are_its_arms(tmp_path: Path, asked: dict[str, Any]) -> None:
    ablate_runs([str(committed(tmp_path))], "out", reference=["book"])
    assert list(asked["arms"]) == ["read", "extract", "clean-filter"]
    assert [len(part) for part in asked["arms"].values()] == [30, 30, 10]
    ids = [id for id, _ in asked["arms"]["read"]]
    assert ids == sorted(ids, key=lambda id: share(id, DRAW))
    assert "<p>Página" in dict(asked["arms"]["read"])[ids[0]]
    assert list(asked["heldout"]) == ["H1 reference", "H2 curated"]
    assert all(text.startswith("clean") for _, text in asked["heldout"]["H2 curated"])
    assert all(text.startswith("book") for _, text in asked["heldout"]["H1 reference"])
    shown = asked["diagnostics"]
    assert all(text.startswith("extracted") for _, text in shown["H3 extracted"].documents)
    assert shown["H4 raw"].winner == "read"
    assert len(shown["H4 raw"].documents) == 10
    assert asked["ways"] == Ways()


def test_raw_is_the_table_before_extraction(tmp_path: Path, asked: dict[str, Any]) -> None:
    run = str(committed(tmp_path))
    ablate_runs([run], "out", reference=["book"], arms=["raw", "extract"])
    named = asked["arms"]
    assert asked["diagnostics"]["H4 raw"].winner == "raw"
    ablate_runs([run], "out", reference=["book"], arms=["read", "extract"])
    assert named == {"raw": asked["arms"]["read"], "extract": asked["arms"]["extract"]}


def test_arms_are_read_up_to_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LEAST_READ", 1)
    (run,) = [module.open_run(str(committed(tmp_path)))]
    table = run.documents[1].table
    every = list(module._texts(table, {"web"}, 10**6))
    for limit in (1, 100, 200):
        some = list(module._texts(table, {"web"}, limit))
        assert some == every[: len(some)]
        size = sum(len(text) for _, text in some)
        assert limit <= size < limit + 30


def html_run(folder: Path, steps: list[Any], **recipe: Any) -> Path:
    """A run from pages on disk, extracted and filtered in one table."""
    (folder / "pages").mkdir()
    for number in range(40):
        (folder / "pages" / f"{number}.html").write_text(PAGE.format(number))
    split = Split(heldout_share=0.3, by="document")
    kept = rows(40, "clean")
    for row, page in zip(kept, pages(40), strict=True):
        row.url, row.content = None, page.content
        split(row)
        row.content = None
    source = {"name": "web", "format": "html", "path": [str(folder / "pages")], "options": {}}
    return write_run(
        folder / "run",
        [
            TableSpec("01-read-extract", steps, kept),
            TableSpec("02-dedup", [{"dedup": {}}], kept[::2]),
        ],
        {"sources": [source], "steps": [*steps, {"dedup": {}}], **recipe},
    )


STEPS = [{"split": {"heldout_share": 0.3, "by": "document"}}, {"extract": {}}]


def test_raw_pages_are_read_again_where_no_table_holds_them(
    tmp_path: Path, asked: dict[str, Any]
) -> None:
    run = html_run(tmp_path, STEPS)
    ablate_runs([str(run)], "out")
    assert list(asked["arms"]) == ["raw", "read-extract", "dedup"]
    raw, extracted = asked["arms"]["raw"], asked["arms"]["read-extract"]
    assert [id for id, _ in raw] == [id for id, _ in extracted]  # the same documents, the same coin
    assert all(text.startswith("<html>") for _, text in raw)
    shown = asked["diagnostics"]["H4 raw"]
    assert shown.winner == "raw" and shown.documents
    assert not {id for id, _ in shown.documents} & {id for id, _ in raw}
    ablate_runs([str(run)], "out", arms=["dedup", "raw"])
    assert list(asked["arms"]) == ["dedup", "raw"]


def test_raw_pages_that_are_gone_are_told(
    tmp_path: Path, asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    run = html_run(tmp_path, STEPS)
    for page in (tmp_path / "pages").iterdir():
        page.unlink()
    (tmp_path / "pages").rmdir()
    ablate_runs([str(run)], "out")
    assert list(asked["arms"]) == ["read-extract", "dedup"]
    assert "warning: no arm of raw pages" in capsys.readouterr().err
    with pytest.raises(InputError, match="pages"):
        ablate_runs([str(run)], "out", arms=["raw", "dedup"])


def test_large_sources_are_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rereading, "MOST_BYTES", 100)
    run = module.open_run(str(html_run(tmp_path, STEPS)))
    with pytest.raises(InputError, match="put `- commit` before `extract`"):
        read_again(run.recipe, {"web"}, 10**6, 10**6, DRAW)


def test_the_texts_with_the_smallest_coins_are_drawn() -> None:
    drawn = _Drawn(30, 10)
    for number in range(100):
        drawn.add(share(str(number), "x"), str(number), "ten bytes.")
    expected = sorted(map(str, range(100)), key=lambda id: share(id, "x"))[:3]
    assert [id for id, _ in drawn.texts()] == expected
    many = _Drawn(30, 5)  # no more than five bytes of a text count
    for number in range(100):
        many.add(share(str(number), "x"), str(number), "ten bytes.")
    assert len(many.texts()) == 6


def test_the_split_of_some_sources_is_theirs_only() -> None:
    rows = [Document(f"{name}{n}", name, f"{n}") for name in ("web", "books") for n in range(40)]
    split = _split(
        {"steps": [{"split": {"by": "document", "heldout_share": 0.5, "only": ["web"]}}]}
    )
    assert split is not None
    for row in rows:
        split(row)
    held = {row.source for row in rows if row.labels.get("split") == "heldout"}
    assert held == {"web"}


def test_whole_recipes_are_arms(tmp_path: Path, asked: dict[str, Any]) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "y").mkdir()
    runs = [str(committed(tmp_path / name / "out")) for name in ("x", "y")]
    ablate_runs(runs, "out", reference=["book"])
    assert list(asked["arms"]) == runs  # both folders are called `out`
    assert asked["ways"].baseline and "H4 raw" in asked["diagnostics"]
    assert len(asked["heldout"]["H2 curated"]) == 10
    ablate_runs(runs, "out", reference=["book"], arms=[runs[0], f"{runs[1]}/extract"])
    assert list(asked["arms"]) == [runs[0], f"{runs[1]}/extract"]
    with pytest.raises(InputError, match="unknown arm 'extract'"):
        ablate_runs(runs, "out", arms=["extract"])


def test_recipes_share_a_held_out_set_that_favours_none(tmp_path: Path) -> None:
    folders = []
    for name in ("a", "b"):
        spec = TableSpec("01-read", [{"split": {}}], rows(80, name))
        folders.append(module.open_run(str(write_run(tmp_path / name, [spec]))))
    held = _Corpus(folders, {"web"}, 10**6, 10**6, False).curated()
    assert len(held) == 20 and len({text[0] for _, text in held}) == 2


def test_reference_text_may_come_from_a_file(tmp_path: Path, asked: dict[str, Any]) -> None:
    (tmp_path / "clean.jsonl").write_text('{"text": "One."}\n{"text": "Two."}\n')
    run = committed(tmp_path / "run")
    ablate_runs([str(run)], "out", reference_files=[str(tmp_path / "clean.jsonl")], sources=["web"])
    given = [text for _, text in asked["heldout"]["H1 reference"]]
    assert sorted(given) == ["One.", "Two."]  # in the order of a coin


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"arms": ["extrac"]}, "unknown arm 'extrac'"),
        ({"sources": ["webb"]}, "unknown source 'webb'"),
        ({"reference": ["bok"]}, "unknown source 'bok'"),
        ({"sources": ["web"], "reference": ["web"]}, "a --reference is in no arm"),
        ({"profile": "huge"}, "unknown profile 'huge'"),
        ({"reference_files": ["/nowhere.jsonl"]}, "/nowhere.jsonl"),
    ],
)
def test_a_mistake_is_one_line(
    options: dict[str, Any], message: str, tmp_path: Path, asked: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        ablate_runs([str(committed(tmp_path))], "out", **options)
    assert "\n" not in str(caught.value)
