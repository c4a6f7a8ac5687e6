"""Train a model on token windows.

In: batches (see `model.data`), a shape, a recipe. Out: a Hugging Face folder; beside it
`metrics.jsonl` and `checkpoints/step-N/`.
The decision that matters: weights, optimiser and step number are the whole state; data, masks and
dropout follow from the step, so a resumed run on the CPU ends with the same bits as one that was never
interrupted.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from model.architecture.shape import Shape
from model.architecture.transformer import Transformer
from model.checkpoints.export import WEIGHTS, export
from model.data import Batches
from model.training.checkpoint import gathered_model, restore, save, settings
from model.training.compute import (
    autocast,
    choose_device,
    exact,
    seed_dropout,
    tensor_cores,
    upload,
)
from model.training.metrics import Report, Step, check_finite, peak_flops
from model.training.objectives import Examples, make_examples
from model.training.optimiser import make_optimiser
from model.training.parallel import (
    ALONE,
    Loss,
    Ranks,
    distribute,
    gathered,
    gradients_meet,
    join,
    let_go,
    training_loss,
)  # fmt: skip
from model.training.recipe import Recipe
from model.training.reports import METRICS, check_reports, open_writers
from model.training.schedule import learning_rate

__all__ = ["Step", "choose_device", "fit", "make_optimiser", "train", "validation_loss"]
VALIDATION_BATCHES = 8


def train(
    batches: Batches,
    shape: Shape,
    recipe: Recipe,
    output: str | Path,
    resume: bool = True,
    tokenizer: Tokenizer | None = None,
    validation: Batches | None = None,
    report_to: Sequence[str] = (),
) -> Path:
    """Train to `recipe.steps` and return `output`, a folder that `transformers` loads.

    With `resume` the newest checkpoint in `output` is continued. report_to: more reports than
    metrics.jsonl, any of "csv", "tensorboard", "wandb". Started by torchrun, the processes share the
    work. InputError: that checkpoint was made with another shape, recipe or data, or a report is not
    known or not installed. WorkError: the loss is no longer a number.
    """
    check_reports(report_to)
    output, wanted = Path(output), settings(batches, shape, recipe)
    with join(recipe) as ranks:
        model = Transformer(shape, recipe.seed)
        distribute(model, recipe, ranks)
        optimiser = make_optimiser(model, recipe)
        if not resume and ranks.first:
            _clear(output)
        ranks.wait()
        first = restore(output, model, optimiser, wanted)
        ranks.agree(first, model.lm_head.weight.device)
        output.mkdir(parents=True, exist_ok=True)
        writers = open_writers(report_to, output, first, wanted) if ranks.first else []
        report = Report(writers, recipe, shape, first)
        try:
            for step in fit(model, optimiser, batches, recipe, first, ranks):
                if _report(step, report, model, recipe, validation, ranks):
                    state = {**wanted, "step": step.number}
                    save(output, model, optimiser, tokenizer, state, ranks)
                    report.skip_time()
        finally:
            report.close()
        whole = gathered_model(model, ranks)
        if ranks.first:
            export(whole, tokenizer, output, recipe.objective)
        ranks.wait()
    return output


def _report(
    step: Step,
    report: Report,
    model: Transformer,
    recipe: Recipe,
    validation: Batches | None,
    ranks: Ranks,
) -> bool:
    """Report what is due after `step`; whether a checkpoint is. WorkError: the run diverged."""
    keep = step.number == recipe.steps or step.number % recipe.checkpoint_steps == 0
    if keep or step.number % recipe.log_steps == 0:
        check_finite(step)
        report.log(step, peak_flops(model.lm_head.weight.device, ranks.world))
    if keep and validation is not None:
        report.log_validation(step, validation_loss(model, validation, recipe, ranks))
    return keep


def fit(
    model: Transformer,
    optimiser: torch.optim.Optimizer,
    batches: Batches,
    recipe: Recipe,
    first: int = 0,
    ranks: Ranks = ALONE,
) -> Iterator[Step]:
    """Take the steps `first` to `recipe.steps`, yielding after each; writes nothing."""
    device = model.lm_head.weight.device
    model.recompute = recipe.recompute
    loss_of = training_loss(model, recipe, ranks)
    model.train()
    with tensor_cores(device):
        for number in range(first, recipe.steps):
            rate = learning_rate(recipe, number)
            for group in optimiser.param_groups:
                group["lr"] = rate
            if model.shape.dropout:
                seed_dropout(recipe.seed, number, ranks.rank)
            examples = _examples(batches, model.shape, recipe, number, ranks)
            loss = _accumulate(loss_of, model, examples, recipe, ranks)
            norm = _clip(model, recipe.clip)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            yield Step(number + 1, loss, norm, rate)


def _examples(batches: Batches, shape: Shape, recipe: Recipe, step: int, ranks: Ranks) -> Examples:
    size = recipe.batch_windows
    windows = batches.batch(step, size, shape.context, recipe.seed, ranks.rank, ranks.world)
    return make_examples(windows, recipe, shape.vocabulary, step, ranks.rank, ranks.world)


def _accumulate(
    loss_of: Loss, model: Transformer, examples: Examples, recipe: Recipe, ranks: Ranks
) -> Tensor:
    """Gradients of the mean loss over the whole batch, whatever its parts; returns that loss."""
    device = model.lm_head.weight.device
    total = torch.zeros((), device=device)
    parts = list(_parts(examples, recipe, device))
    for index, (part, share) in enumerate(parts):
        with gradients_meet(loss_of, model, last=index == len(parts) - 1):
            with autocast(recipe, device):
                loss = loss_of(*part) * share
            (loss * ranks.world).backward()  # type: ignore[no-untyped-call]
        total += loss.detach()
    return ranks.sum(total)


def _parts(
    examples: Examples, recipe: Recipe, device: torch.device
) -> Iterator[tuple[tuple[Tensor, Tensor, Tensor | None], float]]:
    """(inputs, targets, prefix) of `micro_windows` rows on the device, and their share of the targets."""
    rows = len(examples.inputs)
    inputs, targets = upload(examples.inputs, device), upload(examples.targets, device)
    prefix = None if examples.prefix is None else upload(examples.prefix, device)
    for start in range(0, rows, recipe.micro_windows or rows):
        part = slice(start, start + (recipe.micro_windows or rows))
        share = int(examples.scored[part].sum()) / examples.batch_scored
        yield (inputs[part], targets[part], None if prefix is None else prefix[part]), share


def _clip(model: nn.Module, limit: float | None) -> Tensor:
    """Scale the gradients down to norm `limit`; returns the norm they had."""
    weights = list(model.parameters())
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    norm = gathered(nn.utils.get_total_norm(gradients))
    if limit is not None:
        nn.utils.clip_grads_with_norm_(weights, limit, norm)
    return norm


@torch.no_grad()
def validation_loss(
    model: Transformer, batches: Batches, recipe: Recipe, ranks: Ranks = ALONE
) -> float:
    """Mean nats per target over the first few batches of `batches`, in fp32, always the same ones."""
    device = model.lm_head.weight.device
    training, losses = model.training, torch.zeros((), device=device)
    model.eval()
    recipe = replace(recipe, seed=0)
    with exact(device):
        for number in range(VALIDATION_BATCHES):
            examples = _examples(batches, model.shape, recipe, number, ranks)
            for part, share in _parts(examples, recipe, device):
                losses += model.masked_loss(*part) * share
    let_go(model)
    model.train(training)
    return float(ranks.sum(losses)) / VALIDATION_BATCHES


def _clear(output: Path) -> None:
    shutil.rmtree(output / "checkpoints", ignore_errors=True)
    shutil.rmtree(output / "tensorboard", ignore_errors=True)
    for name in (METRICS, "metrics.csv", WEIGHTS):
        (output / name).unlink(missing_ok=True)
