"""A comparison as a terminal shows it: aligned, short, and harmless.

In: the parts of a comparison. Out: lines. The decision: what came from documents (domains, languages,
texts, reasons) may not move the cursor: every line passes `printable`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from curate.compare.decisions import Decisions, Sample, Switch
from curate.compare.drift import Drift
from curate.compare.fates import KEPT
from curate.compare.funnel import Difference, Funnel, Ledgers
from curate.compare.presence import Part, Presence
from curate.compare.recipes import Change
from curate.document import encodable
from curate.report.text import shown

TOP = 10
ROUNDED_TO_0 = 5e-5
VALUE_CHARS = 100
NAME_CHARS = 60


def printable(line: str) -> str:
    """One line without control characters.

    >>> printable("a\\x1b[31m\\nb")
    'a\\ufffd[31m b'
    """
    return shown(encodable(line)).replace("\n", " ").replace("\t", " ")


def recipe_lines(changes: Sequence[Change], most: int | None) -> Iterator[str]:
    """What was done differently."""
    yield f"recipe: {_times(len(changes), 'difference')}"
    for change in changes[:most]:
        old, new = (
            "(not there)" if v is None else _cut(v, VALUE_CHARS) for v in (change.a, change.b)
        )
        yield f"  {change.where}: {old} -> {new}"
    yield from _rest(changes, most)


def funnel_lines(funnel: Funnel, most: int | None) -> Iterator[str]:
    """Counts and shares of the whole run, then what each table and source kept."""
    whole = funnel.whole.total
    rows = [whole.records, whole.documents, whole.kept, whole.kept_bytes]
    rows += [funnel.tokens] if funnel.tokens else []
    yield "funnel (exact, from the manifests)"
    yield from _differences(rows)
    for title, reasons in (("dropped", whole.dropped), ("not a document", whole.non_documents)):
        changed = [reason for reason in reasons if reason.differs]
        if reasons:
            yield f"{title}: {len(changed)} of {_times(len(reasons), 'reason')} changed"
            yield from _differences(changed[:most])
            yield from _rest(changed, most)
    yield from _kept("kept by table", [(flow.name, flow.total) for flow in funnel.tables], most)
    if len(funnel.whole.by_source) > 1:
        sources = [(ledgers.name, ledgers) for ledgers in funnel.whole.by_source]
        yield from _kept("kept by source", sources, most)
    for side, names in (("A", funnel.only_a), ("B", funnel.only_b)):
        if names:
            yield f"only {side} has the table{'s'[: len(names) > 1]} {', '.join(names)}"


def drift_lines(drift: Drift, most: int | None) -> Iterator[str]:
    """Signals by falling PSI."""
    words = [signal.population.word for signal in drift.signals]
    counts = ", ".join(f"{words.count(word)} {word}" for word in ("stable", "shifted", "changed"))
    yield (
        f"signals: {len(words)} measured in both ({counts}); rows of A: "
        f"{drift.look_a.sentence()}; of B: {drift.look_b.sentence()}"
    )
    moved = [signal for signal in drift.signals if signal.population.ks_d > 0]
    if moved:
        table = [["", "PSI", "", "D", "p", "delta", "median A", "median B", "PSI kept", "D kept"]]
        for signal in moved[:most]:
            of = signal.population
            kept = (
                (f"{signal.kept.psi:.3f}", f"{signal.kept.ks_d:.3f}") if signal.kept else ("", "")
            )
            said = "by chance?" if of.by_chance else of.word
            table.append(
                [_cut(signal.signal, NAME_CHARS), f"{of.psi:.3f}", said, f"{of.ks_d:.3f}",
                 f"{of.ks_p:.2g}", f"{of.cliffs_delta:+.3f}", f"{of.median_a:.4g}",
                 f"{of.median_b:.4g}", *kept]
            )  # fmt: skip
        yield from _aligned(table)
        yield from _rest(moved, most)
    for side, names in (("A", drift.only_a), ("B", drift.only_b)):
        if names:
            yield f"  only {side} measured {_listed(names, most)}"


def presence_lines(presence: Sequence[Presence], most: int | None) -> Iterator[str]:
    """Gains and losses of domains, languages, sources; in short, those that are not rounded to 0."""
    yield "kept documents by domain, language and source"
    for of in presence:
        distance = "-" if of.total_variation is None else f"{of.total_variation:.4f}"
        yield (
            f"{of.of}: {of.parts_a:,} in A, {of.parts_b:,} in B, total variation {distance} "
            f"(documents of A: {of.look_a.sentence()}; of B: {of.look_b.sentence()})"
        )
        chosen = [
            part
            for parts in (of.gains, of.losses)
            for part in parts[:most]
            if most is None or abs(part.change) >= ROUNDED_TO_0
        ]
        if chosen:
            head = ["", "A", "B", "share A", "share B", "change"]
            yield from _aligned([head, *map(_part, chosen)])
        if left := len(of.gains) + len(of.losses) - len(chosen):
            yield f"  … {left:,} more (--all)"
        for word, parts, number in (
            ("appeared", of.appeared, of.appeared_parts),
            ("vanished", of.vanished, of.vanished_parts),
        ):
            if number:
                named = [f"{_cut(part.name, NAME_CHARS)} ({part.a + part.b:,})" for part in parts]
                yield f"  {number:,} {word}: {_listed(named, most, number)}"


def decision_lines(decisions: Decisions, most: int | None) -> Iterator[str]:
    """Documents that one run kept and the other dropped."""
    share = "" if decisions.share is None else f" ({decisions.share:.2%})"
    yield (
        f"decided differently: {decisions.decided_differently:,} of {decisions.matched:,} documents "
        f"in both{share}, matched by {decisions.key}"
    )
    if decisions.key == "url":
        yield "  the runs share no ids (or their ids are other pages), so URLs were compared"
    if decisions.repeated:
        yield f"  {decisions.repeated:,} rows repeat a document of their own run, and were not counted"
    if decisions.other_url:
        yield f"  {decisions.other_url:,} with the same id have another URL, and were left out"
    yield from _switches(decisions.switches, most)
    if decisions.other_rule:
        total = sum(switch.documents for switch in decisions.other_rule)
        yield f"dropped in both by different rules: {total:,}"
        yield from _switches(decisions.other_rule, most)
    for side, counts in (("A", decisions.only_a), ("B", decisions.only_b)):
        if counts:
            listed = [f"{n:,} {name}" for name, n in counts.items()]
            yield f"only in {side}: {sum(counts.values()):,} ({_listed(listed, most)})"


def _switches(switches: Sequence[Switch], most: int | None) -> Iterator[str]:
    for switch in switches[:most]:
        yield f"  {switch.documents:,}  {switch.a} -> {switch.b}"
        for sample in switch.samples:
            yield from _sample(sample)
    yield from _rest(switches, most)


def _sample(sample: Sample) -> Iterator[str]:
    yield f"      {sample.id}  {sample.place}"
    for name, side in (("A", sample.a), ("B", sample.b)):
        said = "kept" if side.outcome == KEPT else "dropped"
        yield f"        {name}: {'; '.join((said, *side.evidence))}"
    if sample.preview:
        yield f"        “{sample.preview}”"


def _differences(rows: Sequence[Difference]) -> Iterator[str]:
    if rows:
        table = [["", "A", "B", "B - A", "share A", "share B", "change"]]
        yield from _aligned([*table, *map(_difference, rows)])


def _difference(row: Difference) -> list[str]:
    shares = [_percent(row.share_a), _percent(row.share_b), _points(row.share_change)]
    return [_cut(row.name, NAME_CHARS), f"{row.a:,}", f"{row.b:,}", f"{row.b - row.a:+,}", *shares]


def _kept(title: str, parts: Sequence[tuple[str, Ledgers]], most: int | None) -> Iterator[str]:
    """What was kept of what was read, by table or source; those that changed."""
    changed = [(name, ledgers.kept) for name, ledgers in parts if ledgers.differs]
    if parts:
        yield f"{title}: {len(changed)} of {len(parts)} changed"
    yield from _differences([replace(kept, name=name) for name, kept in changed[:most]])
    yield from _rest(changed, most)


def _part(part: Part) -> list[str]:
    shares = [_percent(part.share_a), _percent(part.share_b), _points(part.change)]
    return [_cut(part.name, NAME_CHARS), f"{part.a:,}", f"{part.b:,}", *shares]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"


def _points(change: float | None) -> str:
    """A change of a share in percentage points."""
    return "" if change is None else f"{100 * change:+.2f}"


def _times(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s'[: number != 1]}"


def _listed(names: Sequence[str], most: int | None, number: int | None = None) -> str:
    """The first of `number` names."""
    left = (number or len(names)) - len(names[:most])
    return ", ".join(names[:most]) + (f" and {left:,} more" if left > 0 else "")


def _rest(entries: Sequence[object], most: int | None) -> Iterator[str]:
    if most is not None and len(entries) > most:
        yield f"  … {len(entries) - most:,} more (--all)"


def _cut(text: str, chars: int) -> str:
    return text if len(text) <= chars else f"{text[: chars - 1]}…"


def _aligned(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The first column left, the others right."""
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for name, *values in cells:
        padded = [value.rjust(width) for value, width in zip(values, widths[1:], strict=True)]
        yield "  ".join(["  " + name.ljust(widths[0]), *padded]).rstrip()
