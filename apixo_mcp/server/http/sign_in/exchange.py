"""The endpoints where clients exchange codes and refresh tokens, and give tokens back (RFC 6749, RFC 7009, OAuth 2.1).

The SDK's ask for more than the standards do: the id of a client beside its Basic credentials, a redirect URI though
PKCE proves more, a secret of public clients that give a token back. And they name some errors otherwise.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import unquote_plus

from mcp.shared.auth import OAuthToken
from pydantic import AnyUrl, ValidationError
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from apixo_mcp.owners.grants import Grant, known_scopes
from apixo_mcp.owners.issuing import ACCESS_LASTS, TokenPair
from apixo_mcp.server.http.addresses import ServerAddresses, address_of_peer
from apixo_mcp.server.http.sign_in.provider import KnownClient, SignIn
from apixo_mcp.tasks.owner import Scope

_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_BY_BASIC = {"WWW-Authenticate": 'Basic realm="apixo-mcp", charset="UTF-8"'}
_CODE, _REFRESH = "authorization_code", "refresh_token"


class ExchangeRefused(Exception):
    """What a client asked for is refused.

    Attributes:
        error: as the standards call it.
    """

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error


class Exchange:
    """Answers clients.

    Args:
        sign_in: what the sign-in is made of.
        addresses: of this server.
    """

    def __init__(self, sign_in: SignIn, addresses: ServerAddresses) -> None:
        self._sign_in = sign_in
        self._addresses = addresses

    async def token(self, request: Request) -> Response:
        """Gives a client its tokens."""
        try:
            form = _given(await request.form())
            client = await self._client(request, form)
            grant_type = _needed(form, "grant_type")
            if grant_type not in (_CODE, _REFRESH):
                raise ExchangeRefused("unsupported_grant_type", "a code or a refresh token is exchanged here")
            if grant_type not in client.grant_types:
                raise ExchangeRefused("unauthorized_client", f"this client did not register for {grant_type}")
            resource = self._resource(request, form)
            by_code = grant_type == _CODE
            pair = await (self._redeemed if by_code else self._renewed)(client, form, resource)
            if pair is None:
                raise ExchangeRefused("invalid_grant", "it was exchanged already")
        except ExchangeRefused as refused:
            return _refusal(request, refused)
        await self._sign_in.registered.used(client.client_id, client.record)
        told = OAuthToken(
            access_token=pair.access,
            expires_in=int(ACCESS_LASTS),
            refresh_token=pair.refresh if _REFRESH in client.grant_types else None,
            scope=" ".join(pair.grant.scopes),
        )
        return JSONResponse(told.model_dump(exclude_none=True), headers=_NO_STORE)

    async def revoke(self, request: Request) -> Response:
        """Takes a token back, and all that came from the same consent; says nothing of one that is not known."""
        try:
            form = _given(await request.form())
            client = await self._client(request, form)
            token = _needed(form, "token")
        except ExchangeRefused as refused:
            return _refusal(request, refused)
        issuing = self._sign_in.issuing
        grant = await issuing.find_access(token) or await issuing.find_refresh(token)
        if grant is not None and grant.client == client.client_id:
            await issuing.end(grant)
        return Response(headers=_NO_STORE)

    async def _redeemed(self, client: KnownClient, form: Mapping[str, str], resource: str | None) -> TokenPair | None:
        code, verifier = _needed(form, "code"), _needed(form, "code_verifier")
        issued = await self._sign_in.issuing.find_code(code)
        grant = _checked(issued.grant if issued else None, client, resource, "the code")
        assert issued is not None
        # Who leaves it out is held to PKCE alone (OAuth 2.1, 10.1).
        if (named := form.get("redirect_uri")) and not _is_same(named, issued.redirect_uri):
            raise ExchangeRefused("invalid_grant", "redirect_uri is not the one that the code was sent to")
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        if not hmac.compare_digest(digest, issued.challenge):
            raise ExchangeRefused("invalid_grant", "code_verifier does not fit the code_challenge")
        return await self._sign_in.issuing.redeem(code, grant)

    async def _renewed(self, client: KnownClient, form: Mapping[str, str], resource: str | None) -> TokenPair | None:
        token = _needed(form, "refresh_token")
        grant = _checked(await self._sign_in.issuing.find_refresh(token), client, resource, "the refresh token")
        return await self._sign_in.issuing.renew(token, grant, _scopes(form.get("scope", ""), grant))

    def _resource(self, request: Request, form: Mapping[str, str]) -> str | None:
        """Returns the address that tokens are asked for, None where none is named."""
        named = form.get("resource")
        kept = self._addresses.resource(request.scope, named) if named else None
        if named and kept is None:
            raise ExchangeRefused("invalid_target", "resource is not the address of this server")
        return kept

    async def _client(self, request: Request, form: Mapping[str, str]) -> KnownClient:
        """Returns the client that asks, which has shown its secret where it has one: in the header or in the form."""
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        if (basic := _basic(request)) is not None:
            if (client_id or basic[0]) != basic[0] or (secret or basic[1]) != basic[1]:
                raise ExchangeRefused("invalid_client", "the form names another client than the header")
            client_id, secret = basic
        client = await self._sign_in.client(client_id, address_of_peer(request), anew=False) if client_id else None
        if client is None:
            raise ExchangeRefused("invalid_client", "the client is not known here; it has to register")
        if client.client_secret and not hmac.compare_digest(client.client_secret.encode(), secret.encode()):
            raise ExchangeRefused("invalid_client", "this is not the secret of the client")
        return client


def _given(form: FormData) -> Mapping[str, str]:
    """Returns what a form says; what is empty counts as left out, and nothing may be said twice (RFC 6749, 3.2)."""
    given: dict[str, str] = {}
    for name, value in form.multi_items():
        if not isinstance(value, str) or given.get(name, value) != value:
            raise ExchangeRefused("invalid_request", f"{ascii(name)[:100]} is no text, or is given twice")
        if value:
            given[name] = value
    return given


def _needed(form: Mapping[str, str], name: str) -> str:
    if name not in form:
        raise ExchangeRefused("invalid_request", f"{name} is missing")
    return form[name]


def _basic(request: Request) -> tuple[str, str] | None:
    """Returns the id and the secret in the header of a request, both as they were before they were written for it."""
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        client_id, is_pair, secret = base64.b64decode(text.strip(), validate=True).decode().partition(":")
    except ValueError:
        is_pair = client_id = secret = ""
    if not is_pair:
        raise ExchangeRefused("invalid_client", "the header holds no id and secret of a client")
    return unquote_plus(client_id), unquote_plus(secret)


def _checked(grant: Grant | None, client: KnownClient, resource: str | None, what: str) -> Grant:
    if grant is None or grant.client != client.client_id:
        raise ExchangeRefused("invalid_grant", f"{what} is not known, was used already, or has run out")
    if resource is not None and resource != grant.resource:
        raise ExchangeRefused("invalid_target", f"{what} is for another address of this server")
    return grant


def _scopes(asked: str, grant: Grant) -> tuple[Scope, ...]:
    """Returns the scopes that an access token is asked for; those that are unknown here are passed over."""
    scopes = known_scopes(asked.split()) if asked else grant.scopes
    if not scopes or not set(scopes) <= set(grant.scopes):
        raise ExchangeRefused("invalid_scope", f"{' '.join(grant.scopes)} was allowed")
    return scopes


def _is_same(named: str, sent_to: str) -> bool:
    try:
        return named == sent_to or str(AnyUrl(named)) == str(AnyUrl(sent_to))
    except ValidationError:
        return False


def _refusal(request: Request, refused: ExchangeRefused) -> Response:
    told = {"error": refused.error, "error_description": str(refused)}
    if refused.error != "invalid_client":
        return JSONResponse(told, 400, _NO_STORE)
    is_basic = "authorization" in request.headers
    return JSONResponse(told, 401, {**_NO_STORE, **(_BY_BASIC if is_basic else {})})
