"""The program over HTTP, with two owners who have a token each."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp import Client
from mcp.client.extension import ClientExtension
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, Implementation
from support.program import come_to_rest, structure
from support.sign_in import bearer, let_in

from apixo_mcp.app import App, open_app
from apixo_mcp.net.uvicorn_server import listen, listening, url_of
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.application import web_app
from apixo_mcp.settings import Settings
from apixo_mcp.tasks.owner import Owner

REACHED_HERE = "the address of this very server"
"""A public URL that a test gives, where the gateway is to reach the server."""

ALICE, BOB = Owner("alice"), Owner("bob")


class House:
    """The program over HTTP, and clients of its owners."""

    def __init__(self, app: App, url: str, era: str, web: Any = None) -> None:
        self.app = app
        self.era = era
        self.url = url
        self.web = web

    @asynccontextmanager
    async def client(self, owner: Owner, *extensions: ClientExtension, **given: Any) -> AsyncIterator[Client]:
        async with (
            self.http(owner) as http,
            Client(
                streamable_http_client(f"{self.url}/mcp", http_client=http),
                mode=self.era,
                client_info=Implementation(name="claude-ai", version="1"),
                extensions=list(extensions),
                **given,
            ) as client,
        ):
            yield client

    def http(self, owner: Owner | None = None, **headers: str) -> httpx2.AsyncClient:
        """A plain client, of an owner or of nobody."""
        named = bearer(owner) if owner else {}
        return httpx2.AsyncClient(headers=named | headers, timeout=30, base_url=self.url)


@asynccontextmanager
async def opened_house(
    settings: Settings, era: str = "auto", listener: socket.socket | None = None
) -> AsyncIterator[House]:
    async with open_app(settings, public=bool(settings.public_url)) as app:
        await let_in(app, ALICE, BOB)
        server = build_server(app)
        web, listener = web_app(app, server), listener or listen("127.0.0.1", 0)
        url = url_of(listener)
        async with server.session_manager.run(), listening(web, listener):
            yield House(app, url, era, web)


async def made(client: Client, **given: Any) -> dict[str, Any]:
    """A picture of a client, as it is told once there is nothing left to wait for, if that is waited for at all."""
    asked = {"model": "nano-banana", "prompt": "a fox [took:0]", "wait_seconds": 20, **given}
    answer = await client.call_tool("generate_image", asked)
    assert isinstance(answer, CallToolResult)
    task = structure(answer)
    return await come_to_rest(client, task) if asked["wait_seconds"] else task
