"""The endpoints that clients sign in by: to register and to ask the SDK's, over the task store.

Its own routes would name one fixed issuer, and its metadata leaves things out (`server.http.sign_in.metadata`).
"""

import json
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, urlsplit

from mcp.server.auth.handlers.authorize import AuthorizationHandler
from mcp.server.auth.handlers.register import RegistrationHandler
from mcp.server.auth.provider import construct_redirect_uri
from mcp.server.auth.settings import ClientRegistrationOptions
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from apixo_mcp.owners.documents import TooManyDocuments, is_document
from apixo_mcp.owners.rates import Rates
from apixo_mcp.server.http import paths
from apixo_mcp.server.http.addresses import ServerAddresses, address_of_peer
from apixo_mcp.server.http.pages.languages import NAMED_BY_CLIENT, first_known
from apixo_mcp.server.http.pages.page import html_page, link, text
from apixo_mcp.server.http.sign_in.exchange import Exchange
from apixo_mcp.server.http.sign_in.metadata import ASKED_FOR
from apixo_mcp.server.http.sign_in.provider import Provider, SignIn, TooManyClients
from apixo_mcp.server.http.sign_in.question import plain_host
from apixo_mcp.server.http.sign_in.words import page_words_of
from apixo_mcp.telemetry.facts import SignInRefused, Telemetry

LARGEST_REGISTRATION = 64_000  # bytes
_OPTIONS = ClientRegistrationOptions(enabled=True, default_scopes=[str(scope) for scope in ASKED_FOR])
_LONGEST_LOCALES = 500  # characters
_UNAVAILABLE_FOR = 600  # seconds that a client is told to wait where too many have registered


class Endpoints:
    """Answers clients.

    Args:
        sign_in: what the sign-in is made of.
        addresses: of this server.
        telemetry: told of what is refused.
    """

    def __init__(self, sign_in: SignIn, addresses: ServerAddresses, telemetry: Telemetry) -> None:
        self._sign_in = sign_in
        self._addresses = addresses
        self._telemetry = telemetry
        self._exchange = Exchange(sign_in, addresses)
        self._registering = Rates(30, 3600.0)
        self._asking = Rates(60, 60.0)
        self._exchanging = Rates(300, 60.0)

    def routes(self) -> list[BaseRoute]:
        """Returns the routes."""
        return [
            Route(paths.AUTHORIZE, self._limited(self._asking, self._authorize), methods=["GET", "POST"]),
            Route(paths.TOKEN, self._limited(self._exchanging, self._exchange.token), methods=["POST"]),
            Route(paths.REGISTER, self._limited(self._registering, self._register), methods=["POST"]),
            Route(paths.REVOKE, self._limited(self._exchanging, self._exchange.revoke), methods=["POST"]),
        ]

    def _limited(
        self, rates: Rates, answer: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def limited(request: Request) -> Response:
            wait = rates.wait_for(address_of_peer(request))
            try:
                response = _slow(wait) if wait else await answer(request)
            except TooManyDocuments as refused:
                response = _slow(refused.wait)
            if response.status_code >= 400:
                self._note(request, response)
            return response

        return limited

    async def _authorize(self, request: Request) -> Response:
        given = request.query_params if request.method == "GET" else await request.form()
        provider = self._provider(request, given.get("resource"))
        if isinstance(client := given.get("client_id"), str) and is_document(client):
            await self._sign_in.documents.find(client, provider.asker)  # the SDK would make a failure of a refusal
        response = await AuthorizationHandler(provider.for_sdk).handle(request)
        where = response.headers.get("location", "")
        if where.startswith(f"{provider.page}?"):
            if language := first_known(str(given.get(NAMED_BY_CLIENT, ""))[:_LONGEST_LOCALES].split()):
                response.headers["location"] = f"{where}&{NAMED_BY_CLIENT}={language}"
        elif where and "error" in parse_qs(urlsplit(where).query):
            # RFC 9207: a client of several issuers has to know whose answer it is, a refusal too.
            where = construct_redirect_uri(where, iss=self._addresses.base(request.scope))
            response.headers["location"] = where
            if where.startswith("https://") and "text/html" in request.headers.get("accept", ""):
                return self._told_first(request, where)
        if response.status_code == 400 and "text/html" in request.headers.get("accept", ""):
            words = page_words_of(request)
            problem = text(words.unknown_how, problem=_told(response).get("error_description", ""))
            return html_page(request, words.lang, words.title, words.unknown, problem, status=400)
        return response

    def _told_first(self, request: Request, where: str) -> Response:
        """Says on a page what was wrong, and leads on from there.

        Anybody registers an address: sent on at once, a person would take what comes for this server (RFC 9700, 4.11).
        """
        words, parts = page_words_of(request), urlsplit(where)
        problem = text("{problem}", problem=parse_qs(parts.query).get("error_description", [""])[-1])
        onward = link(words.back.format(host=plain_host(parts.netloc)), where)
        self._telemetry.emit(SignInRefused(paths.AUTHORIZE, 400, "invalid_request", address_of_peer(request)))
        return html_page(request, words.lang, words.title, words.wrong, problem, onward)

    async def _register(self, request: Request) -> Response:
        if len(await request.body()) > LARGEST_REGISTRATION:
            told = {"error": "invalid_client_metadata", "error_description": "the metadata is too large"}
            return JSONResponse(told, 413)
        try:
            return await RegistrationHandler(self._provider(request, None).for_sdk, _OPTIONS).handle(request)
        except TooManyClients:
            told = {"error": "temporarily_unavailable", "error_description": "too many clients; try again later"}
            return JSONResponse(told, 503, {"Retry-After": str(_UNAVAILABLE_FOR)})

    def _provider(self, request: Request, resource: object) -> Provider:
        asked = resource if isinstance(resource, str) else ""
        page = f"{self._addresses.base(request.scope)}{paths.SIGN_IN}"
        kept = self._addresses.resource(request.scope, asked)
        return Provider(self._sign_in, page, kept, address_of_peer(request))

    def _note(self, request: Request, response: Response) -> None:
        error = _told(response).get("error", "invalid_request")
        path, peer = request.scope["path"], address_of_peer(request)
        self._telemetry.emit(SignInRefused(path, response.status_code, error, peer))


def _slow(wait: float) -> Response:
    told = {"error": "temporarily_unavailable", "error_description": f"try again in {wait:.0f} s"}
    return JSONResponse(told, 429, {"Retry-After": str(int(wait) + 1), "Cache-Control": "no-store"})


def _told(response: Response) -> dict[str, str]:
    try:
        return json.loads(bytes(response.body))
    except ValueError:
        return {}  # a page
