"""Who may ask.

In: the head of a request. Out: None, or why it is refused. The decision: four questions, each against
somebody else. The name in `Host` has to be this server's (a page elsewhere that has its own name resolve
to this machine); `Origin` and `Sec-Fetch-Site` must not be another site's (a page that sends the browser
here); the token has to be known (other users of the machine), from the address at the first visit, from a
cookie after it, which no script can read and no other site can have sent.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

NAMES = ("127.0.0.1", "localhost")
OWN = ("same-origin", "none", None)


class Gate:
    """The token of one server on one port."""

    def __init__(self, port: int) -> None:
        self.token = secrets.token_urlsafe(32)
        self.cookie = f"curate-{port}"  # cookies of all ports are in one jar
        self._hosts = {f"{name}:{port}" for name in NAMES} | (set(NAMES) if port == 80 else set())

    def refusal(self, head: Mapping[str, str], shown: str | None) -> str | None:
        """Why this request is refused; `shown`: the token in its address, if there is one."""
        if head.get("Host", "") not in self._hosts:
            return "this server is not known by that name"
        if shown is not None:
            return None if self.is_token(shown) else "the token in the address is not this server's"
        origin = head.get("Origin")
        if origin is not None and origin.removeprefix("http://") not in self._hosts:
            return "another site asked for this"
        if head.get("Sec-Fetch-Site") not in OWN:
            return "another site asked for this; open the address that curate printed"
        if not self.is_token(self._kept(head)):
            return "open the address that curate printed: it holds a token that this browser lacks"
        return None

    def set_cookie(self) -> str:
        """The header value that makes the browser keep the token."""
        return f"{self.cookie}={self.token}; HttpOnly; SameSite=Strict; Path=/"

    def is_token(self, given: str) -> bool:
        """Compared in a time that does not depend on where it differs."""
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())

    def _kept(self, head: Mapping[str, str]) -> str:
        try:
            found = SimpleCookie(head.get("Cookie", "")).get(self.cookie)
        except CookieError:
            return ""
        return found.value if found else ""
