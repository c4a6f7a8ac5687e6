"""Folders of others: scored as our own are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

os.environ["HF_HUB_OFFLINE"] = "1"
transformers = pytest.importorskip("transformers")

from tiny_model import SAMPLE, TOKENIZER, exported, tiny  # noqa: E402

from curate.errors import InputError, UserError  # noqa: E402
from model.architecture.transformer import Transformer  # noqa: E402
from model.checkpoints.export import export  # noqa: E402
from model.checkpoints.loading import Foreign, load_transformers, open_model  # noqa: E402
from model.evaluation.evaluate import evaluate  # noqa: E402

TEXTS = [SAMPLE, "the cat", ""]


def test_ours_and_transformers_score_alike(tmp_path: Path) -> None:
    folder = exported(tmp_path / "ours")
    ours = open_model(folder, "cpu")
    assert isinstance(ours.model, Transformer)
    net = transformers.AutoModelForCausalLM.from_pretrained(folder)
    theirs = Foreign(net, ours.model.shape)  # type: ignore[arg-type]
    expected = evaluate(ours.model, ours.tokenizer, TEXTS)
    assert evaluate(theirs, ours.tokenizer, TEXTS).nats == pytest.approx(expected.nats, rel=1e-5)


def test_a_folder_of_another_architecture_is_opened_in_fp32(tmp_path: Path) -> None:
    config = transformers.GPTNeoXConfig(
        vocab_size=320,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=24,
        bos_token_id=0,
        eos_token_id=[0, 7],
    )
    net = transformers.GPTNeoXForCausalLM(config).to(torch.bfloat16)
    net.save_pretrained(tmp_path)
    (tmp_path / "generation_config.json").unlink(missing_ok=True)
    words = transformers.PreTrainedTokenizerFast(
        tokenizer_object=TOKENIZER, eos_token="<|endoftext|>"
    )
    words.save_pretrained(tmp_path)
    opened = open_model(tmp_path, "cpu")
    assert isinstance(opened.model, Foreign)
    assert (opened.model.shape.context, opened.model.shape.eos) == (24, 0)
    assert opened.ends == {0, 7}
    assert {weight.dtype for weight in opened.model.parameters()} == {torch.float32}
    found = evaluate(opened.model, opened.tokenizer, TEXTS)
    assert found.tokens[0] > 24 and found.nats[0] > 0 == found.nats[2]


def test_a_model_of_masked_text_is_not_for_scoring(tmp_path: Path) -> None:
    export(tiny(), TOKENIZER, tmp_path / "prefix", "prefix")
    assert open_model(tmp_path / "prefix", "cpu").ends == {0}
    masked = export(tiny(), TOKENIZER, tmp_path / "masked", "masked")
    for use in (open_model, lambda folder, _: load_transformers(folder, torch.device("cpu"))):
        with pytest.raises(InputError, match="cannot continue or score text") as caught:
            use(masked, "cpu")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "size", "content"),
    [
        ("model.safetensors", 1000, b""),
        ("model.safetensors", 0, b""),
        ("tokenizer.json", 0, b'{"version": "1.0"}'),
        ("tokenizer.json", 0, b"\xff"),
        ("config.json", 0, b"[]"),
        ("config.json", 0, b"{"),
    ],
)
def test_a_broken_file_is_one_line(tmp_path: Path, name: str, size: int, content: bytes) -> None:
    path = exported(tmp_path) / name
    path.write_bytes(path.read_bytes()[:size] + content)
    with pytest.raises(InputError) as caught:
        open_model(tmp_path, "cpu")
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_an_error_that_says_nothing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", fail)
    with pytest.raises(InputError, match="AssertionError"):
        load_transformers(exported(tmp_path), torch.device("cpu"))


def test_an_adapter_without_its_base_is_a_mistake(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    exported(tmp_path)
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "/nowhere/base"}')
    with pytest.raises(UserError) as caught:
        open_model(tmp_path, "cpu")
    assert "\n" not in str(caught.value)
