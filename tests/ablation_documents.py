"""Documents for ablations: a made-up language that can be learnt, the same with noise, held-out sets."""

from __future__ import annotations

import numpy as np

from model.ablation.arms import Documents


def _documents(count: int, prefix: str, words: int = 80) -> list[tuple[str, str]]:
    """Sentences over 150 words, the next word depending on the one before."""
    generator = np.random.default_rng(len(prefix) + count)
    names = ["".join(generator.choice(list("aeioulnrst"), 5)) for _ in range(150)]
    documents = []
    for number in range(count):
        steps = generator.choice([1, 2, 3, 70], words, p=[0.6, 0.2, 0.1, 0.1])
        line = " ".join(names[place % 150] for place in np.cumsum(steps) + generator.integers(150))
        documents.append((f"{prefix}{number}", f"{line} é"))
    return documents


def _shuffled(text: str, share: float) -> str:
    """The text with a share of its characters in each other's places."""
    generator = np.random.default_rng(len(text))
    chars = np.array(list(text))
    places = generator.choice(len(chars), int(share * len(chars)), replace=False)
    chars[places] = chars[generator.permutation(places)]
    return "".join(chars)


ALL = _documents(330, "d")
CLEAN, HELDOUT = ALL[:300], {"H1": ALL[300:315], "H2": ALL[315:]}
NOISY = [(id, _shuffled(text, 0.3)) for id, text in CLEAN]
ARMS: dict[str, Documents] = {"clean": CLEAN, "noisy": NOISY}
