"""The pages themselves: each a file with all that it needs inside, and headers that let it do no more than it must."""

import base64
import hashlib
from collections.abc import Iterator
from importlib import resources

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from apixo_mcp.server.http.paths import GALLERY, NEW, SPENDING
from apixo_mcp.server.http.sign_in.cookies import is_signed_in

_FILES = {GALLERY: "gallery.html", SPENDING: "spending.html", NEW: "new.html"}

_SIGNED_IN = "data-out"
"""What tells a page that there is somebody to sign out."""


def page_routes() -> list[Route]:
    """Returns the routes of the pages that this build has."""
    return [_route(path, content) for path in _FILES if (content := page_content(path))]


def _route(path: str, content: str) -> Route:
    headers = page_headers(content)

    signed_in = content.replace("<html ", f"<html {_SIGNED_IN} ", 1)

    async def page(request: Request) -> Response:
        return HTMLResponse(signed_in if is_signed_in(request) else content, headers=headers)

    return Route(path, page, methods=["GET"])


def page_content(path: str = GALLERY) -> str:
    """Returns the page at a path, empty where this build has none."""
    try:
        return (resources.files("apixo_mcp") / "ui" / _FILES[path]).read_text(encoding="utf-8")
    except OSError:
        return ""


def page_headers(content: str) -> dict[str, str]:
    """Returns the headers of a page: what runs in it is what stands in it, and it speaks to its own server alone."""
    policy = {
        "default-src": "'none'",
        "script-src": " ".join(_hashes(content, "script")) or "'none'",
        "style-src": " ".join(_hashes(content, "style")) or "'none'",
        "img-src": "'self' data:",
        "media-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "X-Robots-Tag": "noindex",
    }


def _hashes(content: str, kind: str) -> Iterator[str]:
    for part in content.split(f"<{kind}>")[1:]:
        digest = hashlib.sha256(part.partition(f"</{kind}>")[0].encode()).digest()
        yield f"'sha256-{base64.b64encode(digest).decode()}'"
