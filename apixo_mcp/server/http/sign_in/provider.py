"""The authorization server that the SDK's handlers speak for: clients, and what they ask for, in the task store."""

import re
from dataclasses import dataclass, field
from typing import Any, cast

from mcp.server.auth.provider import (
    AuthorizationParams,
    AuthorizeError,
    OAuthAuthorizationServerProvider,
    RegistrationError,
)
from mcp.shared.auth import InvalidRedirectUriError, InvalidScopeError, OAuthClientInformationFull
from pydantic import AnyUrl, ValidationError

from apixo_mcp.foreign import clipped
from apixo_mcp.owners import clients
from apixo_mcp.owners.consent import Asked, Consent
from apixo_mcp.owners.documents import ClientDocuments, is_document
from apixo_mcp.owners.grants import known_scopes
from apixo_mcp.owners.issuing import Issuing
from apixo_mcp.owners.tokens import derived_secret
from apixo_mcp.server.http.sign_in.metadata import ASKED_FOR

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_LONGEST_STATE = 4000  # characters
_LONGEST_NAME = 80


class TooManyClients(Exception):
    """No further client can register itself for now."""


class KnownClient(OAuthClientInformationFull):
    """A client as this server knows it."""

    @property
    def record(self) -> str:
        """What is kept of it, which its secret is not."""
        return self.model_dump_json(exclude={"client_secret"}, exclude_none=True)

    def validate_redirect_uri(self, redirect_uri: AnyUrl | None) -> AnyUrl:
        """Returns where an answer goes; on the person's own machine any port will do."""
        if redirect_uri is not None:
            asked = str(redirect_uri)
            if any(clients.is_same_redirect(asked, str(uri)) for uri in self.redirect_uris or ()):
                return redirect_uri
            raise InvalidRedirectUriError("redirect_uri is not one of those that this client registered")
        return super().validate_redirect_uri(None)

    def validate_scope(self, requested_scope: str | None) -> list[str] | None:
        """Returns the scopes that are known here; others are passed over, as the protocol allows."""
        if not requested_scope:
            return None
        known = known_scopes(requested_scope.split())
        if not known:
            raise InvalidScopeError("the scopes of this server are read, generate and admin")
        return [str(scope) for scope in known]


@dataclass(frozen=True, slots=True)
class SignIn:
    """What the sign-in is made of.

    Attributes:
        secret: stays with the task store.
    """

    registered: clients.Clients
    documents: ClientDocuments
    consent: Consent
    issuing: Issuing
    secret: bytes = field(repr=False)

    async def client(self, client_id: str, asker: str, *, anew: bool) -> KnownClient | None:
        """Returns a client.

        Args:
            client_id: names it.
            asker: the address that it is looked for from.
            anew: whether a document on the web is asked for, though the client was in use before.

        Raises:
            TooManyDocuments: its document is not fetched just now.
        """
        if is_document(client_id) and anew:
            return await self._of_document(client_id, asker)
        record = await self.registered.find(client_id) if len(client_id) <= 500 else None
        if record is not None:
            known = KnownClient.model_validate_json(record)
            is_secret = known.token_endpoint_auth_method != "none"
            return known.model_copy(update={"client_secret": self.secret_of(client_id)}) if is_secret else known
        return await self._of_document(client_id, asker) if is_document(client_id) else None

    def secret_of(self, client_id: str) -> str:
        """Returns the secret of a client that has one: it is made of ours, and kept nowhere."""
        return derived_secret(self.secret, f"client secret {client_id}")

    async def _of_document(self, client_id: str, asker: str) -> KnownClient | None:
        document = await self.documents.find(client_id, asker)
        if document is None or document.get("client_secret") is not None:
            return None
        if document.get("token_endpoint_auth_method", "none") != "none":
            return None  # no other way to prove itself fits a client without a secret
        told = {name: document.get(name) for name in ("client_id", "client_name", "client_uri", "redirect_uris")}
        try:
            client = KnownClient.model_validate(told | {"token_endpoint_auth_method": "none"})
        except ValidationError:
            return None
        return None if problem_of(client) else client


@dataclass(frozen=True, slots=True)
class Provider:
    """Answers the SDK's handlers of registrations and of what people are asked, for one request.

    Attributes:
        page: where a person is asked.
        resource: the address that the request names, as it is kept; None where it is not this server's.
        asker: the address that the request comes from.
    """

    sign_in: SignIn
    page: str
    resource: str | None
    asker: str

    @property
    def for_sdk(self) -> OAuthAuthorizationServerProvider[Any, Any, Any]:
        """The same as its handlers take it; they ask for nothing else of it."""
        return cast("OAuthAuthorizationServerProvider[Any, Any, Any]", self)

    async def get_client(self, client_id: str) -> KnownClient | None:
        """See `OAuthAuthorizationServerProvider.get_client`."""
        return await self.sign_in.client(client_id, self.asker, anew=True)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        """See `OAuthAuthorizationServerProvider.register_client`.

        Raises:
            TooManyClients: no more are kept for now.
        """
        if problem := problem_of(client_info):
            raise RegistrationError("invalid_redirect_uri", problem)
        if client_info.client_secret:
            client_info.client_secret = self.sign_in.secret_of(client_info.client_id)
            client_info.client_secret_expires_at = 0
        record = client_info.model_dump_json(exclude={"client_secret"}, exclude_none=True)
        if len(record) > clients.LARGEST_RECORD:
            raise RegistrationError("invalid_client_metadata", "the metadata is too large")
        if not await self.sign_in.registered.add(client_info.client_id, record):
            raise TooManyClients

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        """See `OAuthAuthorizationServerProvider.authorize`: the person is asked on our page."""
        if self.resource is None:
            raise AuthorizeError("invalid_target", "resource is not the address of this server")
        if not _CHALLENGE.fullmatch(params.code_challenge):
            raise AuthorizeError("invalid_request", "code_challenge is not one of S256")
        if len(params.state or "") > _LONGEST_STATE:
            raise AuthorizeError("invalid_request", "state is too long")
        asked = Asked(
            client=client.client_id,
            name=clipped(client.client_name or "", _LONGEST_NAME),
            redirect_uri=str(params.redirect_uri),
            state=params.state,
            challenge=params.code_challenge,
            scopes=known_scopes(params.scopes or ASKED_FOR),
            resource=self.resource,
        )
        secret = await self.sign_in.consent.ask(asked)
        if secret is None:
            raise AuthorizeError("temporarily_unavailable", "too many people are being asked; try again in a minute")
        return f"{self.page}?request={secret}"


def problem_of(client: OAuthClientInformationFull) -> str:
    """Tells what is wrong with where a client has its answers sent, empty where nothing is."""
    uris: list[Any] = list(client.redirect_uris or ())
    if not 0 < len(uris) <= clients.MOST_REDIRECTS:
        return f"a client has one to {clients.MOST_REDIRECTS} redirect URIs"
    problems = [f"{clipped(str(uri), 100)} {why}" for uri in uris if (why := clients.redirect_problem(str(uri)))]
    return problems[0] if problems else ""
