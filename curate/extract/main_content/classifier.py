"""Features to probabilities, and probabilities to a choice.

In: the feature matrix of a page. Out: for each segment the probability that it is main content, and
which segments to keep. The decision: four small networks of one hidden layer, in NumPy: a page takes
about a millisecond, and nothing has to be installed for it. Their logits are averaged, not their
probabilities, so that they are one network of four times the units. Deeper networks and
convolutions over the segments did no better on held-out pages.

`tests/benchmarks/fit_main_content.py` fits the weights and says what they were fitted on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import IO

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
CLIP = 6.0  # standard deviations


@dataclass(frozen=True)
class Classifier:
    """A network of one hidden layer.

    `mean`, `scale`: (features,). `hidden`: (features, units), `hidden_bias`, `output`: (units,),
    `output_bias`: ().
    """

    mean: Array
    scale: Array
    hidden: Array
    hidden_bias: Array
    output: Array
    output_bias: Array

    def probabilities(self, features: Array) -> npt.NDArray[np.float64]:
        """(segments, features) -> (segments,)."""
        scaled = features - self.mean
        scaled /= self.scale
        np.clip(scaled, -CLIP, CLIP, out=scaled)
        units = np.maximum(scaled @ self.hidden + self.hidden_bias, 0)
        logits = (units @ self.output + self.output_bias).astype(np.float64)
        probabilities: npt.NDArray[np.float64] = 1 / (1 + np.exp(-logits))
        return probabilities

    @classmethod
    def load(cls, file: IO[bytes]) -> Classifier:
        """Weights as `numpy.savez` wrote them; half precision becomes single."""
        stored = np.load(file)
        return cls(**{name: stored[name].astype(np.float32) for name in stored.files})


@cache
def bundled() -> Classifier:
    """The weights that come with the package."""
    with (resources.files(__package__) / "classifier.npz").open("rb") as file:
        return Classifier.load(file)


def choose(
    probabilities: npt.NDArray[np.float64], words: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """The segments whose choice promises the best F1 in words.

    Taking the k most probable ones is optimal for some k (Ye et al., ICML 2012, arXiv 1206.4625,
    Theorem 1); the expected F1 is approximated by the F1 of the expected counts.

    >>> choose(np.array([0.9, 0.4, 0.1]), np.array([10.0, 10.0, 10.0])).tolist()
    [True, True, False]
    """
    order = np.argsort(-probabilities, kind="stable")
    found = np.cumsum(probabilities[order] * words[order])
    taken = np.cumsum(words[order])
    f1 = 2 * found / np.maximum(taken + found[-1], 1e-9)
    chosen = np.zeros(len(order), np.bool_)
    chosen[order[: int(f1.argmax()) + 1]] = True
    return chosen
