"""The report page of a run: one HTML file that asks nothing of anybody.

In: a finished run. Out: `report.html`: no script, no request, no font from elsewhere (a content
security policy in the page forbids them), whatever the documents say. The decision: counts come
from manifests and are exact, pictures and examples from bounded reads, so the page of a large run
costs what the page of a small one costs.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from curate.audit.recall import FILE as AUDIT
from curate.audit.rules import bounds
from curate.errors import InputError
from curate.finished import FinishedRun, open_run
from curate.report import samples
from curate.report.forest import forest
from curate.report.funnel import funnel
from curate.report.histograms import histograms
from curate.store import read_json, unwritable

PAGE = "report.html"
RECIPE_CHARS = 20_000


def report(run_dir: str, output: str | None = None) -> Path:
    """Write the page of a run; `output` defaults to `report.html` in the run's folder.

    InputError: no finished run there, or it lies at a URL and no `output` is given. OutputError:
    the page cannot be written.
    """
    if output is None and "://" in str(run_dir):
        raise InputError(f"{run_dir} is not a local folder; name a local file for the page")
    path = Path(output or f"{run_dir}/{PAGE}")
    text = render(open_run(str(run_dir)))
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise unwritable(str(path), error) from None
    return path


def render(run: FinishedRun) -> str:
    """The page as HTML."""
    limits = bounds(run)
    recipe = yaml.safe_dump(dict(run.recipe), sort_keys=False, allow_unicode=True, width=90)
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            run=run,
            funnel=funnel(run, limits),
            histograms=histograms(run, limits),
            samples=samples.samples_by_reason(run),
            kept=samples.kept_samples(run),
            pairs=samples.near_pairs(run),
            labels=samples.label_counts(run),
            audit=read_json(f"{run.path}/{AUDIT}"),
            forest=forest(run.path),
            recipe=recipe[:RECIPE_CHARS],
            versions=sorted({str(table.manifest.get("code")) for table in run.tables}),
            created=max(str(table.manifest.get("created")) for table in run.tables),
        )
    )


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "count": count, "size": size, "percent": percent, "duration": duration, "number": number,
        "signed": signed,
    }  # fmt: skip
    return found


def count(value: float) -> str:
    """
    >>> count(1234567)
    '1,234,567'
    """
    return f"{value:,.0f}"


def size(value: float) -> str:
    """Bytes in decimal units.

    >>> size(1530), size(999), size(2.5e9)
    ('1.5 kB', '999 B', '2.5 GB')
    """
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= factor:
            return f"{value / factor:.1f} {unit}"
    return f"{value:.0f} B"


def percent(value: float) -> str:
    """A share as percent, never rounded to 0 % or 100 % when it is neither.

    >>> percent(0.5), percent(0.0001), percent(0.99999), percent(1)
    ('50.0 %', '< 0.1 %', '> 99.9 %', '100 %')
    """
    if value in (0, 1):
        return f"{value:.0%}".replace("%", " %")
    if value < 0.001:
        return "< 0.1 %"
    return "> 99.9 %" if value > 0.999 else f"{100 * value:.1f} %"


def duration(seconds: float) -> str:
    """
    >>> duration(4.26), duration(75), duration(7265)
    ('4.3 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"


def number(value: float) -> str:
    """Three significant digits.

    >>> number(0.12345), number(51234.0), number(3.0)
    ('0.123', '51,234', '3')
    """
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def signed(value: Any) -> str:
    """Three decimals with a real minus.

    >>> signed(-0.0415)
    '−0.042'
    """
    return f"{value:+.3f}".replace("-", "−")
