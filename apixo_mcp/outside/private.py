"""Addresses of private networks, as far as their words tell."""

from urllib.parse import urlsplit

from apixo_mcp.errors import HostRefused
from apixo_mcp.net.guard import check_name, check_url
from apixo_mcp.settings import Settings


def is_private(url: str) -> bool:
    """Tells whether a URL leads to a private address."""
    try:
        check_url(url, allow_private=False)
        check_name(urlsplit(url).hostname or "")
    except HostRefused:
        return True
    return False


def are_imitations(settings: Settings) -> bool:
    """Tells whether every gateway that there is a key for is on this machine, or beside it."""
    return all(is_private(settings.base_urls[name]) for name in settings.keys)
