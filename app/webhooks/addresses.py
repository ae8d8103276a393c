"""Where a receiver really is: looked up for every connection, and refused where a stranger's name leads inwards."""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from app.sources.receiver import Network

Address = IPv4Address | IPv6Address
# Addresses of IPv6 that stand for one of IPv4 (RFC 6052).
_TRANSLATED = ip_network("64:ff9b::/96")
_LOW_BITS = 0xFFFF_FFFF


class AddressRefused(Exception):
    """The name leads into a network that is not open to everybody, and that `allow` does not name."""


async def addresses_of(host: str, port: int, allow: Sequence[Network]) -> list[str]:
    """The addresses to which a message may go, in the system's order. Raises AddressRefused, OSError.

    Whoever connects takes these, and does not look the name up once more: it could lead elsewhere by then.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    everywhere = [ip_address(str(address[0]).partition("%")[0]) for *_, address in found]
    open_ones = [str(one) for one in dict.fromkeys(everywhere) if may_be_reached(one, allow)]
    if not open_ones:
        raise AddressRefused(", ".join(map(str, dict.fromkeys(everywhere))))
    return open_ones


def may_be_reached(address: Address, allow: Sequence[Network]) -> bool:
    """Whether it is a public one (IANA's registries of special-purpose addresses), or is allowed."""
    address = _meant(address)
    if any(address in network for network in allow):
        return True
    return address.is_global and not address.is_multicast and not address.is_reserved


def _meant(address: Address) -> Address:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address.sixtofour:
            return address.sixtofour
        if address in _TRANSLATED:
            return IPv4Address(int(address) & _LOW_BITS)
    return address
