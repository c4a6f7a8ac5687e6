"""The decoder: what each option computes, against a slow way to compute the same."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tiny_decoders import GPT2, OPTIONS, TINY, scattered, tokens
from torch import Tensor

from curate.errors import InputError
from model.architecture.attention import Attention, rotary_table, rotate, view
from model.architecture.experts import Experts, balance_loss
from model.architecture.shape import (
    Shape,
    active_parameter_count,
    parameter_count,
    training_flops_per_token,
)
from model.architecture.transformer import Transformer

torch.set_num_threads(1)  # tiny matrices: more threads only wait for each other
SMALL_GPT2 = Shape(
    50257, 768, 12, 12, 12, 3072, 1024, True, 50256, 1e4, 1e-5, "learned", "gelu", "layer", True
)


def test_the_default_decoder_is_the_one_earlier_checkpoints_hold() -> None:
    state = Transformer(TINY, seed=3).state_dict()
    digest = hashlib.sha256()
    for name, weight in state.items():
        digest.update(name.encode() + weight.numpy().tobytes())
    assert digest.hexdigest() == "45461983b04fac18b19bf66232eeb6e63b78f0f1301f8df942d864ab9ff15ea9"


def test_the_seed_alone_fixes_the_weights() -> None:
    for shape in OPTIONS.values():
        torch.manual_seed(1)
        first = Transformer(shape, seed=3).state_dict()
        torch.manual_seed(2)
        second, other = (
            Transformer(shape, seed=3).state_dict(),
            Transformer(shape, seed=4).state_dict(),
        )
        assert all(torch.equal(first[name], second[name]) for name in first)
        assert not torch.equal(first["lm_head.weight"], other["lm_head.weight"])


@pytest.mark.parametrize("name", OPTIONS)
def test_loss_starts_at_the_logarithm_of_the_vocabulary(name: str) -> None:
    shape = replace(OPTIONS[name], vocabulary=2048, width=128, context=64)
    loss = Transformer(shape).eval().loss(tokens(2048, 8, 65))
    assert loss.item() == pytest.approx(math.log(2048), abs=0.6)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_token_does_not_see_what_follows(name: str) -> None:
    model, before = scattered(OPTIONS[name]), torch.arange(32)[None]
    after = before.clone()
    after[0, 20:] = 7
    with torch.no_grad():
        torch.testing.assert_close(model(before)[0, :20], model(after)[0, :20])
        assert not torch.allclose(model(before)[0, 20:], model(after)[0, 20:], atol=0.1)


@pytest.mark.parametrize("name", ["llama", "gpt2", "everything"])
def test_a_prefix_is_seen_from_everywhere(name: str) -> None:
    model, before = scattered(OPTIONS[name]), tokens(320, 1, 32).expand(3, -1)
    prefix = torch.tensor([0, 12, 32])
    with torch.no_grad():
        old = model(before, prefix)
        for place in (5, 11, 12, 31):
            after = before.clone()
            after[:, place] = (after[:, place] + 1) % 320
            changed = (model(after, prefix) - old).abs().amax(2) > 1e-4
            reach = [place, 0 if place < 12 else place, 0]
            for row, first in enumerate(reach):
                assert changed[row, first:].all() and not changed[row, :first].any()


@pytest.mark.parametrize("prefixes", [None, [0, 1, 7, 10], [10, 10, 10, 10]])
@pytest.mark.parametrize("kv_heads", [4, 2, 1])
def test_attention_is_what_its_definition_says(prefixes: list[int] | None, kv_heads: int) -> None:
    shape = replace(TINY, heads=4, kv_heads=kv_heads, bias=True)
    layer, generator = Attention(shape), torch.Generator().manual_seed(1)
    states = torch.randn(4, 10, 64, generator=generator)
    cosine, sine = rotary_table(shape)
    prefix = None if prefixes is None else torch.tensor(prefixes)
    seen = view(prefix, 10)
    assert (seen.mask is None) == (prefixes in (None, [10] * 4))
    with torch.no_grad():
        found = layer(states, (cosine[:10], sine[:10]), seen)
        expected = slow_attention(layer, states, prefixes or [0] * 4)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def slow_attention(layer: Attention, states: Tensor, prefixes: list[int]) -> Tensor:
    """Row by row, head by head, place by place."""
    rows, time, _ = states.shape
    width, shared = layer.head_width, layer.heads // layer.kv_heads
    mixed = torch.zeros(rows, time, layer.heads * width)
    for row in range(rows):
        query, key, value = (
            part(states[row]).view(time, -1, width)
            for part in (layer.q_proj, layer.k_proj, layer.v_proj)
        )
        for head in range(layer.heads):
            queries, keys = slow_rotate(query[:, head]), slow_rotate(key[:, head // shared])
            for place in range(time):
                last = max(place + 1, prefixes[row])
                shares = torch.softmax(keys[:last] @ queries[place] / math.sqrt(width), 0)
                answer = shares @ value[:last, head // shared]
                mixed[row, place, head * width : (head + 1) * width] = answer
    out: Tensor = layer.o_proj(mixed)
    return out


def slow_rotate(states: Tensor) -> Tensor:
    """Each pair (i, i + half) as a complex number times e^(i * place * 10000^(-2i / width))."""
    time, width = states.shape
    turned = torch.zeros_like(states)
    for place, index in np.ndindex(time, width // 2):
        angle = place * 10_000 ** (-2 * index / width)
        number = complex(states[place, index], states[place, index + width // 2])
        number *= complex(math.cos(angle), math.sin(angle))
        turned[place, index], turned[place, index + width // 2] = number.real, number.imag
    return turned


def test_rotation_leaves_lengths_and_depends_on_distance_alone() -> None:
    generator = torch.Generator().manual_seed(1)
    states = torch.randn(1, 1, 1, 32, generator=generator).expand(1, 32, 2, 32)
    turned = rotate(states, rotary_table(TINY))
    torch.testing.assert_close(turned.norm(dim=-1), states.norm(dim=-1))
    products = turned[0, :, 0] @ turned[0, :, 1].T
    torch.testing.assert_close(products[0, 7], products[20, 27])
    assert (products[0, 7] - products[0, 8]).abs() > 1e-3


def test_dropout_acts_in_training_only() -> None:
    windows = tokens(320, 4, 33)
    for shape in (replace(TINY, dropout=0.5), replace(GPT2, dropout=0.5)):
        dropping, plain = scattered(shape), scattered(replace(shape, dropout=0.0))
        assert torch.equal(dropping(windows[:, 1:]), plain(windows[:, 1:]))
        assert torch.equal(plain.train()(windows[:, 1:]), plain.eval()(windows[:, 1:]))
        dropping.train()
        assert dropping.loss(windows).item() != dropping.loss(windows).item()


def test_masked_loss_is_the_mean_over_its_targets() -> None:
    model, windows = scattered(TINY), tokens(320, 3, 33)
    inputs, targets = windows[:, :-1], windows[:, 1:].clone()
    targets[torch.rand(targets.shape, generator=torch.Generator().manual_seed(2)) < 0.6] = -100
    prefix = torch.tensor([3, 0, 32])
    chances = torch.log_softmax(model(inputs, prefix), -1)
    kept = [
        -chances[row, place, targets[row, place]]
        for row, place in (targets != -100).nonzero().tolist()
    ]
    found = model.masked_loss(inputs, targets, prefix)
    torch.testing.assert_close(found, torch.stack(kept).mean())
    assert found.dtype == torch.float32
    none = model.masked_loss(inputs, torch.full_like(targets, -100))
    none.backward()
    assert none.item() == 0 and all(w.grad.isfinite().all() for w in model.parameters())


@pytest.mark.parametrize("name", ["llama", "experts", "gpt2"])
def test_loss_is_computed_in_fp32_whatever_the_matrices_are(name: str) -> None:
    model, windows = scattered(OPTIONS[name]).train(), tokens(320, 3, 33)
    with torch.autocast("cpu", torch.bfloat16):
        assert model(windows[:, 1:]).dtype == torch.bfloat16
        loss = model.loss(windows)
    loss.backward()
    assert loss.dtype == torch.float32
    assert all(weight.grad.isfinite().all() for weight in model.parameters())
    assert loss.item() == pytest.approx(model.loss(windows).item(), rel=0.02)


@pytest.mark.parametrize("name", ["llama", "dropout", "experts", "everything"])
def test_recomputing_gives_the_same_gradients(name: str) -> None:
    model, windows = scattered(OPTIONS[name]).train(), tokens(320, 3, 33)
    gradients = []
    for model.recompute in (False, True):
        torch.manual_seed(7)
        model.loss(windows).backward()
        gradients.append([weight.grad for weight in model.parameters()])
        model.zero_grad(set_to_none=True)
    for kept, recomputed in zip(*gradients, strict=True):
        assert torch.equal(kept, recomputed)


def test_recomputing_keeps_only_the_inputs_of_blocks() -> None:
    sizes = []
    model, windows = Transformer(replace(TINY, layers=6)), tokens(320, 3, 33)
    for model.recompute in (False, True):
        saved: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda kept, saved=saved: saved.append(kept.numel()) or kept, lambda kept: kept
        ):
            model.loss(windows)
        sizes.append(sum(saved))
    assert sizes[1] < sizes[0] / 2


@pytest.mark.parametrize(("experts", "per_token"), [(4, 2), (3, 1), (5, 5)])
def test_experts_answer_for_the_tokens_sent_to_them(experts: int, per_token: int) -> None:
    shape = replace(TINY, experts=experts, experts_per_token=per_token, bias=True)
    generator = torch.Generator().manual_seed(1)
    layer, states = Experts(shape, experts), torch.randn(2, 9, 64, generator=generator)
    expected = torch.zeros_like(states)
    with torch.no_grad():
        found, logits = layer(states)
        for row, place in np.ndindex(2, 9):
            chances = torch.softmax(layer.gate(states[row, place]), 0)
            chosen = chances.argsort(descending=True)[:per_token].tolist()
            total = sum(chances[expert] for expert in chosen)
            for expert in chosen:
                share = chances[expert] / total
                expected[row, place] += share * layer.experts[expert](states[row, place])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert logits.shape == (18, experts)


def test_an_expert_nobody_asks_is_no_obstacle() -> None:
    layer = Experts(replace(TINY, experts=3, experts_per_token=1), 3)
    with torch.no_grad():
        layer.gate.weight.zero_()
        layer.gate.weight[1] = 1.0
    states = torch.ones(2, 4, 64, requires_grad=True)
    out, _ = layer(states)
    torch.testing.assert_close(out, layer.experts[1](states))
    out.sum().backward()
    idle = layer.experts[0].up_proj.weight.grad
    assert idle is not None and not idle.any()


@pytest.mark.parametrize("per_token", [1, 2])
def test_balance_loss_is_that_of_transformers(per_token: int) -> None:
    mixtral = pytest.importorskip("transformers.models.mixtral.modeling_mixtral")
    generator = torch.Generator().manual_seed(1)
    logits = [2 * torch.randn(50, 4, generator=generator) for _ in range(3)]
    expected = mixtral.load_balancing_loss_func(tuple(logits), 4, per_token)
    torch.testing.assert_close(balance_loss(logits, per_token), expected)
    even = torch.eye(4).repeat(5, 1)
    assert balance_loss([even], 1).item() == pytest.approx(1)
    assert balance_loss([9 * even[:1].repeat(20, 1)], 1).item() > 3.9


def test_training_evens_out_what_experts_do() -> None:
    shape, windows = replace(TINY, experts=4, experts_per_token=1), tokens(320, 4, 33)
    with_balance, without = (scattered(replace(shape, router_weight=w)) for w in (1.0, 0.0))
    assert with_balance.loss(windows) == without.loss(windows)
    _, routers = with_balance.model(windows[:, :-1])
    assert len(routers) == 2
    extra = with_balance.train().loss(windows) - without.train().loss(windows)
    torch.testing.assert_close(extra, balance_loss(routers, 1))
    extra.backward()
    assert with_balance.model.layers[0].mlp.gate.weight.grad.any()


@pytest.mark.parametrize("name", OPTIONS)
def test_weights_are_counted_without_building_the_model(name: str) -> None:
    shape = OPTIONS[name]
    weights = dict(Transformer(shape).named_parameters())
    sizes = {key: weight.numel() for key, weight in weights.items()}
    assert parameter_count(shape) == sum(sizes.values())
    idle = range(shape.experts_per_token, shape.experts or 0)
    asleep = sum(size for key, size in sizes.items() if any(f".experts.{i}." in key for i in idle))
    assert active_parameter_count(shape) == sum(sizes.values()) - asleep


def test_counts_are_the_published_ones() -> None:
    llama_7b = Shape(32000, 4096, 32, 32, 32, 11008, 2048, tied=False)
    mixtral = Shape(32000, 4096, 32, 32, 8, 14336, 32768, tied=False, experts=8)
    assert parameter_count(SMALL_GPT2) == 124_439_808
    assert parameter_count(llama_7b) == 6_738_415_616
    assert parameter_count(mixtral) == 46_702_792_704
    assert active_parameter_count(mixtral) == pytest.approx(12.9e9, rel=0.005)


def test_arithmetic_is_counted_as_palm_counts_it() -> None:
    gpu = Shape(8192, 256, 6, 4, 4, 704, 1024)
    assert training_flops_per_token(Shape()) == 6 * 864_256 + 12 * 3 * 128 * 256
    assert training_flops_per_token(Shape()) / 1e6 == pytest.approx(6.4, abs=0.05)
    assert training_flops_per_token(gpu) / 1e6 == pytest.approx(60, abs=0.5)
    assert training_flops_per_token(gpu, 512) < training_flops_per_token(gpu)
    untied, sparse = replace(gpu, tied=False), replace(gpu, experts=64, experts_per_token=1)
    assert training_flops_per_token(untied) == training_flops_per_token(gpu)
    router = 6 * gpu.layers * gpu.width * 64
    assert training_flops_per_token(sparse) == training_flops_per_token(gpu) + router


@pytest.mark.parametrize(
    "change",
    [
        {"width": 65},
        {"heads": 3},
        {"kv_heads": 4},
        {"layers": 0},
        {"positions": "absolute"},
        {"activation": "relu"},
        {"norm": "batch"},
        {"dropout": 1.0},
        {"dropout": -0.1},
        {"experts": 1},
        {"experts": 4, "experts_per_token": 0},
        {"router_weight": -1.0},
    ],
)
def test_an_impossible_shape_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="^model shape: [^\n]+$"):
        replace(TINY, **change)
