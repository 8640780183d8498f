"""The page that makes configurations, in the built site: what it writes, and what it keeps to itself."""

import json
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support.chromium import expect, shot
from support.page_faults import overflowing, violations

pytest.importorskip("zensical")

ROOT = Path(__file__).resolve().parents[2]
KEY = "sk-a-made-up-key-0001"

pytestmark = pytest.mark.anyio


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The built site, on a port of this machine."""
    command = [sys.executable, str(ROOT / "tests" / "documents" / "build.py")]
    subprocess.run(command, check=True, capture_output=True)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=ROOT / "build" / "site")) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


async def opened(page: Any, site: str) -> str:
    await page.goto(f"{site}/configure.html")
    await page.get_by_role("region", name="The file").wait_for()
    return page.url


async def text_of(page: Any) -> str:
    return await page.get_by_role("region", name="The file").inner_text()


async def test_what_is_typed_is_in_the_file_and_nowhere_else(page: Any, site: str):
    address = await opened(page, site)
    asked: list[str] = []  # the site itself may still load some of its own
    page.on("request", lambda request: asked.append(f"{request.url} {request.headers} {request.post_data}"))
    await page.get_by_label("Host").select_option("codex")
    await page.get_by_label("How it is started").select_option("path")
    await page.get_by_label("Path of apixo-mcp").fill("/opt/apixo-mcp/bin/apixo-mcp")
    await page.get_by_label("APIXO_API_KEY").fill(KEY)
    await page.get_by_label("APIXO_MCP_DAILY_BUDGET_USD").fill("2")
    await page.keyboard.press("Enter")
    entry = tomllib.loads(await text_of(page))["mcp_servers"]["apixo"]
    assert entry["command"] == "/opt/apixo-mcp/bin/apixo-mcp"
    assert entry["env"] == {"APIXO_API_KEY": KEY, "APIXO_MCP_DAILY_BUDGET_USD": "2"}
    assert page.url == address
    assert [one for one in asked if KEY in one or "/opt/" in one or not one.startswith((site, "blob:", "data:"))] == []
    kept = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href, history.state])"
    assert KEY not in await page.evaluate(kept)
    await page.reload()
    await page.get_by_role("region", name="The file").wait_for()
    assert KEY not in await text_of(page)
    assert not page.complaints


async def test_a_link_has_no_key_and_the_download_is_the_file(page: Any, site: str):
    await opened(page, site)
    await page.get_by_label("Host").select_option("vscode")
    await page.get_by_label("APIXO_API_KEY").fill(KEY)
    link = page.get_by_role("link", name="Add to VS Code")
    assert KEY not in await link.get_attribute("href")
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download").click()
    told = await download.value
    assert told.suggested_filename == "mcp.json"
    saved = json.loads((await told.path()).read_text(encoding="utf-8"))
    assert saved == json.loads(await text_of(page))
    assert saved["servers"]["apixo"]["env"]["APIXO_API_KEY"] == KEY
    await page.get_by_label("Without a key").check()
    entry = json.loads(await text_of(page))["servers"]["apixo"]
    assert entry["args"][-2:] == ["serve", "--sandbox"]
    assert entry["env"] == {}
    await page.get_by_label("Host").select_option("zed")
    await expect(link).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_is_wrong_with_the_page(page: Any, site: str, scheme: str):
    await page.emulate_media(color_scheme=scheme)  # which the site asks for when it is loaded
    await opened(page, site)
    await shot(page, f"configuration {scheme}")
    assert await violations(page) == []
    for host in ("claude-desktop", "codex", "goose"):
        await page.get_by_label("Host").select_option(host)
        assert await overflowing(page) == [], host


async def test_it_says_which_lines_go_where_in_a_file_that_is_there(page: Any, site: str):
    await opened(page, site)
    await page.get_by_label("System").select_option("linux")
    lines = {
        "claude-desktop": ('"apixo": {', '"mcpServers"', "~/.config/Claude/claude_desktop_config.json"),
        "vscode": ('"apixo": {', '"servers"', "~/.config/Code/User/mcp.json"),
        "codex": ("all lines", "[mcp_servers.apixo]", "~/.codex/config.toml"),
        "goose": ('"apixo:"', '"extensions:"', "~/.config/goose/config.yaml"),
    }
    where = page.get_by_role("group", name="The file").get_by_role("paragraph").first
    for host, words in lines.items():
        await page.get_by_label("Host").select_option(host)
        for word in words:
            await expect(where).to_contain_text(word)
