"""An exported folder is what transformers reads: same logits, same names, and back again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_decoders import scattered

from curate.errors import InputError
from curate.tokens.tokenizer import Training
from curate.tokens.tokenizer import load as load_tokenizer
from curate.tokens.tokenizer import train as train_tokenizer
from model.architecture.shape import Shape
from model.architecture.transformer import Transformer
from model.checkpoints.export import export, load
from model.checkpoints.families import family_of, from_config, to_config

torch.set_num_threads(1)  # tiny matrices: more threads only wait for each other
TINY = Shape(vocabulary=320, width=64, layers=2, heads=2, kv_heads=2, hidden=96, context=32)
GPT2 = replace(TINY, positions="learned", activation="gelu", norm="layer", bias=True)
SHAPES = {
    "tied": (TINY, "llama"),
    "untied": (replace(TINY, tied=False), "llama"),
    "grouped": (replace(TINY, heads=4, kv_heads=2), "llama"),
    "rope": (replace(TINY, rope_base=500_000.0, norm_epsilon=1e-6, eos=7), "llama"),
    "biased": (replace(TINY, bias=True, dropout=0.1), "llama"),
    "experts": (replace(TINY, experts=4), "mixtral"),
    "grouped experts": (
        replace(TINY, heads=4, kv_heads=1, experts=3, experts_per_token=1, tied=False),
        "mixtral",
    ),
    "gpt2": (GPT2, "gpt2"),
    "untied gpt2": (replace(GPT2, tied=False, dropout=0.2, hidden=256), "gpt2"),
}
OWN = {
    "learned and swiglu": replace(TINY, positions="learned"),
    "gelu without bias": replace(TINY, activation="gelu", norm="layer"),
    "biased gelu experts": replace(TINY, activation="gelu", bias=True, experts=3),
    "gpt2 with shared keys": replace(GPT2, kv_heads=1),
}


@pytest.mark.parametrize("name", SHAPES)
def test_logits_equal_those_of_transformers(name: str, tmp_path: Path) -> None:
    auto = pytest.importorskip("transformers").AutoModelForCausalLM
    shape, family = SHAPES[name]
    model = scattered(shape)
    export(model, None, tmp_path / "ours")
    theirs, report = auto.from_pretrained(
        tmp_path / "ours", attn_implementation="eager", output_loading_info=True
    )
    assert theirs.config.model_type == family and theirs.dtype == torch.float32
    assert not any(report.values()), report
    tokens = torch.randint(0, 320, (3, 32), generator=torch.Generator().manual_seed(1))
    theirs.save_pretrained(tmp_path / "theirs")
    again, _ = load(tmp_path / "theirs")
    with torch.no_grad():
        ours, expected, returned = model(tokens), theirs.eval()(tokens).logits, again(tokens)
    assert ours.std() > 0.5
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-5)
    assert again.shape == shape and torch.equal(returned, ours)


@pytest.mark.parametrize("name", [*SHAPES, *OWN])
def test_weights_read_back_are_the_weights_written(name: str, tmp_path: Path) -> None:
    shape = OWN[name] if name in OWN else SHAPES[name][0]
    model = scattered(shape)
    again, tokenizer = load(export(model, None, tmp_path))
    assert again.shape == shape == from_config(to_config(shape)) and tokenizer is None
    assert again.state_dict().keys() == model.state_dict().keys()
    for key, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[key], value)


def test_names_on_disk_are_the_published_ones(tmp_path: Path) -> None:
    export(Transformer(replace(TINY, experts=2)), None, tmp_path)
    mixtral = load_file(tmp_path / "model.safetensors")
    layer = "model.layers.1.block_sparse_moe"
    assert mixtral[f"{layer}.gate.weight"].shape == (2, 64)
    assert mixtral[f"{layer}.experts.1.w2.weight"].shape == (64, 96)
    export(Transformer(GPT2), None, tmp_path)
    gpt2 = load_file(tmp_path / "model.safetensors")
    assert gpt2["transformer.h.1.attn.c_attn.weight"].shape == (64, 192)
    assert gpt2["transformer.h.1.mlp.c_fc.weight"].shape == (64, 96)
    assert "lm_head.weight" not in gpt2


def test_gpt2_as_openai_published_it_is_read(tmp_path: Path) -> None:
    model = scattered(GPT2)
    export(model, None, tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    bare = {name.removeprefix("transformer."): weight for name, weight in weights.items()}
    bare["h.0.attn.bias"] = torch.ones(1, 1, 32, 32).tril()
    save_file(bare, tmp_path / "model.safetensors")
    config = json.loads((tmp_path / "config.json").read_text())
    del config["tie_word_embeddings"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    again, _ = load(tmp_path)
    assert all(
        torch.equal(again.state_dict()[name], weight) for name, weight in model.state_dict().items()
    )


@pytest.mark.parametrize("name", OWN)
def test_no_other_program_takes_our_own_family_for_theirs(name: str, tmp_path: Path) -> None:
    auto = pytest.importorskip("transformers").AutoModelForCausalLM
    assert family_of(OWN[name]).model_type == "curate"
    export(Transformer(OWN[name]), None, tmp_path)
    with pytest.raises(ValueError, match="curate"):
        auto.from_pretrained(tmp_path)


def test_the_exported_tokenizer_loads_in_transformers(tmp_path: Path) -> None:
    auto = pytest.importorskip("transformers").AutoTokenizer
    tokenizer = load_tokenizer(
        train_tokenizer(["the cat sat on the mat, naïve 日本"] * 9, Training(vocabulary=320)).json
    )
    export(Transformer(TINY), tokenizer, tmp_path)
    theirs = auto.from_pretrained(tmp_path)
    text = "  the mat — 日本 sat\n"
    assert theirs(text)["input_ids"] == tokenizer.encode(text).ids
    assert theirs.decode(theirs(text)["input_ids"]) == text
    assert theirs.eos_token_id == theirs.bos_token_id == 0


def test_transformers_stops_generating_at_the_end_of_document(tmp_path: Path) -> None:
    auto = pytest.importorskip("transformers").AutoModelForCausalLM
    model = Transformer(replace(TINY, eos=5))
    with torch.no_grad():
        for weight in model.model.embed_tokens.parameters():
            weight[:] = 0.01 * weight
            weight[5] = weight[6] = 1.0
            weight[5] *= 2
    export(model, None, tmp_path)
    theirs = auto.from_pretrained(tmp_path)
    ids = theirs.generation_config
    assert ids.eos_token_id == ids.bos_token_id == ids.pad_token_id == 5
    text = theirs.generate(torch.tensor([[6]]), max_new_tokens=9, do_sample=False)
    assert text[0, -1] == 5 and text.shape[1] == 2


@pytest.mark.parametrize(
    ("shape", "change"),
    [
        (TINY, {"hidden_act": "gelu"}),
        (TINY, {"attention_bias": True}),
        (TINY, {"head_dim": 48}),
        (TINY, {"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}),
        (TINY, {"eos_token_id": [1, 2]}),
        (TINY, {"model_type": "bert"}),
        (TINY, {"num_attention_heads": 3, "head_dim": None}),
        (TINY, {"vocab_size": None}),
        (replace(TINY, experts=2), {"sliding_window": 16}),
        (GPT2, {"scale_attn_by_inverse_layer_idx": True}),
        (GPT2, {"embd_pdrop": 0.1}),
        (TINY, {"hidden_size": 128, "head_dim": 64}),
    ],
)
def test_what_no_shape_can_say_is_refused(
    shape: Shape, change: dict[str, Any], tmp_path: Path
) -> None:
    export(Transformer(shape), None, tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({**to_config(shape), **change}))
    with pytest.raises(InputError) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}: ") and "\n" not in str(caught.value)


def test_an_option_younger_than_a_config_has_its_default() -> None:
    shape = replace(TINY, activation="gelu")
    config = to_config(shape)
    del config["router_weight"]
    assert config["model_type"] == "curate" and from_config(config) == shape


def test_what_is_no_checkpoint_is_refused_in_one_line(tmp_path: Path) -> None:
    export(Transformer(TINY), None, tmp_path / "cut")
    (tmp_path / "cut/model.safetensors").write_bytes(b"12345678")
    export(Transformer(TINY), None, tmp_path / "words")
    (tmp_path / "words/tokenizer.json").write_text("{}")
    export(Transformer(TINY), None, tmp_path / "list")
    (tmp_path / "list/config.json").write_text("[1]")
    for name in ("nowhere", "cut", "words", "list"):
        with pytest.raises(InputError) as caught:
            load(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)
