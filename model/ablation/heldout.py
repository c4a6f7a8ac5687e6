"""The held-out texts of an ablation: which part is scored, which documents are clean, what must not
be trained on.

In: held-out sets and arms. Out: texts to score, a mark on every document that shares words with
training text, and hashes for the trip-wire. The decision that matters: the verdict rests on clean
documents only, and the trip-wire looks at the very tokens a model is given: a whole held-out document
or piece among them stops the run, whatever the guard has overlooked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_hexdigest

from curate.code_points import Hashes
from curate.decontaminate.index import run_hashes
from curate.document import encodable
from curate.known_hashes import KnownHashes
from model.ablation.arms import Documents, Encoder, cut, up_to
from model.ablation.guard import gram_width, word_hashes

# a set is scored on so many documents, where it has them, and of each on a piece of equal size
MOST_PIECES, FEWEST_PIECES = 300, 32
DIAGNOSTIC_SHARE = 4  # a diagnostic set is so many times smaller
BOILERPLATE_DOCUMENTS = 10  # GPT-3, app. C: words met in more documents are phrases of the web
BOILERPLATE_SHARE = 0.2  # but a text of which so much was met is no phrase, however often that was
HASHED_PIECES = 8  # of one document
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Diagnostic:
    """A held-out set that is reported and never judged. winner: the arm that should be best on it."""

    documents: Documents
    winner: str | None = None


@dataclass(frozen=True)
class Heldout:
    """whole: sets as they are given, for the guard; scored: what models are scored on; headline: the
    sets a verdict rests on; the others are reported only. clean: per headline set, which
    scored documents share no words with training text."""

    whole: dict[str, Documents]
    scored: dict[str, Documents]
    headline: tuple[str, ...]
    clean: dict[str, list[bool]] = field(default_factory=dict)

    @property
    def reported(self) -> tuple[str, ...]:
        """The sets that no verdict rests on."""
        return tuple(name for name in self.whole if name not in self.headline)

    def judged(self) -> dict[str, list[bool]]:
        """The documents a verdict rests on: the clean ones, or all of a set that has none."""
        return {
            name: mask if any(mask) else [True] * len(mask) for name, mask in self.clean.items()
        }

    def dirty(self) -> dict[str, list[bool]]:
        """The others, of sets that have both kinds."""
        return {
            name: [not clean for clean in mask]
            for name, mask in self.clean.items()
            if any(mask) and not all(mask)
        }

    def to_json(self) -> dict[str, dict[str, object]]:
        """Per set: documents, clean ones, bytes scored, whether it is a headline set."""
        return {
            name: {
                "documents": len(part),
                "clean": sum(self.clean[name]) if name in self.clean else None,
                "bytes": sum(len(text.encode()) for _, text in part),
                "headline": name in self.headline,
            }
            for name, part in self.scored.items()
        }


def hold_out(
    headline: Mapping[str, Documents], diagnostics: Mapping[str, Diagnostic], limit_bytes: int
) -> Heldout:
    """The documents with words, and of each as much as lets a set hold many; see MOST_PIECES."""
    parts = {**headline, **{name: one.documents for name, one in diagnostics.items()}}
    whole: dict[str, Documents] = {}
    scored: dict[str, Documents] = {}
    for name, part in parts.items():
        limit = limit_bytes if name in headline else limit_bytes // DIAGNOSTIC_SHARE
        texts = [(id, encodable(text)) for id, text in part if _WORD.search(text)]
        if not texts and name not in headline:
            continue
        piece = max(1, limit // min(MOST_PIECES, max(FEWEST_PIECES, len(texts))))
        whole[name] = up_to(texts, limit, piece)
        scored[name] = [(id, text[:piece]) for id, text in whole[name]]
    return Heldout(whole, scored, tuple(headline))


def mark_clean(heldout: Heldout, versions: Iterable[Sequence[str]]) -> dict[str, list[bool]]:
    """Per headline set: which scored documents share no n-gram with the training documents.

    versions: of each training document, its texts in all arms. n is 13 words, or 8 in a text of
    fewer than 26; n-grams of more than BOILERPLATE_DOCUMENTS training documents do not count, unless
    they are more than BOILERPLATE_SHARE of the text.
    """
    sets = {name: heldout.scored[name] for name in heldout.headline}
    words = [word_hashes(text) for part in sets.values() for _, text in part]
    widths = sorted({gram_width(part) for part in words})
    grams = [run_hashes(part, gram_width(part)) for part in words]
    known = KnownHashes.over(np.concatenate([*grams, np.empty(0, np.uint64)]))
    met = np.zeros(len(known), np.int64)
    for texts in versions:
        found = [np.empty(0, np.int64)]
        for hashes in map(word_hashes, texts):
            found += [known.places(run_hashes(hashes, width)) for width in widths]
        met[np.unique(np.concatenate(found))] += 1
    told = (met > 0) & (met <= BOILERPLATE_DOCUMENTS)

    def is_clean(part: Hashes) -> bool:
        at = np.unique(known.places(part))
        return not told[at].any() and not (len(at) and (met[at] > 0).mean() >= BOILERPLATE_SHARE)

    flags = iter([is_clean(part) for part in grams])
    return {name: [next(flags) for _ in part] for name, part in sets.items()}


def token_hashes(heldout: Heldout, encoder: Encoder, piece_chars: int | None) -> dict[str, str]:
    """Hash of the tokens of every held-out document, or piece of one -> `set: id`."""
    hashes = {}
    for name, part in heldout.whole.items():
        for id, text in part:
            for ids in encoder.encode(cut(text, piece_chars)[:HASHED_PIECES]):
                hashes[hash_tokens(ids)] = f"{name}: {id}"
    return hashes


def hash_tokens(ids: NDArray[np.integer]) -> str:
    """Of the tokens as 32-bit numbers."""
    return xxh3_64_hexdigest(np.ascontiguousarray(ids, np.int32).tobytes())


def trained_on(stream: NDArray[np.integer], eos: int, hashes: Mapping[str, str]) -> str | None:
    """The held-out document whose tokens stand in a stream between two ends, if there is one."""
    ends = np.flatnonzero(stream == eos)
    for part in np.split(stream, ends + 1)[:-1]:  # what follows the last end is no whole document
        found = hashes.get(hash_tokens(part[:-1] if len(part) and part[-1] == eos else part))
        if found is not None:
            return found
    return None
