"""The page where a person signs a browser in, and says which clients may act for them.

    invitation link ──► page with one button ──► the browser is signed in; the link is used up
    client ──► /authorize ──► signed in? what it asks for, with Allow and Deny ──► back to the client
                          └─► not? the page says to open the invitation, or takes it, or a token

A link alone changes nothing: chats and mail open links by themselves, to show what is behind them.
"""

import hashlib
import hmac
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

import anyio
from mcp.server.auth.provider import construct_redirect_uri
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from apixo_mcp.owners.browsers import BROWSER_LASTS, Browsers, SignedIn
from apixo_mcp.owners.consent import QUESTION_LASTS, Asked
from apixo_mcp.owners.grants import allowed_scopes
from apixo_mcp.owners.rates import Rates
from apixo_mcp.server.http import paths
from apixo_mcp.server.http.addresses import ServerAddresses
from apixo_mcp.server.http.gallery.origin import may_change
from apixo_mcp.server.http.pages.page import button, field, field_to_copy, form, html_page, link, text
from apixo_mcp.server.http.sign_in import cookies, question
from apixo_mcp.server.http.sign_in.cookies import BROWSER_COOKIE, GALLERY_COOKIE, REQUEST_COOKIE, VISIT_COOKIE
from apixo_mcp.server.http.sign_in.provider import SignIn
from apixo_mcp.server.http.sign_in.words import PageWords, page_words_of
from apixo_mcp.telemetry.facts import SignInRefused, Telemetry

_CLIENT_COMES_WITHIN = 1.5  # seconds in which a client has exchanged a code that reached it
_PASSING = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}


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
        self._cookies = cookies.SignInCookies(addresses)
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
        words = page_words_of(request)
        browser = cookies.kept(request, BROWSER_COOKIE)
        person = await self._browsers.find(browser)
        owner = person.owner if person else None
        secret = request.query_params.get("request", "")
        if not secret:
            page = paths.page_of(request.query_params.get("to", ""))
            if owner is None:
                return self._first(request, words, "", page=page)
            return _page(
                request,
                words,
                words.signed_in,
                link(words.see_pictures, self._at(request, page or paths.GALLERY), is_main=True),
                field_to_copy(words.signed_in_how, "address", self._addresses.resources(request.scope)[0]),
                form(self._at(request, paths.SIGN_OUT), button(words.sign_out), proof=self._proof(browser)),
                named={"owner": owner.name},
            )
        asked = await self._sign_in.consent.find(secret)
        if asked is None:
            return self._over(request, words)
        if owner is None:
            return self._first(request, words, secret)
        allowed = allowed_scopes(owner, asked.scopes)
        yes = [button(words.allow, is_main=True, name="answer", value="allow")] if allowed else []
        return _page(
            request,
            words,
            words.asks,
            *question.asked_parts(words, asked, allowed),
            text(words.as_owner, "soft", owner=owner.name),
            form(
                self._at(request, paths.CONSENT),
                *yes,
                button(words.deny, name="answer", value="deny"),
                request=secret,
                proof=self._proof(browser, secret),
            ),
            named={"client": question.client_name(words, asked)},
            is_left=True,
        )

    async def _answered(self, request: Request) -> Response:
        words, given = page_words_of(request), await request.form()
        browser, secret = cookies.kept(request, BROWSER_COOKIE), str(given.get("request", ""))
        person = await self._browsers.find(browser)
        is_ours = hmac.compare_digest(str(given.get("proof", "")).encode(), self._proof(browser, secret).encode())
        if person is None or not is_ours or _is_foreign(request):
            return self._refused(request, words, 403)
        is_yes, asked = given.get("answer") == "allow", await self._sign_in.consent.find(secret)
        if asked is None:
            return await self._answered_before(request, words, person, secret, is_yes)
        if is_yes and allowed_scopes(person.owner, asked.scopes):
            code = await self._sign_in.consent.allow(secret, asked, person)
            if code is not None:
                return self._sent(request, words, asked, code)
        elif await self._sign_in.consent.deny(secret, asked, person):
            return self._sent(request, words, asked, None)
        return await self._answered_before(request, words, person, secret, is_yes)

    async def _answered_before(
        self, request: Request, words: PageWords, person: SignedIn, secret: str, is_yes: bool
    ) -> Response:
        """Answers a form that was sent twice: as the first time, unless the client has got that answer meanwhile."""
        until = anyio.current_time() + _CLIENT_COMES_WITHIN
        while answered := await self._sign_in.consent.answered(secret):
            if answered.owner != person.owner.name or answered.is_yes != is_yes or (is_yes and answered.code is None):
                break
            if not is_yes or anyio.current_time() >= until:
                return self._sent(request, words, answered.asked, answered.code)
            await anyio.sleep(0.1)
        return self._over(request, words, is_answered=answered is not None)

    async def _invited(self, request: Request) -> Response:
        words, secret = page_words_of(request), request.path_params["secret"]
        if self._trying.wait_for(_peer(request)):
            return self._slow(request, words)
        owner = await self._browsers.invited(secret)
        if owner is None:
            if await self._browsers.find(cookies.kept(request, BROWSER_COOKIE)):
                return RedirectResponse(self._at(request, paths.SIGN_IN), 303, _PASSING)
            return self._refused(request, words, 404)
        response = _page(
            request,
            words,
            words.invited,
            text(words.invited_how),
            form(self._at(request, f"{paths.SIGN_IN}/{secret}"), button(words.sign_in, is_main=True)),
            named={"owner": owner.name},
        )
        self._cookies.note_visit(request, response)
        return response

    async def _accepted(self, request: Request) -> Response:
        secret, asked = request.path_params["secret"], cookies.kept(request, REQUEST_COOKIE)
        refusal = partial(self._refused, request, page_words_of(request), 403)
        return await self._let_in(request, secret, asked, refusal)

    async def _pasted(self, request: Request) -> Response:
        given = await request.form()
        pasted, asked = str(given.get("secret", "")).strip(), str(given.get("request", ""))
        words, page = page_words_of(request), paths.page_of(str(given.get("to", "")))
        refusal = partial(self._first, request, words, asked if cookies.is_secret(asked) else "", page=page)
        return await self._let_in(request, pasted.rstrip("/").rpartition("/")[2], asked, refusal, page)

    async def _let_in(
        self, request: Request, secret: str, asked: str, refusal: Callable[[str], Response], page: str = ""
    ) -> Response:
        """Signs a browser in.

        Args:
            refusal: says why it is not.
            page: that its person wanted to see.
        """
        words, visit = page_words_of(request), cookies.kept(request, VISIT_COOKIE)
        if self._trying.wait_for(_peer(request)):
            return self._slow(request, words)
        is_good = cookies.is_secret(secret) and not _is_foreign(request)
        browser = await self._browsers.sign_in(secret, visit) if is_good and visit else None
        if browser is None:
            return refusal(words.refused if visit or not is_good else words.no_cookie)
        where = self._at(request, paths.SIGN_IN)
        if cookies.is_secret(asked) and await self._sign_in.consent.find(asked):
            where += f"?request={asked}"
        elif page:
            where += f"?{urlencode({'to': page})}"
        response = RedirectResponse(where, 303, _PASSING)
        for name in (BROWSER_COOKIE, GALLERY_COOKIE):
            self._cookies.keep(request, response, name, browser, BROWSER_LASTS)
        return response

    async def _signed_out(self, request: Request) -> Response:
        words, given = page_words_of(request), await request.form()
        browser = cookies.kept(request, BROWSER_COOKIE)
        is_proven = hmac.compare_digest(str(given.get("proof", "")).encode(), self._proof(browser).encode())
        if not is_proven and not may_change(request):  # the gallery has no form, and says so by its header
            return self._refused(request, words, 403)
        await self._browsers.sign_out(browser)
        at = self._at(request, paths.SIGN_IN)
        response = _page(request, words, words.signed_out, at=at)
        self._cookies.forget(request, response, BROWSER_COOKIE, GALLERY_COOKIE, VISIT_COOKIE)
        return response

    def _first(self, request: Request, words: PageWords, secret: str, problem: str = "", *, page: str = "") -> Response:
        """Asks a person to sign in.

        Args:
            problem: why what they tried did not let them in; empty where they have tried nothing.
            page: that they wanted to see.
        """
        at = self._at(request, paths.SIGN_IN)
        kept = {"request": secret} if secret else {"to": page} if page else {}
        again = f"?{urlencode(kept)}" if kept else ""
        # A token is a password: whoever keeps theirs in a manager of passwords gets it filled in.
        attributes = 'type="password" autocomplete="current-password" spellcheck="false" required maxlength="2000"'
        response = _page(
            request,
            words,
            words.first,
            text(words.first_how),
            link(words.opened, at + again) if secret else "",
            form(
                at,
                field(words.paste, "secret", attributes, words.paste_hint, problem),
                button(words.go_on, is_main=True),
                **kept,
            ),
            status=403 if problem else 200,
            at=at + again if problem else "",
        )
        if problem:
            self._telemetry.emit(SignInRefused(paths.SIGN_IN, 403, "access_denied", _peer(request)))
        if secret:
            self._cookies.keep(request, response, REQUEST_COOKIE, secret, QUESTION_LASTS)
        self._cookies.note_visit(request, response)
        return response

    def _sent(self, request: Request, words: PageWords, asked: Asked, code: str | None) -> Response:
        """Sends a person back to the client, with its code or with their no."""
        told = {"code": code} if code else {"error": "access_denied", "error_description": "the person said no"}
        issuer = self._addresses.base(request.scope)
        where = construct_redirect_uri(asked.redirect_uri, **told, state=asked.state, iss=issuer)
        if question.is_app(asked.redirect_uri):
            # A browser that hands something to an app stays where it is, which should not be the question.
            response: Response = _page(
                request,
                words,
                words.done if code else words.declined,
                text(words.done_how),
                link(words.open_app, where, is_main=True),
                named={"client": question.client_name(words, asked)},
                at=self._at(request, paths.SIGN_IN),
                leads_to=where,
            )
        else:
            response = RedirectResponse(where, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
        self._cookies.forget(request, response, REQUEST_COOKIE)
        return response

    def _refused(self, request: Request, words: PageWords, status: int, problem: str = "") -> Response:
        self._telemetry.emit(SignInRefused(paths.SIGN_IN, status, "access_denied", _peer(request)))
        told = text(problem or words.refused, "note")
        at = "" if request.method == "GET" else self._at(request, paths.SIGN_IN)
        return _page(request, words, words.first, told, status=status, at=at)

    def _slow(self, request: Request, words: PageWords) -> Response:
        self._telemetry.emit(SignInRefused(paths.SIGN_IN, 429, "slow_down", _peer(request)))
        return _page(request, words, words.first, text(words.slow), status=429, headers={"Retry-After": "60"})

    def _over(self, request: Request, words: PageWords, *, is_answered: bool = False) -> Response:
        at = "" if request.method == "GET" else self._at(request, paths.SIGN_IN)
        told = text(words.answered if is_answered else words.over_how)
        return _page(request, words, words.over, told, status=400, at=at)

    def _at(self, request: Request, path: str) -> str:
        return request.scope.get("root_path", "") + path

    def _proof(self, browser: str, secret: str = "") -> str:
        """Returns what only a page that was shown to this browser holds."""
        told = f"sign-in form {browser} {secret}".encode()
        return hmac.new(self._sign_in.secret, told, hashlib.sha256).hexdigest()


def _page(request: Request, words: PageWords, heading: str, *parts: str, **given: Any) -> Response:
    return html_page(request, words.lang, words.title, heading, *parts, **given)


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""


def _is_foreign(request: Request) -> bool:
    """Tells whether a browser says that another site's page has sent a form."""
    return request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
