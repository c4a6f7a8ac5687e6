"""A recipe: YAML in, checked sources and built steps out.

The decision: everything that can be wrong with a recipe is found here, before any work starts, and
answered with one line that names the file, the line and the known alternatives. Neighbouring row
steps fuse into one stage; `commit` ends a stage early, so that its documents become a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml

from curate.errors import InputError, RecipeError
from curate.override import override
from curate.registry import GROUP_OF, GROUPS, ROW_GROUPS, STEPS, build_step, unknown
from curate.source import FORMATS
from curate.source.common_crawl.selection import CRITERIA, Select
from curate.source.formats import check_options
from curate.step import Only
from curate.table import committed

__all__ = ["Recipe", "Source", "Stage", "Step", "build_step", "load", "parse"]

TOP_KEYS = ("name", "sources", "steps", "measure_dropped", "slice_bytes")
SOURCE_KEYS = ("name", "format", "path", "options", "base", "files", "select")
COMMIT = "commit"
SLICE_BYTES = 8 << 30


@dataclass(frozen=True)
class Source:
    """Where documents come from. `format` None: told by each file's name.

    `base`: what the names in a list of files, or in an index, are relative to. `files`: how many of
    the files are read, None for all. `select`: `path` is an index, and only the records it names
    that meet the criteria are read.
    """

    name: str
    path: tuple[str, ...]
    format: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    base: str | None = None
    files: int | None = None
    select: Select | None = None

    def describe(self) -> dict[str, Any]:
        """The source as a recipe would write it, without the keys added later that are not set:
        they would change the fingerprints of older runs."""
        described: dict[str, Any] = {
            "name": self.name,
            "path": list(self.path),
            "format": self.format,
            "options": dict(self.options),
        }
        select = None if self.select is None else self.select.describe()
        added = {"base": self.base, "files": self.files, "select": select}
        return {**described, **{key: value for key, value in added.items() if value is not None}}


@dataclass(frozen=True)
class Step:
    """A step as the recipe gives it, and built."""

    name: str
    params: Mapping[str, Any]
    built: Any

    @property
    def group(self) -> str:
        """The part of the flow it belongs to: "filter", "dedup" …"""
        return GROUP_OF[self.name]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Other files the step reads (evaluation sets, word lists), for fingerprints."""
        built = self.built.step if isinstance(self.built, Only) else self.built
        return tuple(built.inputs()) if hasattr(built, "inputs") else ()


@dataclass(frozen=True)
class Stage:
    """What becomes one committed table: fused row steps, or one set step."""

    name: str
    kind: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Recipe:
    """Sources and steps. `measure_dropped`: share of dropped documents the later filters still
    measure. `slice_bytes`: input bytes that commit together."""

    name: str
    sources: tuple[Source, ...]
    steps: tuple[Step | str, ...]
    measure_dropped: float = 0.0
    slice_bytes: int = SLICE_BYTES

    def stages(self) -> list[Stage]:
        """The tables of a run, in order, named `01-extract-filter`, `02-dedup` …"""
        groups = list(_fuse(self.steps))
        return [stage_of(steps, f"{number:02d}-") for number, steps in enumerate(groups, 1)]

    def describe(self) -> dict[str, Any]:
        """The recipe as plain data: what manifests and fingerprints hold."""
        return {
            "name": self.name,
            "sources": [source.describe() for source in self.sources],
            "steps": [s if isinstance(s, str) else {s.name: dict(s.params)} for s in self.steps],
            "measure_dropped": self.measure_dropped,
            "slice_bytes": self.slice_bytes,
        }


def stage_of(steps: Sequence[Step], prefix: str = "") -> Stage:
    """One stage of fusible steps, named by the groups it covers."""
    covered = {step.group for step in steps}
    label = "-".join(group for group in GROUPS if group in covered) or "read"
    group = steps[-1].group if steps else "read"
    kind = "rows" if group in ROW_GROUPS else "tokens" if group == "tokenize" else "set"
    return Stage(f"{prefix}{label}", kind, tuple(steps))


def load(path: str, overrides: Sequence[str] = (), inputs: Sequence[str] = ()) -> Recipe:
    """Read a recipe file (or the name of a bundled one), apply `key=value` overrides, and let
    `inputs` (source files, or one committed table) take the place of its sources."""
    file = Path(path)
    if not file.is_file():
        file = bundled(path)
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the recipe {path}: {error}") from None
    return parse(text, str(path), overrides, inputs)


def bundled(name: str) -> Path:
    """The file of a recipe that comes with the package: `web`, `code`, `book` …"""
    import pipelines

    folder = Path(pipelines.__path__[0]) / "recipes"
    file = folder / f"{name}.yaml"
    if not file.is_file():
        known = [entry.stem for entry in folder.glob("*.yaml")]
        raise InputError(
            f"no such recipe file: {name}. Bundled recipes: {', '.join(sorted(known))}"
        )
    return file


def parse(
    text: str, where: str = "recipe", overrides: Sequence[str] = (), inputs: Sequence[str] = ()
) -> Recipe:
    """Check and build a recipe. `overrides` are `a.b.0=value`; `inputs` replace the sources."""
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise RecipeError(f"{where}{line}: not valid YAML: {_first_line(error)}") from None
    if not isinstance(data, dict):
        raise RecipeError(f"{where}: a recipe is a mapping with 'sources' and 'steps'")
    for change in overrides:
        override(data, change)
    if inputs:
        data["sources"] = _replaced(data.get("sources"), inputs)
    return _Reader(where, node).recipe(data)


class _Reader:
    """Checks plain data part by part; knows on which line each part stands."""

    def __init__(self, where: str, node: yaml.Node | None) -> None:
        self.where, self.node = where, node
        self.source_names: list[str] = []

    def recipe(self, data: dict[str, Any]) -> Recipe:
        for key in data:
            if key not in TOP_KEYS:
                self.fail(unknown("key", str(key), TOP_KEYS), key)
        share = data.get("measure_dropped", 0.0)
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            self.fail(
                f"measure_dropped: expected a share from 0 to 1, got {share!r}", "measure_dropped"
            )
        size = data.get("slice_bytes", SLICE_BYTES)
        if isinstance(size, bool) or not isinstance(size, int) or size <= 0:
            self.fail(f"slice_bytes: expected a number of bytes, got {size!r}", "slice_bytes")
        sources = tuple(
            self.source(i, item) for i, item in enumerate(self.list_of(data, "sources"))
        )
        self.source_names = [source.name for source in sources]
        steps = tuple(self.step(i, item) for i, item in enumerate(self.list_of(data, "steps")))
        if len({source.name for source in sources}) < len(sources):
            self.fail("two sources have the same name", "sources")
        recipe = Recipe(str(data.get("name", Path(self.where).stem)), sources, steps, share, size)
        self.order(recipe)
        return recipe

    def order(self, recipe: Recipe) -> None:
        """A step after `tokenize`, or no step at all, is a mistake."""
        names = [step if isinstance(step, str) else step.name for step in recipe.steps]
        if "tokenize" in names[:-1]:
            self.fail("'tokenize' has to be the last step", "steps", names.index("tokenize"))
        for number, step in enumerate(recipe.steps):
            weights = getattr(step.built, "weights", None) if isinstance(step, Step) else None
            for name in weights or ():
                if name not in self.source_names:
                    message = unknown("source in the weights:", name, self.source_names)
                    self.fail(message, "steps", number)

    def list_of(self, data: dict[str, Any], key: str) -> list[Any]:
        value = data.get(key)
        if not isinstance(value, list) or not value:
            self.fail(f"'{key}' has to be a list with at least one entry", key)
        return value

    def step(self, index: int, item: Any) -> Step | str:
        at = ("steps", index)
        if isinstance(item, str):
            item = {item: {}}
        if not isinstance(item, dict) or len(item) != 1:
            self.fail(f"a step is written `- name: {{parameter: value}}`, got {item!r}", *at)
        (name, params), *_ = item.items()
        params = {} if params is None else params
        if name == COMMIT:
            return COMMIT
        if name not in STEPS:
            self.fail(unknown("step", str(name), [*STEPS, COMMIT]), *at)
        if not isinstance(params, dict):
            self.fail(f"the parameters of '{name}' have to be a mapping, got {params!r}", *at)
        try:
            return Step(name, params, self.build(name, dict(params)))
        except RecipeError as error:
            wrong = next((key for key in params if f"{name}.{key}" in str(error)), None)
            self.fail(str(error), *at, name, *([wrong] if wrong else []))

    def build(self, name: str, params: dict[str, Any]) -> Any:
        """The step, restricted to the sources that `only` names."""
        only = params.pop("only", None)
        built = build_step(name, params)
        if only is None:
            return built
        if GROUP_OF[name] not in ROW_GROUPS:
            raise RecipeError(f"{name}.only: '{name}' looks at all documents together")
        if not isinstance(only, list) or not all(name in self.source_names for name in only):
            known = ", ".join(self.source_names)
            raise RecipeError(f"{name}.only: expected a list of sources ({known}), got {only!r}")
        return Only(built, frozenset(only))

    def source(self, index: int, item: Any) -> Source:
        at = ("sources", index)
        if isinstance(item, str):
            item = {"path": item}
        if not isinstance(item, dict) or "path" not in item:
            self.fail(
                "a source is written `- {name: web, format: warc, path: crawl/*.warc.gz}`", *at
            )
        for key in item:
            if key not in SOURCE_KEYS:
                self.fail(unknown("key of a source", str(key), SOURCE_KEYS), *at, key)
        path = item["path"] if isinstance(item["path"], list) else [item["path"]]
        if not path or not all(isinstance(part, str) and part for part in path):
            self.fail(
                f"path: expected a path or a list of paths, got {item['path']!r}", *at, "path"
            )
        format = item.get("format")
        if format is not None and str(format) not in FORMATS:
            self.fail(unknown("format", str(format), FORMATS), *at, "format")
        options = item.get("options") or {}
        if not isinstance(options, dict):
            self.fail(f"options: expected a mapping, got {options!r}", *at, "options")
        if not all(isinstance(value, str) for value in options.values()):
            self.fail(f"options: expected text for every value, got {options!r}", *at, "options")
        if format is not None:
            try:
                check_options(FORMATS[format], options)
            except InputError as error:
                self.fail(str(error), *at, "options")
        name = str(item.get("name", f"source{index}"))
        base, files = item.get("base"), item.get("files")
        if base is not None and (not isinstance(base, str) or not base):
            self.fail(f"base: expected a folder or URL, got {base!r}", *at, "base")
        if files is not None and (
            isinstance(files, bool) or not isinstance(files, int) or files < 1
        ):
            self.fail(f"files: expected a number of files, got {files!r}", *at, "files")
        select = self.select(item["select"], *at, "select") if "select" in item else None
        if select is not None and format not in (None, "warc"):
            self.fail(f"select: an index names records of WARC files, not {format}", *at, "format")
        return Source(name, tuple(path), format, options, base, files, select)

    def select(self, given: Any, *at: str | int) -> Select:
        """The criteria of a source that is an index."""
        if not isinstance(given, dict):
            self.fail(f"select: expected a mapping such as {{language: eng}}, got {given!r}", *at)
        for key in given:
            if key not in CRITERIA:
                self.fail(unknown("key of select", str(key), CRITERIA), *at, key)
        try:
            return Select.parse(given)
        except ValueError as error:
            self.fail(f"select.{error}", *at, str(error).partition(":")[0])

    def fail(self, message: str, *path: str | int) -> NoReturn:
        line = _line(self.node, path)
        raise RecipeError(f"{self.where}{f':{line}' if line else ''}: {message}")


def _replaced(declared: Any, inputs: Sequence[str]) -> list[dict[str, Any]]:
    """The sources a step command has: a table's own, or the recipe's only one with other files."""
    table = committed(inputs)
    if table is not None:
        return [{"name": name, "path": list(inputs)} for name in table.require()["counts"]]
    if isinstance(declared, list) and len(declared) == 1 and isinstance(declared[0], dict):
        return [{**declared[0], "path": list(inputs)}]
    return [{"name": "input", "path": list(inputs)}]


def _first_line(error: Exception) -> str:
    return str(getattr(error, "problem", None) or error).splitlines()[0]


def _line(node: yaml.Node | None, path: Sequence[str | int]) -> int | None:
    """The line of the deepest part of `path` that the file really holds."""
    if node is None:
        return None
    for key in path:
        found: yaml.Node | None = None
        if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            found = node.value[key]
        elif isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                if name.value == str(key):
                    # the key's own line, so that a wrong key is pointed at exactly
                    value.start_mark = name.start_mark
                    found = value
        if found is None:
            break
        node = found
    return int(node.start_mark.line) + 1


def _fuse(steps: Sequence[Step | str]) -> Iterator[list[Step]]:
    """Runs of row steps, cut at `commit`; every set step alone."""
    held: list[Step] = []
    started = False
    for step in steps:
        if isinstance(step, str):
            if held or not started:
                yield held
            held, started = [], True
        elif step.group in ROW_GROUPS:
            held.append(step)
        else:
            if held or not started:
                yield held
            yield [step]
            held, started = [], True
    if held or not started:
        yield held
