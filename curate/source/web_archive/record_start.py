"""How records of WARC and ARC files begin.

In: decoded bytes. Out: where a record starts. The decision: to be found in the middle of anything,
a start must look like one (a version and a named field after it; or ARC's five columns alone on a
line), since pages about web archives hold `WARC/1.0` too.
"""

from __future__ import annotations

import re

WARC_LINE = re.compile(rb"(?:WARC|warc)/\d+\.\d+[ \t]*\r?\n(?=[A-Za-z0-9_-]+[ \t]*:)")
ARC_LINE = re.compile(
    rb"([A-Za-z][A-Za-z0-9+.-]{1,20}:[^\r\n]{0,4096}?) ([0-9A-Fa-f.:]{1,45}) (\d{8,18})"
    rb"(?: ([^\r\n]{0,1024}?))? (-?\w{1,20})\r?\n"
)
START_BYTES = 8 << 10  # longer than any start
STRIDE_BYTES = 1 << 20
SEARCHED = (  # with a literal prefix each, `re` searches at GB/s; as alternatives at MB/s
    (re.compile(WARC_LINE.pattern.replace(b"(?:WARC|warc)", b"WARC")), 0),
    (re.compile(WARC_LINE.pattern.replace(b"(?:WARC|warc)", b"warc")), 0),
    (re.compile(rb"\n" + ARC_LINE.pattern), 1),
)


def starts_record(data: bytes | bytearray, at: int = 0) -> bool:
    """Whether a record starts at `at`.

    >>> starts_record(b"WARC/1.0\\r\\nWARC-Type: response\\r\\n")
    True
    """
    return bool(WARC_LINE.match(data, at) or ARC_LINE.match(data, at))


def find_record(data: bytes | bytearray, at: int = 0) -> int | None:
    """The first place from `at` on where a record starts."""
    if starts_record(data, at) and (at == 0 or data[at - 1] == 0x0A):
        return at
    for begin in range(at, len(data), STRIDE_BYTES):
        first, end = None, begin + STRIDE_BYTES + START_BYTES
        for pattern, skipped in SEARCHED:
            if match := pattern.search(data, begin, end):
                found = match.start() + skipped
                first = found if first is None else min(first, found)
                end = first + START_BYTES  # the others need not be looked for behind it
        if first is not None:
            return first
    return None
