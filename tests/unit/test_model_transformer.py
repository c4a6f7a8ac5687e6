"""The decoder is Llama: same logits, same files, same names."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from curate.errors import InputError
from curate.tokens.tokenizer import load as load_tokenizer
from curate.tokens.tokenizer import train as train_tokenizer
from model.data import Stream
from model.export import export, load
from model.generate import continue_tokens, generate
from model.recipe import Recipe
from model.shape import Shape
from model.train import fit, make_optimiser
from model.transformer import Transformer

torch.set_num_threads(1)  # tiny matrices: more threads only wait for each other
TINY = Shape(vocabulary=320, width=64, layers=2, heads=2, kv_heads=2, hidden=96, context=32)
SHAPES = {
    "tied": TINY,
    "untied": replace(TINY, tied=False),
    "grouped": replace(TINY, heads=4, kv_heads=2),
    "rope": replace(TINY, rope_base=500_000.0, norm_epsilon=1e-6),
}


@pytest.mark.parametrize("name", SHAPES)
def test_logits_equal_those_of_transformers(name: str, tmp_path: Path) -> None:
    llama = pytest.importorskip("transformers").LlamaForCausalLM
    model = _scattered(SHAPES[name])
    export(model, None, tmp_path)
    theirs, report = llama.from_pretrained(
        tmp_path, attn_implementation="eager", output_loading_info=True
    )
    assert not report["missing_keys"] and not report["unexpected_keys"]
    tokens = torch.randint(0, 320, (3, 32), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours, expected = model(tokens), theirs.eval()(tokens).logits
    assert ours.std() > 0.5
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-5)


def test_a_token_does_not_see_what_follows() -> None:
    model = _scattered(TINY)
    tokens = torch.arange(32)[None]
    changed = tokens.clone()
    changed[0, 20:] = 7
    with torch.no_grad():
        torch.testing.assert_close(model(tokens)[0, :20], model(changed)[0, :20])


def test_loss_starts_at_the_logarithm_of_the_vocabulary() -> None:
    windows = torch.randint(0, 2048, (8, 65), generator=torch.Generator().manual_seed(1))
    loss = Transformer(Shape(context=64)).loss(windows)
    assert loss.item() == pytest.approx(math.log(2048), abs=0.3)


def test_the_seed_alone_fixes_the_weights() -> None:
    torch.manual_seed(1)
    first = Transformer(TINY, seed=3).state_dict()
    torch.manual_seed(2)
    second, other = Transformer(TINY, seed=3).state_dict(), Transformer(TINY, seed=4).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["lm_head.weight"], other["lm_head.weight"])


def test_one_batch_can_be_learnt_by_heart() -> None:
    windows = torch.randint(0, 320, (4, 33), generator=torch.Generator().manual_seed(1))
    model = Transformer(TINY)
    optimiser = make_optimiser(model, Recipe(learning_rate=3e-3))
    for _ in range(120):
        loss = model.loss(windows)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    assert loss.item() < 0.05


def test_weights_read_back_are_the_weights_written(tmp_path: Path) -> None:
    for name, shape in SHAPES.items():
        model = _scattered(shape)
        again, tokenizer = load(export(model, None, tmp_path / name))
        assert again.shape == shape and tokenizer is None
        for key, value in model.state_dict().items():
            assert torch.equal(again.state_dict()[key], value)


def test_the_exported_tokenizer_loads_in_transformers(tmp_path: Path) -> None:
    auto = pytest.importorskip("transformers").AutoTokenizer
    tokenizer = load_tokenizer(
        train_tokenizer(["the cat sat on the mat, naïve 日本"] * 9, 320).json
    )
    export(Transformer(TINY), tokenizer, tmp_path)
    theirs = auto.from_pretrained(tmp_path)
    text = "  the mat — 日本 sat\n"
    assert theirs(text)["input_ids"] == tokenizer.encode(text).ids
    assert theirs.decode(theirs(text)["input_ids"]) == text
    assert theirs.eos_token_id == theirs.bos_token_id == 0


def test_generation_depends_on_its_seed_only(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(train_tokenizer(["the cat sat on the mat"] * 9, 320).json)
    export(_scattered(TINY), tokenizer, tmp_path)
    texts = [generate(tmp_path, "the", 40, 1.0, None, seed) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    greedy = [generate(tmp_path, "the", 5, 0, 10, seed) for seed in (1, 2)]
    assert greedy[0] == greedy[1] == generate(tmp_path, "the", 5, 1.0, 1, 3)


def test_generation_ends_with_the_document() -> None:
    model, recipe = Transformer(TINY), Recipe(steps=60, batch_windows=4, learning_rate=1e-2)
    documents = Stream(np.tile([11, 12, 13, 14, TINY.eos], 400))
    for _ in fit(model, make_optimiser(model, recipe), documents, recipe):
        pass
    assert continue_tokens(model, [TINY.eos, 11], 20, 0, None, 0) == [12, 13, 14]
    assert continue_tokens(model, [TINY.eos, 11], 2, 0, None, 0) == [12, 13]
    beyond_the_context = [TINY.eos, 11, 12, 13, 14] * 9
    assert continue_tokens(model, [*beyond_the_context, TINY.eos], 2, 0.1, 3, 0) == [11, 12]


@pytest.mark.parametrize(("temperature", "top_k"), [(-1.0, 5), (1.0, 0)])
def test_impossible_sampling_is_refused(temperature: float, top_k: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="temperature must be at least 0, top_k at least 1"):
        generate(tmp_path, "a", 5, temperature, top_k)


def test_what_is_no_checkpoint_is_refused_in_one_line(tmp_path: Path) -> None:
    export(Transformer(TINY), None, tmp_path / "cut")
    (tmp_path / "cut/model.safetensors").write_bytes(b"12345678")
    export(Transformer(TINY), None, tmp_path / "other")
    config = {**TINY.to_config(), "hidden_size": 128}
    (tmp_path / "other/config.json").write_text(json.dumps(config))
    for name in ("nowhere", "cut", "other"):
        with pytest.raises(InputError) as caught:
            load(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("change", [{"width": 65}, {"heads": 3}, {"kv_heads": 4}, {"layers": 0}])
def test_an_impossible_shape_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(InputError, match="model shape"):
        replace(TINY, **change)


def _scattered(shape: Shape) -> Transformer:
    """Weights large enough that every part of the arithmetic shows in the logits."""
    model = Transformer(shape).eval()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for weight in model.parameters():
            spread = 0.15 if weight.ndim > 1 else 0.3
            weight.add_(torch.randn(weight.shape, generator=generator) * spread)
    return model
