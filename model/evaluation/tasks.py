"""lm-eval's own tasks on a model's folder, from local files and without the internet.

In: a model's folder; task YAMLs, folders of them, or names lm-eval knows. Out: every metric with its
standard error. The decision: lm-eval runs as it is (`simple_evaluate`), in fp32 and without its cache
of logits, so a number does not depend on the batch size. Paths in a task's `data_files` count from the
folder of the task, else from here; a task whose data is not on this machine fails in one line instead
of waiting for a network.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, chdir, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from curate.errors import InputError, MissingError
from model.training.train import choose_device

BOOTSTRAP_DRAWS = 1000
OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")


@dataclass(frozen=True)
class Score:
    """One metric of one task. stderr: None where lm-eval has none."""

    task: str
    metric: str
    value: float
    stderr: float | None


def run_tasks(
    folder: str | Path,
    tasks: Sequence[str],
    *,
    device: str | None = None,
    batch_size: int = 8,
    fewshot: int | None = None,
    limit: int | None = None,
    chat: bool = False,
) -> list[Score]:
    """Run tasks. InputError: no such task, or its data is not here. MissingError: no lm-eval.

    `limit`: documents of each task, for a quick look; `chat`: put prompts into the chat template.
    """
    with _offline():
        lm_eval, tasks_module = _imported("lm_eval"), _imported("lm_eval.tasks")
        loaded = _load(tasks_module, tasks)
        model = _model(folder, device, batch_size)
        try:
            results = lm_eval.simple_evaluate(
                model=model,
                tasks=loaded,
                num_fewshot=fewshot,
                limit=limit,
                bootstrap_iters=BOOTSTRAP_DRAWS,
                log_samples=False,
                apply_chat_template=chat,
                task_manager=tasks_module.TaskManager(include_defaults=False),
            )
        except (OSError, ValueError, KeyError, AssertionError) as error:
            raise InputError(f"lm-eval cannot run {', '.join(tasks)}: {_line(error)}") from None
    return [score for name, found in results["results"].items() for score in _scores(name, found)]


def _load(module: Any, wanted: Sequence[str]) -> list[Any]:
    """The tasks and groups of YAML files, folders and names, with their data read."""
    found: list[Any] = []
    for one in wanted:
        path = Path(one).absolute()
        folder = path if path.is_dir() else path.parent
        known = module.TaskManager(
            include_path=str(folder) if path.exists() else None, include_defaults=not path.exists()
        )
        names = known.all_subtasks if path.is_dir() else [str(path) if path.exists() else one]
        if not names:
            raise InputError(f"{one}: no lm-eval task (a .yaml with `task:`) in this folder")
        for name in names:
            found += _tasks(known, name, folder if path.exists() else Path.cwd())
    return found


def _tasks(known: Any, name: str, folder: Path) -> list[Any]:
    met: list[Exception] = []
    for place in dict.fromkeys((folder, Path.cwd())):
        try:
            with chdir(place):
                loaded = known.load([name])
                return list(loaded["groups"].values()) or list(loaded["tasks"].values())
        except Exception as error:  # datasets and lm-eval raise their own kinds, and some bare ones
            met.append(error)
    reason = _line(met[0])
    away = any(word in reason for word in ("Hub", "offline", "Offline", "huggingface.co"))
    if away:
        raise InputError(
            f"{name}: its data is not on this machine and nothing is fetched; "
            "set HF_HUB_OFFLINE=0 to let lm-eval fetch it"
        )
    raise InputError(f"{name}: lm-eval cannot load this task ({reason})")


def _model(folder: str | Path, device: str | None, batch_size: int) -> Any:
    """lm-eval's Hugging Face model around the folder, adapters merged, in fp32."""
    from model.checkpoints.loading import context_of, load_transformers

    where = choose_device(device)
    net, words = load_transformers(folder, where)
    kind = _imported("lm_eval.models.huggingface").HFLM
    return kind(
        pretrained=net,
        tokenizer=words,
        batch_size=batch_size,
        max_length=context_of(net, words),
        logits_cache=False,  # 0.4.13 scores the wrong tokens of windows that repeat in a batch
        device=str(where),
    )


def _scores(task: str, found: Mapping[str, Any]) -> Iterator[Score]:
    """`{"acc,none": 1.0, "acc_stderr,none": "N/A", "alias": …}` as scores."""
    for key, value in found.items():
        metric, _, variant = key.partition(",")
        if not variant or metric.endswith("_stderr") or not isinstance(value, (int, float)):
            continue
        error = found.get(f"{metric}_stderr,{variant}")
        name = metric if variant == "none" else f"{metric} ({variant})"
        stderr = float(error) if isinstance(error, (int, float)) else None
        yield Score(task, name, float(value), stderr)


@contextmanager
def _offline() -> Iterator[None]:
    """Nothing is fetched unless the environment says HF_HUB_OFFLINE=0; away from a terminal lm-eval
    is quiet."""
    for name in OFFLINE:
        os.environ.setdefault(name, os.environ.get(OFFLINE[0], "1"))
    with ExitStack() as stack:
        if not sys.stderr.isatty():
            stack.enter_context(_unheard())
        for name in ("lm_eval", "datasets", "transformers"):
            logger = logging.getLogger(name)
            stack.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.ERROR)
        yield


@contextmanager
def _unheard() -> Iterator[None]:
    """Progress bars and what `git` says go nowhere; mistakes come as exceptions."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


def _imported(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise MissingError("lm-eval is not installed: pip install 'curate[evaluate]'") from None


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def to_json(scores: Sequence[Score]) -> dict[str, dict[str, object]]:
    """`{task: {metric: {"value": …, "stderr": …}}}`."""
    told: dict[str, dict[str, object]] = {}
    for score in scores:
        told.setdefault(score.task, {})[score.metric] = {
            "value": score.value,
            "stderr": score.stderr,
        }
    return told


def table(scores: Sequence[Score]) -> list[str]:
    """One line a metric."""
    width = max(20, *(len(score.task) for score in scores))
    lines = [f"{'lm-eval task':<{width}} {'metric':<24} {'value':>10} {'± SE':>8}"]
    for score in scores:
        error = "" if score.stderr is None else f"{score.stderr:.4f}"
        lines.append(f"{score.task:<{width}} {score.metric:<24} {score.value:>10.4f} {error:>8}")
    return lines
