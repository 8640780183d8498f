"""The page where a person signs a browser in, and says which clients may act for them.

    invitation link ──► page with one button ──► the browser is signed in; the link is used up
    client ──► /authorize ──► signed in? what it asks for, with Allow and Deny ──► back to the client
                          └─► not? the page says to open the invitation, or takes it, or a token

A link alone changes nothing: chats and mail open links by themselves, to show what is behind them.
"""

import hashlib
import hmac
import re

from mcp.server.auth.provider import construct_redirect_uri
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from apixo_mcp.owners.browsers import BROWSER_LASTS, Browsers
from apixo_mcp.owners.consent import QUESTION_LASTS, Asked
from apixo_mcp.owners.grants import allowed_scopes
from apixo_mcp.owners.rates import Rates
from apixo_mcp.server.http import paths
from apixo_mcp.server.http.addresses import ServerAddresses
from apixo_mcp.server.http.sign_in import pages
from apixo_mcp.server.http.sign_in.provider import SignIn
from apixo_mcp.server.http.sign_in.words import PageWords, page_words_of
from apixo_mcp.telemetry.facts import SignInRefused, Telemetry

BROWSER_COOKIE, REQUEST_COOKIE = "apixo_browser", "apixo_request"
_SECRET = re.compile(r"[A-Za-z0-9_-]{20,100}")


class SignInPage:
    """Serves the page.

    Args:
        sign_in: what the sign-in is made of.
        browsers: knows whose a browser is.
        addresses: of this server.
        telemetry: told of what is refused.
    """

    def __init__(self, sign_in: SignIn, browsers: Browsers, addresses: ServerAddresses, telemetry: Telemetry) -> None:
        self._sign_in = sign_in
        self._browsers = browsers
        self._addresses = addresses
        self._telemetry = telemetry
        self._trying = Rates(20, 60.0)

    def routes(self) -> list[BaseRoute]:
        """Returns the routes."""
        return [
            Route(paths.SIGN_IN, self._shown, methods=["GET"]),
            Route(paths.SIGN_IN, self._pasted, methods=["POST"]),
            Route(paths.CONSENT, self._answered, methods=["POST"]),
            Route(paths.SIGN_OUT, self._signed_out, methods=["POST"]),
            Route(f"{paths.SIGN_IN}/{{secret}}", self._invited, methods=["GET"]),
            Route(f"{paths.SIGN_IN}/{{secret}}", self._accepted, methods=["POST"]),
        ]

    async def _shown(self, request: Request) -> Response:
        words = _words(request)
        browser = _cookie(request, BROWSER_COOKIE)
        person = await self._browsers.find(browser)
        owner = person.owner if person else None
        secret = request.query_params.get("request", "")
        if not secret:
            if owner is None:
                return self._first(request, words, "")
            return pages.html_page(
                words,
                words.signed_in.format(owner=owner.name),
                pages.text(words.signed_in_how),
                pages.text("{url}", url=self._addresses.resources(request.scope)[0]),
                pages.form(self._at(request, paths.SIGN_OUT), pages.button(words.sign_out), proof=self._proof(browser)),
            )
        asked = await self._sign_in.consent.find(secret)
        if asked is None:
            return _over(words)
        if owner is None:
            return self._first(request, words, secret)
        allowed = allowed_scopes(owner, asked.scopes)
        yes = [pages.button(words.allow, is_main=True, name="answer", value="allow")] if allowed else []
        return pages.html_page(
            words,
            words.asks.format(client=pages.client_name(words, asked)),
            *pages.asked_parts(words, asked, allowed),
            pages.text(words.as_owner, "soft", owner=owner.name),
            pages.form(
                self._at(request, paths.CONSENT),
                *yes,
                pages.button(words.deny, name="answer", value="deny"),
                request=secret,
                proof=self._proof(browser, secret),
            ),
            sent_to=asked.redirect_uri,
        )

    async def _answered(self, request: Request) -> Response:
        words, form = _words(request), await request.form()
        browser, secret = _cookie(request, BROWSER_COOKIE), str(form.get("request", ""))
        asked = await self._sign_in.consent.find(secret)
        if asked is None:
            return _over(words)
        person = await self._browsers.find(browser)
        is_ours = hmac.compare_digest(str(form.get("proof", "")).encode(), self._proof(browser, secret).encode())
        if person is None or not is_ours or _is_foreign(request):
            return self._refused(request, words, 403)
        if form.get("answer") == "allow" and allowed_scopes(person.owner, asked.scopes):
            code = await self._sign_in.consent.allow(secret, asked, person)
            return _over(words) if code is None else self._sent(request, asked, code=code)
        if not await self._sign_in.consent.deny(secret):
            return _over(words)
        return self._sent(request, asked, error="access_denied", error_description="the person said no")

    async def _invited(self, request: Request) -> Response:
        words, secret = _words(request), request.path_params["secret"]
        if self._trying.wait_for(_peer(request)):
            return self._slow(request, words)
        owner = await self._browsers.invited(secret)
        if owner is None:
            return self._refused(request, words, 404)
        return pages.html_page(
            words,
            words.invited.format(owner=owner.name),
            pages.text(words.invited_how),
            pages.form(self._at(request, f"{paths.SIGN_IN}/{secret}"), pages.button(words.sign_in, is_main=True)),
        )

    async def _accepted(self, request: Request) -> Response:
        return await self._let_in(request, request.path_params["secret"], _cookie(request, REQUEST_COOKIE))

    async def _pasted(self, request: Request) -> Response:
        form = await request.form()
        pasted = str(form.get("secret", "")).strip()
        return await self._let_in(request, pasted.rstrip("/").rpartition("/")[2], str(form.get("request", "")))

    async def _let_in(self, request: Request, secret: str, asked: str) -> Response:
        words = _words(request)
        if self._trying.wait_for(_peer(request)):
            return self._slow(request, words)
        is_good = _SECRET.fullmatch(secret) is not None and not _is_foreign(request)
        browser = await self._browsers.sign_in(secret) if is_good else None
        if browser is None:
            return self._refused(request, words, 403)
        where = self._at(request, paths.SIGN_IN)
        if _SECRET.fullmatch(asked) and await self._sign_in.consent.find(asked):
            where += f"?request={asked}"
        response = RedirectResponse(where, 303, {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"})
        self._keep(request, response, BROWSER_COOKIE, browser, BROWSER_LASTS)
        return response

    async def _signed_out(self, request: Request) -> Response:
        words, form = _words(request), await request.form()
        browser = _cookie(request, BROWSER_COOKIE)
        if not hmac.compare_digest(str(form.get("proof", "")).encode(), self._proof(browser).encode()):
            return self._refused(request, words, 403)
        await self._browsers.sign_out(browser)
        response = pages.html_page(words, words.signed_out)
        self._keep(request, response, BROWSER_COOKIE, "", 0)
        return response

    def _first(self, request: Request, words: PageWords, secret: str) -> Response:
        """Asks a person to sign in."""
        at = self._at(request, paths.SIGN_IN)
        again = f'<a class="button" href="{at}?request={secret}">{words.opened}</a>' if secret else ""
        field = pages.form(at, pages.secret_field(words), pages.button(words.go_on, is_main=True), request=secret)
        response = pages.html_page(words, words.first, pages.text(words.first_how), again, field)
        if secret:
            self._keep(request, response, REQUEST_COOKIE, secret, QUESTION_LASTS)
        return response

    def _sent(self, request: Request, asked: Asked, **told: str) -> Response:
        """Sends a person back to the client."""
        issuer = self._addresses.base(request.scope)
        where = construct_redirect_uri(asked.redirect_uri, **told, state=asked.state, iss=issuer)
        response = RedirectResponse(where, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
        self._keep(request, response, REQUEST_COOKIE, "", 0)
        return response

    def _refused(self, request: Request, words: PageWords, status: int) -> Response:
        self._telemetry.emit(SignInRefused(paths.SIGN_IN, status, "access_denied", _peer(request)))
        return pages.html_page(words, words.first, pages.text(words.refused, "note"), status=status)

    def _slow(self, request: Request, words: PageWords) -> Response:
        self._telemetry.emit(SignInRefused(paths.SIGN_IN, 429, "slow_down", _peer(request)))
        return pages.html_page(words, words.first, pages.text(words.slow), status=429, headers={"Retry-After": "60"})

    def _at(self, request: Request, path: str) -> str:
        return request.scope.get("root_path", "") + path

    def _proof(self, browser: str, secret: str = "") -> str:
        """Returns what only a page that was shown to this browser holds."""
        told = f"sign-in form {browser} {secret}".encode()
        return hmac.new(self._sign_in.secret, told, hashlib.sha256).hexdigest()

    def _keep(self, request: Request, response: Response, name: str, value: str, lasts: float) -> None:
        base = self._addresses.base(request.scope)
        is_secure, path = base.startswith("https://"), self._at(request, paths.SIGN_IN)
        response.set_cookie(name, value, int(lasts), path=path, secure=is_secure, httponly=True, samesite="lax")


def _over(words: PageWords) -> Response:
    return pages.html_page(words, words.over, pages.text(words.over_how), status=400)


def _words(request: Request) -> PageWords:
    return page_words_of(request.headers.get("accept-language", ""))


def _cookie(request: Request, name: str) -> str:
    value = request.cookies.get(name, "")
    return value if _SECRET.fullmatch(value) else ""


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""


def _is_foreign(request: Request) -> bool:
    """Tells whether a browser says that another site's page has sent a form."""
    return request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
