"""Arms and held-out sets made ready: guarded, marked, given a tokenizer.

In: documents as they come. Out: `Prepared`, and in `output` the tokenizer, the texts to score and
the hashes of the trip-wire. The decision that matters: what costs time here is stored under the
fingerprint of everything it was made from, so an ablation that goes on does not do it again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

import model
from curate.document import encodable
from curate.errors import InputError
from curate.store import read_json, write_json
from curate.tokens.tokenizer import Encoding
from model.ablation.arms import (
    Documents,
    Encoder,
    Guarded,
    balanced_tokenizer,
    guard_arms,
    versions,
    without,
)
from model.ablation.heldout import Diagnostic, Heldout, hold_out, mark_clean, token_hashes
from model.ablation.profiles import Profile

FILE = "prepared.json"
PARTS = ("arms", "guard", "heldout", "prepare", "resident", "tables", "trial", "trials")
# the files of `model` that a run's numbers come from
CODE = (
    *(f"{room}/*.py" for room in ("data", "architecture", "training", "evaluation")),
    *(f"ablation/{part}.py" for part in PARTS),
)


@dataclass(frozen=True)
class Prepared:
    """Guarded arms, held-out sets with their marks, and the encoder for both.

    inputs: fingerprint of everything given. encoded_per_second: tokens, measured on held-out text.
    """

    inputs: str
    arms: dict[str, Documents]
    heldout: Heldout
    guarded: Guarded
    encoder: Encoder
    heldout_tokens: int
    encoded_per_second: float


def prepare(
    output: Path,
    arms: Mapping[str, Documents],
    heldout: Mapping[str, Documents],
    diagnostics: Mapping[str, Diagnostic],
    profile: Profile,
) -> Prepared:
    """See the module. InputError: an arm is too small, or all of it repeats held-out text."""
    arms = {name: [(id, _valid(text)) for id, text in part] for name, part in arms.items()}
    held = hold_out(heldout, diagnostics, profile.heldout_bytes)
    for name in held.headline:
        if not held.scored[name]:
            raise InputError(f"no held-out document with words in {name}")
    inputs = _fingerprint(arms, held, profile)
    stored = read_json(str(output / FILE))
    if stored is not None and stored["inputs"] == inputs:
        clean, guarded = without(arms, set(stored["leaked"]), profile.shared_ratio)
        encoding = Encoding((output / "tokenizer.json").read_text(encoding="utf-8"), stored["eos"])
        held = replace(held, clean=stored["clean"])
    else:
        clean, guarded, held, encoding = _make(output, inputs, arms, held, profile)
    encoder = Encoder(encoding)
    started = time.monotonic()
    scored = [text for part in held.scored.values() for _, text in part]
    tokens = sum(len(ids) for ids in encoder.encode(scored))
    speed = tokens / max(1e-3, time.monotonic() - started)
    _check_sizes(clean, encoder, profile)
    hashes = token_hashes(held, encoder, profile.piece_chars)
    write_json(str(output / "heldout-hashes.json"), hashes)
    return Prepared(inputs, clean, held, guarded, encoder, tokens, speed)


def _make(
    output: Path, inputs: str, arms: Mapping[str, Documents], held: Heldout, profile: Profile
) -> tuple[dict[str, Documents], Guarded, Heldout, Encoding]:
    """The dear part, and what is stored of it."""
    clean, guarded = guard_arms(
        arms, held.whole, profile.shared_ratio, profile.piece_chars, held.reported
    )
    held = replace(held, clean=mark_clean(held, (texts for _, texts in versions(clean))))
    encoding = balanced_tokenizer(clean, profile.shape.vocabulary, profile.tokenizer_bytes)
    (output / FILE).unlink(missing_ok=True)  # it speaks of the files that are written now
    (output / "tokenizer.json").write_text(encoding.json, encoding="utf-8")
    texts = {name: [text for _, text in part] for name, part in held.scored.items()}
    (output / "heldout.json").write_text(json.dumps(texts), encoding="utf-8")
    kept = {id for part in clean.values() for id, _ in part}
    leaked = sorted({id for part in arms.values() for id, _ in part} - kept)
    write_json(
        str(output / FILE),
        {"inputs": inputs, "leaked": leaked, "clean": held.clean, "eos": encoding.eos},
    )
    return clean, guarded, held, encoding


def _valid(text: str) -> str:
    """A text as UTF-8 can hold it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return encodable(text)
    return text


def _check_sizes(arms: Mapping[str, Documents], encoder: Encoder, profile: Profile) -> None:
    batch = profile.recipe.batch_windows * profile.shape.context
    for name, documents in arms.items():
        tokens = len(encoder.stream(documents, 0, batch + 1, profile.piece_chars)[0])
        if tokens <= batch:
            raise InputError(
                f"arm {name}: its {tokens} tokens do not fill one batch of {batch}; give it more documents"
            )


def _fingerprint(arms: Mapping[str, Documents], held: Heldout, profile: Profile) -> str:
    about: list[Any] = [asdict(profile), torch.__version__, _code(), held.headline]
    digest = hashlib.sha256(json.dumps(about).encode())
    for name, part in _named(arms, held):
        digest.update(f"{name}\0".encode("utf-8", "surrogatepass"))
        for id, text in part:
            digest.update(f"{id}\0{text}\0".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:16]


def _named(arms: Mapping[str, Documents], held: Heldout) -> Iterator[tuple[str, Documents]]:
    yield from arms.items()
    yield from held.whole.items()
    yield from held.scored.items()


@cache
def _code() -> str:
    """Digest of the code a run's numbers come from."""
    root = Path(model.__path__[0])
    digest = hashlib.sha256()
    for file in sorted(file for pattern in CODE for file in root.glob(pattern)):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
