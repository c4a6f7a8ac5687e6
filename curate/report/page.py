"""The report page of a run: one HTML file that asks nothing of anybody.

In: a finished run. Out: `report.html`: no request, no font from elsewhere, and one small script of our
own, whatever the documents say (a content security policy in the page allows that script by its hash
and nothing else). Without script the page is whole; with it, bounds can be tried and documents
searched. The decision: counts come from manifests and are exact, pictures and examples from bounded
reads, so the page of a large run costs what the page of a small one costs. See `island` for why no
library draws here.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from curate.audit.curves import curves_svg
from curate.audit.recall import FILE as AUDIT
from curate.audit.recall import Curve
from curate.audit.rules import bounds
from curate.errors import InputError
from curate.finished import FinishedRun, open_run
from curate.report import formats, samples
from curate.report.composition import composition
from curate.report.cost import costs
from curate.report.forest import forest
from curate.report.funnel import funnel
from curate.report.histograms import histograms
from curate.report.island import island, policy, script
from curate.report.overlap import overlap
from curate.report.pairs import near_clusters
from curate.report.sankey import sankeys
from curate.store import read_json, unwritable

PAGE = "report.html"
RECIPE_CHARS = 20_000
PAGE_BYTES = 6_000_000  # what a phone still opens at once
SHARES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.07, 0.03)  # of the documents drawn


def report(run_dir: str, output: str | None = None, price_per_hour: float | None = None) -> Path:
    """Write the page of a run; `output` defaults to `report.html` in the run's folder.

    InputError: no finished run there, or it lies at a URL and no `output` is given. OutputError:
    the page cannot be written.
    """
    if output is None and "://" in str(run_dir):
        raise InputError(f"{run_dir} is not a local folder; name a local file for the page")
    path = Path(output or f"{run_dir}/{PAGE}")
    text = render(open_run(str(run_dir)), price_per_hour)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise unwritable(str(path), error) from None
    return path


def render(
    run: FinishedRun, price_per_hour: float | None = None, page_bytes: int = PAGE_BYTES
) -> str:
    """The page as HTML, of less than `page_bytes`: where it would be more, it shows fewer documents."""
    template = _environment().get_template("page.html.jinja")
    facts = _facts(run, price_per_hour)
    whole = samples.listing(run, facts["funnel"].reasons_in_order)
    without = template.render(**facts, documents=whole.cut(0))
    left = page_bytes - len(without.encode())
    documents = next(filter(lambda listed: listed.size_bytes < left, map(whole.cut, SHARES)), None)
    return template.render(**facts, documents=documents) if documents else without


def _facts(run: FinishedRun, price_per_hour: float | None) -> dict[str, Any]:
    """All that the page shows but for its documents."""
    limits = bounds(run)
    audit = read_json(f"{run.path}/{AUDIT}")
    curves = [Curve.from_json(curve) for curve in (audit or {}).get("curves", ())]
    counted = funnel(run, limits)
    drawn = histograms(run, limits)
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
        "composition": composition(run),
        "histograms": drawn,
        "thresholds": island([h.trial.as_json(h.trial_places) for h in drawn]),
        "overlap": overlap(run, limits),
        "clusters": near_clusters(run),
        "per_reason": samples.PER_REASON,
        "per_kept": samples.KEPT,
        "labels": samples.label_counts(run),
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
