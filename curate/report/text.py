"""Text of documents, made fit to be shown.

In: any string. Out: the same without what could disturb a page. The decision: signs are replaced, not
removed, so that a reader sees that something stood there.
"""

from __future__ import annotations

import re

NAME_CHARS = 80
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def shown(text: str) -> str:
    """Text without control and direction-changing characters.

    >>> shown("a\\x00b\\u202ec")
    'a\\ufffdb\\ufffdc'
    """
    return _UNSHOWN.sub("\ufffd", text)
