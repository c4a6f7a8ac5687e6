"""The YAML that the Hugging Face hub and `datasets` read at the top of a dataset card.

Enters: what is known of a dataset. Leaves: plain data for `yaml.safe_dump`. The decision: a key that
the hub checks (languages, licence) holds only values it accepts; what is not known is "unknown" or
left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from curate.card.data_files import DATA, Data

COLUMNS = {
    "id": "128-bit hash of where the document came from, hexadecimal",
    "url": "address of the document, null where it has none",
    "source": "name of the source in the recipe",
    "language": "ISO 639 code, null where none was determined",
    "text": "the text",
    "signals": "what was measured: a JSON object of numbers by name",
    "labels": "what was noted: a JSON object of strings by name",
}
LICENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")
LANGUAGE = re.compile(r"[a-z]{2,3}")
NO_LANGUAGE = {"und", "mul", "zxx", "mis"}
UNITS = ("", "K", "M", "B", "T")
TAGS = ("curate", "pretraining", "text")


def front_matter(
    name: str, licence: str | None, languages: Iterable[str], data: Data
) -> dict[str, Any]:
    """The keys of https://huggingface.co/docs/hub/datasets-cards, in its order."""
    known = [code for code in languages if LANGUAGE.fullmatch(code) and code not in NO_LANGUAGE]
    return {
        "pretty_name": name,
        **licence_keys(licence),
        **({"language": known} if known else {}),
        "size_categories": [size_category(data.documents)],
        "task_categories": ["text-generation"],
        "tags": list(TAGS),
        **(_configs(data) if data.is_export else {}),
        "dataset_info": _dataset_info(data),
    }


def licence_keys(licence: str | None) -> dict[str, str]:
    """The hub's identifiers are small letters without spaces; words of one's own are `other`.

    >>> licence_keys("CC-BY-4.0"), licence_keys(None)
    ({'license': 'cc-by-4.0'}, {'license': 'unknown'})
    >>> licence_keys("My own terms")
    {'license': 'other', 'license_name': 'my-own-terms'}
    """
    if licence is None:
        return {"license": "unknown"}
    if LICENCE.fullmatch(licence):
        return {"license": licence.lower()}
    words = re.findall(r"[a-z0-9.]+", licence.lower())
    return {"license": "other", "license_name": "-".join(words) or "other"}


def size_category(documents: int) -> str:
    """The hub's classes of size.

    >>> [size_category(n) for n in (999, 1000, 25_000, 10**6, 2 * 10**12)]
    ['n<1K', '1K<n<10K', '10K<n<100K', '1M<n<10M', 'n>1T']
    """
    if documents < 1_000:
        return "n<1K"
    if documents >= 10**12:
        return "n>1T"
    low = 10 ** (len(str(documents)) - 1)
    return f"{_short(low)}<n<{_short(10 * low)}"


def _short(power: int) -> str:
    thousands = (len(str(power)) - 1) // 3
    return f"{power // 1000**thousands}{UNITS[thousands]}"


def _configs(data: Data) -> dict[str, Any]:
    files = [{"split": split.name, "path": f"{DATA}/{split.name}-*"} for split in data.splits]
    return {"configs": [{"config_name": "default", "data_files": files}]}


def _dataset_info(data: Data) -> dict[str, Any]:
    return {
        "features": [{"name": name, "dtype": "string"} for name in COLUMNS],
        "splits": [
            {"name": split.name, "num_bytes": split.num_bytes, "num_examples": split.documents}
            for split in data.splits
        ],
        "download_size": data.size_bytes,
        "dataset_size": sum(split.num_bytes for split in data.splits),
    }
