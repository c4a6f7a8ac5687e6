"""A chapter of a record's story as a terminal shows it.

In: a chapter. Out: lines. The decision: measurements are grouped by step and wrapped; of the steps,
only those that changed the text or dropped the document have lines of their own.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from curate.audit.diff import LINE_CHARS

if TYPE_CHECKING:
    from curate.audit.explain import Chapter, StepDeed


def chapter_lines(chapter: Chapter) -> Iterator[str]:
    """What happened in one table, what was measured there, and what its steps did."""
    outcome = chapter.state if chapter.drop is None else f"{chapter.state}: {chapter.drop}"
    yield f"{chapter.table} ({', '.join(chapter.steps)}): {outcome}"
    for line in chapter.broken:
        yield f"  {line}"
    sizes = [
        f"{chapter.text_chars:,} characters of text" if chapter.text_chars is not None else "",
        f"{chapter.content_bytes:,} bytes of content" if chapter.content_bytes is not None else "",
        f"language {chapter.language}" if chapter.language else "",
    ]
    if any(sizes):
        yield f"  {', '.join(filter(None, sizes))}"
    values = {
        **{name: f"{value:.4g}" for name, value in sorted(chapter.signals.items())},
        **chapter.labels,
    }
    grouped: dict[str, list[str]] = {}
    for name, value in values.items():
        step, _, rest = name.rpartition(".")
        grouped.setdefault(step, []).append(f"{rest} {value[:LINE_CHARS]}")
    for step, parts in grouped.items():
        listed = f"{step}: {', '.join(parts)}" if step else ", ".join(parts)
        yield from textwrap.wrap(listed, 100, initial_indent="  ", subsequent_indent="    ")
    for deed in chapter.deeds:
        yield from _deed_lines(deed)


def _deed_lines(deed: StepDeed) -> Iterator[str]:
    """A step that changed the text or dropped the document; the others only measured."""
    if deed.made_chars is not None:
        yield f"  {deed.step} made {deed.made_chars:,} characters of text"
    if deed.diff:
        yield f"  {deed.step} changed:"
        yield from (f"    {line}" for line in deed.diff)
    if deed.state != "kept":
        yield f"  {deed.step} dropped it: {deed.state}"
