"""The main job behind Caddy and nginx, by the recipes of `examples/proxies`."""

import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import Implementation
from support.amounts import here
from support.program import structure, values_for
from support.proxies import NAME, RECIPES, answering, client_for, free_port, proxied
from support.sign_in import bearer, let_in
from support.workers import worker_beside

from apixo_mcp.app import open_app
from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.transport import serving
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import Owner

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.process,
    pytest.mark.skipif(sys.platform == "win32", reason="the recipes are for other systems"),
]

ALICE = Owner("alice")
FOX = {"model": "nano-banana", "prompt": f"a fox [took:{here(2):.1f}]", "wait_seconds": 40}
NAMES = sorted(path.name for path in RECIPES.iterdir() if path.suffix != ".md")


@dataclass
class Site:
    """The server as its clients see it, behind a proxy."""

    url: str
    path: str
    trusted: Path
    pictures: Path

    def picture(self) -> bytes:
        """The one that was saved."""
        (saved,) = (path for path in self.pictures.rglob("*") if path.suffix in (".png", ".jpg", ".webp"))
        return saved.read_bytes()

    def client(self, **options: Any) -> httpx2.AsyncClient:
        return client_for(self.trusted, headers=bearer(ALICE), **options)

    def factory(self, headers: Any = None, timeout: Any = None, auth: Any = None) -> httpx2.AsyncClient:
        return client_for(self.trusted, headers={**bearer(ALICE), **(headers or {})}, timeout=timeout, auth=auth)


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


@pytest.fixture(params=NAMES)
async def site(request: pytest.FixtureRequest, box: Sandbox, tmp_path: Path) -> AsyncIterator[Site]:
    async with behind(request.param, box, tmp_path) as one:
        yield one


@asynccontextmanager
async def behind(recipe: str, box: Sandbox, folder: Path) -> AsyncIterator[Site]:
    port, path = free_port(), "/apixo" if "under-a-path" in recipe else ""
    url = f"https://{NAME}:{port}{path}"
    settings = read_settings(**values_for(box, folder), public_url=url, trusted_proxies="127.0.0.1")
    proxys = folder / "proxy"
    proxys.mkdir()
    async with worker_beside(settings), open_app(settings, public=True) as app:
        await let_in(app, ALICE)
        listener = listen("127.0.0.1", 0)
        async with serving(app, build_server(app), listener):
            with proxied(recipe, proxys, port, url_of(listener)) as trusted:
                await answering(url, trusted)
                yield Site(url, path, trusted, folder / "pictures")


@pytest.mark.parametrize("transport", ["http", "sse"])
async def test_the_main_job_behind_a_proxy(site: Site, transport: str) -> None:
    told: list[float] = []

    async def tell(progress: float, total: float | None, message: str | None) -> None:
        told.append(anyio.current_time())

    async with site.client() as http:
        wire: Any = streamable_http_client(f"{site.url}/mcp", http_client=http)
        if transport == "sse":
            wire = sse_client(f"{site.url}/sse", httpx_client_factory=site.factory)
        info = Implementation(name="claude-ai", version="1")
        async with Client(wire, client_info=info) as client:
            await client.list_tools()
            answer = await client.call_tool("generate_image", FOX, progress_callback=tell)
            made, ended = structure(answer), anyio.current_time()
        assert made["state"] == "success"
        assert [block.type for block in answer.content] == ["text", "image", "resource_link"]
        assert len(told) >= 2
        assert ended - told[0] > 0.5, "what is told meanwhile arrived with the answer"
        file = await http.get(f"{site.url}/files/{made['task_id']}/0")
    assert file.status_code == 200
    assert file.content == site.picture()


async def test_who_is_not_let_in_is_told_where_to_sign_in(site: Site) -> None:
    root = site.url.removesuffix(site.path)
    async with client_for(site.trusted) as http:
        for path in ("/mcp", "/sse"):
            answer = await http.get(f"{site.url}{path}")
            assert answer.status_code == 401
            told = re.search(r'resource_metadata="([^"]+)"', answer.headers["www-authenticate"])
            assert told
            assert told[1].startswith(f"{root}/")
            at_the_root = f"{root}/.well-known/oauth-protected-resource{site.path}{path}"
            for place in (told[1], at_the_root):
                metadata = await http.get(place)
                assert metadata.status_code == 200, place
                assert metadata.json()["resource"] == f"{site.url}{path}"
            assert metadata.json()["authorization_servers"] == [site.url]
        issuer = await http.get(f"{root}/.well-known/oauth-authorization-server{site.path}")
        assert issuer.json()["issuer"].rstrip("/") == site.url


async def test_a_link_to_a_result_leads_through_the_proxy(site: Site) -> None:
    async with site.client() as http:
        wire = streamable_http_client(f"{site.url}/mcp", http_client=http)
        async with Client(wire, client_info=Implementation(name="claude-ai", version="1")) as client:
            made = structure(await client.call_tool("generate_image", {**FOX, "prompt": "an owl [took:0]"}))
    link = made["results"][0]["link"]
    assert link.startswith(f"{site.url}/")
    async with client_for(site.trusted) as http:
        assert (await http.get(link)).content == site.picture()


async def test_a_body_that_is_too_large_is_refused_behind_the_proxy_too(site: Site) -> None:
    async with site.client() as http:
        answer = await http.post(f"{site.url}/mcp", content=b" " * 5_000_000)
    assert answer.status_code == 413
