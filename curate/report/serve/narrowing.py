"""What a list is narrowed by: as an address has it, and as SQL.

In: the parameters of an address. Out: a `Narrowing`, and back; or the same rows as a query to go on from.
"""

from __future__ import annotations

from collections.abc import Mapping

from curate.report.serve.browse import Narrowing
from curate.report.serve.tables import literal, quoted

KEPT = {"kept": True, "dropped": False}
MOST_CHARS = 2_000


def from_address(given: Mapping[str, str]) -> Narrowing:
    """An empty parameter says nothing.

    >>> from_address({"outcome": "kept", "text": ""})
    Narrowing(kept=True, reason=None, source=None, language=None, text=None, ignore_case=False)
    """
    reason, source, language, text = (
        given.get(name, "")[:MOST_CHARS] or None
        for name in ("reason", "source", "language", "text")
    )
    kept = KEPT.get(given.get("outcome", ""))
    return Narrowing(kept, reason, source, language, text, bool(given.get("any_case")))


def to_address(table: str, narrowed: Narrowing) -> dict[str, str]:
    """The parameters that `from_address` reads the same from."""
    outcome = {True: "kept", False: "dropped", None: ""}[narrowed.kept]
    values = {
        "table": table,
        "outcome": outcome,
        "reason": narrowed.reason,
        "source": narrowed.source,
        "language": narrowed.language,
        "text": narrowed.text,
        "any_case": "1" if narrowed.ignore_case else None,
    }
    return {name: value for name, value in values.items() if value}


def as_sql(table: str, narrowed: Narrowing) -> str:
    """The rows of a list as a query.

    >>> as_sql("01-read", Narrowing(kept=False, text="it's"))
    'SELECT id, drop, source, language, text\\nFROM "01-read"\\nWHERE NOT kept AND contains(text, \\'it\\'\\'s\\')'
    """
    conditions, values = narrowed.where()
    written = [
        condition.replace("?", literal(value))
        for condition, value in zip(conditions, values, strict=True)
    ]
    if narrowed.kept is not None:
        written.insert(0, "kept" if narrowed.kept else "NOT kept")
    where = f"\nWHERE {' AND '.join(written)}" if written else ""
    return f"SELECT id, drop, source, language, text\nFROM {quoted(table)}{where}"
