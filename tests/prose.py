"""English prose for tests: distinct texts that pass every filter of the web recipe."""

from __future__ import annotations

import random

NOUNS = [
    "harbour",
    "captain",
    "garden",
    "letter",
    "window",
    "teacher",
    "river",
    "market",
    "engine",
    "winter",
    "bridge",
    "doctor",
    "kitchen",
    "village",
    "journey",
    "museum",
    "painter",
    "forest",
    "station",
    "orchard",
    "lantern",
    "farmer",
    "island",
    "printer",
    "valley",
    "tailor",
    "library",
    "mountain",
    "carpenter",
    "theatre",
    "machine",
    "soldier",
    "neighbour",
    "festival",
    "morning",
    "blanket",
    "compass",
    "sailor",
]
VERBS = [
    "carried",
    "watched",
    "repaired",
    "remembered",
    "followed",
    "described",
    "painted",
    "measured",
    "visited",
    "opened",
    "closed",
    "answered",
    "ignored",
    "borrowed",
    "returned",
    "noticed",
    "collected",
    "counted",
    "planted",
    "mended",
    "crossed",
    "admired",
]
ADJECTIVES = [
    "quiet",
    "narrow",
    "old",
    "careful",
    "bright",
    "distant",
    "wooden",
    "patient",
    "heavy",
    "gentle",
    "empty",
    "curious",
    "early",
    "broken",
    "famous",
    "silver",
    "hidden",
    "humble",
    "northern",
    "careless",
    "warm",
    "strange",
]
LINKS = ["before", "after", "while", "because", "although", "until", "when", "since"]


def prose(number: int, sentences: int = 14) -> str:
    """A text fixed by its number; two numbers share next to no run of five words."""
    draw = random.Random(number)

    def phrase() -> str:
        return f"{draw.choice(('the', 'a', 'that', 'every'))} {draw.choice(ADJECTIVES)} {draw.choice(NOUNS)}"

    def sentence() -> str:
        words = (
            f"{phrase()} of {phrase()} {draw.choice(VERBS)} {phrase()} with {phrase()} "
            f"{draw.choice(LINKS)} {phrase()} had {draw.choice(VERBS)} it"
        )
        return f"{words[0].upper()}{words[1:]}."

    lines = [" ".join(sentence() for _ in range(2)) for _ in range(sentences // 2)]
    return "\n".join(lines)
