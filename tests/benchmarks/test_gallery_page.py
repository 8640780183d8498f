"""The gallery in a browser above a hundred thousand tasks: how long until something is seen.

Told, and judged by what the page itself waits for: a machine that does other things meanwhile is slower.
"""

import statistics
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.chromium import chromium
from support.figures import at_most, record
from support.many_tasks import TASKS, fill
from support.program import values_for

from apixo_mcp.app import open_app
from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.transport import serving
from apixo_mcp.settings import read_settings

pytestmark = pytest.mark.anyio

FIRST_SCREEN_LIMIT = 1.0
SHOWN_LIMIT = 0.3
ROUNDS = 5
FILTERS = ("query=zebra", "query=狐", "query=狐狸", "state=failed", "modality=audio", "model=m3", "query=nowhere")
PAGES = 60  # scrolled through, of a hundred tasks each

_OPENED = "() => performance.getEntriesByName('shown')[0]?.startTime ?? null"
_WATCHED = """new MutationObserver((_, seen) => {
  if (document.querySelector('.tile, .count b')) { performance.mark('shown'); seen.disconnect() }
}).observe(document, {childList: true, subtree: true})"""
_NARROWED = """async address => {
  const begun = performance.now()
  history.pushState({}, '', address)
  dispatchEvent(new PopStateEvent('popstate'))
  const pictures = document.querySelector('main > *')
  while (pictures.getAttribute('aria-busy') === 'true' || !document.querySelector('.tile, .count b'))
    await new Promise(done => requestAnimationFrame(done))
  return (performance.now() - begun) / 1000
}"""
_SCROLLED = """async () => {
  const grid = document.querySelector('.grid'), before = grid.offsetHeight, begun = performance.now()
  scrollTo(0, document.documentElement.scrollHeight)
  while (grid.offsetHeight === before) await new Promise(done => requestAnimationFrame(done))
  return (performance.now() - begun) / 1000
}"""


@pytest.fixture
async def page() -> AsyncIterator[Any]:
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": 1280, "height": 900})
        await page.add_init_script(_WATCHED)
        yield page


async def test_the_page_is_as_fast_with_a_hundred_thousand_tasks(tmp_path: Path, page: Any) -> None:
    async with Sandbox() as box, open_app(read_settings(**values_for(box, tmp_path)), follow=False) as app:
        await fill(app.store)
        listener = listen("127.0.0.1", 0)
        async with serving(app, build_server(app), listener):
            url, opened = url_of(listener), list[float]()
            for _ in range(ROUNDS):
                await page.goto(f"{url}/")
                opened.append((await (await page.wait_for_function(_OPENED)).json_value()) / 1000)
            narrowed: dict[str, float] = {}
            print(f"\n{TASKS} tasks; first screen {statistics.median(opened):.3f} s")
            for asked in FILTERS:
                seconds = narrowed[asked] = statistics.median(
                    [await page.evaluate(_NARROWED, one) for _ in range(ROUNDS) for one in (f"/?{asked}", "/")][::2]
                )
                print(f"{asked}: {seconds:.3f} s")
            await page.goto(f"{url}/")
            await page.locator(".tile").first.wait_for()
            further = [await page.evaluate(_SCROLLED) for _ in range(PAGES)]
            first, last = statistics.median(further[:10]), statistics.median(further[-10:])
            nodes = await page.evaluate("document.getElementsByTagName('*').length")
            print(f"a further page: {first:.3f} s at first, {last:.3f} s after {PAGES} of them; {nodes} nodes")
            await page.goto("about:blank")
    slow = {asked: seconds for asked, seconds in narrowed.items() if seconds > SHOWN_LIMIT}
    figures = {
        "opened": {"ours": statistics.median(opened), "aim": at_most(FIRST_SCREEN_LIMIT), "n": ROUNDS},
        "shown": {"ours": max(narrowed.values()), "aim": at_most(SHOWN_LIMIT), "n": ROUNDS},
        "further": {"ours": last, "beside": first, "ratio": last / first, "aim": at_most(3.0), "n": 10},
    }
    record("gallery-page", figures)
    assert statistics.median(opened) < FIRST_SCREEN_LIMIT
    assert not slow
    assert last < 3 * first + 0.05
