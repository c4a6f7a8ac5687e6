"""The dataset card of a run: README.md for people and the hub, croissant.json for machines.

In: a finished run, or one of its tables. Out: both files, in a folder of an export or in the run's
own. The sections are those of a datasheet (Gebru et al. 2018, arXiv:1803.09010), filled from the
ledger; what it does not hold is said to be not known. The decision: everything in the template is
escaped unless it says otherwise, so no document and no recipe can write Markdown of its own.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from curate.card import judged, ledger
from curate.card.croissant import Naming, croissant
from curate.card.data_files import Data, of_export, of_run, shards
from curate.card.facts import Facts, gather
from curate.card.front_matter import COLUMNS, front_matter
from curate.card.limits import limits, opt_out, personal
from curate.card.markdown import (
    as_yaml,
    code,
    documents,
    fenced,
    inline,
    plain,
    publishable,
)
from curate.errors import InputError, OutputError
from curate.finished import RUN, FinishedRun, open_run
from curate.report.formats import count, percent, size
from curate.store import absolute, read_json, unwritable, write_bytes

README, CROISSANT = "README.md", "croissant.json"
MARKER = "<!-- Written by curate from the ledger of a run. -->"
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
TOP = 10


@dataclass(frozen=True)
class About:
    """What only a person knows. `name`: as on the hub, `owner/name`; default: the recipe's."""

    name: str | None = None
    pretty_name: str | None = None
    license: str | None = None
    contact: str | None = None


class Ready(str):
    """Markdown that needs no escaping."""


def card(run_dir: str, output: str | None = None, about: About | None = None) -> Path:
    """Write README.md and croissant.json; `output` defaults to the run's folder. In the folder of an
    export (`curate export --to huggingface`) they describe its files, else the run's last table.

    `InputError`: no finished run, nothing kept, or an export of other documents. `OutputError`: the
    folder holds a README.md that is no card of ours, or cannot be written.
    """
    run = opened(run_dir)
    if "://" in (output or run.path):
        raise OutputError(f"cannot write to {output or run.path}: name a local folder by --output")
    folder = Path(output or run.path)
    check_ours(folder)
    exported = bool(shards(folder))
    facts = gather(run, text_bytes=not exported)
    data = of_export(folder) if exported else of_run(run.documents[-1], facts, folder)
    _check_same(run, facts, data, folder)
    given = about or About()
    metadata = croissant(_naming(run, facts, given), data)
    described = json.dumps(metadata, indent=1, ensure_ascii=False) + "\n"
    write_bytes(str(folder / CROISSANT), described.encode())
    write_bytes(str(folder / README), render(run, facts, data, given).encode())
    return folder / README


def opened(path: str) -> FinishedRun:
    """A run, or what a run is up to one of its tables. `InputError`: neither is there."""
    path = absolute(str(path)).rstrip("/")
    parent, _, name = path.rpartition("/")
    around = None if read_json(f"{path}/{RUN}") else read_json(f"{parent}/{RUN}")
    if around is None or name not in [entry["name"] for entry in around["tables"]]:
        return open_run(path)
    run = open_run(parent)
    names = [table.name for table in run.tables]
    part = replace(run, tables=run.tables[: names.index(name) + 1])
    if not part.tables[-1].holds_documents:
        raise InputError(f"{path} holds token shards, not documents; give the table before it")
    return part


def check_ours(folder: Path) -> None:
    """`OutputError` if a card would take the place of a file that we did not write."""
    readme = folder / README
    try:
        is_ours = MARKER in readme.read_text("utf-8", "replace") if readme.exists() else False
    except OSError as error:
        raise unwritable(str(readme), error) from None
    for path in (readme, folder / CROISSANT):
        if path.exists() and not is_ours:
            raise OutputError(f"{path} was not written by curate; choose another --output")


def render(run: FinishedRun, facts: Facts, data: Data, about: About) -> str:
    """The card as Markdown."""
    languages = [name for name, _ in facts.languages.top()]
    title = plain(about.pretty_name or about.name or run.name)
    licence = plain(about.license) if about.license else None
    text: str = (
        _environment()
        .get_template("card.md.jinja")
        .render(
            _of_ledger(run),
            title=title,
            place=about.name if HUB_NAME.fullmatch(about.name or "") else "path/to/this/folder",
            marker=Ready(MARKER),
            front=Ready(as_yaml(front_matter(title, licence, languages, data))),
            about=about,
            run=run,
            facts=facts,
            data=data,
            columns=COLUMNS,
            top=TOP,
            limits=list(limits(run, facts)),
            personal=list(personal(run, facts)),
        )
    )
    return text


def _of_ledger(run: FinishedRun) -> dict[str, Any]:
    made, libraries = ledger.versions(run)
    return {
        "sources": ledger.sources(run),
        "steps": ledger.steps(run),
        "tables": ledger.tables(run),
        "dedup": ledger.dropped_by(run, "dedup"),
        "dedup_steps": ledger.in_group(run, "dedup"),
        "alarms": ledger.alarms(run),
        "decontamination": ledger.dropped_by(run, "decontaminate"),
        "against": ledger.evaluation_sets(run),
        "audit": judged.audit(run),
        "verdict": judged.verdict(run),
        "opt_out": list(opt_out(run)),
        "made": made,
        "libraries": libraries,
        "recipe": Ready(fenced(as_yaml(publishable(dict(run.recipe))), "yaml")),
    }


def _naming(run: FinishedRun, facts: Facts, about: About) -> Naming:
    name = plain(about.pretty_name or about.name or run.name)
    created = max(str(table.manifest.get("created")) for table in run.tables)[:10]
    steps = ", ".join(dict.fromkeys(run.step_order)) or "none"
    return Naming(
        name=name,
        description=f"{documents(facts.documents)} for training language models; steps: {steps}.",
        licence=plain(about.license) if about.license else None,
        published=created,
        version=".".join(str(int(part)) for part in created.split("-")),
        cite_as=f"{name} ({created[:4]}), made with curate.",
    )


def _check_same(run: FinishedRun, facts: Facts, data: Data, folder: Path) -> None:
    wanted = {name: split.documents for name, split in facts.splits.items()}
    found = {split.name: split.documents for split in data.splits}
    if wanted != found:
        raise InputError(
            f"{folder} holds an export of {data.documents:,} documents, but {run.path} kept "
            f"{facts.documents:,}; export it anew or choose another --output"
        )


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=False,
        finalize=lambda value: value if isinstance(value, Ready) else inline(value),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= {"count": count, "size": size, "percent": percent, "documents": documents}
    found.filters |= {"code": lambda value: Ready(code(value)), "ready": Ready}
    return found
