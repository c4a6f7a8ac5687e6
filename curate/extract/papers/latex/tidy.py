"""The white space of rendered LaTeX.

In: what the renderer wrote: verbatim blocks stand between \\x05 and \\x06, a list item behind \\x07,
\\x0e for a citation that was removed. Out: paragraphs parted by an empty line. The decision: only the
gaps that a removed citation left (`(; )`) are closed; code is not touched.
"""

from __future__ import annotations

import re
import unicodedata

REMOVED = "\x0e"  # stands where a citation or a reference was
EMPTY_BRACKETS = re.compile(
    r" ?\([ ,;]{0,50}\x0e[ ,;\x0e]{0,50}\)| ?\[[ ,;]{0,50}\x0e[ ,;\x0e]{0,50}\]"
)
GAP = re.compile(r" ?\x0e(?: ?\x0e)*(?: ?(?=[.,;:)\]]))?")
SPACES = re.compile(r"[ \t]+")
CODE = re.compile("\x05([^\x06]*)\x06")
END_OF_PARAGRAPH = re.compile(r"\n[ \t]*\n")


def tidy(text: str) -> str:
    """White space, empty brackets and gaps that removed commands left; code stays as it is."""
    parts = CODE.split(text)
    for number, part in enumerate(parts):
        if number % 2:
            parts[number] = f"```\n{part}\n```"
            continue
        blocks = (_block(block) for block in END_OF_PARAGRAPH.split(part))
        parts[number] = "\n\n".join(block for block in blocks if block)
    return "\n\n".join(part for part in parts if part)


def _block(block: str) -> str:
    lines = []
    for line in block.split("\n"):
        indent = (
            line[: len(line) - len(line.lstrip(" "))] if line.lstrip().startswith("\x07") else ""
        )
        line = EMPTY_BRACKETS.sub("", SPACES.sub(" ", line))
        line = GAP.sub("", line).strip()
        if line.replace("|", "").strip() and line != "\x07- ":
            lines.append(indent + line.replace("\x07", ""))
    return unicodedata.normalize("NFC", "\n".join(lines))
