"""What a reader has to know before using a dataset, as sentences that follow from its run.

Enters: a finished run and the facts of its rows. Leaves: sentences. The decision: each stands for a
condition that was checked (a step that is not there, a backend, a count), so none is boilerplate.
"""

from __future__ import annotations

from collections.abc import Iterator

from curate.card.facts import MASKS, Facts
from curate.card.ledger import crawls, in_group, params_of
from curate.card.markdown import documents
from curate.finished import FinishedRun

MASK_NAMES = {
    "email": "e-mail addresses",
    "iban": "bank account numbers (IBAN)",
    "card": "payment card numbers",
    "ip": "public IP addresses",
    "phone": "telephone numbers",
}


def limits(run: FinishedRun, facts: Facts) -> Iterator[str]:
    """Known limits, of the steps first."""
    yield from _of_steps(run, facts)
    if facts.domains.total < facts.documents:
        missing = documents(facts.documents - facts.domains.total)
        yield f"No site is known for {missing} without a URL that has a host."
    if facts.repeated:
        yield (
            f"The mix asks for {documents(facts.repeated)} more than once; each stands here once, and "
            "mix.copies in its signals says how often it is wanted."
        )
    if facts.planted:
        yield (
            f"The ledger counts {documents(facts.planted)} that the audit had planted and that the "
            "data leaves out."
        )
    yield "Whether what the texts say is true was not checked."


def _of_steps(run: FinishedRun, facts: Facts) -> Iterator[str]:
    if not in_group(run, "dedup"):
        yield "No deduplication was run: documents may occur more than once."
    if "decontaminate" not in run.step_order:
        yield "No decontamination was run: text of evaluation sets may be in it."
    if "private" in run.step_order:
        yield (
            "Only personal data with a checkable form was masked; names, postal addresses and what is "
            "said about a person are still there."
        )
    if not facts.languages.total:
        yield "No document has a language: it was not determined."
    elif "language" in run.step_order:
        yield "Languages were told by a classifier, which errs on short and mixed texts."
    if facts.backends.count("profanity"):
        yield (
            "Toxicity was judged by words (alt-profanity-check), which knows no meaning: it misses "
            "hatred in decent words and minds quotations and reclaimed words."
        )


def personal(run: FinishedRun, facts: Facts) -> Iterator[str]:
    """What was done about personal data."""
    if "private" not in run.step_order:
        yield "Nothing was masked: the run has no step for personal data."
        return
    asked = {kind for params in params_of(run, "private") for kind in params.get("kinds", MASKS)}
    for kind in MASKS:
        masked, masks = facts.masked.get(kind, (0, 0))
        if kind in asked:
            yield f"{MASK_NAMES[kind]}: {masks:,} masked, in {documents(masked)} of those kept"
        else:
            yield f"{MASK_NAMES[kind]}: not masked"


def opt_out(run: FinishedRun) -> Iterator[str]:
    """Whether those who fetched the documents heeded wishes not to be used."""
    known = crawls(run)
    for crawl in known:
        words = ", ".join(crawl.obeyed) or "none"
        yield (
            f"The source {crawl.source} was fetched by curate's crawler, which obeys robots.txt (RFC "
            f"9309) under the name {crawl.user_agent}; directives in pages and headers that it "
            f"honoured: {words}."
        )
    names = {crawl.source for crawl in known}
    others = [name for name in run.documents[0].table.counts() if name not in names]
    if others:
        listed = ", ".join(others[:10]) + (" and others" if len(others) > 10 else "")
        yield (
            "Whether robots.txt and other signals of opting out were heeded when these sources were "
            f"gathered is not recorded in the run: {listed}."
        )
