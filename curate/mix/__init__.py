"""The step `mix`: what share of the training text each part of the corpus has.

Enters: kept documents. Leaves: the same rows; `signals["mix.copies"]` says how often a document is to
be trained on, and a document left out has `drop` = `mix.sampled_out`. The decision: a document is
drawn if a coin fixed by its id is below its stratum's bound, and the bounds are found from exact
sums over the coins: the same documents in any partitioning, a larger share keeps every document that
a smaller one kept, and the shares come out as asked to half a document.
"""

from curate.mix.shares import epochs
from curate.mix.step import Mix

__all__ = ["Mix", "epochs"]
