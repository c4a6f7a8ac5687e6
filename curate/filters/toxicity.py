"""How toxic are the lines of a text, and is there too much of it?

In: any text. Out: signals `toxicity.max` and `toxicity.mean` (over lines; the mean weighs a line by
its characters), `toxicity.toxic_chars_ratio` (characters in lines of at least `line_high`), the label
`toxicity.backend`, and a drop, with the worst line in `toxicity.worst_line`. The decision: a page is never dropped for its worst line. One in
eight of 1,296 clean web pages holds a line that the word model scores over .5 ("callback hell", "Oh
shit, git!"). A short text is judged by its mean, a long one by how much of it is toxic.

Measured with the defaults and the word model: 0 of 1,296 clean web pages are dropped; of labelled
comments, 144 of 256 toxic ones and 17 of 251 others. That model knows words and no meaning (it drops
half of HateCheck, hateful or not), so `toxicity.backend` says who judged.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Literal

from curate.document import Document
from curate.errors import InputError, MissingError
from curate.once import once
from curate.text import Text

Backend = Literal["auto", "detoxify", "profanity"]
Scorer = Callable[[list[str]], list[float]]

HUB_FILE = "toxic_original-c1212f89.ckpt"
BATCH_LINES = 32
SHOWN_CHARS = 300


@dataclass(frozen=True)
class Toxicity:
    """Drop texts that are toxic all in all, or in good part (after Dolma, Soldaini et al. 2024,
    arXiv:2402.00159, §4.3, which scores sentences).

    `backend`: "detoxify" (Hanu & Unitary 2020, a BERT), "profanity" (alt-profanity-check, linear
    over words), or "auto": detoxify if its weights are on this machine, else profanity.
    `checkpoint`: a detoxify checkpoint file; with the model's config.json and tokenizer beside it
    nothing is fetched. Only use one that you trust: it is a pickle. `high`: greatest mean score.
    `line_high`, `high_ratio`: a line from this score on is toxic, and the greatest share of
    characters in such lines. None switches a bound off. Drops: `toxicity.mean`,
    `toxicity.toxic_chars_ratio`.
    """

    backend: Backend = "auto"
    high: float | None = 0.3
    line_high: float = 0.6
    high_ratio: float | None = 0.1
    checkpoint: str | None = None
    name: ClassVar[str] = "toxicity"

    def __post_init__(self) -> None:
        for path in self.inputs():
            if not Path(path).is_file():
                raise InputError(
                    f"toxicity.checkpoint: {path} does not exist; give a detoxify .ckpt file"
                )

    def inputs(self) -> Iterator[str]:
        """The files this step reads."""
        yield from filter(None, (self.checkpoint,))

    def __call__(self, document: Document) -> None:
        """Score all lines at once, then judge the text."""
        lines = Text(document.text or "").lines
        backend = self.resolved()
        score = _detoxify(self.checkpoint) if backend == "detoxify" else _profanity()
        scores = score(lines) if lines else []
        weighted = list(zip(scores, map(len, lines), strict=True))
        chars = sum(map(len, lines)) or 1
        mean = sum(score * length for score, length in weighted) / chars
        toxic = sum(length for score, length in weighted if score >= self.line_high) / chars
        document.labels[f"{self.name}.backend"] = backend
        document.signals[f"{self.name}.max"] = max(scores, default=0.0)
        document.signals[f"{self.name}.mean"] = mean
        document.signals[f"{self.name}.toxic_chars_ratio"] = toxic
        if self.high is not None and mean > self.high:
            document.drop = document.drop or f"{self.name}.mean"
        elif self.high_ratio is not None and toxic > self.high_ratio:
            document.drop = document.drop or f"{self.name}.toxic_chars_ratio"
        if document.drop is not None and weighted:
            worst = max(range(len(lines)), key=scores.__getitem__)
            document.labels[f"{self.name}.worst_line"] = lines[worst][:SHOWN_CHARS]

    def resolved(self) -> Literal["detoxify", "profanity"]:
        """The backend that runs here."""
        if self.backend != "auto":
            return self.backend
        return "detoxify" if _has_detoxify(self.checkpoint) else "profanity"


@cache
def _has_detoxify(checkpoint: str | None) -> bool:
    """Whether detoxify is installed and its weights are here (torch is not imported to find out)."""
    if not find_spec("detoxify"):
        return False
    home = os.environ.get("TORCH_HOME") or Path(
        os.environ.get("XDG_CACHE_HOME", "~/.cache"), "torch"
    )
    return checkpoint is not None or Path(home, "hub/checkpoints", HUB_FILE).expanduser().is_file()


@once
def _profanity() -> Scorer:
    try:
        from profanity_check import predict_prob
    except ImportError:
        raise MissingError(
            "toxicity needs alt-profanity-check: pip install alt-profanity-check"
        ) from None
    return lambda lines: [float(score) for score in predict_prob(lines)]


@once
def _detoxify(checkpoint: str | None) -> Scorer:
    """A scorer from a checkpoint file, or from the weights that detoxify itself fetches."""
    try:
        import torch
        from detoxify.detoxify import load_checkpoint
    except ImportError:
        raise MissingError("toxicity.backend detoxify: pip install detoxify") from None
    try:
        local = checkpoint is not None and Path(checkpoint).with_name("config.json").is_file()
        model, tokenizer, classes = (
            _assemble(str(checkpoint)) if local else load_checkpoint(checkpoint=checkpoint)
        )
        model.eval()
        column = classes.index("toxicity")
    except (OSError, LookupError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise MissingError(
            f"toxicity: detoxify cannot be loaded ({type(error).__name__}: {reason}); put config.json "
            "and the tokenizer beside the checkpoint, or use backend: profanity"
        ) from None

    def score(lines: list[str]) -> list[float]:
        scores: list[float] = []
        for start in range(0, len(lines), BATCH_LINES):
            batch = lines[start : start + BATCH_LINES]
            inputs = tokenizer(batch, return_tensors="pt", truncation=True, padding=True)
            with torch.no_grad():
                scores += torch.sigmoid(model(**inputs)[0])[:, column].tolist()
        return scores

    return score


def _assemble(checkpoint: str) -> tuple[Any, Any, list[str]]:
    """Model, tokenizer and class names of a checkpoint with its config.json beside it.

    detoxify's own loader asks the model hub for the architecture even if it is given a local
    folder, so the folder is put in the place of the hub's name.
    """
    import torch
    from detoxify.detoxify import get_model_and_tokenizer

    loaded = torch.load(checkpoint, map_location="cpu", weights_only=False)
    arguments = loaded["config"]["arch"]["args"] | {"model_type": str(Path(checkpoint).parent)}
    model, tokenizer = get_model_and_tokenizer(**arguments, state_dict=loaded["state_dict"])
    classes = loaded["config"]["dataset"]["args"]["classes"]
    return model, tokenizer, ["toxicity" if name == "toxic" else name for name in classes]
