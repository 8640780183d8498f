"""Which addresses a URL that came from outside may lead to."""

import ipaddress
import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import urlsplit

from apixo_mcp.errors import HostRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_VPN_RANGES = tuple(
    ipaddress.ip_network(network) for network in ("198.18.0.0/15", "fdfe:dcba:9876::/48", "fc00::/18", "2001:2::/48")
)
"""What many VPN clients answer for every name; harmless over https, where the host has to prove its name."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_OWN_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")
_NOBODY = (ipaddress.ip_network("0.0.0.0/8"), ipaddress.ip_network("240.0.0.0/4"))
_INSIDE = ("local", "localdomain", "internal", "intranet", "lan", "corp", "home", "private", "home.arpa")
"""Endings of names that only a private network knows (RFC 6762, appendix G, and RFC 8375)."""
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)")
_TO_ALLOW = "where that is meant, set APIXO_MCP_ALLOW_PRIVATE_HOSTS=1"
_MISREAD = re.compile(r"[\s\\]")  # in a host: two readers of the URL may see two different ones
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def is_public(address: Address, *, https: bool) -> bool:
    """Tells whether an address may be connected to where private hosts are not allowed."""
    if https and any(address in network for network in _VPN_RANGES):
        return True
    if isinstance(address, ipaddress.IPv6Address):
        if address in _OWN_NAT64:
            hosts = [host for host in _by_rfc_6052(address) if not any(host in network for network in _NOBODY)]
            return all(is_public(host, https=https) for host in hosts) if hosts else https
        within = _within(address)
        if within:
            return all(is_public(host, https=https) for host in within)
        if address.is_site_local or address.is_reserved or not _is_public_isatap(address, https=https):
            return False
    return address.is_global and not address.is_multicast


def _within(address: ipaddress.IPv6Address) -> tuple[ipaddress.IPv4Address, ...]:
    """Returns the IPv4 addresses that an IPv6 address stands for."""
    if address.teredo:
        return address.teredo
    if address in _NAT64:
        return (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF),)
    one = address.ipv4_mapped or address.sixtofour
    return (one,) if one is not None else ()


def _by_rfc_6052(address: ipaddress.IPv6Address) -> tuple[ipaddress.IPv4Address, ...]:
    """Lists what a network's own NAT64 may make of an address: its prefix may have 48, 56, 64 or 96 bits."""
    data = address.packed
    return tuple(map(ipaddress.IPv4Address, (data[6:8] + data[9:11], data[7:8] + data[9:12], data[9:13], data[12:])))


def _is_public_isatap(address: ipaddress.IPv6Address, *, https: bool) -> bool:
    """Tells whether the IPv4 address in an ISATAP interface (RFC 5214) may be connected to; True without one."""
    if address.packed[8:12] not in (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe"):
        return True
    return is_public(ipaddress.IPv4Address(address.packed[12:]), https=https)


def check_url(url: str, *, allow_private: bool) -> None:
    """Refuses what can be told from a URL alone; names are checked again when they are resolved.

    Raises:
        HostRefused: not http(s), without a host, or a literal private address.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        well_formed = parts.scheme in ("http", "https") and bool(host) and (parts.port is None or parts.port > 0)
    except ValueError:
        well_formed, parts, host = False, urlsplit(""), ""
    if not well_formed or _CONTROL.search(url) or _MISREAD.search(parts.netloc) or "%" in host:
        raise HostRefused(f"{url[:80]!r} is not a web address")
    if allow_private:
        return
    # As resolvers see it: full-width digits and dots are plain ones, and a last dot changes nothing.
    plain = unicodedata.normalize("NFKC", host).replace("\u3002", ".").rstrip(".").lower()
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        if plain == "localhost" or plain.endswith(".localhost") or _NUMBER.fullmatch(plain.rpartition(".")[2]):
            raise HostRefused(_words(host)) from None  # 127.1, 0x7f000001 and 2130706433 are addresses in disguise
        return
    if not is_public(address, https=parts.scheme == "https"):
        raise HostRefused(_words(host))


def passing(host: str, addresses: Iterable[str], *, https: bool) -> list[str]:
    """Returns those of the addresses that `host` resolved to which may be connected to, in their order.

    Raises:
        HostRefused: all are private, loopback, link-local or reserved.
    """
    passed = [text for text in addresses if is_public(ipaddress.ip_address(text.split("%")[0]), https=https)]
    if not passed:
        raise HostRefused(_words(host))
    return passed


def check_name(host: str) -> None:
    """Refuses a name that only a private network knows, where somebody else resolves it.

    Raises:
        HostRefused: it has no dot, or an ending of private networks.
    """
    plain = host.rstrip(".").lower()
    is_name = ":" not in plain and not _NUMBER.fullmatch(plain.rpartition(".")[2])
    if is_name and ("." not in plain or any(plain.endswith(f".{ending}") for ending in _INSIDE)):
        raise HostRefused(f"{host} is a name of a private network; {_TO_ALLOW}")


def _words(host: str) -> str:
    return f"{host} is a private address; {_TO_ALLOW}"
