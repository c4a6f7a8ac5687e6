"""Words that name a group of people: whether a step treats the text about a group like other text.

In: texts. Out: which of them mention a group. The terms follow Dodge et al. 2021 (arXiv:2104.08758,
section 5.3), who found that a word list had removed text about minorities from C4. English only; a
mention is no statement about the group, and "black" and "white" alone are mostly colours.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

NOBODY = "none of these"
TERMS = {
    "women": r"\b(?:woman|women|girls?|female|she|her)\b",
    "men": r"\b(?:man|men|boys?|male|he|his)\b",
    "gay, lesbian, trans": r"\b(?:gay|lesbians?|bisexual|transgender|queer|homosexual)\b",
    "Black, African": r"\b(?:african(?: american)?s?|black (?:people|man|men|woman|women))\b",
    "Asian": r"\b(?:asians?|chinese|japanese|koreans?|indians?)\b",
    "Muslim, Jewish, Christian": r"\b(?:muslims?|islam|jews?|jewish|christians?)\b",
    "disabled": r"\b(?:disabled|disabilit(?:y|ies)|deaf|blind|autis(?:m|tic))\b",
}


def mentions(texts: pa.Array) -> dict[str, int]:
    """How many of the texts mention each group; of nulls none does.

    Most texts mention none: one pattern for all groups finds them at 650 MB/s, and the seven others
    see the rest alone.

    >>> mentions(pa.array(["She sang.", "A blind man", None, "sherry"]))["women"]
    1
    """
    some = texts.filter(pc.match_substring_regex(texts, "|".join(TERMS.values()), ignore_case=True))
    found = {
        group: pc.sum(pc.match_substring_regex(some, pattern, ignore_case=True)).as_py() or 0
        for group, pattern in TERMS.items()
    }
    return found | {NOBODY: len(texts) - texts.null_count - len(some)}
