"""Which addresses a URL that came from outside may lead to."""

import ipaddress
import re
import unicodedata
from urllib.parse import urlsplit

from apixo_mcp.errors import HostRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_VPN_RANGE = ipaddress.ip_network("198.18.0.0/15")  # what many VPN clients answer for every name; harmless over https
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)")
_MISREAD = re.compile(r"[\s\\]")  # in a host: two readers of the URL may see two different ones
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def is_public(address: Address, *, https: bool) -> bool:
    """Whether an address may be connected to where private hosts are not allowed."""
    if isinstance(address, ipaddress.IPv6Address):
        embedded = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if address in _NAT64:
            embedded = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if embedded is not None:
            return is_public(embedded, https=https)
        if address.is_site_local or address.is_reserved:
            return False
    elif https and address in _VPN_RANGE:
        return True
    return address.is_global and not address.is_multicast


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


def check_address(host: str, address: str, *, https: bool) -> None:
    """Refuses a private address that `host` resolved to.

    Raises:
        HostRefused: the address is private, loopback, link-local or reserved.
    """
    if not is_public(ipaddress.ip_address(address.split("%")[0]), https=https):
        raise HostRefused(_words(host))


def _words(host: str) -> str:
    return f"{host} is a private address, and APIXO_MCP_ALLOW_PRIVATE_HOSTS is off"
