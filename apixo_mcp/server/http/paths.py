"""Where what is served over HTTP stands, and what of it is reached without signing in.

Paths are those within the program: the path of a public URL is taken off before (`server.http.middleware.prefix`).
"""

from apixo_mcp.server.links import LINKS, UPLOADS

STREAMABLE = "/mcp"
SSE = "/sse"
MESSAGES = "/messages/"
HEALTHZ = "/healthz"
READYZ = "/readyz"
METRICS = "/metrics"
FILES = "/files/"
GALLERY = "/"
SPENDING = "/spending"
NEW = "/new"
API = "/api/"
EVENTS = "/api/events"
TOLD_BY_FILE = "/api/told"
THUMBNAILS = "/thumbnails/"
SIGN_IN = "/sign-in"
CONSENT = "/sign-in/consent"
SIGN_OUT = "/sign-in/out"
AUTHORIZE = "/authorize"
TOKEN = "/token"
REGISTER = "/register"
REVOKE = "/revoke"
WELL_KNOWN = "/.well-known/"
RESOURCE_METADATA = "/.well-known/oauth-protected-resource"
ISSUER_METADATA = "/.well-known/oauth-authorization-server"
OPENID_METADATA = "/.well-known/openid-configuration"

BY_SECRET = ("/callbacks/", "/inputs/", LINKS, UPLOADS)
"""Beginnings of paths that hold a secret of their own: under any Host, and their routes read the body themselves."""

OPEN = (*BY_SECRET, HEALTHZ, READYZ, SIGN_IN, AUTHORIZE, TOKEN, REGISTER, REVOKE, WELL_KNOWN)
"""What is reached without signing in: each path itself, and all beneath it."""


PAGES = (GALLERY, SPENDING, NEW)
"""What a person opens in a browser: without a sign-in, that comes first."""


def page_of(address: str) -> str:
    """Returns a page with its query, as a person is led back to it; empty where an address is of anything else."""
    return address if address.partition("?")[0] in PAGES else ""


def is_of_browser(path: str) -> bool:
    """Tells whether a path is one that a browser asks for itself, with the cookie of its sign-in."""
    return path in PAGES or path.startswith((API, THUMBNAILS, FILES))


def is_beneath(path: str, *beginnings: str) -> bool:
    """Tells whether a path is one of others, or beneath one of them."""
    return any(path == one or path.startswith(f"{one.rstrip('/')}/") for one in beginnings)
