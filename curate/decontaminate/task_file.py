"""A task file of lm-evaluation-harness: where its items are, and which of their text a model sees.

Enters: a YAML file with `dataset_path: json` (csv, parquet, text), `dataset_kwargs.data_files`, a split,
and the templates `doc_to_text`, `doc_to_target`, `doc_to_choice` (lm-evaluation-harness,
docs/new_task_guide.md). Leaves: the data files, a relative one beside the task file, and a function
from a record to its texts. The decision: the words of the template itself ("Question:", "Answer:")
are no part of an item. They stand in no copy of it, and would make a short question match nothing; so
a template is rendered with its own words as borders between texts.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml
from jinja2 import StrictUndefined, Template, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from curate.errors import InputError
from curate.store import file_system

SUFFIXES = (".yaml", ".yml")
TEMPLATES = ("doc_to_text", "doc_to_target", "doc_to_choice")
LOADERS = ("json", "csv", "parquet", "text")
SPLITS = ("test_split", "validation_split", "training_split")
_CODE = (*TEMPLATES, "process_docs", "custom_dataset", "class")
_MOST_INCLUDES = 20
_BORDER = "\x00"
_WORD = re.compile(r"[^\W_]")


@dataclass(frozen=True)
class Function:
    """Code that a task file names with `!function`."""

    name: str


@dataclass(frozen=True)
class Task:
    """A task file. `texts` gives the texts of a record of one of its `data_files`."""

    path: str
    name: str
    data_files: tuple[str, ...]
    templates: Mapping[str, Any] = field(default_factory=dict)

    def texts(self, record: Mapping[str, Any], index: int) -> tuple[str, ...]:
        """What the templates show of a record, their own words left out."""
        try:
            shown = [text for value in self.templates.values() for text in _rendered(value, record)]
        except (TemplateError, TypeError, ValueError, AttributeError, LookupError) as error:
            raise InputError(
                f"task file {self.path}: item {index}: a template fails: {_line(error)}"
            ) from None
        return tuple(dict.fromkeys(text for text in shown if _WORD.search(text)))


def read(path: str, by_fields: bool = False) -> Task:
    """The task in a file. With `by_fields` its templates are not needed. Raises `InputError` for one
    that needs Python code, a data set that is not in files, and a file that is no task."""
    config = _load(path)
    code = [key for key in (() if by_fields else _CODE) if _has_function(config.get(key))]
    if code:
        _fail(path, f"{code[0]} is Python code (!function), which is not run; {_ADVICE}")
    if not by_fields and config.get("use_prompt"):
        _fail(path, f"use_prompt takes the prompt from another library; {_ADVICE}")
    if "dataset_path" not in config:
        kind = "a group of tasks" if "group" in config or "task_list" in config else "no task"
        _fail(path, f"this is {kind} (no dataset_path); give the files of its tasks")
    files = tuple(_beside(path, name) for name in _data_files(path, config))
    given = (
        {} if by_fields else {key: config[key] for key in TEMPLATES if config.get(key) is not None}
    )
    try:
        templates = {key: _compiled(value) for key, value in given.items()}
    except TemplateError as error:
        _fail(path, f"a template is wrong: {_line(error)}")
    if not templates and not by_fields:
        _fail(path, f"none of {', '.join(TEMPLATES)}; {_ADVICE}")
    name = config.get("task")
    return Task(path, name if isinstance(name, str) else _stem(path), files, templates)


_ADVICE = "give the data file itself, or name its fields with `fields`"


class _Loader(yaml.SafeLoader):
    """Knows `!function module.name`, and runs nothing."""


_Loader.add_constructor("!function", lambda loader, node: Function(str(node.value)))


def _load(path: str, depth: int = 0) -> dict[str, Any]:
    """The keys of a task file over those of the files it includes."""
    fs, plain = file_system(path)
    try:
        with fs.open(plain, "rt", encoding="utf-8-sig") as file:
            config = yaml.load(file, _Loader)  # noqa: S506 - a SafeLoader with one more tag
    except (OSError, ValueError, yaml.YAMLError) as error:
        _fail(path, f"cannot be read: {_line(error)}")
    if not isinstance(config, dict):
        _fail(path, "this is no task: not a mapping")
    if depth == _MOST_INCLUDES:
        _fail(path, f"more than {_MOST_INCLUDES} files include one another")
    included = config.pop("include", [])
    merged: dict[str, Any] = {}
    for name in included if isinstance(included, list) else [included]:
        merged |= _load(_beside(path, str(name)), depth + 1)
    return merged | config


def _data_files(path: str, config: Mapping[str, Any]) -> list[str]:
    """The files of the split that is evaluated: test, else validation, else training."""
    loader, given = config["dataset_path"], config.get("dataset_kwargs")
    files = given.get("data_files") if isinstance(given, dict) else None
    if loader not in LOADERS or not files:
        _fail(
            path,
            f"its data set '{loader}' is not in files; download it and write dataset_path: json "
            "with dataset_kwargs: {data_files: {test: FILE}}, or give the data file itself",
        )
    if isinstance(files, dict):
        split = next((config[key] for key in SPLITS if config.get(key)), None)
        if split not in files:
            _fail(
                path, f"no data file for the split '{split}'; it has: {', '.join(map(str, files))}"
            )
        files = files[split]
    return [str(name) for name in files] if isinstance(files, list) else [str(files)]


def _beside(path: str, name: str) -> str:
    """A file name as a task file means it: relative to the folder that one is in."""
    is_absolute = name.startswith("/") or "://" in name
    return name if is_absolute else f"{path.rpartition('/')[0] or '.'}/{name.removeprefix('./')}"


def _compiled(value: Any) -> Any:
    """Templates in the place of their sources; a list of choices keeps its shape."""
    if isinstance(value, dict):
        return [_compiled(part) for part in value.values()]
    if isinstance(value, list):
        return [_compiled(part) for part in value]
    return (value, _template(value)) if isinstance(value, str) else None


def _rendered(value: Any, record: Mapping[str, Any]) -> Iterator[str]:
    """The texts of a template, of the field it names, or of a list of them."""
    if isinstance(value, list):
        for part in value:
            yield from _rendered(part, record)
    elif value is not None:
        source, template = value
        whole = record[source] if source in record else template.render(**record)
        yield from _split(whole)


def _split(value: Any) -> Iterator[str]:
    """A value's texts: those of a list, also of one that a template has written out."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, str):
        for text in value.split(_BORDER):
            parts = _literal(text.strip())
            yield from _split(parts) if isinstance(parts, list) else [text]
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _split(part)


def _literal(text: str) -> Any:
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _template(source: str) -> Template:
    """A template whose own words are rendered as a border between texts."""
    tree = _ENVIRONMENT.parse(source)
    for data in tree.find_all(nodes.TemplateData):
        if _WORD.search(data.data):
            data.data = _BORDER
    code = _ENVIRONMENT.compile(tree)
    return _ENVIRONMENT.template_class.from_code(
        _ENVIRONMENT, code, _ENVIRONMENT.make_globals(None)
    )


def _regex_replace(text: str, pattern: str, repl: str, count: int = 0) -> str:
    return re.sub(pattern, repl, text, count=count)


_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
_ENVIRONMENT.filters["regex_replace"] = _regex_replace


def _has_function(value: Any) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, Function) or any(map(_has_function, parts))


def _stem(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _fail(path: str, message: str) -> NoReturn:
    raise InputError(f"task file {path}: {message}")
