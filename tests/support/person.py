"""A person with a browser, and the program that asks them."""

import base64
import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl
from support.house import ALICE
from support.sign_in import served

from apixo_mcp.app import App
from apixo_mcp.owners.store import EntryKind, SignInEntry
from apixo_mcp.owners.tokens import new_secret, secret_hash
from apixo_mcp.sandbox import Sandbox

CALLBACK = "http://localhost:7/callback"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


async def invitation_of(app: App, name: str) -> str:
    """Invites an owner, as the command does; returns the secret of the link."""
    secret = new_secret()
    entry = SignInEntry(EntryKind.INVITATION, secret_hash(secret), json.dumps({"owner": name}), name)
    assert await app.sign_ins.put(entry, 7 * 86_400)
    return secret


class Forms(HTMLParser):
    """The forms of a page: where each is posted to, and its fields."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str]]] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.all.append((told["action"], {}))
        elif tag == "input":
            self.all[-1][1][told["name"]] = told.get("value", "")


class Person:
    """Somebody with a browser."""

    def __init__(self) -> None:
        self.http = httpx2.AsyncClient(timeout=30, headers={"accept": "text/html"})

    async def opens(self, url: str) -> httpx2.Response:
        """Opens a page, and follows it as long as it stays on this server."""
        page = await self.http.get(url)
        while page.has_redirect_location and urlsplit(where := page.headers["location"]).netloc in (
            "",
            urlsplit(url).netloc,
        ):
            page = await self.http.get(urljoin(str(page.url), where))
        return page

    async def posts(self, page: httpx2.Response, **fields: str) -> httpx2.Response:
        """Sends the first form of a page."""
        action, hidden = Forms(page.text).all[0]
        place = urljoin(str(page.url), action)
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(place))
        return await self.http.post(place, data=hidden | fields, headers={"origin": origin})

    async def accepts(self, url: str, secret: str) -> httpx2.Response:
        """Signs the browser in by an invitation."""
        return await self.posts(await self.opens(f"{url}/sign-in/{secret}"))

    async def answers(self, page: httpx2.Response, answer: str = "allow") -> dict[str, str]:
        """Answers what a client asks for; returns what the client is told."""
        sent = await self.posts(page, answer=answer)
        assert sent.status_code == 303, sent.text
        assert sent.headers["location"].startswith(f"{CALLBACK}?")
        return dict(parse_qsl(urlsplit(sent.headers["location"]).query))


class Kept:
    """What a client keeps from one start to the next."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


def sdk_auth(url: str, person: Person, kept: Kept, document: str | None = None) -> OAuthClientProvider:
    """The SDK's own client, whose person says yes to what it asks for."""
    told: dict[str, str] = {}

    async def asks(address: str) -> None:
        told.clear()
        told.update(await person.answers(await person.opens(address)))

    async def answered() -> AuthorizationCodeResult:
        return AuthorizationCodeResult(code=told["code"], state=told["state"], iss=told["iss"])

    metadata = OAuthClientMetadata(redirect_uris=[AnyUrl(CALLBACK)], client_name="A client <b>of ours</b>")
    return OAuthClientProvider(url, metadata, kept, asks, answered, client_metadata_url=document)


class Raw:
    """A client that says just what it is told to."""

    def __init__(self, url: str, http: httpx2.AsyncClient) -> None:
        self.url = url
        self.http = http
        self.client: dict[str, Any] = {}

    async def registers(self, **given: Any) -> httpx2.Response:
        told = {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none", "client_name": "raw", **given}
        answer = await self.http.post(f"{self.url}/register", json=told)
        if answer.status_code == 201:
            self.client = answer.json()
        return answer

    def asks(self, **given: str | None) -> str:
        """The address that its person is sent to."""
        told = {
            "response_type": "code",
            "client_id": self.client["client_id"],
            "redirect_uri": CALLBACK,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "scope": "read generate",
            "state": "s",
            "resource": f"{self.url}/mcp",
            **given,
        }
        known = {name: value for name, value in told.items() if value is not None}
        return str(httpx2.URL(f"{self.url}/authorize", params=known))

    async def code(self, person: Person, **given: str | None) -> str:
        return (await person.answers(await person.opens(self.asks(**given))))["code"]

    async def exchanges(self, **given: str | None) -> httpx2.Response:
        told = {"client_id": self.client["client_id"], "resource": f"{self.url}/mcp", **given}
        return await self.http.post(f"{self.url}/token", data={k: v for k, v in told.items() if v is not None})

    async def redeems(self, code: str, **given: str | None) -> httpx2.Response:
        told = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        return await self.exchanges(**{**told, **given})

    async def refreshes(self, token: str, **given: str | None) -> httpx2.Response:
        return await self.exchanges(**{"grant_type": "refresh_token", "refresh_token": token, **given})

    async def calls(self, token: str, path: str = "/mcp") -> int:
        """The status of a call with a token."""
        listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        headers = {"accept": "application/json, text/event-stream", "authorization": f"Bearer {token}"}
        return (await self.http.post(self.url + path, json=listing, headers=headers)).status_code


def stranger() -> str:
    """A secret that nobody knows."""
    return secrets.token_urlsafe(32)


@asynccontextmanager
async def registered(box: Sandbox, folder: Path) -> AsyncIterator[tuple[App, Raw]]:
    """The program with an owner, and a client that is registered."""
    async with served(box, folder) as (app, url), httpx2.AsyncClient(timeout=30) as http:
        await app.owners.add(ALICE, "")
        raw = Raw(url, http)
        assert (await raw.registers()).status_code == 201
        yield app, raw
