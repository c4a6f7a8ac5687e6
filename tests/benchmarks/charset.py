"""How often undeclared bytes are decoded right, on files of a known encoding and on encoded texts.

    python tests/benchmarks/charset.py --files FOLDER_OR_TAR     (files named Language-Encoding)
    python tests/benchmarks/charset.py --texts TEXTS.jsonl[.zst] (a line: lang or code, text)
    python tests/benchmarks/charset.py --letters TEXTS.jsonl[.zst]

Texts are encoded in the legacy encodings that their language was written in. Each is judged whole
and as short HTML pages of some 400 characters. Right is the same text, whatever the name of the encoding;
pure ASCII is left out. `--letters` prints the table of curate/extract/letters.py, from the first half
of each language's lines; judge on the other half (`--texts` uses only that).
"""

from __future__ import annotations

import argparse
import io
import json
import math
import re
import tarfile
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import zstandard

from curate.extract.charset import decode

LABELS = {
    "Latin1": "cp1252", "Latin2": "iso8859-2", "UTF8": "utf-8", "Cyrillic": "cp1251",
    "Greek": "iso8859-7", "Hebrew": "iso8859-8", "Turkish": "iso8859-9", "EUC": "euc_jp",
    "JIS": "iso2022_jp", "SJIS": "cp932", "GB2312": "gb2312", "HZ": "hz",
}  # fmt: skip
WINDOWS = {
    "iso8859-2": "cp1250",
    "iso8859-7": "cp1253",
    "iso8859-8": "cp1255",
    "iso8859-9": "cp1254",
}
CONTROLS = re.compile("[\x80-\x9f]")
EXCEPTIONS = {"Mongolian_Khalkha-Cyrillic": "iso8859-5"}
WEST, CENTRAL, BALTIC = ("cp1252", "iso8859-15"), ("cp1250", "iso8859-2"), ("cp1257", "iso8859-13")
CYRILLIC, TURKIC = ("cp1251", "koi8-r", "iso8859-5", "cp866", "mac-cyrillic"), ("cp1254",)
USED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("af", "ca", "cy", "da", "de", "es", "et", "eu", "fi", "fr", "ga", "is", "it", "la", "nb", "nl", "nn", "pt", "sq", "sv", "br", "oc", "gl"), WEST),
    **dict.fromkeys(("bs", "cs", "hr", "hu", "pl", "ro", "sk", "sl", "hsb", "dsb"), CENTRAL),
    **dict.fromkeys(("lt", "lv"), (*BALTIC, "iso8859-4")),
    **dict.fromkeys(("ru", "bg"), CYRILLIC), "mk": CYRILLIC[::2], "sr": CYRILLIC[::2],
    "be": ("cp1251", "iso8859-5"), "uk": ("cp1251", "koi8-u", "iso8859-5"), "tr": TURKIC,
    "el": ("cp1253", "iso8859-7"), "he": ("cp1255", "iso8859-8"), "vi": ("cp1258",),
    "ar": ("cp1256", "iso8859-6"), "fa": ("cp1256",), "ur": ("cp1256",), "th": ("cp874", "tis-620"),
    "ja": ("cp932", "euc_jp", "iso2022_jp"), "zh": ("gb18030", "hz", "big5"), "ko": ("euc_kr",),
}  # fmt: skip
CODES = {  # ISO 639-3 and Universal Declaration codes of the same languages
    "afr": "af", "arb": "ar", "bos_latn": "bs", "bre": "br", "bul": "bg", "cat": "ca", "cmn_hans": "zh",
    "deu_1901": "de", "ell_monotonic": "el", "est": "et", "fin": "fi", "fra": "fr", "hea": "he",
    "hsb": "hsb", "hun": "hu", "ina": "it", "ita": "it", "jpn": "ja", "kor": "ko", "lat_1": "la",
    "ltz": "de", "mkd": "mk", "pes_1": "fa", "pol": "pl", "por_BR": "pt", "por_PT": "pt",
    "ron_1953": "ro", "spa": "es", "tha": "th", "src": "it", "lia": "fr", "gaa": "",
}  # fmt: skip
PAGE = "<html><head><title>{}</title></head><body class=x>\n<div><p>{}</p></div>\n<p>{}</p></body></html>"
PAGE_CHARS, PAGES = 400, 5
TONES = "\u0300\u0301\u0303\u0309\u0323"
Sample = tuple[str, str, bytes, str]  # name, encoding, bytes, true text


def files(path: Path) -> Iterator[tuple[str, str, str]]:
    """Name, encoding and text of the files whose encoding has a codec."""
    if path.is_dir():
        raw = {file.name: file.read_bytes() for file in sorted(path.iterdir())}
    else:
        with tarfile.open(path) as tar:
            raw = {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}  # type: ignore[union-attr]
    for name, content in raw.items():
        encoding = EXCEPTIONS.get(name) or LABELS.get(name.rsplit("-", 1)[-1])
        if encoding in WINDOWS and re.search(rb"[\x80-\x9f]", content):  # controls are no text:
            encoding = WINDOWS[encoding]  # Š is 0xA9 in ISO 8859-2, and these files have it at 0x8A
        if encoding:
            yield name, encoding, content.decode(encoding, "ignore").removeprefix("\ufeff")


def lines(path: Path) -> dict[str, list[str]]:
    """Texts by language."""
    with path.open("rb") as raw:
        stream = zstandard.ZstdDecompressor().stream_reader(raw) if path.suffix == ".zst" else raw
        found: dict[str, list[str]] = defaultdict(list)
        for line in io.TextIOWrapper(stream, "utf-8"):
            item = json.loads(line)
            item["text"] = CONTROLS.sub("", item["text"])  # no letters, and no two encodings agree
            if item.get("kind", "sentence") == "sentence":
                code = str(item.get("lang") or item["code"])
                found[CODES.get(code, code)].append(unicodedata.normalize("NFC", item["text"]))
    return found


def halves(texts: list[str]) -> tuple[list[str], list[str]]:
    """For the table and for judging; a lone text is for judging only."""
    return texts[: len(texts) // 2], texts[len(texts) // 2 :]


def encoded(texts: dict[str, list[str]]) -> Iterator[tuple[str, str, str]]:
    """Name, encoding and the part of the text that the encoding can hold."""
    for language, all_of_it in texts.items():
        for encoding in USED.get(language, ()):
            text = "\n".join(halves(all_of_it)[1])
            text = decomposed(text) if encoding == "cp1258" else text
            if language == "ro":  # comma below has no place in them; everyone wrote the cedilla
                text = text.translate(str.maketrans("șțȘȚ", "şţŞŢ"))
            yield language, encoding, text.encode(encoding, "ignore").decode(encoding)


def decomposed(text: str) -> str:
    """Vietnamese as Windows-1258 writes it: the tone apart, the other marks composed.

    >>> decomposed("ế") == "ê\\u0301"
    True
    """
    out = ""
    for char in text:
        parts = unicodedata.normalize("NFD", char)
        tone = "".join(mark for mark in parts if mark in TONES)
        rest = unicodedata.normalize("NFC", "".join(mark for mark in parts if mark not in TONES))
        whole = char.encode("cp1258", "ignore").decode("cp1258") == char
        out += char if whole else rest + tone
    return out


def pages(text: str) -> list[str]:
    """Short pages from evenly spread places of a text."""
    step = max(PAGE_CHARS, len(text) // PAGES)
    cuts = [" ".join(text[at : at + PAGE_CHARS].split()) for at in range(0, len(text), step)][
        :PAGES
    ]
    return [PAGE.format(cut[:30], cut[:200], cut[200:]) for cut in cuts]


def judge(samples: list[tuple[str, str, str]], wrong: bool) -> None:
    """Print a line for each encoding: whole texts and short pages decoded right."""
    tally: dict[str, dict[str, Counter[bool]]] = defaultdict(lambda: defaultdict(Counter))
    slowest, spent, number = 0.0, 0.0, 0
    for name, encoding, text in samples:
        for kind, truth in [("whole", text), *(("page", page) for page in pages(text))]:
            raw = truth.encode(encoding, "ignore")
            truth = raw.decode(encoding)
            if truth.isascii():
                continue
            start = time.perf_counter()
            decoded = decode(raw)
            slowest = max(slowest, time.perf_counter() - start)
            spent, number = spent + time.perf_counter() - start, number + 1
            right = decoded.text == truth
            tally[encoding][kind][right] += 1
            tally["all"][kind][right] += 1
            if wrong and not right:
                print(f"  {name} {encoding} {kind}: read as {decoded.encoding}")
    for encoding in sorted(tally, key=lambda each: (each == "all", each)):
        whole, page = tally[encoding]["whole"], tally[encoding]["page"]
        print(f"{encoding:13} whole {_share(whole)}   short pages {_share(page)}")
    print(f"{spent / number * 1e3:.2f} ms a text, the slowest {slowest * 1e3:.1f}")


def _share(count: Counter[bool]) -> str:
    return f"{count[True]:4} of {count.total():4} = {count[True] / max(1, count.total()):6.1%}"


def letters(texts: dict[str, list[str]]) -> None:
    """Print, for each language, its letters in classes of falling frequency, each half the last."""
    for language in USED:
        train = "".join(halves(texts.get(language, []))[0]).lower()
        train = decomposed(train) if language == "vi" else train
        if language == "ro":
            train = train.translate(str.maketrans("șț", "şţ"))
        counts = Counter(char for char in train if unicodedata.category(char)[0] in "LM")
        script = Counter(map(_script, counts.elements())).most_common(1)
        for char in list(counts):
            if char not in TONES and _script(char) != script[0][0]:
                del counts[char]
        classes: dict[int, str] = defaultdict(str)
        for char, count in counts.items():
            if count > 1 and ord(char) < 0x1000:
                classes[min(12, max(3, round(-math.log2(count / counts.total()))))] += char
        if classes:
            row = " ".join("".join(sorted(classes[at])) or "-" for at in range(3, 13))
            print(f'    "{language}": "{row}",')


def _script(char: str) -> str:
    return unicodedata.name(char, "?").split()[0]


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=Path)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--letters", type=Path)
    parser.add_argument("--wrong", action="store_true", help="name every text read wrong")
    given = parser.parse_args()
    if given.letters:
        letters(lines(given.letters))
    if given.files:
        judge(list(files(given.files)), given.wrong)
    if given.texts:
        judge(list(encoded(lines(given.texts))), given.wrong)


if __name__ == "__main__":
    main()
