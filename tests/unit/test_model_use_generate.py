"""Continuations: those of transformers when greedy, and each prompt's own in a batch."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

os.environ["HF_HUB_OFFLINE"] = "1"

from tiny_model import TOKENIZER, exported, opened, tiny

from curate.errors import InputError, UserError
from model.checkpoints.loading import open_model
from model.use.generate import GREEDY, Sampling, continuations, continue_tokens, generate

PROMPTS = ["the cat", "", "naïve 日本 and then", "the mat, the mat, the mat"]
NEVER: frozenset[int] = frozenset()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(tmp_path_factory.mktemp("model"), context=64)


def test_greedy_text_is_that_of_transformers(folder: Path) -> None:
    transformers = pytest.importorskip("transformers")
    net = transformers.AutoModelForCausalLM.from_pretrained(folder)
    model = open_model(folder, "cpu")
    ids = [[0, *TOKENIZER.encode(prompt).ids] for prompt in PROMPTS]
    found = continue_tokens(model.model, ids, 20, GREEDY, model.ends)
    for prompt, new in zip(ids, found, strict=True):
        theirs = net.generate(torch.tensor([prompt]), max_new_tokens=20, do_sample=False)[0]
        expected = theirs[len(prompt) :].tolist()
        assert new == (expected[:-1] if expected[-1] == 0 else expected) and len(new) > 2


@pytest.mark.parametrize("sampling", [GREEDY, Sampling(1.0, None, None, 7), Sampling(0.9, 20, 0.8)])
def test_neighbours_do_not_change_a_continuation(sampling: Sampling) -> None:
    model = opened(context=16)  # longer texts than the context: the window slides
    together = list(continuations(model, PROMPTS, 30, sampling))
    ids = [[0, *TOKENIZER.encode(prompt).ids] for prompt in PROMPTS]
    for number, prompt in enumerate(ids):
        (alone,) = continue_tokens(model.model, [prompt], 30, sampling, model.ends, [number])
        assert TOKENIZER.decode(alone) == together[number]


def test_top_p_keeps_the_smallest_set_of_enough_chance() -> None:
    model = tiny()
    with torch.no_grad():
        chances = torch.softmax(model(torch.tensor([[0]]))[0, -1], 0)
    top = float(chances.max())
    drawn = {
        continue_tokens(model, [[0]], 1, Sampling(1.0, None, top_p, seed), NEVER)[0][0]
        for seed in range(25)
        for top_p in (top * 0.5, top * 0.999)
    }
    assert drawn == {int(chances.argmax())}
    wider = {
        continue_tokens(model, [[0]], 1, Sampling(1.0, None, 0.9, s), NEVER)[0][0]
        for s in range(99)
    }
    order = chances.argsort(descending=True)
    before = chances[order].cumsum(0) - chances[order]
    assert wider <= set(order[before < 0.9].tolist()) and len(wider) > 2


def test_sampling_has_the_model_s_distribution() -> None:
    model = tiny(noise=0.5)
    with torch.no_grad():
        chances = torch.softmax(model(torch.tensor([[5]]))[0, -1], 0)
    rows = [[5]] * 400
    drawn = continue_tokens(model, rows, 1, Sampling(1.0, None), NEVER)
    counts = torch.bincount(torch.tensor([new[0] for new in drawn]), minlength=320) / 400
    likely = chances > 0.02
    assert likely.sum() >= 5
    assert (counts - chances)[likely].abs().max() < 0.08


def test_the_end_of_a_document_ends_the_text() -> None:
    model = tiny()
    first = continue_tokens(model, [[0, 5]], 6, GREEDY, NEVER)[0]
    cut = continue_tokens(model, [[0, 5]], 6, GREEDY, frozenset({first[3]}))[0]
    assert cut == first[: first.index(first[3])]
    assert continue_tokens(model, [[0, 5]], 0, GREEDY, NEVER) == [[]]


def test_a_seed_is_a_text(folder: Path) -> None:
    texts = [generate(folder, "the cat", 12, seed=seed, device="cpu") for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    assert generate(folder, "surrogate \ud800", 3, device="cpu") is not None


@pytest.mark.parametrize(
    "wrong", [{"temperature": -1}, {"temperature": float("nan")}, {"top_k": 0}, {"top_p": 0.0}]
)
def test_numbers_out_of_range_are_a_mistake(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="temperature"):
        Sampling(**wrong)  # type: ignore[arg-type]


def test_what_is_no_model_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a checkpoint"):
        open_model(tmp_path, "cpu")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError) as caught:
        open_model(tmp_path, "cpu")
    assert "\n" not in str(caught.value)
