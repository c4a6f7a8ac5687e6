"""The toxicity filter with a real detoxify checkpoint, loaded as its own training code saves one."""

from __future__ import annotations

import pytest

from curate.document import Document
from curate.filters.toxicity import Toxicity
from curate.text import Text


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny BERT that calls everything toxic, laid out as detoxify's training code saves one."""
    pytest.importorskip("detoxify")
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("detoxify")
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nyou\nare\ngood\n")
    sizes = {
        "vocab_size": 8,
        "hidden_size": 8,
        "intermediate_size": 8,
        "max_position_embeddings": 16,
    }
    config = transformers.BertConfig(
        num_hidden_layers=1, num_attention_heads=1, num_labels=2, **sizes
    )
    model = transformers.BertForSequenceClassification(config)
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(torch.tensor([-3.0, 3.0]))
    config.save_pretrained(folder)
    tokenizer = transformers.BertTokenizer.from_pretrained(folder)
    tokenizer.model_max_length = 16
    tokenizer.save_pretrained(folder)
    names = {"model_name": "BertForSequenceClassification", "tokenizer_name": "BertTokenizer"}
    arch = {"args": {"model_type": "bert-base-uncased", "num_classes": 2, **names}}
    trained = {"arch": arch, "dataset": {"args": {"classes": ["insult", "toxic"]}}}
    torch.save({"config": trained, "state_dict": model.state_dict()}, folder / "tiny.ckpt")
    return str(folder / "tiny.ckpt")


def test_detoxify_runs_from_a_local_checkpoint(checkpoint: str) -> None:
    text = "you are good\n" * 40 + "you " * 100
    document = Document("0", "s", "o", text=Text(text))
    Toxicity(checkpoint=checkpoint)(document)
    assert document.labels["toxicity.backend"] == "detoxify"
    assert document.signals["toxicity.mean"] == pytest.approx(0.9526, abs=1e-3)
    assert document.drop == "toxicity.mean"
