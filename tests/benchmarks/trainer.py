"""The trainer's speed beside transformers' Llama, and how long an ablation's runs take.

    python -m tests.benchmarks.trainer speed [--profile cpu] [--device cpu] [--bf16] [--compile] [--tuned]
    python -m tests.benchmarks.trainer runs [--profile gpu] [--arms 6] [--seeds 3] [--tokens 20000000]

`speed`: tokens a second of `model.training.train.fit` and of a plain loop around `LlamaForCausalLM` of the same
shape, on the same batches, in the same precision, with AdamW and clipping on both sides. Rounds alternate
within one process, ours first in every other pair; medians and their ratio are printed. On CUDA also the
model FLOPs utilisation of both, counted for both by `model.architecture.shape`. The loop is written as a user would;
`--compile` compiles our side on a CPU, too (on CUDA it is); `--tuned` gives it the fused AdamW and, where ours is compiled, `torch.compile`, too.

`runs`: arms x seeds models one after another in one process, as an ablation trains them, on random
tokens; the first run pays for compiling.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median

import numpy as np
import torch

from model.ablation.profiles import PROFILES
from model.architecture.shape import Shape, parameter_count, training_flops_per_token
from model.architecture.transformer import Transformer
from model.data import Stream
from model.training.compute import autocast, choose_device, compiles, tensor_cores
from model.training.metrics import peak_flops
from model.training.optimiser import make_optimiser
from model.training.recipe import Recipe
from model.training.train import fit

SIZES: dict[str, tuple[Shape, Recipe]] = {
    **{name: (profile.shape, profile.recipe) for name, profile in PROFILES.items()},
    # GPT-2's small size with Llama's parts, half a million tokens a step as in nanoGPT
    "124m": (
        Shape(50304, 768, 12, 12, 12, 2048, 1024),
        Recipe(batch_windows=480, micro_windows=32, learning_rate=6e-4),
    ),
}
ENDLESS = 10**9
WARM_STEPS = 3
Advance = Callable[[], object]


def speed(options: argparse.Namespace) -> None:
    """Print both medians and the ratio."""
    shape, recipe = _size(options)
    recipe = replace(recipe, compile=options.compile or None)
    device = choose_device(recipe.device)
    stream = _tokens(shape, 8 * recipe.batch_windows * shape.context + 1)
    sides = {
        "curate": _ours(shape, recipe, stream),
        "transformers": _theirs(shape, recipe, stream, options.tuned),
    }
    for advance in sides.values():
        for _ in range(WARM_STEPS):
            advance()
    step_tokens, found = recipe.batch_windows * shape.context, {name: [] for name in sides}
    for number in range(options.rounds):
        for name in sorted(sides, reverse=bool(number % 2)):
            rate = _steps_a_second(sides[name], options.seconds, device, options.cpu_time)
            found[name].append(rate * step_tokens)
    peak = peak_flops(device)
    print(
        f"{parameter_count(shape) / 1e6:.1f}M parameters, {recipe.batch_windows} x {shape.context} tokens "
        f"a step, {device}, {torch.get_num_threads()} threads, {'bf16' if recipe.bf16 else 'fp32'}"
    )
    for name, rates in found.items():
        share = (
            ""
            if peak is None
            else f", MFU {median(rates) * training_flops_per_token(shape) / peak:.1%}"
        )
        print(
            f"{name}: {median(rates):,.0f} tokens/s ({min(rates):,.0f} to {max(rates):,.0f}){share}"
        )
    print(f"ratio: {median(found['curate']) / median(found['transformers']):.2f}")


def runs(options: argparse.Namespace) -> None:
    """Print the seconds of each run and of all."""
    shape, recipe = _size(options)
    recipe = replace(recipe, steps=max(1, options.tokens // (recipe.batch_windows * shape.context)))
    begun, seconds = time.perf_counter(), []
    for arm in range(options.arms):
        for seed in range(options.seeds):
            started = time.perf_counter()
            stream = _tokens(shape, min(options.tokens, 10_000_000), seed=arm)
            model = Transformer(shape, seed).to(choose_device(recipe.device))
            run = replace(recipe, seed=seed)
            for step in fit(model, make_optimiser(model, run), stream, run):
                last = step.loss
            seconds.append(time.perf_counter() - started + 0 * float(last))
    total, count = time.perf_counter() - begun, len(seconds)
    tokens = count * recipe.steps * recipe.batch_windows * shape.context
    print(
        f"{count} runs of {tokens // count:,} tokens: {total:.1f} s, {tokens / total:,.0f} tokens/s; first run "
        f"{seconds[0]:.1f} s, median {median(seconds):.1f} s"
    )


def _ours(shape: Shape, recipe: Recipe, stream: Stream) -> Advance:
    model = Transformer(shape).to(choose_device(recipe.device))
    steps = fit(model, make_optimiser(model, recipe), stream, replace(recipe, steps=ENDLESS))
    return lambda: next(steps).loss


def _theirs(shape: Shape, recipe: Recipe, stream: Stream, tuned: bool) -> Advance:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        intermediate_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        max_position_embeddings=shape.context,
        tie_word_embeddings=shape.tied,
        use_cache=False,
        attn_implementation="sdpa",
    )
    model = LlamaForCausalLM(config).to(choose_device(recipe.device)).train()
    optimiser = torch.optim.AdamW(
        model.parameters(), recipe.learning_rate, recipe.betas, weight_decay=recipe.weight_decay,
        fused=tuned or None,
    )  # fmt: skip
    return _loop(model, optimiser, shape, recipe, stream, tuned).__next__


def _loop(
    model: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    shape: Shape,
    recipe: Recipe,
    stream: Stream,
    tuned: bool,
) -> Iterator[torch.Tensor]:
    """The plain loop, a step each time: forward and backward by parts, clip, step."""
    device = choose_device(recipe.device)
    forward = torch.compile(model) if tuned and compiles(recipe, device) else model
    with tensor_cores(device):
        for number in range(ENDLESS):
            windows = torch.from_numpy(stream.batch(number, recipe.batch_windows, shape.context))
            parts = windows[:, :-1].to(device).split(recipe.micro_windows or len(windows))
            for part in parts:
                with autocast(recipe, device):
                    loss = forward(input_ids=part, labels=part).loss / len(parts)
                loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip or torch.inf)
            optimiser.step()
            optimiser.zero_grad()
            yield loss.detach()


def _steps_a_second(
    advance: Advance, seconds: float, device: torch.device, cpu_time: bool
) -> float:
    clock = time.process_time if cpu_time else time.perf_counter
    _wait(device)
    steps, started = 0, clock()
    while clock() - started < seconds:
        advance()
        steps += 1
    _wait(device)
    return steps / (clock() - started)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _tokens(shape: Shape, count: int, seed: int = 0) -> Stream:
    return Stream(np.random.default_rng(seed).integers(0, shape.vocabulary, count).astype(np.int32))


def _size(options: argparse.Namespace) -> tuple[Shape, Recipe]:
    shape, recipe = SIZES[options.profile]
    recipe = replace(recipe, device=options.device, bf16=options.bf16)
    if options.batch is not None:
        recipe = replace(recipe, batch_windows=options.batch, micro_windows=options.micro)
    return shape, recipe


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    for name, run, profile in (("speed", speed, "cpu"), ("runs", runs, "gpu")):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        command.add_argument("--profile", choices=SIZES, default=profile)
        command.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
        command.add_argument("--bf16", action="store_true")
        command.add_argument("--batch", type=int, help="windows a step")
        command.add_argument("--micro", type=int, help="windows at a time, with --batch")
        command.add_argument("--threads", type=int, default=torch.get_num_threads())
    for option, kind, default in (("--rounds", int, 7), ("--seconds", float, 5.0)):
        commands.choices["speed"].add_argument(option, type=kind, default=default)
    for flag in ("--tuned", "--compile"):
        commands.choices["speed"].add_argument(flag, action="store_true")
    commands.choices["speed"].add_argument(
        "--cpu-time",
        action="store_true",
        help="of this process, for a machine that others use, too",
    )
    for option, default in (("--arms", 6), ("--seeds", 3), ("--tokens", 20_000_000)):
        commands.choices["runs"].add_argument(option, type=int, default=default)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.run(options)


if __name__ == "__main__":
    main()
