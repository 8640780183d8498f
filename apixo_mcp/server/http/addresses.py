"""The addresses of this server, as its clients know them."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import Scope

from apixo_mcp.server.http import paths


@dataclass(frozen=True, slots=True)
class ServerAddresses:
    """Tells the addresses of this server.

    Attributes:
        public_url: that stands in the settings; empty: whatever a client asks for is taken, which was checked before.
    """

    public_url: str = ""

    def base(self, scope: Scope) -> str:
        """Returns what all addresses begin with, which is the issuer of our tokens too; without a slash at its end."""
        if self.public_url:
            return self.public_url
        request = Request(scope)
        return f"{request.url.scheme}://{request.headers.get('host', '')}"

    def resources(self, scope: Scope) -> Sequence[str]:
        """Returns the addresses that a token may be for; the first is the one where nothing is said."""
        base = self.base(scope)
        if base.endswith(paths.STREAMABLE):  # somebody gave the endpoint's own address as the public URL
            return (base,)
        return (f"{base}{paths.STREAMABLE}", f"{base}{paths.SSE}", base, f"{base}/")

    def resource(self, scope: Scope, asked: str | None) -> str | None:
        """Returns the address that a token is asked for, as it is kept; None where it is not this server's."""
        known = self.resources(scope)
        if not asked:
            return known[0]
        asked = _plain(asked)
        if asked not in map(_plain, known):
            return None
        return next((one for one in known[:2] if _plain(one) == asked), known[0])

    def resource_metadata(self, scope: Scope) -> str:
        """Returns where it stands how to sign in for what a request asked for."""
        is_sse = paths.is_beneath(scope["path"], paths.SSE, paths.MESSAGES)
        return f"{self.base(scope)}{paths.RESOURCE_METADATA}{paths.SSE if is_sse else paths.STREAMABLE}"


def address_of_peer(request: Request) -> str:
    """Returns the address that a request comes from, empty where it is not known."""
    return request.client.host if request.client else ""


def _plain(url: str) -> str:
    """Returns an address as it is compared: some write it in capitals, with its usual port, or with a slash behind."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url
    if parts.username is not None or parts.query or "#" in url:
        return url
    named = "" if port in (None, {"http": 80, "https": 443}.get(parts.scheme)) else f":{port}"
    return f"{parts.scheme}://{parts.hostname or ''}{named}{parts.path.rstrip('/')}"
