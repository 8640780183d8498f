"""From a URL and an invitation to a saved picture: the SDK's client, a proxy, and a person at a real browser."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata
from mcp.types import Implementation
from pydantic import AnyUrl
from support.amounts import in_time
from support.house import ALICE
from support.person import Kept, invitation_of
from support.program import structure, values_for
from support.proxies import NAME, answering, client_for, free_port, proxied
from support.site import site

from apixo_mcp.app import open_app
from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.transport import serving
from apixo_mcp.settings import read_settings

pytestmark = pytest.mark.anyio

FOX = {"model": "nano-banana", "prompt": "a fox [took:0]", "wait_seconds": 20}


@pytest.mark.parametrize("recipe", ["Caddyfile-under-a-path", "nginx.conf"])
async def test_from_an_invitation_to_a_picture(box: Sandbox, tmp_path: Path, page: Any, recipe: str) -> None:
    port, folder = free_port(), tmp_path / "proxy"
    folder.mkdir()
    url = f"https://{NAME}:{port}{'/apixo' if 'under-a-path' in recipe else ''}"
    values = values_for(box, tmp_path) | {"public_url": url, "trusted_proxies": "127.0.0.1"}
    listener = listen("127.0.0.1", 0)
    async with open_app(read_settings(**values), public=True) as app, site() as callback:
        await app.owners.add(ALICE, "")
        async with serving(app, build_server(app), listener):
            with proxied(recipe, folder, port, url_of(listener)) as trusted:
                await answering(url, trusted)
                invitation = f"{url}/sign-in/{await invitation_of(app, ALICE.name)}"

                async def asks(address: str) -> None:
                    await page.goto(address)
                    await page.get_by_role("heading", name="Sign in first").wait_for()
                    other = await page.context.new_page()  # from a mail, say
                    await other.goto(invitation)
                    await other.get_by_role("button", name="Sign in").click()
                    allow = other.get_by_role("button", name="Allow")
                    await allow.wait_for()
                    await page.get_by_role("link", name="I have opened it").click()
                    await page.get_by_role("button", name="Allow").click()
                    await page.wait_for_url("**/callback?**")
                    [cookie] = [one for one in await page.context.cookies() if one["name"] == "apixo_browser"]
                    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")
                    assert cookie["path"] == f"{urlsplit(url).path}/sign-in"

                async def answered() -> AuthorizationCodeResult:
                    with in_time(15):
                        await callback.heard.wait()
                    told = {name: one for name, [one] in parse_qs(urlsplit(callback.asked[-1]).query).items()}
                    return AuthorizationCodeResult(code=told["code"], state=told["state"], iss=told["iss"])

                place = AnyUrl(f"http://127.0.0.1:{callback.port}/callback")
                metadata = OAuthClientMetadata(redirect_uris=[place], client_name="The SDK")
                auth = OAuthClientProvider(f"{url}/mcp", metadata, Kept(), asks, answered)
                async with (
                    client_for(trusted, auth=auth) as http,
                    Client(
                        streamable_http_client(f"{url}/mcp", http_client=http),
                        client_info=Implementation(name="sdk", version="1"),
                    ) as client,
                ):
                    made = structure(await client.call_tool("generate_image", FOX))
    assert made["results"][0]["file"] == "saved"
    assert page.complaints == []
