"""Personal data that has a checkable form, masked by typed placeholders.

In: any text. Out: the same text with `<EMAIL>` `<IBAN>` `<CARD>` `<IP>` `<PHONE>` in place of what was
found, and the counts in the signals `private.email` … The decision: a cheap pattern only proposes;
a real check decides (the registry of address space, Luhn, mod 97, the numbering plans of
`phonenumbers`), because version numbers, dates, ISBNs and hashes look just like personal data.

Masking twice changes nothing: a placeholder holds no digit and no `@`, nothing that touches one is
masked, and the words that make a number a telephone number must stand on its own side of one.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import phonenumbers
from phonenumbers import Leniency, PhoneNumberMatcher

from curate.document import Document
from curate.text import Text

Kind = Literal["email", "iban", "card", "ip", "phone"]
Span = tuple[int, int]

_BEFORE_MASK = re.compile(r"<(?:EMAIL|IBAN|CARD|IP|PHONE)>")
_AFTER_MASK = re.compile(_BEFORE_MASK.pattern + "$")
_MASK_CHARS = 7

_LOCAL = re.compile(r"[A-Za-z0-9À-ɏ._%+-]+$")
_DOMAIN = re.compile(
    r"(?:[A-Za-z0-9À-ɏ][A-Za-z0-9À-ɏ-]{0,62}\.){1,8}"
    r"(?!(?:png|jpe?g|gif|webp|svg|css|js)\b)[A-Za-z]{2,24}(?![A-Za-z0-9À-ɏ_@-])(?!:[\w/~])"
)
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]){11,30}")
_CARD = re.compile(
    r"[1-6][0-9]{3}(?:[0-9]{8,15}|([ -])[0-9]{4,6}(?:\1[0-9]{3,6}){1,3})(?![\w%]|[.-][\d<])"
)
_IPV4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![\w-]|\.[\d<])")
_IPV6 = re.compile(r"[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
_COLONS = re.compile(r":[0-9A-Fa-f]{0,4}:")
_PHONE = re.compile(
    r"[0-9](?:[ ().‐‑–/-]{0,3}[0-9]){6,16}(?: ?(?:x|ext\.? ?)[0-9]{1,6})?"
    r"(?![\w%€$£=+]|[.,:/-][\d<])"
)
_PHONE_PREFIX = re.compile(r"(?:\+ ?|\()+$")
# Dates, ranges of years, and the form of US social security numbers.
_NO_PHONE = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d[ ./-](?:0?[1-9]|1[0-2])[ ./-](?:0?[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])[ ./-](?:0?[1-9]|[12]\d|3[01])[ ./-](?:19|20)\d\d"
    r"|(?:1[5-9]|20)\d\d ?[‐‑–/-] ?(?:1[5-9]|20)\d\d|\d{3}-\d\d-\d{4})(?!\d)"
)
_VERSION_WORD = re.compile(
    r"(?:\bv|\bver|version|release|build|firmware|section|chapter|revision|clause|§)[.:\s]*$|\w/$",
    re.I,
)
_PHONE_WORD = re.compile(
    r"\b(?:tele?f?|telephone|telefon\w*|t[ée]l[ée]phone|phone|ph|mobile?|cell|cellphone|fax|call|dial|text|"
    r"sms|whats ?app|hotline|contact|reach(?:ed)?|ring|answering)\b[^\d\n<>]{0,20}\n?$",
    re.I,
)
_PHONE_WORD_AFTER = re.compile(r"[ (-]{0,2}(?:office|fax|phone|mobile|cell|tel)\b", re.I)
_OTHER_WORD = re.compile(
    r"\b(?:is[bs]n(?:-1[03])?|doi|pmid|pmc|oclc|arxiv|ean|upc|gtin|asin|sku|id|order|invoice|serial|part|"
    r"model|item|ref|case|ticket|patent|version|rfc|ssn|licen[cs]e|account|timestamp|epoch|pages?|pp)\b"
    r"[^\d\n<>]{0,12}$",
    re.I,
)

# Length of an IBAN by country: SWIFT IBAN Registry, release 97.
_IBAN_CHARS = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FK FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}
# Issuer prefixes and lengths (ISO/IEC 7812), as the card networks publish them; of JCB all of 35.
_ISSUER = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|35\d{14}|(?:2131|1800)\d{11}"
    r"|(?:6011|65\d\d|64[4-9]\d|62\d\d)\d{12}|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}"
)
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")


@dataclass(frozen=True)
class Private:
    """Mask e-mail addresses, public IP addresses, telephone and payment card numbers, and IBANs.

    `kinds`: what to mask. `regions`: ISO 3166 countries whose national telephone formats are known;
    numbers that begin with + are read anywhere. Checks: RFC 5321 form of addresses, IANA special
    address registries (only public IPs are personal), Luhn (ISO/IEC 7812-1) with issuer prefix,
    mod 97-10 (ISO 13616) with the country's length, ITU numbering plans (libphonenumber).
    """

    kinds: tuple[Kind, ...] = ("email", "iban", "card", "ip", "phone")
    regions: tuple[str, ...] = ("US", "GB", "DE", "FR", "ES", "IT")
    name: ClassVar[str] = "private"

    def __post_init__(self) -> None:
        unknown = [
            region for region in self.regions if region not in phonenumbers.SUPPORTED_REGIONS
        ]
        if unknown:
            raise ValueError(f"regions: '{unknown[0]}' is not a two-letter country code (US, DE …)")

    def __call__(self, document: Document) -> None:
        """Mask the text and add what was found to the counts."""
        text = document.text or ""
        for kind, find in _FINDERS.items():
            if kind in self.kinds:
                masked, count = _mask(text, kind, find(text, self.regions))
                signal = f"{self.name}.{kind}"
                document.signals[signal] = document.signals.get(signal, 0.0) + count
                text = masked
        if text != document.text:
            document.text = Text(text)


def _mask(text: str, kind: str, spans: Iterator[Span]) -> tuple[str, int]:
    parts: list[str] = []
    position = 0
    for start, end in spans:
        if start >= position and not _after_mask(text, start) and not _BEFORE_MASK.match(text, end):
            parts += text[position:start], f"<{kind.upper()}>"
            position = end
    return ("".join((*parts, text[position:])), len(parts) // 2) if parts else (text, 0)


def _after_mask(text: str, start: int) -> bool:
    return _AFTER_MASK.search(text[max(0, start - _MASK_CHARS) : start]) is not None


def _follows(text: str, start: int, forbidden: str) -> bool:
    """Whether what stands before `start` is a letter, a digit or one of `forbidden`."""
    before = text[start - 1 : start] if start else ""
    return before.isalnum() or (before != "" and before in forbidden)


def find_emails(text: str, regions: tuple[str, ...] = ()) -> Iterator[Span]:
    """Addresses; not `@2x.png`, `git@host:path` or `@user@server`."""
    at = text.find("@")
    while at >= 0:
        local = _LOCAL.search(text[max(0, at - 64) : at])
        domain = _DOMAIN.match(text, at + 1)
        if local and domain and ".." not in local.group():
            name = local.group().lstrip(".-+%")
            run, start = at - len(local.group()), at - len(name)
            follows = start > 0 and re.match("[A-Za-z0-9@]", text[start - 1])
            if name and not name.endswith(".") and not follows and not _after_mask(text, run):
                yield start, domain.end()
        at = text.find("@", at + 1)


def find_ibans(text: str, regions: tuple[str, ...] = ()) -> Iterator[Span]:
    """Account numbers of the right length for their country whose check digits agree."""
    position = 0
    while match := _IBAN.search(text, position):
        position = match.start() + 2
        chars = _IBAN_CHARS.get(match.group()[:2])
        if chars is None or _follows(text, match.start(), "_"):
            continue
        places = [i for i, char in enumerate(match.group()) if char not in " -"][:chars]
        end = match.start() + places[-1] + 1
        number = "".join(match.group()[i] for i in places)
        if len(number) == chars and not text[end : end + 1].isalnum() and _mod97(number):
            yield match.start(), end
            position = end


def _mod97(iban: str) -> bool:
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1


def find_cards(text: str, regions: tuple[str, ...] = ()) -> Iterator[Span]:
    """Numbers with an issuer's prefix and length that pass Luhn's check."""
    for match in _CARD.finditer(text):
        digits = match.group().replace(match.group(1) or " ", "")
        if (
            not _follows(text, match.start(), "._/=#%+-")
            and _ISSUER.fullmatch(digits)
            and _luhn(digits)
        ):
            yield match.span()


def _luhn(digits: str) -> bool:
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(n - 9 if n > 9 else n for n in doubled)) % 10 == 0


def find_addresses(text: str, regions: tuple[str, ...] = ()) -> Iterator[Span]:
    """Public IPv4 and IPv6 addresses; a shortened IPv6 only in allocated space (2000::/3), because
    `abc::def` is a name in many programming languages."""
    matches = list(_IPV4.finditer(text)) if text.count(".") > 2 else []
    if _COLONS.search(text):
        matches += _IPV6.finditer(text)
    for match in sorted(matches, key=re.Match.start):
        if not _follows(text, match.start(), "_.-:") and _is_public(match.group()):
            version = "." in match.group() and _VERSION_WORD.search(text[: match.start()][-20:])
            if not version:
                yield match.span()


def _is_public(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and "::" in address and ip not in _GLOBAL_UNICAST:
        return False
    return ip.is_global and not ip.is_multicast


def find_phones(text: str, regions: tuple[str, ...]) -> Iterator[Span]:
    """Telephone numbers: international ones that are valid; national ones that are valid in a
    region and grouped as people there write them; with a word like "call" before them, possible
    ones. A bare block of digits needs such a word, and dates, ISBNs and the like never count."""
    for match in _PHONE.finditer(text):
        start, end = match.span()
        prefix = _PHONE_PREFIX.search(text[max(0, start - 4) : start])
        start -= len(prefix.group()) if prefix else 0
        before = text[max(0, start - 40) : start]
        if _follows(text, start, "_.,/=#%$€£+-(") or _OTHER_WORD.search(before):
            continue
        number = text[start:end]
        called = bool(_PHONE_WORD.search(before) or _PHONE_WORD_AFTER.match(text, end))
        if not _NO_PHONE.search(number) and _is_phone(number, regions, called):
            yield start, end


def _is_phone(candidate: str, regions: tuple[str, ...], called: bool) -> bool:
    if "+" in candidate:
        regions = ("ZZ",)
    elif candidate.isdigit() and not called:
        return False
    leniency = Leniency.VALID if "+" in candidate else Leniency.STRICT_GROUPING
    leniency = Leniency.POSSIBLE if called else leniency
    return any(PhoneNumberMatcher(candidate, region, leniency).has_next() for region in regions)


_FINDERS: dict[Kind, Callable[[str, tuple[str, ...]], Iterator[Span]]] = {
    "email": find_emails,
    "iban": find_ibans,
    "card": find_cards,
    "ip": find_addresses,
    "phone": find_phones,
}
