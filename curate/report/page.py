"""The report page of a run: one HTML file that asks nothing of anybody.

In: a finished run. Out: `report.html`: no request, no font from elsewhere, and one small script of our
own, whatever the documents say (a content security policy in the page allows that script by its hash
and nothing else). Without script the page is whole; with it, bounds can be tried and documents
searched. The decision: all that it says is of all documents, and it is as large for a billion of them as
for a thousand; a run too large for this process is read by Spark. See `island` for why no library draws
here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from curate.audit.curves import curves_svg
from curate.audit.recall import FILE as AUDIT
from curate.audit.recall import Curve
from curate.audit.rules import Bound, bounds
from curate.errors import InputError
from curate.finished import FinishedRun, open_run
from curate.report import formats, samples
from curate.report.composition import composition
from curate.report.cost import costs
from curate.report.cuts import cuts
from curate.report.facts.draw import KEPT, PER_REASON
from curate.report.facts.gather import Archive, gather, is_small
from curate.report.facts.of_table import Facts
from curate.report.forest import forest
from curate.report.funnel import funnel
from curate.report.histograms import histograms
from curate.report.island import island, policy, script
from curate.report.overlap import overlap
from curate.report.pairs import near_clusters
from curate.report.sankey import sankeys
from curate.run import telling
from curate.spark import session
from curate.store import read_json, unwritable
from curate.table import Table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PAGE = "report.html"
RECIPE_CHARS = 20_000
PAGE_BYTES = 6_000_000  # what a phone still opens at once
SHARES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.07, 0.03)  # of the documents drawn


def report(
    run_dir: str,
    output: str | None = None,
    price_per_hour: float | None = None,
    spark: Callable[[], SparkSession] = session,
) -> Path:
    """Write the page of a run; `output` defaults to `report.html` in the run's folder. `spark` is
    called for a run too large for this process.

    InputError: no finished run there, or it lies at a URL and no `output` is given. OutputError:
    the page cannot be written. WorkError: Spark failed.
    """
    if output is None and "://" in str(run_dir):
        raise InputError(f"{run_dir} is not a local folder; name a local file for the page")
    path = Path(output or f"{run_dir}/{PAGE}")
    run = open_run(str(run_dir))
    with telling("report", Table(run.path), None):
        text = render(run, price_per_hour, spark=spark)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise unwritable(str(path), error) from None
    return path


def render(
    run: FinishedRun,
    price_per_hour: float | None = None,
    page_bytes: int = PAGE_BYTES,
    spark: Callable[[], SparkSession] = session,
) -> str:
    """The page as HTML, of less than `page_bytes`: where it would be more, it shows fewer documents."""
    template = _environment().get_template("page.html.jinja")
    limits = bounds(run)
    archive = Archive(None if is_small(run) else spark())
    facts = gather(run, limits, archive.spark)
    parts = _parts(run, limits, facts, archive, price_per_hour)
    whole = samples.listing(run, parts["funnel"].reasons_in_order, facts, archive)
    without = template.render(**parts, documents=whole.cut(0))
    left = page_bytes - len(without.encode())
    documents = next(filter(lambda listed: listed.size_bytes < left, map(whole.cut, SHARES)), None)
    return template.render(**parts, documents=documents) if documents else without


def _parts(
    run: FinishedRun,
    limits: Mapping[str, Bound],
    facts: Mapping[str, Facts],
    archive: Archive,
    price_per_hour: float | None,
) -> dict[str, Any]:
    """All that the page shows but for its documents."""
    audit = read_json(f"{run.path}/{AUDIT}")
    curves = [Curve.from_json(curve) for curve in (audit or {}).get("curves", ())]
    counted = funnel(run, limits)
    drawn = histograms(run, limits, facts)
    agreements = [facts[table.name].agreement for table in run.documents]
    recipe = yaml.safe_dump(dict(run.recipe), sort_keys=False, allow_unicode=True, width=90)
    return {
        "run": run,
        "limits": limits,
        "policy": policy(script()),
        "script": script(),
        "funnel": counted,
        "sankeys": sankeys(run),
        "costs": costs(counted.steps, price_per_hour),
        "price_per_hour": price_per_hour,
        "composition": composition(run, facts),
        "histograms": drawn,
        "thresholds": island([h.trial.as_json(h.trial_places) for h in drawn]),
        "overlap": overlap(agreements, list(limits.values()), counted.dropped),
        "clusters": near_clusters(run, facts, archive),
        "cuts": cuts(run, facts, archive),
        "per_reason": PER_REASON,
        "per_kept": KEPT,
        "labels": samples.label_counts(run, facts),
        "audit": audit,
        "curves": Markup(curves_svg(curves)) if curves else None,
        "forest": forest(run.path),
        "recipe": recipe[:RECIPE_CHARS],
        "versions": sorted({str(table.manifest.get("code")) for table in run.tables}),
        "created": max(str(table.manifest.get("created")) for table in run.tables),
    }


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= formats.FILTERS
    return found
