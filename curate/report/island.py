"""Data and script in the page, and the policy that lets nothing else run.

In: plain data, and the one script of the page. Out: JSON that no HTML parser can leave, and a content
security policy that allows this script by its hash. The decision: the script is written by hand.
Vega-Lite was weighed: its expressions need `unsafe-eval` or a second interpreter, and it weighs more
than half a megabyte; a strict policy and marks that a screen reader can reach are worth more here.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

_INERT = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def island(value: Any) -> Markup:
    """JSON for a `<script type="application/json">`: ASCII only, and no character of markup.

    >>> str(island({"a": "</script>\\u2028"}))
    '{"a":"\\\\u003c/script\\\\u003e\\\\u2028"}'
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Markup(text.translate(_INERT))


@cache
def script() -> Markup:
    """The page's script."""
    return Markup(Path(__file__).with_name("page.js").read_text("utf-8"))


def policy(source: str) -> str:
    """The content security policy of a page whose only script is `source`.

    >>> policy("")[:63]
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha2"
    """
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    return (
        "default-src 'none'; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
