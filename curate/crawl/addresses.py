"""Addresses that a crawler must not reach: private, loopback, link-local, reserved.

In: a host as it stands in a URL, or what a name resolves to. Out: a refusal in words, or nothing.
The decision that matters: the check is made on the address that the connection is opened to, in the
reactor's resolver, so a name whose answer changes between a check and a connection, a redirect and
a robots.txt are refused like any other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from socket import inet_aton, inet_ntoa
from typing import Any

from scrapy.resolver import CachingHostnameResolver
from twisted.internet.interfaces import IResolutionReceiver
from zope.interface import implementer

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052, 2.1
_HOSTS_OWN = frozenset({IPv4Address("168.63.129.16")})  # Azure: public by number, answers in any VM
_NUMBERS = re.compile(r"(?:0[xX][0-9a-fA-F]*|\d+)(?:\.(?:0[xX][0-9a-fA-F]*|\d+)){0,3}")
REFUSALS: dict[str, str] = {}
"""Host -> why it was refused, filled by the resolver of this process."""


def refusal(address: str) -> str | None:
    """Why an IP address is not one of the public internet's, or None.

    An IPv6 address that carries an IPv4 one (mapped, 6to4, NAT64) is judged by that one.

    >>> refusal("::ffff:10.0.0.1")
    '::ffff:10.0.0.1 is a private address'
    >>> refusal("8.8.8.8") is None
    True
    """
    meant = _meant(ip_address(address.split("%")[0]))
    kinds = (
        ("loopback", meant.is_loopback),
        ("link-local", meant.is_link_local),
        ("multicast", meant.is_multicast),
        ("reserved", meant.is_reserved or meant.is_unspecified),
        ("cloud metadata", meant in _HOSTS_OWN),
        ("private", not meant.is_global or (meant.version == 6 and meant.is_site_local)),
    )
    return next((f"{address} is a {kind} address" for kind, holds in kinds if holds), None)


def literal_refusal(host: str) -> str | None:
    """The refusal of a host that is written as an address; None for a name.

    The forms of inet_aton(3) count as addresses: one number, hexadecimal, octal, parts left out.

    >>> literal_refusal("0x7f.1")
    '127.0.0.1 is a loopback address'
    >>> literal_refusal("127.0.0.1")
    '127.0.0.1 is a loopback address'
    >>> literal_refusal("localhost") is None
    True
    """
    try:
        return refusal(host)
    except ValueError:
        pass
    try:
        return refusal(inet_ntoa(inet_aton(host))) if _NUMBERS.fullmatch(host) else None
    except OSError:
        return None


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


class PublicResolver(CachingHostnameResolver):
    """Resolves names to public addresses only; what is left of a private name is nothing.

    Scrapy's setting TWISTED_DNS_RESOLVER takes the class, Twisted asks it for every connection,
    literal addresses included. It does not cache: a connection is opened to the very answer judged.
    """

    def resolveHostName(  # zope's interfaces are no types
        self,
        resolutionReceiver: Any,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[Any]] | None = None,
        transportSemantics: str = "TCP",
    ) -> Any:
        """As IHostnameResolver says, with a receiver that leaves out the refused addresses."""
        receiver = _PublicReceiver(resolutionReceiver, hostName)
        resolver: Any = self.original_resolver
        return resolver.resolveHostName(
            receiver, hostName, portNumber, addressTypes, transportSemantics
        )


@implementer(IResolutionReceiver)
class _PublicReceiver:
    def __init__(self, receiver: Any, host: str) -> None:
        self._receiver = receiver
        self._host = host if host.isascii() else host.encode("idna").decode("ascii")
        self._refused: str | None = None
        self._passed = 0

    def resolutionBegan(self, resolution: Any) -> None:
        self._receiver.resolutionBegan(resolution)

    def addressResolved(self, address: Any) -> None:
        reason = refusal(address.host)
        if reason:
            self._refused = self._refused or reason
        else:
            self._passed += 1
            self._receiver.addressResolved(address)

    def resolutionComplete(self) -> None:
        if self._refused and not self._passed:
            REFUSALS[self._host] = self._refused
        self._receiver.resolutionComplete()
