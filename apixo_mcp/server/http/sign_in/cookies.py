"""The cookies of the sign-in: out of the reach of scripts and of other sites' forms, and sent to its pages alone."""

import re
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from apixo_mcp.owners.tokens import new_secret
from apixo_mcp.server.http import paths
from apixo_mcp.server.http.addresses import ServerAddresses

BROWSER_COOKIE, REQUEST_COOKIE, VISIT_COOKIE = "apixo_browser", "apixo_request", "apixo_visit"
"""Whose a browser is; what a client asked for before its person had signed in; what tells a visit from others."""

GALLERY_COOKIE = "apixo_gallery"
"""Whose a browser is, for all that it asks for itself: the one of the three above is sent to the sign-in alone."""

_OF_HOST = "__Host-"
"""A name that begins so is taken by a browser only over https, for this very host and all of it (RFC 6265bis, 4.1.3.2):
no other site of the domain can put a cookie of its own in its place."""

_SECRET = re.compile(r"[A-Za-z0-9_-]{20,100}")


@dataclass(frozen=True, slots=True)
class SignInCookies:
    """Keeps secrets in a browser.

    Attributes:
        addresses: of this server.
    """

    addresses: ServerAddresses

    def keep(self, request: Request, response: Response, name: str, value: str, lasts: float | None) -> None:
        """Has a browser keep a secret.

        Args:
            lasts: for so many seconds; None: until the browser is closed.
        """
        is_secure = self.addresses.base(request.scope).startswith("https://")
        beneath = paths.GALLERY if name == GALLERY_COOKIE else paths.SIGN_IN
        name = gallery_cookie(self.addresses, request.scope) if name == GALLERY_COOKIE else name
        path, age = request.scope.get("root_path", "") + beneath, None if lasts is None else int(lasts)
        # Not `strict`: whoever comes from the page of a client is known as well.
        response.set_cookie(name, value, age, path=path, secure=is_secure, httponly=True, samesite="lax")

    def note_visit(self, request: Request, response: Response) -> None:
        """Gives a browser what tells its visit from others, where it has none."""
        if not kept(request, VISIT_COOKIE):
            self.keep(request, response, VISIT_COOKIE, new_secret(), None)

    def forget(self, request: Request, response: Response, *names: str) -> None:
        """Has a browser forget secrets."""
        for name in names:
            self.keep(request, response, name, "", 0)


def gallery_cookie(addresses: ServerAddresses, scope: Scope) -> str:
    """Returns the name that the cookie of the gallery has here: one of the host alone, over https and at its root."""
    is_of_host = addresses.base(scope).startswith("https://") and not scope.get("root_path")
    return f"{_OF_HOST}{GALLERY_COOKIE}" if is_of_host else GALLERY_COOKIE


def is_signed_in(request: Request) -> bool:
    """Tells whether a browser has kept the cookie of the gallery, whatever it is worth."""
    return any(name.removeprefix(_OF_HOST) == GALLERY_COOKIE for name in request.cookies)


def kept(request: Request, name: str) -> str:
    """Returns a secret that a browser has kept, empty where it has none."""
    value = request.cookies.get(name, "")
    return value if is_secret(value) else ""


def is_secret(text: str) -> bool:
    """Tells whether a text can be a secret of ours."""
    return _SECRET.fullmatch(text) is not None
