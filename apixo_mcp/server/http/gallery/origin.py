"""Whether a request that changes something comes from a page of this very server, or from a program."""

from starlette.requests import Request

ASKED_BY = "x-apixo-mcp"
"""A header that a form cannot send, nor a page of another origin without asking first, which is never answered."""

_OWN = ("same-origin", "none")


def is_foreign(request: Request) -> bool:
    """Tells whether a browser says that a page of another site or origin is behind a request."""
    return request.headers.get("sec-fetch-site", "same-origin") not in _OWN


def may_change(request: Request) -> bool:
    """Tells whether what a request asks for may be done: it has our header, and no page of another origin is behind it.

    Which origins may speak to this server at all is checked before (`middleware.guard`).
    """
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    is_own = origin is None or origin.partition("://")[2] == host
    return ASKED_BY in request.headers and is_own and not is_foreign(request)
