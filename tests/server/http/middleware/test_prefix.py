"""Everything is right under the path of the public URL, whether a proxy takes that off or not."""

from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.sse import sse_client
from support.amounts import in_time
from support.program import structure, values_for

from apixo_mcp.app import open_app
from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.middleware.prefix import path_within
from apixo_mcp.server.http.transport import serving
from apixo_mcp.settings import read_settings

pytestmark = pytest.mark.anyio

FOX = {"model": "nano-banana", "prompt": "a fox [took:0]", "wait_seconds": 20}

PATHS = [
    ("", "/mcp", "/mcp"),
    ("", "/mcp/", "/mcp"),
    ("", "/messages/", "/messages/"),
    ("", "//mcp", "//mcp"),
    ("/apixo", "/apixo/mcp", "/mcp"),
    ("/apixo", "/mcp", "/mcp"),
    ("/apixo", "/apixo/mcp/", "/mcp"),
    ("/apixo", "/apixo/messages/", "/messages/"),
    ("/apixo", "/apixo", "/"),
    ("/apixo", "/apixo/", "/"),
    ("/apixo", "/apixomcp", "/apixomcp"),
    ("/apixo", "/apixo/apixo/mcp", "/apixo/mcp"),
    ("/a/b", "/a/b/sse", "/sse"),
    ("/a/b", "/b/sse", "/b/sse"),
    ("/apixo", "/.well-known/oauth-protected-resource/apixo/mcp", "/.well-known/oauth-protected-resource/mcp"),
    ("/apixo", "/.well-known/oauth-authorization-server/apixo", "/.well-known/oauth-authorization-server"),
    ("/apixo", "/apixo/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource"),
    ("/apixo", "/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource/mcp"),
    ("/apixo", "/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server"),
    ("", "/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource/mcp"),
    ("/mcp", "/mcp", "/mcp"),  # somebody gave the endpoint's own address as the public URL
    ("/mcp", "/mcp/callbacks/x", "/callbacks/x"),
]


@pytest.mark.parametrize(("prefix", "path", "within"), PATHS)
def test_the_path_within(prefix: str, path: str, within: str) -> None:
    assert path_within(path, prefix) == within


@pytest.mark.parametrize("path", ["/apixo", "/team/apixo"])
@pytest.mark.parametrize("taken_off", [True, False], ids=["taken-off", "kept"])
async def test_the_main_job_under_a_path(box: Sandbox, tmp_path: Path, path: str, taken_off: bool) -> None:
    listener = listen("127.0.0.1", 0)
    url = url_of(listener)
    values = {**values_for(box, tmp_path), "public_url": url + path}
    async with (
        open_app(read_settings(**values), public=True) as app,
        serving(app, build_server(app), listener),
        httpx2.AsyncClient(timeout=60) as http,
    ):
        base = url if taken_off else url + path
        assert (await http.get(f"{base}/healthz")).status_code == 200
        async with http.stream("GET", f"{base}/sse") as stream:
            lines = [line async for line in _first(stream, 2)]
        assert lines[1].startswith(f"data: {path}/messages/?session_id=")
        for target in (f"{base}/mcp", f"{base}/mcp/", sse_client(f"{base}/sse")):
            async with Client(target) as client:
                made = structure(await client.call_tool("generate_image", FOX))
                assert made["state"] == "success"
        told = box.submits()[-1]["body"]["callback_url"]
        assert told.startswith(f"{url}{path}/callbacks/")


async def _first(stream: httpx2.Response, count: int):
    with in_time(10):
        async for line in stream.aiter_lines():
            yield line
            count -= 1
            if not count:
                return
