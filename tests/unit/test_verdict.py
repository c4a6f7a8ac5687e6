"""The arms a run gives: what each table kept, as text; before extraction, the page as it is."""

from __future__ import annotations

from curate.document import Document
from curate.verdict import _text


def test_a_page_before_extraction_is_its_markup() -> None:
    markup = "<p>Größe\nzwei</p>"
    page = Document(
        "1", "web", "a", content=markup.encode("latin-1"), labels={"charset": "latin-1"}
    )
    assert _text(page) == markup


def test_a_text_is_itself() -> None:
    assert _text(Document("1", "web", "a", text="plain\ntext")) == "plain\ntext"
