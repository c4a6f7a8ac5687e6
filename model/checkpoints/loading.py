"""Any folder with a causal language model, opened for scoring and writing text.

In: a folder this package exported, one transformers saved, or an adapter that `curate finetune` or
peft wrote. Out: a model that turns ids into logits, its tokenizer, and where a text of it ends.
The decision: our own loader goes first and needs nothing more; what it does not know is left to
transformers, always in fp32, so that numbers do not depend on how a folder was stored.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from curate.errors import CurateError, InputError, MissingError
from curate.tokens.tokenizer import load as load_tokenizer
from model.architecture.transformer import Transformer
from model.checkpoints.export import CONFIG, GENERATION, OBJECTIVE, first_line, load
from model.training.train import choose_device

ADAPTER = "adapter_config.json"
ROWS_MULTIPLE = 64


@dataclass(frozen=True)
class Limits:
    """context: tokens a model sees at most. eos: the id that ends a document, and begins the next."""

    context: int
    eos: int


class Foreign(nn.Module):
    """A model of transformers that answers as ours does: ids (batch, time) -> logits."""

    def __init__(self, net: nn.Module, limits: Limits) -> None:
        super().__init__()
        self.net, self.shape = net, limits

    def forward(self, tokens: Tensor) -> Tensor:
        """(batch, time) int64 -> (batch, time, vocabulary). time <= context."""
        logits: Tensor = self.net(input_ids=tokens, use_cache=False).logits
        return logits


LanguageModel = Transformer | Foreign


@dataclass(frozen=True)
class Opened:
    """A model with its tokenizer. ends: the ids after which a text is finished."""

    folder: Path
    model: LanguageModel
    tokenizer: Tokenizer
    ends: frozenset[int]


def open_model(folder: str | Path, device: str | None = None) -> Opened:
    """The model in a folder, ready on `device` (default: a GPU where there is one).

    InputError: there is none, or none that can be read, or it has no tokenizer.
    """
    folder, where = Path(folder), choose_device(device)
    _check_objective(folder)
    model, tokenizer = _ours(folder, where) or _foreign(folder, where)
    own = _own_ends(model.net) if isinstance(model, Foreign) else []
    return Opened(folder, model, tokenizer, frozenset({model.shape.eos, *own, *_ends(folder)}))


def _ours(folder: Path, device: torch.device) -> tuple[LanguageModel, Tokenizer] | None:
    """None: somebody else's, for transformers to try."""
    if (folder / ADAPTER).exists():
        return None
    try:
        model, tokenizer = load(folder, str(device))
    except InputError:
        if (folder / CONFIG).exists() and find_spec("transformers"):
            return None
        raise
    if tokenizer is None:
        raise InputError(f"{folder}: no tokenizer.json beside the model, so text cannot be read")
    return model, tokenizer


def _foreign(folder: Path, device: torch.device) -> tuple[LanguageModel, Tokenizer]:
    net, words = load_transformers(folder, device)
    known = (id for id in (words.bos_token_id, words.eos_token_id) if id is not None)
    eos = next(known, None)
    if eos is None or not words.is_fast:
        raise InputError(f"{folder}: needs a tokenizer.json with a token that ends a document")
    tokenizer = load_tokenizer(words.backend_tokenizer.to_str())
    return Foreign(net, Limits(context_of(net, words), eos)), tokenizer


def context_of(net: Any, words: Any) -> int:
    """How many tokens a model of transformers sees: what it, or its tokenizer, says."""
    return int(
        min(getattr(net.config, "max_position_embeddings", None) or 2**31, words.model_max_length)
    )


def load_transformers(folder: str | Path, device: torch.device) -> tuple[Any, Any]:
    """(model in fp32, tokenizer) as transformers has them; an adapter is merged into its base.

    InputError: transformers or peft cannot read the folder. MissingError: they are not installed.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder")
    transformers = imported("transformers")
    transformers.utils.logging.disable_progress_bar()
    try:
        words = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        net = _merged(folder, words)
    except CurateError:
        raise
    except Exception as error:  # files of others fail in any way
        line = first_line(error)
        raise InputError(f"{folder}: transformers cannot read the model ({line})") from None
    return net.to(device).eval(), words


def _merged(folder: Path, words: Any) -> Any:
    """A model of transformers in fp32. The base of an adapter may be an adapter as well."""
    base = _base(folder)
    _check_objective(base)
    if base.resolve() != folder.resolve() and (base / ADAPTER).exists():
        net, _ = load_transformers(base, torch.device("cpu"))
    else:
        net = imported("transformers").AutoModelForCausalLM.from_pretrained(
            base, local_files_only=True, dtype=torch.float32
        )
    if not (folder / ADAPTER).exists():
        return net
    make_room(net, len(words))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of peft: nothing a reader could mend
        return imported("peft").PeftModel.from_pretrained(net, folder).merge_and_unload()


def make_room(net: Any, tokens: int) -> None:
    """Rows of the embedding for all tokens: if there are fewer, up to the next multiple of 64."""
    if net.get_input_embeddings().weight.shape[0] < tokens:
        net.resize_token_embeddings(tokens, pad_to_multiple_of=ROWS_MULTIPLE, mean_resizing=False)


def imported(name: str) -> Any:
    """A package of the extra `finetune`. MissingError: it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        raise MissingError(f"{name} is not installed: pip install 'curate[finetune]'") from None


def _base(folder: Path) -> Path:
    """Where the weights are: an adapter names the folder of its base, from here or from itself."""
    if not (folder / ADAPTER).exists():
        return folder
    named = json.loads((folder / ADAPTER).read_text(encoding="utf-8"))["base_model_name_or_path"]
    beside = folder / named
    return beside if beside.exists() else Path(named)


def _ends(folder: Path) -> list[int]:
    """What `generation_config.json` says ends a text."""
    return ids_of(_settings(folder / GENERATION).get("eos_token_id"))


def _own_ends(net: Any) -> list[int]:
    """What a model of transformers says ends a text: an adapter's base, for example."""
    settings = (getattr(net, name, None) for name in ("generation_config", "config"))
    return [id for one in settings for id in ids_of(getattr(one, "eos_token_id", None))]


def ids_of(named: Any) -> list[int]:
    """An `eos_token_id`, which is a number, several or none, as a list.

    >>> ids_of(None), ids_of(2), ids_of([2, 3])
    ([], [2], [2, 3])
    """
    return [named] if isinstance(named, int) else list(named or [])


def _settings(path: Path) -> dict[str, Any]:
    """The object in a JSON file; an empty one where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _check_objective(folder: Path) -> None:
    """InputError: the model in the folder reads both ways."""
    if _settings(folder / CONFIG).get(OBJECTIVE) == "masked":
        raise InputError(
            f"{folder}: trained to fill in masked tokens; it cannot continue or score text"
        )
