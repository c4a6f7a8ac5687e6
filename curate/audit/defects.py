"""The defects an audit plants: one class a kind, `DEFECTS` the one list.

In: a clean, assembled text and a source of randomness. Out: the damaged text and the strings that
prove what became of the damage. The decision: a defect is judged by its evidence in the text that
left the pipeline, never by what a step says about itself.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from curate.audit.foreign import SENTENCES
from curate.audit.lines import ACCENTED, BOILERPLATE, CARRIERS, INSULTS, REPEATED
from curate.audit.questions import QUESTIONS

Outcome = Literal["dropped", "repaired", "masked", "kept"]
NEAR_JACCARD = 0.85
SHINGLE_WORDS = 5


@dataclass(frozen=True)
class Planted:
    """A damaged text. `evidence`: strings that must be gone (or, for mojibake, be back).
    `context`: words around the evidence; where they are gone too, the passage was cut, not mended.
    `copy`: the second document of a pair of duplicates."""

    text: str
    evidence: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    copy: str | None = None


class Kind(Protocol):
    """What is planted, the steps that should deal with it, and how they should."""

    kind: ClassVar[str]
    steps: ClassVar[tuple[str, ...]]
    outcome: ClassVar[Outcome]


class Defect(Kind, Protocol):
    """A way to damage a text."""

    def plant(self, text: str, draw: random.Random) -> Planted:
        """Damage `text`; equal randomness, equal damage."""
        ...


@dataclass(frozen=True)
class Mojibake:
    """Two accented passages whose UTF-8 was read as Windows-1252 or Latin-1, once or twice
    (ftfy, Speer 2019)."""

    kind: ClassVar[str] = "mojibake"
    steps: ClassVar[tuple[str, ...]] = ("unicode",)
    outcome: ClassVar[Outcome] = "repaired"

    def plant(self, text: str, draw: random.Random) -> Planted:
        """Evidence: the passages as they were meant."""
        passages = draw.sample(ACCENTED, 2)
        charset, again = draw.choice(("cp1252", "latin-1")), draw.random() < 0.25
        damaged = [misread(passage, charset) for passage in passages]
        damaged = [misread(passage, charset) for passage in damaged] if again else damaged
        return Planted(insert(text, damaged, draw), tuple(passages))


@dataclass(frozen=True)
class ExactDuplicate:
    """The same text at a second address."""

    kind: ClassVar[str] = "exact_duplicate"
    steps: ClassVar[tuple[str, ...]] = ("dedup",)
    outcome: ClassVar[Outcome] = "dropped"

    def plant(self, text: str, draw: random.Random) -> Planted:
        """No evidence: one of the two has to go."""
        return Planted(text, copy=text)


@dataclass(frozen=True)
class NearDuplicate:
    """A copy with a few words exchanged: Jaccard of word 5-grams at least `NEAR_JACCARD`."""

    kind: ClassVar[str] = "near_duplicate"
    steps: ClassVar[tuple[str, ...]] = ("dedup",)
    outcome: ClassVar[Outcome] = "dropped"

    def plant(self, text: str, draw: random.Random) -> Planted:
        """Exchange one to four words, as long as the copy stays near enough."""
        copy = text
        for _ in range(draw.randint(1, 4)):
            edited = edit(copy, draw)
            if jaccard(text, edited) >= NEAR_JACCARD:
                copy = edited
        return Planted(text, copy=copy)


@dataclass(frozen=True)
class ForeignLanguage:
    """A whole document in a language that is not among `spoken` (ISO 639-1)."""

    spoken: tuple[str, ...] = ("en",)
    kind: ClassVar[str] = "foreign_language"
    steps: ClassVar[tuple[str, ...]] = ("language",)
    outcome: ClassVar[Outcome] = "dropped"

    def plant(self, text: str, draw: random.Random) -> Planted:
        """The given text is replaced; evidence: the language."""
        language = draw.choice([code for code in SENTENCES if code not in self.spoken])
        sentences = draw.sample(SENTENCES[language], 7)
        return Planted(
            "\n".join(" ".join(sentences[i : i + 2]) for i in range(0, 7, 2)), (language,)
        )


@dataclass(frozen=True)
class Toxic:
    """One to five insults among clean lines."""

    kind: ClassVar[str] = "toxic"
    steps: ClassVar[tuple[str, ...]] = ("toxicity",)
    outcome: ClassVar[Outcome] = "dropped"

    def plant(self, text: str, draw: random.Random) -> Planted:
        """Evidence: the insults."""
        insults = draw.sample(INSULTS, draw.randint(1, 5))
        return Planted(insert(text, insults, draw), tuple(insults))


@dataclass(frozen=True)
class PersonalData:
    """Two invented identifiers of a checkable form, each in a sentence of its own."""

    kind: ClassVar[str] = "personal_data"
    steps: ClassVar[tuple[str, ...]] = ("private",)
    outcome: ClassVar[Outcome] = "masked"

    def plant(self, text: str, draw: random.Random) -> Planted:
        """Evidence: the identifiers as they were written."""
        forms = draw.sample(sorted(IDENTIFIERS), 2)
        evidence = tuple(IDENTIFIERS[form](draw) for form in forms)
        carriers = [draw.choice(CARRIERS[form]) for form in forms]
        lines = [carrier.format(item) for carrier, item in zip(carriers, evidence, strict=True)]
        context = tuple(carrier.partition(" {}")[0] for carrier in carriers)
        return Planted(insert(text, lines, draw), evidence, context)


@dataclass(frozen=True)
class Boilerplate:
    """Three of the lines that C4 names (Raffel et al. 2020, section 2.2): policies, JavaScript …"""

    kind: ClassVar[str] = "boilerplate"
    steps: ClassVar[tuple[str, ...]] = ("c4",)
    outcome: ClassVar[Outcome] = "repaired"

    def plant(self, text: str, draw: random.Random) -> Planted:
        """Evidence: the lines, which have to be gone."""
        lines = draw.sample(BOILERPLATE, 3)
        return Planted(insert(text, lines, draw), tuple(lines))


@dataclass(frozen=True)
class RepeatedNgrams:
    """A phrase three to twenty-five times, as lines or in one run (Rae et al. 2021, table A1)."""

    kind: ClassVar[str] = "repeated_ngrams"
    steps: ClassVar[tuple[str, ...]] = ("repetition",)
    outcome: ClassVar[Outcome] = "dropped"

    def plant(self, text: str, draw: random.Random) -> Planted:
        """Evidence: the phrase."""
        phrase, times = draw.choice(REPEATED), draw.randint(3, 25)
        line = f"{phrase.capitalize()}."
        lines = [line] * times if draw.random() < 0.5 else [" ".join([line] * times)]
        return Planted(insert(text, lines, draw), (phrase,))


@dataclass(frozen=True)
class EvaluationQuestion:
    """An item of an evaluation set, question and answer, inside clean text."""

    kind: ClassVar[str] = "evaluation_question"
    steps: ClassVar[tuple[str, ...]] = ("decontaminate",)
    outcome: ClassVar[Outcome] = "dropped"

    def plant(self, text: str, draw: random.Random) -> Planted:
        """Evidence: the question."""
        question, answer = draw.choice(QUESTIONS)
        return Planted(insert(text, [f"{question} {answer}"], draw), (question,))


@dataclass(frozen=True)
class Control:
    """No damage at all: what happens to these is the price of the steps."""

    kind: ClassVar[str] = "control"
    steps: ClassVar[tuple[str, ...]] = ()
    outcome: ClassVar[Outcome] = "kept"

    def plant(self, text: str, draw: random.Random) -> Planted:
        """The text as it is."""
        return Planted(text)


DEFECTS: dict[str, Defect] = {
    defect.kind: defect
    for defect in (
        Mojibake(), ExactDuplicate(), NearDuplicate(), ForeignLanguage(), Toxic(), PersonalData(),
        Boilerplate(), RepeatedNgrams(), EvaluationQuestion(), Control(),
    )
}  # fmt: skip


def misread(text: str, charset: str) -> str:
    """UTF-8 read as `charset`; bytes that Windows-1252 leaves open become C1 controls, as in browsers.

    >>> misread("café – “x”", "cp1252")
    'cafÃ© â€“ â€œxâ€\\x9d'
    """
    raw = text.encode("utf-8")
    if charset == "latin-1":
        return raw.decode("latin-1")
    return "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in raw)


def jaccard(a: str, b: str) -> float:
    """Jaccard similarity of the word 5-grams of two texts, in [0, 1]."""
    first, second = _shingles(a), _shingles(b)
    return len(first & second) / max(1, len(first | second))


def _shingles(text: str) -> set[tuple[str, ...]]:
    words = text.split()
    return {
        tuple(words[i : i + SHINGLE_WORDS]) for i in range(max(1, len(words) - SHINGLE_WORDS + 1))
    }


def insert(text: str, lines: list[str], draw: random.Random) -> str:
    """New lines at random places between the lines of a text, never before the first."""
    result = text.split("\n")
    for line in lines:
        result.insert(draw.randint(1, len(result)), line)
    return "\n".join(result)


def edit(text: str, draw: random.Random) -> str:
    """Exchange one word by another word of the text; lines stay as they are."""
    lines = [line.split(" ") for line in text.split("\n")]
    words = [word for line in lines for word in line if word.isalpha() and len(word) > 3]
    line = draw.choice([line for line in lines if len(line) > 2])
    line[draw.randrange(1, len(line) - 1)] = draw.choice(words).lower()
    return "\n".join(" ".join(line) for line in lines)


def _email(draw: random.Random) -> str:
    given = draw.choice(("ines", "tomas", "greta", "ewan", "lucia", "henrik", "mira", "oskar"))
    family = draw.choice(("kallweit", "brandell", "ostrova", "finnerty", "delacourt", "whitlow"))
    host = draw.choice(("mail", "post", "office", "archive", "studio", "choir"))
    return (
        f"{given}.{family}{draw.randint(1, 99)}@{host}.example.{draw.choice(('org', 'net', 'com'))}"
    )


def _public_ip(draw: random.Random) -> str:
    while True:
        address = ipaddress.IPv4Address(draw.randrange(1 << 24, 223 << 24))
        if address.is_global and not address.is_multicast:
            return str(address)


def _phone(draw: random.Random) -> str:
    """Number ranges that the regulators reserve for fiction (NANPA, Ofcom) or a plain city number."""
    number = draw.randint(0, 99)
    return draw.choice(
        (
            f"+1 212-555-01{number:02d}", f"(415) 555-01{number:02d}",
            f"+44 20 7946 0{draw.randint(100, 999)}",
            f"+49 30 23125 {draw.randint(100, 999)}", f"+31 20 624 {draw.randint(1000, 9999)}",
        )
    )  # fmt: skip


def _card(draw: random.Random) -> str:
    digits = [4, *(draw.randint(0, 9) for _ in range(14))]
    doubled = sum(sum(divmod(2 * d, 10)) for d in digits[::2]) + sum(digits[1::2])
    number = "".join(map(str, [*digits, -doubled % 10]))
    return " ".join(number[i : i + 4] for i in range(0, 16, 4))


def _iban(draw: random.Random) -> str:
    country, length = draw.choice((("DE", 18), ("PL", 24), ("ES", 20), ("PT", 21)))
    account = "".join(str(draw.randint(0, 9)) for _ in range(length))
    letters = "".join(str(ord(letter) - 55) for letter in country)
    number = f"{country}{98 - int(f'{account}{letters}00') % 97:02d}{account}"
    if draw.random() < 0.5:
        return number
    return " ".join(number[i : i + 4] for i in range(0, len(number), 4))


IDENTIFIERS: dict[str, Callable[[random.Random], str]] = {
    "email": _email, "ip": _public_ip, "phone": _phone, "card": _card, "iban": _iban,
}  # fmt: skip
