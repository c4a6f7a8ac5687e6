"""The main content of a web page: what its author wrote, without what the site put around it.

In: markup. Out: text. The decision: a page is cut into segments (runs of text between block-level
tags), a small network says of each how likely it is main content, and the segments that together
promise the best F1 are kept. The way: `segments` (markup to segments), `features` (segments to
numbers), `classifier` (numbers to probabilities), `copies` (each text once), `render` (kept
segments to text).

Boilerplate removal by classified text blocks: Kohlschütter et al., WSDM 2010
(10.1145/1718487.1718542); Peters & Lecocq (dragnet), WWW 2013 (10.1145/2487788.2487828); Vogels et
al. (Web2Text), ECIR 2018 (arXiv 1801.02607).
"""

from __future__ import annotations

import numpy as np

from curate.extract.main_content.classifier import Classifier, bundled, choose
from curate.extract.main_content.copies import without_copies
from curate.extract.main_content.features import features
from curate.extract.main_content.render import Tables, render
from curate.extract.main_content.segments import segment

__all__ = ["Tables", "main_content"]


def main_content(
    markup: str,
    url: str | None = None,
    tables: Tables = "markdown",
    classifier: Classifier | None = None,
) -> str:
    """The main content of a page; "" if there is no text at all."""
    page = segment(markup)
    if not page.segments:
        return ""
    probabilities = (classifier or bundled()).probabilities(features(page, url, markup))
    words = np.array([len(part.text.split()) for part in page.segments], np.float64)
    probabilities = without_copies(page.segments, page.containers.parents, probabilities, words)
    chosen = choose(probabilities, words)
    return render(page, [p for p, keep in zip(page.segments, chosen, strict=True) if keep], tables)
