"""Teach a model to answer: supervised fine-tuning on conversations.

In: a Hugging Face folder of any causal model, conversations. Out: a folder of the same kind that knows a
chat template, or an adapter for the first one. The decision: the loss is the mean over the tokens of the
assistant's answers and their ends, and nothing else; what users say is read, never learned. The loop is
spelled out here; `peft` makes the low-rank layers (LoRA, Hu et al. 2021), `transformers` the model.
"""

from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from curate.errors import InputError, OutputError, WorkError
from curate.progress import Line
from model.checkpoints.loading import ADAPTER, context_of, imported, load_transformers
from model.training.train import choose_device
from model.use.answers import answer_nats
from model.use.chat import Conversations, Example, learn_ends, read_conversations, teach_chat

MAX_GRADIENT_NORM = 1.0


@dataclass(frozen=True)
class Lora:
    """Low-rank layers beside every linear one but the output (Dettmers et al. 2023, §4); the experts of
    a mixture stay as they are."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.rank < 1 or self.alpha < 1 or not 0 <= self.dropout < 1:
            raise InputError(f"{self}: rank and alpha must be at least 1, dropout in [0, 1)")


@dataclass(frozen=True)
class Tuning:
    """How to train. lora: None trains all weights. learning_rate: None is 2e-4 with LoRA (Dettmers et
    al. 2023, table 9), 2e-5 without (Taori et al. 2023); small models want more.

    batch_examples: conversations of a step; micro_examples: of them in memory at once.
    warmup_ratio: share of the steps in which the rate rises; it then falls to 0 as a cosine.
    merge: write a model that needs no adapter.
    """

    epochs: float = 3.0
    batch_examples: int = 16
    micro_examples: int = 4
    learning_rate: float | None = None
    warmup_ratio: float = 0.03
    weight_decay: float = 0.0
    lora: Lora | None = Lora()
    merge: bool = False
    seed: int = 0
    device: str | None = None

    def __post_init__(self) -> None:
        rate = self.learning_rate is None or self.learning_rate > 0
        if not (self.epochs > 0 and rate and min(self.batch_examples, self.micro_examples) > 0):
            raise InputError(f"{self}: epochs, rates and batches must be above 0")

    @property
    def peak(self) -> float:
        """The highest learning rate."""
        return self.learning_rate or (2e-5 if self.lora is None else 2e-4)


@dataclass(frozen=True)
class Tuned:
    """losses: nats per answer token before and after, on the validation set if there is one, else on
    the last and first step's batches."""

    folder: Path
    conversations: Conversations
    steps: int
    first_loss: float
    last_loss: float
    trained_weights: int
    weights: int

    def __str__(self) -> str:
        told = self.conversations
        return (
            f"{len(told.examples):,} conversations ({told.unusable:,} unusable, {told.cut:,} cut), "
            f"{self.steps:,} steps, {self.trained_weights:,} of {self.weights:,} weights: "
            f"{self.first_loss:.4f} -> {self.last_loss:.4f} nats per answer token; {self.folder}"
        )


def finetune(
    base: str | Path,
    data: str | Sequence[str],
    output: str | Path,
    tuning: Tuning = Tuning(),
    validation: str | Sequence[str] | None = None,
) -> Tuned:
    """Train and write `output`. InputError: no such model or data. MissingError: no extra.

    Beside the model: `metrics.jsonl`, a line a step, and one for the validation set after each epoch.
    """
    output, device = _writable(output, base), choose_device(tuning.device)
    torch.manual_seed(tuning.seed)
    net, words = load_transformers(base, device)
    new = teach_chat(net, words)
    context = context_of(net, words)
    conversations = read_conversations(words, data, context)
    learn_ends(net, words, conversations.examples)
    judged = read_conversations(words, validation, context).examples if validation else []
    net = _with_lora(net, Path(base), tuning.lora, new) if tuning.lora else net.requires_grad_(True)
    with (output / "metrics.jsonl").open("w", encoding="utf-8") as log:
        steps, first, last = _train(net, conversations.examples, judged, tuning, log)
    trained = sum(weight.numel() for weight in net.parameters() if weight.requires_grad)
    weights = sum(weight.numel() for weight in net.parameters())
    _write(net, words, output, merge=tuning.merge)
    return Tuned(output, conversations, steps, first, last, trained, weights)


def _train(
    net: Any,
    examples: Sequence[Example],
    judged: Sequence[Example],
    tuning: Tuning,
    log: IO[str],
) -> tuple[int, float, float]:
    """(steps, first loss, last loss). WorkError: the loss is no longer a number."""
    per_epoch = math.ceil(len(examples) / tuning.batch_examples)
    steps = max(1, round(tuning.epochs * per_epoch))
    learned = [weight for weight in net.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(learned, tuning.peak, weight_decay=tuning.weight_decay)
    line, started = Line(), time.monotonic()
    losses = [_judge(net, judged, tuning, 0, log)] if judged else []
    for step, group in enumerate(_drawn(examples, tuning, steps), 1):
        rate = _rate(step, steps, tuning)
        loss, norm = _step(net, optimiser, learned, group, rate, tuning.micro_examples)
        if not math.isfinite(loss):
            raise WorkError(f"step {step}: the loss is {loss}; lower the learning rate")
        told = {"step": step, "loss": loss, "learning_rate": rate, "gradient_norm": norm}
        _note(log, **told, seconds=round(time.monotonic() - started, 3))
        line.show(f"finetune  step {step}/{steps}  loss {loss:.4f}")
        if not judged:
            losses.append(loss)
        elif step % per_epoch == 0 or step == steps:
            losses.append(_judge(net, judged, tuning, step, log))
    line.clear()
    return steps, losses[0], losses[-1]


def _step(
    net: Any,
    optimiser: torch.optim.Optimizer,
    learned: list[Tensor],
    group: Sequence[Example],
    rate: float,
    micro: int,
) -> tuple[float, float]:
    """One step; (mean loss over the group's answer tokens, norm of its gradient)."""
    net.train()
    tokens = sum(sum(one.answers[1:]) for one in group)
    loss = 0.0
    for start in range(0, len(group), micro):
        nats, _ = answer_nats(net, group[start : start + micro])
        (nats / tokens).backward()  # type: ignore[no-untyped-call]
        loss += float(nats.detach()) / tokens
    norm = float(torch.nn.utils.clip_grad_norm_(learned, MAX_GRADIENT_NORM))
    for settings in optimiser.param_groups:
        settings["lr"] = rate
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return loss, norm


def _drawn(examples: Sequence[Example], tuning: Tuning, steps: int) -> Iterator[list[Example]]:
    """`steps` batches: every conversation once an epoch, in an order of the seed's."""
    generator = torch.Generator().manual_seed(tuning.seed)
    while steps > 0:
        order = torch.randperm(len(examples), generator=generator).tolist()
        for start in range(0, len(order), tuning.batch_examples):
            if steps > 0:
                yield [examples[place] for place in order[start : start + tuning.batch_examples]]
            steps -= 1


def _rate(step: int, steps: int, tuning: Tuning) -> float:
    """The learning rate of a step, counted from 1."""
    warmup = max(1, round(tuning.warmup_ratio * steps))
    if step <= warmup:
        return tuning.peak * step / warmup
    return (
        tuning.peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup + 1)))
    )


@torch.no_grad()
def _judge(net: Any, judged: Sequence[Example], tuning: Tuning, step: int, log: IO[str]) -> float:
    net.eval()
    micro = tuning.micro_examples
    groups = [judged[start : start + micro] for start in range(0, len(judged), micro)]
    found = [answer_nats(net, group) for group in groups]
    loss = sum(float(nats) for nats, _ in found) / sum(count for _, count in found)
    _note(log, step=step, validation_loss=loss)
    return loss


def _note(log: IO[str], **values: float) -> None:
    log.write(json.dumps(values) + "\n")
    log.flush()


def _with_lora(net: Any, base: Path, lora: Lora, new: list[int]) -> Any:
    """The model with low-rank layers to train, and the rows of new tokens."""
    peft = imported("peft")
    names = {id(layer): name for name, layer in net.named_modules()}
    layers = (net.get_input_embeddings(), net.get_output_embeddings())
    tied = layers[0].weight is layers[1].weight
    rows = {names[id(layer)]: new for layer in (layers[:1] if tied else layers)}
    config = peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
        trainable_token_indices=rows if new else None,
        base_model_name_or_path=str(base.resolve()),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it chose for GPT-2, and that experts are left out
        adapted = peft.get_peft_model(net, config)
    adapted.peft_config["default"].base_model_name_or_path = str(base.resolve())
    return adapted


def _writable(output: str | Path, base: str | Path) -> Path:
    output = Path(output)
    if output.resolve() == Path(base).resolve():
        raise OutputError(f"{output}: is the model that is trained; choose another --output")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write to {output}: {error.strerror or error}") from None
    (output / ADAPTER).unlink(missing_ok=True)
    return output


def _write(net: Any, words: Any, output: Path, merge: bool) -> None:
    if merge and hasattr(net, "merge_and_unload"):
        net = net.merge_and_unload()
    whole = net.get_base_model() if hasattr(net, "get_base_model") else net
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of peft: that an adapter's base has no config of its own
        net.save_pretrained(output)
    whole.generation_config.save_pretrained(output)
    words.save_pretrained(output)
