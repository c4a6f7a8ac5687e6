"""What is dropped before extraction, and what must not be."""

from __future__ import annotations

import pytest

from curate.document import Document
from curate.extract.triage import glimpse
from curate.registry import build_step

GERMAN = (
    "Der Leuchtturmwärter schrieb jeden Abend über das Wetter, die Schiffe und den Preis des Öls. "
    "Am Morgen kamen die Fischer zurück, und er zählte ihre Boote, bevor er schlafen ging. "
)
ENGLISH = (
    "The keeper wrote every evening about the weather, the ships and the price of oil. "
    "In the morning the fishermen came back, and he counted their boats before he slept. "
)


def page(text: str, noise: str = "") -> bytes:
    return f"<html><body>{noise}<p>{text * 3}</p></body></html>".encode()


def outcome(content: bytes | None, media_type: str = "text/html", **parameters: object) -> Document:
    row = Document("ab", "web", "a#0", content=content, media_type=media_type)
    build_step("triage", parameters)(row)
    return row


def test_media_types() -> None:
    kept = outcome(page(ENGLISH), media_types=["text/html"])
    assert kept.drop is None and kept.content is not None
    lost = outcome(b"%PDF-", "application/pdf", media_types=["text/html"])
    assert (lost.drop, lost.content) == ("triage.media_type", None)
    assert outcome(b"%PDF-", "application/pdf").drop is None


@pytest.mark.parametrize(
    ("size", "drop"), [(9, "triage.bytes"), (10, None), (20, None), (21, "triage.bytes")]
)
def test_bounds_are_inclusive(size: int, drop: str | None) -> None:
    row = outcome(b"x" * size, min_bytes=10, max_bytes=20)
    assert (row.drop, row.signals["triage.bytes"]) == (drop, size)


def test_a_certain_other_language_is_dropped() -> None:
    row = outcome(page(GERMAN), languages=["en"])
    assert (row.drop, row.labels["triage.language"]) == ("triage.language", "de")
    assert row.signals["triage.language_score"] >= 0.9
    assert outcome(page(ENGLISH), languages=["en"]).drop is None
    assert outcome(page(GERMAN), languages=["en", "de"]).drop is None


def test_doubt_is_left_to_the_language_filter() -> None:
    assert outcome(page(GERMAN)[:120], languages=["en"]).drop is None  # too little text to judge
    mixed = page(GERMAN + ENGLISH)
    assert outcome(mixed, languages=["fr"], other_low=1.0).drop is None


def test_the_menu_and_scripts_do_not_decide() -> None:
    menu = "".join(f"<a href='/{n}'>Startseite</a>" for n in range(80))
    script = f"<script>var s = '{GERMAN * 9}'</script><style>{GERMAN * 9}</style>"
    assert outcome(page(ENGLISH, menu + script), languages=["en"]).drop is None


def test_a_document_with_text_passes() -> None:
    row = outcome(None, media_types=["text/html"], min_bytes=10)
    assert row.drop is None and row.signals == {}


@pytest.mark.parametrize("markup", ["", "<", "<script>" * 20_000, "<p>" + "x" * 10**6, "<" * 10**5])
def test_any_markup_has_a_glimpse(markup: str) -> None:
    assert isinstance(glimpse(markup), str)
