"""Which documents are held out: decided first, before any other step can look at them.

Enters: a document fresh from its source. Leaves: the same with `labels["split"]` = "train" or
"heldout". The unit is a whole registered domain (public-suffix aware), because pages of one site
resemble each other (Paloma, arXiv 2312.10523, §2); documents without a URL are split by file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal

from xxhash import xxh3_128_hexdigest

from curate.document import Document, share

HELDOUT = "heldout"
TRAIN = "train"


@dataclass(frozen=True)
class Split:
    """Hold out a share of the corpus by registered domain (Paloma, §2), before all other steps.

    `heldout_share`: expected share of the units held out. `by`: "domain" (the file where there is
    no URL) or "document" for a corpus from a single site (equal contents fall on the same side).
    `seed`: another seed, another draw.
    """

    name: ClassVar[str] = "split"
    heldout_share: float = 0.02
    by: Literal["domain", "document"] = "domain"
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.heldout_share < 1:
            raise ValueError(f"heldout_share must be in [0, 1), got {self.heldout_share}")

    def __call__(self, document: Document) -> None:
        """Label the document."""
        drawn = share(self._unit(document), f"split {self.seed}")
        document.labels["split"] = HELDOUT if drawn < self.heldout_share else TRAIN

    def _unit(self, document: Document) -> str:
        if self.by == "document":
            return xxh3_128_hexdigest(
                document.content or (document.text or "").encode("utf-8", "replace")
            )
        if document.url:
            return registered_domain(document.url)
        return f"{document.source}/{document.origin.partition('#')[0]}"


def registered_domain(url: str) -> str:
    """The registered domain of a URL, or its host where there is none (an IP address).

    >>> registered_domain("https://news.example.co.uk/a?b")
    'example.co.uk'
    """
    found = _extractor()(url)
    return str(found.top_domain_under_public_suffix or found.fqdn or found.domain)


@cache
def _extractor() -> Any:
    """The suffix list that tldextract carries; nothing is fetched."""
    import tldextract

    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
