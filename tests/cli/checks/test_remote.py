"""`doctor --remote`: a real server over HTTP, whole and with a hop that is broken."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from support.program import values_for
from support.sign_in import let_in

from apixo_mcp.app import open_app
from apixo_mcp.cli.checks.finding import Finding
from apixo_mcp.cli.checks.remote import Remote
from apixo_mcp.net.http import Http
from apixo_mcp.net.uvicorn_server import listen, listening, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.application import web_app
from apixo_mcp.server.http.transport import serving
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import Owner

pytestmark = pytest.mark.anyio


class Between:
    """A proxy that can be made to do what proxies do wrong."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.status = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.status:
            await send({"type": "http.response.start", "status": self.status, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return

        async def told(message: Message) -> None:
            await send(message)

        await self._app(scope, receive, told)


@pytest.fixture
async def open_server(box: Sandbox, tmp_path: Path) -> AsyncIterator[tuple[str, Between]]:
    async with open_app(read_settings(**values_for(box, tmp_path))) as app:
        server, listener = build_server(app), listen("127.0.0.1", 0)
        between = Between(web_app(app, server))
        async with server.session_manager.run(), listening(between, listener):
            yield url_of(listener), between


async def found(url: str, token: str = "") -> dict[str, Finding]:
    async with Http() as http:
        return {finding.what: finding async for finding in Remote(http, url, token).findings()}


@pytest.mark.parametrize("path", ["", "/", "/mcp", "/sse"])
async def test_a_server_on_this_machine_is_well(open_server: tuple[str, Any], path: str):
    findings = await found(open_server[0] + path)
    assert not [finding for finding in findings.values() if finding.fix]
    assert findings["a host without a token"].state == "anybody is let in"
    assert findings["/sse"].state == "streams at once"
    tools = [finding.state for what, finding in findings.items() if what.startswith("tools/list")]
    assert len(tools) == 2
    assert all(state.endswith("tools") for state in tools)


async def test_a_proxy_that_reaches_nobody_is_named(open_server: tuple[str, Between]):
    url, between = open_server
    between.status = 502
    findings = await found(url)
    assert list(findings) == ["server"]
    assert "does not reach the server behind it" in findings["server"].fix


async def test_nobody_is_there():
    listener = listen("127.0.0.1", 0)
    url = url_of(listener)
    listener.close()
    findings = await found(url)
    assert list(findings) == ["server"]
    assert findings["server"].fix


async def test_an_address_that_is_none():
    findings = await found("team.example")
    assert "https://" in findings["address"].fix


async def test_a_token_that_lets_nobody_in_is_named_once(box: Sandbox, tmp_path: Path):
    async with open_app(read_settings(**values_for(box, tmp_path))) as app:
        await let_in(app, Owner("alice"))
        async with serving(app, build_server(app), listener := listen("127.0.0.1", 0)):
            findings = await found(url_of(listener), "amt_" + "y" * 43)
    broken = {what: finding for what, finding in findings.items() if finding.fix}
    assert list(broken) == ["initialize (earlier revisions)"]
    assert "the token lets nobody in" in broken["initialize (earlier revisions)"].state
    assert "owners rotate" in broken["initialize (earlier revisions)"].fix


async def test_under_a_path_the_root_of_the_site_is_another_ones(box: Sandbox, tmp_path: Path):
    listener = listen("127.0.0.1", 0)
    url = f"{url_of(listener)}/apixo"
    async with open_app(read_settings(**values_for(box, tmp_path), public_url=url), public=True) as app:
        await let_in(app, Owner("alice"))
        async with serving(app, build_server(app), listener):
            findings = await found(url)
    assert "metadata at /.well-known/oauth-protected-resource" not in findings
    assert not [finding for finding in findings.values() if finding.fix]
