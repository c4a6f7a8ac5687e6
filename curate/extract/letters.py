"""Which legacy encoding bytes are in, judged by the letters they would be.

In: bytes that are not UTF-8, and the language the page declares. Out: the codec that makes them most
likely. The decision: every encoding is tried with every language written in it. What a letter costs
in bits is how rare it is in that language; a symbol inside a word, a capital after a small letter
and a letter of another script beside ASCII letters cost more. Sums over a byte histogram, so it takes
one matrix product whatever the page. Chinese, Japanese and Korean go by the rows of their character
sets that hold the common characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

SAMPLE_BYTES = 16 << 10
WIDE_BYTES = 4 << 10  # of the sample: decoding is dearer than counting
BEFORE_BYTES = 2 << 10  # looked at before the first byte that is not ASCII
MARKUP = re.compile(
    rb"<(script|style)\b.*?</\1|<!--.*?-->|<[^<>]*>|&#?\w+;", re.DOTALL | re.IGNORECASE
)
HIGH = re.compile(rb"[\x80-\xff]")
UNREAD = re.compile(rb"<(/?)(?:script|style)\b[^>]*>", re.IGNORECASE)
# What an encoding costs before its first byte: the rarer on the web, the more it has to explain.
WESTERN = {"cp1252": 0, "iso8859-15": 5}
CENTRAL = {"cp1250": 2, "iso8859-2": 2}
BALTIC = {"cp1257": 6, "iso8859-13": 8, "iso8859-4": 8}
TURKISH, VIETNAMESE = {"cp1254": 3}, {"cp1258": 8}
CYRILLIC = {"cp1251": 0, "koi8-r": 4, "koi8-u": 6, "iso8859-5": 6, "cp866": 6, "mac-cyrillic": 10}
ARABIC = {"cp1256": 0, "iso8859-6": 4}
SCRIPTS = {
    **dict.fromkeys(("bs", "cs", "hr", "hu", "pl", "ro", "sk", "sl"), CENTRAL),
    **dict.fromkeys(("lt", "lv"), BALTIC), "et": WESTERN | BALTIC, "tr": TURKISH, "vi": VIETNAMESE,
    **dict.fromkeys(("ru", "bg", "mk", "sr", "be", "uk"), CYRILLIC), "th": {"cp874": 0},
    "el": {"cp1253": 0, "iso8859-7": 1}, "he": {"cp1255": 0, "iso8859-8": 3},
    **dict.fromkeys(("ar", "fa", "ur"), ARABIC),
}  # fmt: skip
# A language's letters in classes of frequency: the first is 1 in 2**3, each further one half of that.
# Made by `tests/benchmarks/charset.py --letters` from half of the Leipzig Corpora sentences (CC BY)
# in the test data of the language detector Lingua.
FIRST_CLASS_BITS = 3
OTHER = ""  # any other language in Latin letters: the accents of Western Europe, all alike
LETTERS = {
    "af": "e adinorst ghklmu bpvwy f j c ê ë zâé",
    "ca": "ae ilnorst cdmpu bgv fqó hxàéí jyèò wzç ïú kãü",
    "cy": "ad eilnory cfghmstuw b p - v kâéô xz qêŵŷ",
    "da": "e adgilnrst fkmov bhpuå cjyæø - - w é qx",
    "de": "en adhirst cglmou bfkwz pvä ü jßö y qx -",
    "es": "ae cdilnorst mpu bg fhqvy jz x w k -",
    "et": "aeis klntu dmorv ghjpä bõü - cfö y w x",
    "eu": "ae iknortu bdlsz ghmp f cj vx y wú èéñū",
    "fi": "ait eklnosu mrvä hjpy dö - g b cw fé",
    "fr": "e ailnorstu cdmpé fgv bhq jxàè yê kz wâô îïùû",
    "ga": "ai cehnrst dglmou bfáéí póú - v ky w jqxz",
    "is": "a eilnrstu fgkmvð bdhjoáí pyæóöþ éúý c x - z",
    "it": "aeio lnrst cdmpu fgv bhz q àè ìù kwxy jò",
    "la": "aei cmnorstu dlp bv fghq xy k wz j ō",
    "nb": "er ailnost dgkmv bfhpuå jyø - cæ - x wz",
    "nl": "en adiort ghlmsv bcjkpuw fz - - xyé ë qö",
    "nn": "e ailnorst dgkmv bfhjpuå yø - cæ wò z qxöłż",
    "pt": "aeo dinrst clmpu gv bfhqãç jzáéí xêõ wyàóú k -",
    "sq": "e ainrstë dhjklmopu bgv fqyz c ç xė w -",
    "sv": "aet ilnrs dfgkmov bchpuäåö j y x - w zé",
    "bs": "aio ejnrst dklmpuv bgz chčš fćž đ - xy w",
    "cs": "- aeinost cdhklmpruví bjyzá éýčěřšž fgů - xú ąľ ăďňť",
    "hr": "ai ejnorst dklmpuv bcgzč hćšž f đ - w xy",
    "hu": "ae klnst gimoryzáé bdhpuvö cfjíóüő - õú ű xô qwåû",
    "pl": "- aeinorwz cdjkmpstuy bglęł hóąż fćś ń ź x vä",
    "ro": "aei clnorstu dmp fvă bgzşţ hîďż jxâ kwã ï y",
    "sk": "o aeinrst cdhklmpuv bjyzáý éíúčšž fgľť óô wxďň ä -",
    "sl": "aeo inrst djklmpvz bguč chšž - f - y qwx",
    "lt": "ai enorstu dklmpv bgjyėš cąįųž čū fzę hw - -",
    "lv": "ai enrstu djklmopvā bgzēīš c fļņū ģž hķ č w",
    "ru": "о авеинрст дклмпуыя бгзйчь жхцшю фщэ - ё ъ -",
    "bg": "аи венорст дзклмп бгуъя жцчщ йфхш - ю - ь",
    "mk": "аио енрст вдклмп бгзуј чш жфцњ хќ ѓџ - -",
    "sr": "аеио нрс вдклмптуј бгзц хчшљњ жфћ ђ - џ -",
    "be": "а нрсыі вдезклмоптуця бгчшьў жйхэю ё ф и - -",
    "uk": "о авеинрсті дклмпуя бгзйхчь жцшюї фщє - - - -",
    "tr": "ae ilnr dkmstuyı bgovzüýş cfhpçöğ þ ð j - wâ",
    "el": "α εινοτ ίηκλμπρςσυ άέήγδχωόύ βθφώ ζξ - ψ ϊ -",
    "he": "הוי אבלמרשת דחםנעפק גטכסצ זן ך ףץ - - -",
    "vi": "n cghit aouêôự̀́̉ bklmprsvyàáâđỡ deóă qx íùú - fjé wè",
    "ar": "ال تمنوي بةدرسعفه أجحقك إخذشصضطى ءئثز ؤظغ ـًّ آ َُی",
    "fa": "اری تدمنهو بزسشلک خعفگ آجحطقپ صغچ ئثذضي ظٔژ ى ًِ",
    "ur": "ای رمنوکہے بتدسلں جعپھ ئحخزشفقٹچگ آصڈ ثذضطظغڑ - يِۓ ؒءؤىٰ",
    "th": "- กนรา งทบมยลวสอัิีเ่้ คจชดตปพหะุ ขธศำืูแโใไ์ ซญณถผภษึ็ ฐฟฯ ฉฎฏฒฝฤ ฮ ฆฑฬๆํ",
    OTHER: "- aeinort bcdghklmpsuv jqwyz fx áâäãàåçéêëèíîïìñóôöõòúûüù øæßýœ ðþÿ - -",
}
UNKNOWN_LETTER_BITS, SYMBOL_BITS, CONTROL_BITS = 14, 15, 24
TYPOGRAPHIC = {**dict.fromkeys("\xa0", 7), **dict.fromkeys("’“”–«»„‘—…", 8),
               **dict.fromkeys("·•°©®§€£¡¿½№´", 11),
}  # fmt: skip
CAPITAL_BITS = 3
INSIDE_BITS, AFTER_SMALL_BITS, MIXED_BITS, RUN_BITS, ALONE_BITS = 5, 6, 5, 2, 6
ASCII_WEIGHT = 0.5  # letters are no independent draws, and the language may be none of these
DECLARED_BITS = 12
# The rows of the common characters by lead byte, the bits of one, and of Japanese syllables.
WIDE = {"gb18030": (0xB0, 0xD7, 9.5, 13), "big5hkscs": (0xA4, 0xC6, 9.7, 13), "cp949": (0xB0, 0xC8, 8.8, 13),
        "cp932": (0x88, 0x98, 9.5, 6), "euc_jp": (0xB0, 0xCF, 9.5, 6)}  # fmt: skip
APART_SHARE = 0.3  # fewer bytes than this follow one like them: no text of two-byte characters
BROKEN_BITS, RARE_BITS = 40, 18
FOREIGN_BITS = 5  # an ASCII letter on a page in another script
LONE = re.compile("[a-z][^\x00-\x7f\ufffd][a-z]")  # `Gr晧e`: no word of Chinese, but `Grüße`
LONE_BITS = 15
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Models:
    """A row for each encoding of each language: bits for the places of `_histograms`."""

    encodings: tuple[str, ...]
    languages: tuple[str, ...]
    priors: Floats
    letters: Floats
    ascii_letters: Floats


def guess(content: bytes, language: str | None = None) -> str:
    """The codec that fits best. `language` is what the page says, as ISO 639-1.

    >>> guess("Zażółć gęślą jaźń".encode("iso8859-2"))
    'iso8859-2'
    """
    sample = text_sample(content)
    models = _models()
    letters, ascii_letters = _histograms(sample)
    explained = models.letters @ letters
    spelt = ASCII_WEIGHT * (models.ascii_letters @ ascii_letters)
    other = np.array([of == OTHER for of in models.languages])
    spelt[other] = spelt[~other].min()  # it may be like any of them
    named = np.array([of == language for of in models.languages])
    best = int((explained + spelt + models.priors - DECLARED_BITS * named).argmin())
    narrow = models.encodings[best]
    if letters[4 * 128 : 5 * 128].sum() < APART_SHARE * letters[:128].sum():
        return narrow
    part = sample[:WIDE_BYTES]
    wide_bits, wide = min((_wide_bits(part, encoding), encoding) for encoding in WIDE)
    return wide if wide_bits < models.letters[best] @ _histograms(part)[0] else narrow


def text_sample(content: bytes) -> bytes:
    """Bytes around the first that are not ASCII, without markup."""
    first = HIGH.search(content)
    start = max(0, first.start() - BEFORE_BYTES) if first else 0
    raw = content[start : start + SAMPLE_BYTES]
    tag = UNREAD.search(raw)
    sample = MARKUP.sub(b" ", raw[tag.end() :] if tag and tag[1] else raw)  # may begin in a script
    return sample if HIGH.search(sample) else raw


def _histograms(sample: bytes) -> tuple[Floats, Floats]:
    """How often each byte from 0x80 stands anywhere; inside a word; after a small ASCII letter; by
    an ASCII letter; behind another such byte; beside none and no letter (one after the other in one
    vector); and ASCII letters."""
    data = np.frombuffer(b" " + sample + b" ", np.uint8)
    folded = data | 0x20
    letter, small = (folded > 96) & (folded < 123) & (data < 128), (data > 96) & (data < 123)
    high = data > 127
    before, here, after = slice(None, -2), slice(1, -1), slice(2, None)
    word = letter | high
    kinds = (
        high[here],
        word[before] & word[after],
        small[before],
        letter[before] | letter[after],
        high[before],
        ~(word[before] | word[after]),
    )
    counted = [np.bincount(data[here][high[here] & kind], minlength=256)[128:] for kind in kinds]
    ascii_letters = np.bincount(folded[here][letter[here]], minlength=256)[97:123]
    return np.concatenate(counted).astype(float), ascii_letters.astype(float)


@cache
def _models() -> _Models:
    rows, letters, ascii_letters = [], [], []
    for language, classes in LETTERS.items():
        bits = {
            letter: FIRST_CLASS_BITS + at
            for at, same in enumerate(classes.split())
            for letter in same
            if letter != "-"
        }
        latin = "e" in bits
        spelling = [
            bits.get(chr(at), UNKNOWN_LETTER_BITS) if latin else FOREIGN_BITS
            for at in range(97, 123)
        ]
        for encoding, prior in SCRIPTS.get(language, WESTERN).items():
            rows.append((encoding, language, prior))
            letters.append(_byte_costs(encoding, bits, latin))
            ascii_letters.append(spelling)
    encodings, languages, priors = zip(*rows, strict=True)
    return _Models(
        encodings, languages, np.array(priors), np.array(letters), np.array(ascii_letters)
    )


def _byte_costs(encoding: str, bits: dict[str, int], latin: bool) -> list[float]:
    """One row: bits for a byte in each of the six places of `_histograms`."""
    places: list[list[float]] = [[], [], [], [], [], []]
    for byte in range(128, 256):
        char = bytes([byte]).decode(encoding, "replace")
        category = unicodedata.category(char)
        small = char.lower()
        letter = category[0] in "LM"
        if letter:
            cost = bits.get(small, UNKNOWN_LETTER_BITS) + CAPITAL_BITS * (small != char)
        else:
            cost = (
                CONTROL_BITS
                if char == "\ufffd" or category == "Cc"
                else TYPOGRAPHIC.get(char, SYMBOL_BITS)
            )
        places[0].append(cost)
        places[1].append(0 if letter or char in "’´·\xad" else INSIDE_BITS)
        places[2].append(AFTER_SMALL_BITS if letter and small != char else 0)
        places[3].append(MIXED_BITS if letter and not latin else 0)
        places[4].append(RUN_BITS if letter and latin and category[0] == "L" else 0)
        places[5].append(0 if latin else ALONE_BITS)
    return [cost for place in places for cost in place]


def _wide_bits(sample: bytes, encoding: str) -> float:
    """What the characters cost that are not ASCII."""
    low, high, common, syllable = WIDE[encoding]
    text = sample.decode(encoding, "replace")
    bits: float = LONE_BITS * len(LONE.findall(text))
    for char, count in Counter(text).items():
        if char < "\x80":
            continue
        raw = char.encode(encoding, "ignore")
        if not raw or char == "\ufffd":
            cost: float = BROKEN_BITS
        elif "\u3041" <= char <= "\u30ff":
            cost = syllable
        elif "\u3000" <= char <= "\u3020" or "\uff01" <= char <= "\uff5e":
            cost = 8
        elif (
            len(raw) == 2
            and low <= raw[0] <= high
            and (raw[1] > 0xA0 or encoding in ("cp932", "big5hkscs"))
        ):
            cost = common
        else:
            cost = RARE_BITS
        bits += count * cost
    return bits
