"""Web pages with the text that people found to be their main content.

In: a folder with some of these, as their projects publish them. Out: `GoldPage`s.

    wcxb/           gold.jsonl (id, url, page_type, main_content) and html/ID.html, from
                    github.com/Murrough-Foley/web-content-extraction-benchmark (annotations CC BY 4.0)
    scrapinghub/    gold.jsonl (id, url, articleBody) and html/ID.html, from
                    github.com/scrapinghub/article-extraction-benchmark (MIT)
    readability/    NAME/source.html and NAME/expected.html, from github.com/mozilla/readability,
                    test/test-pages (Apache-2.0); expected.html is Readability's own accepted output
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tldextract
from resiliparse.extract.html2text import extract_plain_text

from curate.extract.charset import decode

WORD = re.compile(r"\w+")
SUFFIXES = tldextract.TLDExtract(suffix_list_urls=())


@dataclass(frozen=True)
class GoldPage:
    """One page. `site` is its registered domain: pages of a site are never apart in a split."""

    collection: str
    name: str
    url: str
    kind: str
    content: bytes
    gold: str

    @property
    def site(self) -> str:
        return SUFFIXES(self.url).top_domain_under_public_suffix or self.name


def load(folder: Path) -> list[GoldPage]:
    """All pages of the collections in the folder. Raises FileNotFoundError if there are none."""
    pages = [*_listed(folder / "wcxb"), *_listed(folder / "scrapinghub"), *_readability(folder)]
    if not pages:
        raise FileNotFoundError(f"{folder} holds none of: wcxb, scrapinghub, readability")
    return pages


def _listed(folder: Path) -> Iterator[GoldPage]:
    if not (folder / "gold.jsonl").is_file():
        return
    for line in (folder / "gold.jsonl").open(encoding="utf-8"):
        page = json.loads(line)
        gold = page.get("main_content") or page.get("articleBody") or ""
        content = (folder / "html" / f"{page['id']}.html").read_bytes()
        kind = page.get("page_type", "article")
        yield GoldPage(folder.name, page["id"], page["url"], kind, content, gold)


def _readability(folder: Path) -> Iterator[GoldPage]:
    for page in sorted((folder / "readability").glob("*/source.html")):
        expected = decode((page.parent / "expected.html").read_bytes(), "utf-8").text
        gold = extract_plain_text(expected, main_content=False, alt_texts=False)
        url = f"https://{page.parent.name}.example/"
        yield GoldPage("readability", page.parent.name, url, "article", page.read_bytes(), gold)


def words(text: str) -> Counter[str]:
    """A text as a bag of lower-case words."""
    return Counter(WORD.findall(text.lower()))


def f1(found: Counter[str], gold: Counter[str]) -> float:
    """F1 of two bags of words: the harmonic mean of precision and recall (WCXB's measure)."""
    common = (found & gold).total()
    return 2 * common / (found.total() + gold.total()) if common else float(not gold and not found)
