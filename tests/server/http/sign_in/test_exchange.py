"""The endpoints where clients exchange codes and refresh tokens, answer by answer, as the standards have them."""

import base64
from typing import Any

import pytest
from support.person import CALLBACK, VERIFIER, Person, Raw

from apixo_mcp.app import App

pytestmark = pytest.mark.anyio


def basic(client: dict[str, Any], **given: str) -> dict[str, str]:
    """The header by which a client shows its secret."""
    told = client | given
    pair = f"{told['client_id']}:{told.get('client_secret', '')}"
    return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


A_FILE = '--b\r\nContent-Disposition: form-data; name="token"; filename="x"\r\n\r\nx\r\n--b--'

CODES: list[tuple[dict[str, str | None], int, str]] = [
    ({}, 200, ""),
    ({"redirect_uri": None}, 200, ""),
    ({"redirect_uri": "http://localhost:7/other"}, 400, "invalid_grant"),
    ({"redirect_uri": "not an address"}, 400, "invalid_grant"),
    ({"code_verifier": "w" * 64}, 400, "invalid_grant"),
    ({"code_verifier": None}, 400, "invalid_request"),
    ({"code_verifier": "\u00e9" * 50}, 400, "invalid_grant"),
    ({"code": "another"}, 400, "invalid_grant"),
    ({"code": None}, 400, "invalid_request"),
    ({"grant_type": None}, 400, "invalid_request"),
    ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ({"grant_type": "client_credentials"}, 400, "unsupported_grant_type"),
    ({"resource": None}, 200, ""),
    ({"resource": ""}, 200, ""),
    ({"resource": "https://other.example/mcp"}, 400, "invalid_target"),
    ({"client_id": "another"}, 401, "invalid_client"),
    ({"client_id": None}, 401, "invalid_client"),
]


@pytest.mark.parametrize(("given", "status", "error"), CODES)
async def test_a_code_is_exchanged(
    house: tuple[App, Raw], signed_in: Person, given: dict[str, str | None], status: int, error: str
) -> None:
    _, raw = house
    told: dict[str, str | None] = {
        "code": await raw.code(signed_in),
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    answer = await raw.exchanges(**{"grant_type": "authorization_code"} | told | given)
    assert (answer.status_code, answer.json().get("error", "")) == (status, error)
    assert answer.headers["cache-control"] == "no-store"
    assert ("refresh_token" in answer.json()) == (status == 200)


async def test_the_address_of_this_server_may_be_written_otherwise(house: tuple[App, Raw], signed_in: Person) -> None:
    _, raw = house
    written = [f"{raw.url}/mcp/", f"{raw.url.upper()}/mcp", raw.url, f"{raw.url}/"]
    for resource in written:
        code = await raw.code(signed_in, resource=resource)
        tokens = (await raw.redeems(code, resource=resource)).json()
        assert await raw.calls(tokens["access_token"]) != 401
    for resource in (
        f"{raw.url}/mcp/x",
        f"{raw.url}/MCP",
        f"{raw.url}/mcp?x=1",
        f"{raw.url}/mcp#x",
        "http://[",
        "/mcp",
    ):
        refused = await signed_in.http.get(raw.asks(resource=resource))
        assert "error=invalid_target" in refused.headers["location"], resource


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
@pytest.mark.parametrize("shown", ["header", "form", "both"])
async def test_a_secret_is_shown_in_the_header_or_in_the_form(
    house: tuple[App, Raw], signed_in: Person, method: str, shown: str
) -> None:
    _, raw = house
    await raw.registers(token_endpoint_auth_method=method)
    client, told = raw.client, {"grant_type": "authorization_code", "code_verifier": VERIFIER, "redirect_uri": CALLBACK}
    if shown != "header":
        told |= {"client_id": client["client_id"], "client_secret": client["client_secret"]}
    headers = basic(client) if shown != "form" else {}
    code = await raw.code(signed_in)
    answer = await raw.http.post(f"{raw.url}/token", data=told | {"code": code}, headers=headers)
    assert answer.status_code == 200, answer.text


async def test_whoever_does_not_show_the_secret_is_told_how(house: tuple[App, Raw]) -> None:
    _, raw = house
    await raw.registers(token_endpoint_auth_method="client_secret_basic")
    told = {"grant_type": "refresh_token", "refresh_token": "art_x"}
    named = told | {"client_id": raw.client["client_id"]}
    refused = [
        (told, basic(raw.client, client_secret="wrong")),
        (told, basic(raw.client, client_id="another")),
        (told, {"authorization": "Basic ~"}),
        (told, {"authorization": "Basic " + base64.b64encode(b"\xff\xff").decode()}),
        (named | {"client_id": "another"}, basic(raw.client)),
        (named | {"client_secret": "wrong"}, basic(raw.client)),
        (named | {"client_secret": "\u00e9"}, {}),
        (named, {}),
    ]
    for form, headers in refused:
        answer = await raw.http.post(f"{raw.url}/token", data=form, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), form
        assert answer.headers.get("www-authenticate", "").startswith("Basic realm=") == bool(headers)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ('{"grant_type": "refresh_token"}', "application/json"),
        ("grant_type=refresh_token&grant_type=authorization_code", "application/x-www-form-urlencoded"),
        (A_FILE, "multipart/form-data; boundary=b"),
        ("--b", "multipart/form-data; boundary=b"),
        ("%ff=%00", "application/x-www-form-urlencoded"),
        ("", "multipart/form-data"),
    ],
)
@pytest.mark.parametrize("path", ["/token", "/revoke"])
async def test_what_is_no_form_is_refused(house: tuple[App, Raw], path: str, content: str, kind: str) -> None:
    _, raw = house
    answer = await raw.http.post(raw.url + path, content=content, headers={"content-type": kind})
    assert answer.status_code in (400, 401)


async def test_scopes_that_are_unknown_here_are_passed_over_again(house: tuple[App, Raw], signed_in: Person) -> None:
    _, raw = house
    asked = "read generate offline_access"
    tokens = (await raw.redeems(await raw.code(signed_in, scope=asked))).json()
    assert tokens["scope"] == "read generate"
    renewed = (await raw.refreshes(tokens["refresh_token"], scope=asked)).json()
    assert renewed["scope"] == "read generate"
    for scope in ("offline_access", "read admin"):
        assert (await raw.refreshes(renewed["refresh_token"], scope=scope)).json()["error"] == "invalid_scope"


async def test_who_registered_for_codes_alone_is_given_nothing_to_refresh(
    house: tuple[App, Raw], signed_in: Person
) -> None:
    _, raw = house
    await raw.registers(grant_types=["authorization_code"])
    assert "refresh_token" not in (await raw.redeems(await raw.code(signed_in))).json()
    assert (await raw.refreshes("art_x")).json()["error"] == "unauthorized_client"


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize("hint", [None, "access_token", "refresh_token", "pct"])
async def test_a_client_without_a_secret_gives_its_tokens_back(
    house: tuple[App, Raw], signed_in: Person, kind: str, hint: str | None
) -> None:
    _, raw = house
    tokens = (await raw.redeems(await raw.code(signed_in))).json()
    hinted = {"token_type_hint": hint} if hint else {}

    async def revokes(token: str, client_id: str) -> int:
        form = {"token": token, "client_id": client_id, **hinted}
        return (await raw.http.post(f"{raw.url}/revoke", data=form)).status_code

    own, other = raw.client["client_id"], (await raw.registers()).json()["client_id"]
    assert await revokes(tokens[kind], "another") == 401
    assert await revokes(tokens[kind], other) == 200, "says nothing of what is another's"
    assert await raw.calls(tokens["access_token"]) != 401
    assert await revokes("nothing", own) == 200
    assert await revokes(tokens[kind], own) == 200
    assert await raw.calls(tokens["access_token"]) == 401
