"""Emoji to their text names: 👍 becomes `:thumbs_up:`.

In: any text. Out: the same text with every emoji named (Unicode CLDR short names, from the `emoji`
library), so that a small vocabulary learns what they mean. The decision: only what is *shown* as an
emoji is named. Characters that are text unless U+FE0F follows (© ™ ↔ ☎ ✓ ❤) are left as text.

A name stands in colons, as people write it in chats and on GitHub, and apart from its neighbours: a
space is put between it and a letter, a digit or another emoji.
"""

from __future__ import annotations

import re

import emoji

from curate.step import Edit

_VARIATION, _JOINER, _KEYCAP = "\ufe0f", "\u200d", "\u20e3"


def _pattern() -> re.Pattern[str]:
    plane = {
        char for sequence in emoji.EMOJI_DATA for char in sequence if "\x7f" < char < "\U0001f000"
    }
    qualified = emoji.STATUS["fully_qualified"]
    shown = {char for char in plane if emoji.EMOJI_DATA.get(char, {}).get("status") == qualified}
    text_style = plane - shown - {_VARIATION, _JOINER, _KEYCAP}
    strong = f"[{''.join(sorted(shown))}\U0001f000-\U0001ffff]"
    weak = f"[{''.join(sorted(text_style))}]"
    skin = "[\U0001f3fb-\U0001f3ff]"
    tail = f"{_VARIATION}?{skin}?[\U000e0020-\U000e007f]*"
    unit = f"{strong}{tail}|{weak}(?:{_VARIATION}|(?={skin})){tail}|[0-9#*]{_VARIATION}?{_KEYCAP}"
    return re.compile(f"(?:(?:{unit})(?:{_JOINER}(?:{strong}|{weak}){tail})*)+")


_EMOJI = _pattern()


def name_emoji(text: str) -> str:
    """Replace every emoji by its name in colons.

    >>> name_emoji("Great👍🏽🎉 © 2024")
    'Great :thumbs_up_medium_skin_tone: :party_popper: © 2024'
    """
    return text if text.isascii() else _EMOJI.sub(_named, text)


def _named(match: re.Match[str]) -> str:
    spaced = emoji.demojize(match.group(), delimiters=(" :", ": "))
    if ":" not in spaced:
        return match.group()
    name = " ".join(spaced.replace(_JOINER, " ").replace(_VARIATION, "").split())
    start, end = match.span()
    before, after = match.string[max(0, start - 1) : start], match.string[end : end + 1]
    return f"{' ' if before.isalnum() else ''}{name}{' ' if after.isalnum() else ''}"


EMOJI = Edit("emoji", name_emoji, "Unicode CLDR short names (Unicode Technical Standard #51)")
