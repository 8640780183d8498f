"""The built-in sign-in: from a URL and an invitation to a saved picture, and what is refused on the way."""

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import Implementation
from support.certificates import authority
from support.house import ALICE
from support.listening import listening
from support.person import CALLBACK, Kept, Person, Raw, invitation_of, sdk_auth, stranger
from support.program import structure
from support.sign_in import served

from apixo_mcp.app import App
from apixo_mcp.owners.browsers import Browsers
from apixo_mcp.owners.issuing import Issuing
from apixo_mcp.owners.tokens import new_token, secret_hash
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.tasks.owner import Owner, Scope

pytestmark = pytest.mark.anyio

FOX = {"model": "nano-banana", "prompt": "a fox [took:0]", "wait_seconds": 20}
CLIENT = Implementation(name="claude-ai", version="1")


@pytest.fixture
async def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """A client's document on the web; returns its address."""
    bundle, chain = authority(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    told = {"client_name": "Documented", "redirect_uris": ["http://localhost/callback"]}

    async def answer(stream: anyio.abc.ByteStream) -> None:
        async with stream:
            asked = await stream.receive()
            body = json.dumps(told | ({"client_id": "another"} if b"/wrong" in asked else {})).encode()
            head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
            await stream.send(head + f"content-length: {len(body)}\r\n\r\n".encode() + body)

    async with listening(answer, context) as port:
        told["client_id"] = f"https://localhost:{port}/client.json"
        yield told["client_id"]


@asynccontextmanager
async def client_of(url: str, auth: httpx2.Auth, era: str) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(auth=auth, timeout=30) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=era, client_info=CLIENT) as client,
    ):
        yield client


@pytest.mark.parametrize("by", ["registration", "document"])
async def test_from_a_url_and_an_invitation_to_a_saved_picture_and_after_a_restart(
    box: Sandbox, tmp_path: Path, person: Person, era: str, by: str, document: str
) -> None:
    kept, own = Kept(), document if by == "document" else None
    async with served(box, tmp_path) as (app, url):
        await app.owners.add(ALICE, "")
        await person.accepts(url, await invitation_of(app, "alice"))
        async with client_of(url, sdk_auth(f"{url}/mcp", person, kept, own), era) as client:
            made = structure(await client.call_tool("generate_image", FOX))
        assert made["results"][0]["file"] == "saved"
        [task] = await app.service.page(ALICE)
        assert task.task_id == made["task_id"]
    assert kept.client is not None
    assert (kept.client.client_id == document) == (by == "document")
    port = int(url.rpartition(":")[2])
    async with served(box, tmp_path, port) as (app, url):
        nobody = Person()
        async with nobody.http, client_of(url, sdk_auth(f"{url}/mcp", nobody, kept, own), era) as client:
            assert len(structure(await client.call_tool("list_tasks", {}))["tasks"]) == 1
        assert kept.tokens is not None
        async with httpx2.AsyncClient(timeout=60) as http:
            raw = Raw(url, http)
            assert await raw.calls(kept.tokens.access_token) != 401
            await app.owners.revoke("alice")
            assert await raw.calls(kept.tokens.access_token) == 401
            raw.client = kept.client.model_dump()
            assert kept.tokens.refresh_token is not None
            again = await raw.refreshes(kept.tokens.refresh_token, client_secret=kept.client.client_secret)
            assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


async def test_a_person_who_is_not_signed_in_is_told_to_and_goes_on_where_they_were(
    house: tuple[App, Raw], person: Person
) -> None:
    app, raw = house
    page = await person.opens(raw.asks())
    assert "Sign in first" in page.text
    secret = await invitation_of(app, "alice")
    invited = await person.opens(f"{raw.url}/sign-in/{secret}")
    assert "You are invited as alice" in invited.text
    assert "You are invited as alice" in (await person.opens(f"{raw.url}/sign-in/{secret}")).text, "a look uses it up"
    entered = await person.posts(invited)
    asked = await person.opens(raw.url + entered.headers["location"])
    assert "raw asks to use this server in your name" in asked.text
    assert (await person.answers(asked))["code"]
    other = Person()
    async with other.http:
        assert (await other.opens(f"{raw.url}/sign-in/{secret}")).status_code == 404
        assert (await other.posts(page, secret=f"{raw.url}/sign-in/{secret}")).status_code == 403


@pytest.mark.parametrize("pasted", ["link", "token"])
async def test_an_invitation_or_a_token_can_be_pasted(house: tuple[App, Raw], person: Person, pasted: str) -> None:
    app, raw = house
    token = new_token()
    await app.owners.set_token("alice", secret_hash(token))
    given = token if pasted == "token" else f" {raw.url}/sign-in/{await invitation_of(app, 'alice')}/ "
    page = await person.opens(raw.asks())
    assert (await person.posts(page, secret=stranger())).status_code == 403
    entered = await person.posts(page, secret=given)
    assert entered.status_code == 303
    assert (await person.answers(await person.opens(raw.url + entered.headers["location"])))["code"]


async def test_the_page_shows_who_asks_for_what_and_where_it_leads(house: tuple[App, Raw], signed_in: Person) -> None:
    _, raw = house
    await raw.registers(
        client_name='<script>alert(1)</script>"\u202e', redirect_uris=["https://app.example/cb", "cursor://x/cb"]
    )
    page = await signed_in.opens(raw.asks(redirect_uri="https://app.example/cb"))
    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "\u202e" not in page.text
    assert "app.example" in page.text
    assert "spends money" in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action" not in policy, "a browser would hold every redirect of the client's own against it"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["referrer-policy"] == "same-origin"
    chinese = await signed_in.http.get(page.url, headers={"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"})
    assert '<html lang="zh-Hans">' in chinese.text
    assert "允许" in chinese.text


async def test_the_cookies_are_small_and_out_of_reach(house: tuple[App, Raw], person: Person) -> None:
    app, raw = house
    entered = await person.accepts(raw.url, await invitation_of(app, "alice"))
    cookies = entered.headers.get_list("set-cookie")
    for cookie, name, path in zip(cookies, ("apixo_browser", "apixo_gallery"), ("/sign-in", "/"), strict=True):
        assert cookie.startswith(f"{name}=")
        assert len(cookie) < 200
        for flag in ("HttpOnly", "SameSite=lax", f"Path={path};"):
            assert flag in cookie
        assert "Secure" not in cookie  # over plain http on loopback a browser would not send it


async def test_a_no_is_told_to_the_client(house: tuple[App, Raw], signed_in: Person) -> None:
    _, raw = house
    page = await signed_in.opens(raw.asks())
    told = await signed_in.answers(page, "deny")
    assert (told["error"], told["state"], told["iss"]) == ("access_denied", "s", raw.url)
    assert (await signed_in.posts(page, answer="allow")).status_code == 400, "it was answered"


async def test_a_yes_that_is_sent_twice_is_one(house: tuple[App, Raw], signed_in: Person) -> None:
    _, raw = house
    page = await signed_in.opens(raw.asks())
    first, again = await signed_in.answers(page), await signed_in.answers(page)
    assert first == again
    tokens = (await raw.redeems(first["code"])).json()
    late = await signed_in.posts(page, answer="allow")
    assert (late.status_code, "You have answered" in late.text) == (400, True), "the client has had its code"
    assert await raw.calls(tokens["access_token"]) != 401


async def test_an_invitation_that_is_sent_twice_signs_in_once(house: tuple[App, Raw], person: Person) -> None:
    app, raw = house
    secret = await invitation_of(app, "alice")
    page = await person.opens(f"{raw.url}/sign-in/{secret}")
    first = await person.posts(page)
    person.http.cookies.delete("apixo_browser")  # the first answer never came
    again = await person.posts(page)
    assert first.headers["set-cookie"] == again.headers["set-cookie"]
    assert "asks to use" in (await person.opens(raw.asks())).text
    assert "You are signed in as" in (await person.opens(f"{raw.url}/sign-in/{secret}")).text


async def test_a_browser_without_cookies_keeps_its_invitation(house: tuple[App, Raw], person: Person) -> None:
    app, raw = house
    secret = await invitation_of(app, "alice")
    page = await person.opens(f"{raw.url}/sign-in/{secret}")
    person.http.cookies.clear()
    told = await person.posts(page)
    assert (told.status_code, "cookie" in told.text) == (403, True)
    assert (await person.accepts(raw.url, secret)).status_code == 303


async def test_an_app_is_opened_from_a_page_that_says_so(house: tuple[App, Raw], signed_in: Person) -> None:
    _, raw = house
    await raw.registers(redirect_uris=["cursor://x/cb"])
    for answer, told in (("allow", "code="), ("deny", "error=access_denied")):
        page = await signed_in.opens(raw.asks(redirect_uri="cursor://x/cb"))
        done = await signed_in.posts(page, answer=answer)
        assert done.status_code == 200
        assert f'content="0;url=cursor://x/cb?{told}' in done.text
        assert "form-action 'self'" in done.headers["content-security-policy"]


async def test_a_client_names_its_persons_language(house: tuple[App, Raw], person: Person) -> None:
    page = await person.opens(house[1].asks(ui_locales="fr zh-CN en"))
    assert '<html lang="zh-Hans">' in page.text


async def test_a_yes_of_a_page_that_was_not_shown_here_is_none(house: tuple[App, Raw], signed_in: Person) -> None:
    app, raw = house
    page = await signed_in.opens(raw.asks())
    other = Person()
    async with other.http:
        assert (await other.posts(page, answer="allow")).status_code == 403
        await other.accepts(raw.url, await invitation_of(app, "alice"))
        assert (await other.posts(page, answer="allow")).status_code == 403
    assert (await signed_in.posts(page, answer="allow", proof="0" * 64)).status_code == 403
    place = f"{raw.url}/sign-in/consent"
    assert (await signed_in.http.post(place, headers={"origin": "https://evil.example"})).status_code == 403
    assert (await signed_in.answers(page))["code"]


async def test_a_revoked_owners_browser_is_nobodys(house: tuple[App, Raw], signed_in: Person) -> None:
    app, raw = house
    await app.owners.revoke("alice")
    assert "Sign in first" in (await signed_in.opens(raw.asks())).text
    await app.owners.set_token("alice", "h" * 64)
    assert "Sign in first" in (await signed_in.opens(raw.asks())).text, "a way in that was ended comes back"


@pytest.mark.parametrize("way", ["token", "link"])
async def test_what_was_signed_in_with_a_token_ends_with_it(house: tuple[App, Raw], person: Person, way: str) -> None:
    app, raw = house
    token = new_token()
    await app.owners.set_token("alice", secret_hash(token))
    given = token if way == "token" else f"{raw.url}/sign-in/{await invitation_of(app, 'alice')}"
    assert (await person.posts(await person.opens(f"{raw.url}/sign-in"), secret=given)).status_code == 303
    tokens = (await raw.redeems(await raw.code(person))).json()
    await app.owners.set_token("alice", secret_hash(new_token()))
    is_over = way == "token"
    assert (await raw.calls(tokens["access_token"]) == 401) == is_over
    assert ((await raw.refreshes(tokens["refresh_token"])).status_code == 400) == is_over
    assert ("Sign in first" in (await person.opens(f"{raw.url}/sign-in")).text) == is_over


async def test_nobody_gives_more_than_they_have(box: Sandbox, tmp_path: Path, person: Person) -> None:
    async with served(box, tmp_path) as (app, url), httpx2.AsyncClient(timeout=30) as http:
        await app.owners.add(Owner("reader", Scope.READ), "")
        await person.accepts(url, await invitation_of(app, "reader"))
        raw = Raw(url, http)
        await raw.registers()
        page = await person.opens(raw.asks(scope="read generate admin"))
        assert "spends money" not in page.text
        code = (await person.answers(page))["code"]
        assert (await raw.redeems(code)).json()["scope"] == "read"


AUTHORIZE: list[tuple[dict[str, str | None], str]] = [
    ({"resource": "https://other.example/mcp"}, "invalid_target"),
    ({"scope": "nothing known"}, "invalid_scope"),
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
]


@pytest.mark.parametrize(
    ("given", "error"), AUTHORIZE, ids=[error + str(index) for index, (_, error) in enumerate(AUTHORIZE)]
)
async def test_what_is_wrong_with_a_question_is_told_to_the_client(
    house: tuple[App, Raw], person: Person, given: dict[str, str | None], error: str
) -> None:
    _, raw = house
    answer = await person.opens(raw.asks(**given))
    assert answer.status_code == 302
    told = httpx2.URL(answer.headers["location"]).params
    assert answer.headers["location"].startswith(CALLBACK)
    assert (told["error"], told["state"], told["iss"]) == (error, "s", raw.url)


@pytest.mark.parametrize(
    "given",
    [
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": "http://localhost:7/callback/../x"},
        {"redirect_uri": "http://localhost.evil.example:7/callback"},
        {"redirect_uri": "http://a@localhost:7/callback"},
        {"redirect_uri": "http://127.0.0.1:7/callback"},
        {"client_id": "nobody"},
        {"client_id": "https://127.0.0.1/client.json"},
        {"client_id": "https://localhost/../x"},
    ],
    ids=str,
)
async def test_nobody_is_sent_where_no_client_registered(
    house: tuple[App, Raw], signed_in: Person, given: dict[str, str]
) -> None:
    answer = await signed_in.opens(house[1].asks(**given))
    assert answer.status_code == 400
    assert "cannot sign you in" in answer.text


async def test_nobody_is_sent_to_a_strangers_site_unasked(house: tuple[App, Raw], signed_in: Person) -> None:
    _, raw = house
    await raw.registers(redirect_uris=["https://evil.example/<cb>", CALLBACK])
    wrong = raw.asks(redirect_uri="https://evil.example/<cb>", response_type="token")
    page = await signed_in.http.get(wrong)
    assert page.status_code == 200
    assert "Back to evil.example" in page.text
    assert 'href="https://evil.example/%3Ccb%3E?error=unsupported_response_type' in page.text
    assert "iss=" in page.text
    program = await signed_in.http.get(wrong, headers={"accept": "*/*"})
    assert program.headers["location"].startswith("https://evil.example/")
    own = await signed_in.http.get(raw.asks(response_type="token"))
    assert own.headers["location"].startswith(f"{CALLBACK}?error="), "a program of their own machine waits for it"


async def test_on_a_persons_own_machine_any_port_will_do(house: tuple[App, Raw], signed_in: Person) -> None:
    page = await signed_in.opens(house[1].asks(redirect_uri="http://localhost:4711/callback"))
    assert page.status_code == 200
    assert "localhost:4711" in page.text


REDEEM: list[tuple[dict[str, str | None], int, str]] = [
    ({"code": "made-up"}, 400, "invalid_grant"),
    ({"code_verifier": "w" * 64}, 400, "invalid_grant"),
    ({"redirect_uri": "http://localhost:8/callback"}, 400, "invalid_grant"),
    ({"resource": "https://other.example/mcp"}, 400, "invalid_target"),
    ({"client_id": "nobody"}, 401, "invalid_client"),
    ({"grant_type": "password"}, 400, "unsupported_grant_type"),
]


async def test_a_code_is_for_one_exchange_of_its_own_client(house: tuple[App, Raw], signed_in: Person) -> None:
    _, raw = house
    code = await raw.code(signed_in)
    for given, status, error in REDEEM:
        answer = await raw.redeems(**{"code": code, **given})
        assert (answer.status_code, answer.json()["error"]) == (status, error), given
        assert answer.headers["cache-control"] == "no-store"
    mine = raw.client
    await raw.registers()
    assert (await raw.redeems(code)).json()["error"] == "invalid_grant", "another client"
    raw.client = mine
    tokens = (await raw.redeems(code)).json()
    assert tokens["expires_in"] == 3600
    assert tokens["scope"] == "read generate"
    assert await raw.calls(tokens["access_token"]) != 401
    assert (await raw.redeems(code)).json()["error"] == "invalid_grant"
    assert await raw.calls(tokens["access_token"]) == 401, "who exchanges a code twice may not be who it was given to"


async def test_a_refresh_token_is_rotated_and_a_spent_one_ends_its_family(
    house: tuple[App, Raw], signed_in: Person
) -> None:
    _, raw = house
    first = (await raw.redeems(await raw.code(signed_in))).json()
    other = (await raw.redeems(await raw.code(signed_in))).json()
    second = (await raw.refreshes(first["refresh_token"])).json()
    third = (await raw.refreshes(second["refresh_token"], scope="read")).json()
    assert third["scope"] == "read"
    assert len({first["refresh_token"], second["refresh_token"], third["refresh_token"]}) == 3
    assert (await raw.refreshes(third["refresh_token"], scope="read admin")).json()["error"] == "invalid_scope"
    assert (await raw.refreshes(third["refresh_token"], resource=f"{raw.url}/sse")).json()["error"] == "invalid_target"
    assert (await raw.refreshes(first["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await raw.refreshes(third["refresh_token"])).json()["error"] == "invalid_grant"
    for tokens in (first, second, third):
        assert await raw.calls(tokens["access_token"]) == 401
    assert await raw.calls(other["access_token"]) != 401, "another consent goes on"


async def test_a_token_of_another_address_lets_nobody_in(box: Sandbox, tmp_path: Path, person: Person) -> None:
    async with served(box, tmp_path) as (app, url), httpx2.AsyncClient(timeout=30) as http:
        await app.owners.add(ALICE, "")
        await person.accepts(url, await invitation_of(app, "alice"))
        raw = Raw(url, http)
        await raw.registers()
        tokens = (await raw.redeems(await raw.code(person))).json()
        assert await raw.calls(tokens["access_token"]) != 401
        headers = {"authorization": f"Bearer {tokens['access_token']}", "host": "localhost:1"}
        other = await http.post(f"{url}/mcp", json={}, headers=headers)
        assert other.status_code == 400, "no message"
        listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        assert (await http.post(f"{url}/mcp", json=listing, headers=headers)).status_code == 401


async def test_a_client_gives_its_tokens_back(house: tuple[App, Raw], signed_in: Person) -> None:
    _, raw = house
    tokens = (await raw.redeems(await raw.code(signed_in))).json()
    told = {"token": tokens["refresh_token"], "client_id": raw.client["client_id"], "client_secret": ""}
    assert (await raw.http.post(f"{raw.url}/revoke", data=told)).status_code == 200
    assert await raw.calls(tokens["access_token"]) == 401


async def test_a_client_with_a_secret_has_to_show_it(house: tuple[App, Raw], signed_in: Person) -> None:
    _, raw = house
    registered = (await raw.registers(token_endpoint_auth_method="client_secret_post")).json()
    code = await raw.code(signed_in)
    for secret in (None, "wrong"):
        answer = await raw.redeems(code, client_secret=secret)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert (await raw.redeems(code, client_secret=registered["client_secret"])).status_code == 200


REGISTRATIONS: list[tuple[dict[str, Any], int]] = [
    ({"redirect_uris": ["https://claude.ai/api/mcp/auth_callback"]}, 201),
    (
        {"redirect_uris": ["http://127.0.0.1:9/x", "http://[::1]/x", "cursor://anysphere.cursor-mcp/oauth/callback"]},
        201,
    ),
    ({"scope": "openid offline_access read"}, 201),
    ({"redirect_uris": []}, 400),
    ({"redirect_uris": ["javascript:alert(1)"]}, 400),
    ({"redirect_uris": ["data:text/html,x"]}, 400),
    ({"redirect_uris": ["http://example.com/cb"]}, 400),
    ({"redirect_uris": ["https://app.example/cb#x"]}, 400),
    ({"redirect_uris": ["https://a:b@app.example/cb"]}, 400),
    ({"redirect_uris": [f"https://app.example/{number}" for number in range(21)]}, 400),
    ({"client_name": "x" * 20_000}, 400),
    ({"client_name": "x" * 70_000}, 413),
]


async def test_what_may_be_registered(house: tuple[App, Raw]) -> None:
    _, raw = house
    for given, status in REGISTRATIONS:
        assert (await raw.registers(**given)).status_code == status, str(given)[:100]


async def test_an_address_registers_only_so_often(house: tuple[App, Raw]) -> None:
    _, raw = house
    answers = [await raw.registers() for _ in range(31)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert {answer.status_code for answer in answers[:25]} == {201}


async def test_a_document_that_names_another_client_is_none(
    box: Sandbox, tmp_path: Path, person: Person, document: str
) -> None:
    async with served(box, tmp_path) as (app, url), httpx2.AsyncClient(timeout=30) as http:
        await app.owners.add(ALICE, "")
        raw = Raw(url, http)
        for path, status in (("/wrong.json", 400), ("/client.json", 200)):
            raw.client = {"client_id": document.replace("/client.json", path)}
            assert (await person.opens(raw.asks())).status_code == status


@pytest.mark.parametrize("given", [{"allow_private_hosts": False}])
async def test_a_document_in_a_private_network_is_not_fetched(
    box: Sandbox, tmp_path: Path, person: Person, document: str, given: dict[str, Any]
) -> None:
    async with served(box, tmp_path, **given) as (app, url), httpx2.AsyncClient(timeout=30) as http:
        await app.owners.add(ALICE, "")
        raw = Raw(url, http)
        raw.client = {"client_id": document}
        assert (await person.opens(raw.asks())).status_code == 400


async def test_no_guess_of_a_link_a_code_or_a_token_gets_in(house: tuple[App, Raw], signed_in: Person) -> None:
    app, raw = house
    link, code = await invitation_of(app, "alice"), await raw.code(signed_in)
    browsers, issuing = Browsers(app.owners, app.sign_ins, app.seal), Issuing(app.sign_ins)
    near = [one for good in (link, code) for one in (good[:-1], f"{good}a", good.swapcase(), "")]
    for guess in [*near, *(stranger() for _ in range(2_500))]:
        assert await browsers.sign_in(guess, "visit") is None
        assert await browsers.find(guess) is None
        assert await issuing.find_code(guess) is None
        assert await issuing.find_refresh(f"art_{guess}") is None
    assert await browsers.sign_in(link, "visit") is not None
    assert await issuing.find_code(code) is not None


async def test_metadata_says_what_is_there(house: tuple[App, Raw]) -> None:
    _, raw = house
    for path, resource in (("", "/mcp"), ("/mcp", "/mcp"), ("/sse", "/sse")):
        told = (await raw.http.get(f"{raw.url}/.well-known/oauth-protected-resource{path}")).json()
        assert told["resource"] == raw.url + resource
        assert told["authorization_servers"] == [raw.url]
        assert told["scopes_supported"] == ["read", "generate"]
    for path in ("oauth-authorization-server", "oauth-authorization-server/mcp", "openid-configuration"):
        told = (await raw.http.get(f"{raw.url}/.well-known/{path}")).json()
        assert told["issuer"] == raw.url
        assert told["code_challenge_methods_supported"] == ["S256"]
        assert told["scopes_supported"] == ["read", "generate", "admin"]
        assert "none" in told["token_endpoint_auth_methods_supported"]
        assert told["client_id_metadata_document_supported"] is True
        assert told["authorization_response_iss_parameter_supported"] is True
        for name in ("authorization", "token", "registration", "revocation"):
            assert told[f"{name}_endpoint"].startswith(f"{raw.url}/")


async def test_metadata_names_the_public_url_and_its_path(box: Sandbox, tmp_path: Path) -> None:
    async with (
        served(box, tmp_path, public_url="https://team.example/apixo") as (_, url),
        httpx2.AsyncClient(timeout=60) as http,
    ):
        for path in (
            "/.well-known/oauth-protected-resource/apixo/mcp",
            "/apixo/.well-known/oauth-protected-resource/mcp",
        ):
            told = (await http.get(url + path)).json()
            assert told["resource"] == "https://team.example/apixo/mcp"
            assert told["authorization_servers"] == ["https://team.example/apixo"]
        told = (await http.get(f"{url}/.well-known/oauth-authorization-server/apixo")).json()
        assert told["token_endpoint"] == "https://team.example/apixo/token"
        refused = await http.get(f"{url}/apixo/sse", headers={"x-forwarded-for": "203.0.113.7"})
        assert 'resource_metadata="https://team.example/apixo/.well-known/' in refused.headers["www-authenticate"]
