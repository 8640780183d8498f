"""Who reaches the object store itself, by its address. Whoever does not gets its files through this server."""

from urllib.parse import urlsplit

from apixo_mcp.media.bucket.endpoint import endpoint
from apixo_mcp.outside.limits import LOOPBACK
from apixo_mcp.outside.private import are_imitations, is_private
from apixo_mcp.settings import Settings


def callers_reach_store(*, is_near: bool) -> bool:
    """Tells whether a caller reaches it.

    Args:
        is_near: whether it is a program of this machine.
    """
    return _is_public() or (is_near and urlsplit(endpoint()).hostname in LOOPBACK)


def gateways_reach_store(settings: Settings) -> bool:
    """Tells whether the gateways reach it."""
    return _is_public() or are_imitations(settings)


def _is_public() -> bool:
    address = endpoint()
    return not address or (address.lower().startswith("https:") and not is_private(address))
