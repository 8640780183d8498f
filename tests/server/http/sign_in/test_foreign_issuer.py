"""Tokens of an identity provider: what lets in, as whom, and what does not."""

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from support.program import values_for

from apixo_mcp.app import App, open_app
from apixo_mcp.net.uvicorn_server import listen, listening, url_of
from apixo_mcp.owners.entrance import TokenRefused
from apixo_mcp.owners.issuer import ForeignIssuer, foreign_name
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.transport import serving
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import Owner, Scope

pytestmark = pytest.mark.anyio

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SHORT = rsa.generate_private_key(public_exponent=65537, key_size=1024)
EC = ec.generate_private_key(ec.SECP256R1())
STRANGE = ec.generate_private_key(ec.SECP256R1())


def public(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, kid: str, **more: Any) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPrivateKey):
        told = RSAAlgorithm.to_jwk(key.public_key())
    else:
        told = ECAlgorithm.to_jwk(key.public_key())
    return {**json.loads(told), "kid": kid, **more}


@dataclass
class Provider:
    """An identity provider."""

    url: str
    keys: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    asked: int = 0
    issuer: str = ""

    def token(
        self, key: Any = EC, kid: str | None = "ec", alg: str = "ES256", lasts: float = 3600.0, **given: Any
    ) -> str:
        """A token; `nbf` and what it lasts are seconds from now on."""
        now = time.time()
        claims = {"iss": self.url, "aud": "apixo", "sub": "alice", "exp": now + lasts, "scope": "read generate"}
        claims |= given | ({"nbf": now + given["nbf"]} if "nbf" in given else {})
        known = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(known, key, alg, headers={"kid": kid} if kid else {})


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    listener = listen("127.0.0.1", 0)
    one = Provider(url_of(listener))
    one.keys = [public(RSA, "rsa"), public(EC, "ec"), public(SHORT, "short"), {"kty": "oct", "k": "AAAA", "kid": "oct"}]

    async def metadata(_: Request) -> JSONResponse:
        return JSONResponse({"issuer": one.issuer or one.url, "jwks_uri": f"{one.url}/keys"})

    async def keys(_: Request) -> JSONResponse:
        one.asked += 1
        return JSONResponse({"keys": one.keys})

    web = Starlette(routes=[Route("/.well-known/openid-configuration", metadata), Route("/keys", keys)])
    async with listening(web, listener):
        yield one


@pytest.fixture
async def app(box: Sandbox, tmp_path: Path, provider: Provider) -> AsyncIterator[App]:
    settings = read_settings(**values_for(box, tmp_path), auth_issuer=provider.url, auth_audience="apixo")
    async with open_app(settings) as app:
        yield app


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer(app: App, provider: Provider, clock: Clock) -> ForeignIssuer:
    return ForeignIssuer(app.http, app.owners, f"{provider.url}/", "apixo", clock=clock)


GOOD: list[tuple[dict[str, Any], Scope]] = [
    ({}, Scope.GENERATE),
    ({"key": RSA, "kid": "rsa", "alg": "RS256"}, Scope.GENERATE),
    ({"key": RSA, "kid": "rsa", "alg": "PS512"}, Scope.GENERATE),
    ({"kid": None}, Scope.GENERATE),
    ({"aud": ["other", "apixo"]}, Scope.GENERATE),
    ({"scope": None, "scp": ["read"]}, Scope.READ),
    ({"scope": None, "scp": "read admin"}, Scope.ADMIN),
    ({"scope": "openid read"}, Scope.READ),
    ({"lasts": -5.0}, Scope.GENERATE),
]


async def test_a_good_token_lets_in_whom_it_names(issuer: ForeignIssuer, provider: Provider) -> None:
    for given, scope in GOOD:
        owner = await issuer.owner_of(provider.token(**given), ())
        assert owner == Owner(foreign_name(provider.url, "alice"), scope), given


BAD: list[tuple[dict[str, Any], str]] = [
    ({"iss": "https://other.example"}, "another issuer"),
    ({"aud": "other"}, "another server"),
    ({"aud": None}, "does not say"),
    ({"sub": None}, "does not say"),
    ({"exp": None}, "does not say"),
    ({"lasts": -60.0}, "run out"),
    ({"nbf": 600.0}, "not count yet"),
    ({"key": STRANGE}, "signature"),
    ({"key": STRANGE, "kid": "strange"}, "not known"),
    ({"key": SHORT, "kid": "short", "alg": "RS256"}, "too short"),
    ({"key": "A" * 32, "kid": "oct", "alg": "HS256"}, "not taken"),
    ({"key": "A" * 32, "kid": "rsa", "alg": "HS256"}, "not taken"),
    ({"key": None, "kid": "ec", "alg": "none"}, "not taken"),
    ({"key": RSA, "kid": "ec", "alg": "RS256"}, "not known"),
    ({"scope": "openid"}, "no scope"),
    ({"scope": None}, "no scope"),
]


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
async def test_a_bad_token_lets_nobody_in(issuer: ForeignIssuer, provider: Provider) -> None:
    for given, reason in BAD:
        answer = await issuer.owner_of(provider.token(**given), ())
        assert isinstance(answer, TokenRefused), given
        assert reason in answer.reason, given
        assert answer.is_known == (reason == "no scope")
    good = provider.token()
    head, body, proof = good.split(".")
    for changed in (f"{head}.{body}.", f"{head}.{body}x.{proof}", f"x.{body}.{proof}", "a.b.c", ".."):
        assert isinstance(await issuer.owner_of(changed, ()), TokenRefused)


async def test_its_owner_is_the_one_of_that_name_with_their_own_limits(
    issuer: ForeignIssuer, provider: Provider, app: App
) -> None:
    await app.owners.add(Owner("alice", Scope.READ, ("nano-*",)), "")
    owner = await issuer.owner_of(provider.token(), ())
    assert owner == Owner("alice", Scope.READ, ("nano-*",))
    await app.owners.revoke("alice")
    answer = await issuer.owner_of(provider.token(), ())
    assert answer == TokenRefused("the owner was revoked")


async def test_nobody_becomes_the_owner_of_this_machine_or_another(issuer: ForeignIssuer, provider: Provider) -> None:
    names: set[str] = set()
    for subject in ("local", "alice", "Alice", "a/b", "a-b", "a b", "../x"):
        owner = await issuer.owner_of(provider.token(sub=subject), ())
        assert isinstance(owner, Owner)
        names.add(owner.name)
    assert len(names) == 7
    assert not names & {"local", "alice"}


async def test_the_keys_are_asked_for_once_and_not_for_each_that_is_made_up(
    issuer: ForeignIssuer, provider: Provider, clock: Clock
) -> None:
    for number in range(50):
        await issuer.owner_of(provider.token(kid=f"made-up-{number}"), ())
    assert provider.asked == 1
    provider.keys.append(public(STRANGE, "new"))
    rotated = provider.token(key=STRANGE, kid="new")
    assert isinstance(await issuer.owner_of(rotated, ()), TokenRefused)
    clock.now += 31
    assert isinstance(await issuer.owner_of(rotated, ()), Owner)
    assert provider.asked == 2


async def test_keys_outlive_their_issuers_silence_and_a_withdrawn_key_ends(
    issuer: ForeignIssuer, provider: Provider, clock: Clock
) -> None:
    assert isinstance(await issuer.owner_of(provider.token(), ()), Owner)
    provider.issuer = "https://other.example"  # what it says counts no longer
    clock.now += 3700
    assert isinstance(await issuer.owner_of(provider.token(), ()), Owner)
    provider.issuer, provider.keys = "", provider.keys[:1]
    clock.now += 3700
    assert isinstance(await issuer.owner_of(provider.token(), ()), TokenRefused)


async def test_a_token_is_not_called_bad_while_its_issuer_is_silent(
    issuer: ForeignIssuer, provider: Provider, clock: Clock
) -> None:
    said, provider.issuer = provider.issuer, "https://other.example"
    silent = await issuer.owner_of(provider.token(), ())
    assert isinstance(silent, TokenRefused)
    assert silent.wait > 0
    provider.issuer = said
    clock.now += 31
    assert isinstance(await issuer.owner_of(provider.token(), ()), Owner)
    strange = await issuer.owner_of(provider.token(key=STRANGE, kid="strange"), ())
    assert isinstance(strange, TokenRefused)
    assert strange.wait == 0


STATUSES: list[tuple[dict[str, Any], int, str]] = [
    ({}, 200, ""),
    ({"iss": "https://other.example"}, 401, "invalid_token"),
    ({"aud": "other"}, 401, "invalid_token"),
    ({"lasts": -60.0}, 401, "invalid_token"),
    ({"scope": "openid"}, 403, "insufficient_scope"),
]


async def test_over_http_it_is_the_way_in_that_metadata_names(app: App, provider: Provider) -> None:
    listener = listen("127.0.0.1", 0)
    url = url_of(listener)
    info = {"name": "raw", "version": "1"}
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info}
    opening = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}
    async with serving(app, build_server(app), listener), httpx2.AsyncClient(timeout=30) as http:
        both = {"accept": "application/json, text/event-stream"}
        assert (await http.post(f"{url}/mcp", json=opening, headers=both)).status_code == 401
        for given, status, error in STATUSES:
            headers = both | {"authorization": f"Bearer {provider.token(**given)}"}
            answer = await http.post(f"{url}/mcp", json=opening, headers=headers)
            assert answer.status_code == status, given
            assert (f'error="{error}"' in answer.headers.get("www-authenticate", "")) == bool(error)
        assert provider.asked == 1
        place = f"{url}/.well-known/oauth-protected-resource/mcp"
        assert (await http.get(place)).json()["authorization_servers"] == [provider.url]
        await app.owners.add(Owner("alice"), "")
        assert (await http.get(place)).json()["authorization_servers"] == [provider.url, url]


async def test_while_the_issuer_is_silent_a_client_is_told_to_wait(app: App, provider: Provider) -> None:
    provider.issuer = "https://other.example"
    listener = listen("127.0.0.1", 0)
    async with serving(app, build_server(app), listener), httpx2.AsyncClient(timeout=30) as http:
        headers = {"authorization": f"Bearer {provider.token()}"}
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        answer = await http.post(f"{url_of(listener)}/mcp", json=ping, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    assert "www-authenticate" not in answer.headers
