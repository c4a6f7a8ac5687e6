"""Without an extra: one line that names it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_model import exported, opened

from curate.errors import MissingError
from model.checkpoints.loading import load_transformers
from model.evaluation.tasks import run_tasks
from model.evaluation.text_scores import compare, evaluate_texts
from model.use.serve import import_needed


@pytest.mark.parametrize(
    ("package", "extra", "use"),
    [
        ("lm_eval", "evaluate", lambda folder: run_tasks(folder, [str(folder)])),
        ("sacrebleu", "evaluate", lambda folder: evaluate_texts(opened(), str(folder))),
        ("rouge_score", "evaluate", lambda folder: compare(["a"], [["a"]])),
        ("transformers", "finetune", lambda folder: load_transformers(folder, "cpu")),
        ("fastapi", "serve", lambda folder: import_needed()),
        ("uvicorn", "serve", lambda folder: import_needed()),
    ],
)
def test_a_missing_package_is_named_with_its_extra(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
    extra: str,
    use: Callable[[Path], object],
) -> None:
    pytest.importorskip("transformers")
    if package == "rouge_score":
        pytest.importorskip("sacrebleu")
    folder = exported(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingError) as caught:
        use(folder)
    assert f"'curate[{extra}]'" in str(caught.value) and "\n" not in str(caught.value)
