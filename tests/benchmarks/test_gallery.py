"""A hundred thousand tasks, asked over HTTP as a page of pictures asks: no page is slow, the last as little as any."""

import statistics
import time
from pathlib import Path

import httpx2
import pytest
from support.figures import at_most, record
from support.many_tasks import TASKS, fill
from support.program import values_for
from support.store_tasks import NOW

from apixo_mcp.app import open_app
from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.transport import serving
from apixo_mcp.server.tools.cursor import write_cursor
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.ports.lookups import TaskQuery

pytestmark = pytest.mark.anyio

FIRST_PAGE_LIMIT = 1.0
ASKED_LIMIT = 0.3
REPORT_LIMIT = 1.5
LAST_TO_FIRST = 2.0
ROUNDS = 5
ASKED: tuple[dict[str, str], ...] = (
    {"query": "zebra"},
    {"query": "狐"},
    {"query": "狐狸"},
    {"query": "q"},
    {"query": "zz"},
    {"query": "nowhere"},
    {"state": "failed"},
    {"state": "pending"},
    {"modality": "audio"},
    {"model": "m3"},
    {"model": "none"},
    {"day": "2026-09-21"},
    {"query": "zebra", "state": "failed"},
)


async def took(http: httpx2.AsyncClient, **asked: str) -> float:
    """The median of a few, in seconds."""
    seconds: list[float] = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        answer = await http.get("/api/tasks", params={"limit": "100", **asked})
        seconds.append(time.perf_counter() - begun)
        assert answer.status_code == 200, answer.text
    return statistics.median(seconds)


async def report_took(http: httpx2.AsyncClient, **asked: str) -> float:
    """The least of a few, in seconds: what the machine does meanwhile is not the report's."""
    seconds: list[float] = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        told = (await http.get("/api/usage", params=asked)).json()
        seconds.append(time.perf_counter() - begun)
        assert told["totals"]["tasks"] == TASKS
    return min(seconds)


async def test_no_page_is_slow_however_many_tasks_there_are(tmp_path: Path) -> None:
    async with Sandbox() as box, open_app(read_settings(**values_for(box, tmp_path)), follow=False) as app:
        await fill(app.store)
        listener = listen("127.0.0.1", 0)
        url = url_of(listener)
        async with serving(app, build_server(app), listener), httpx2.AsyncClient(base_url=url, timeout=60) as http:
            begun = time.perf_counter()
            first_ever = await http.get("/api/tasks", params={"limit": "100"})
            opened = time.perf_counter() - begun
            behind = first_ever.json()["next"]
            first = await took(http)
            tail = await app.store.page(LOCAL, TaskQuery(until=NOW + 101, limit=1))
            last = await took(http, before=write_cursor(tail[0]))
            second = await took(http, before=behind)
            print(f"\nfirst {first:.3f} s (opened {opened:.3f}), second {second:.3f}, last {last:.3f}")
            reported = await report_took(http, days="366")
            print(f"usage of all of them {reported:.3f} s")
            narrowed: dict[str, float] = {}
            for asked in ASKED:
                seconds = narrowed[str(asked)] = await took(http, **asked)
                print(f"{asked}: {seconds:.3f} s")
    slow = {asked: seconds for asked, seconds in narrowed.items() if seconds > ASKED_LIMIT}
    figures = {
        "last": {"ours": last, "beside": first, "ratio": last / first, "aim": at_most(LAST_TO_FIRST), "n": ROUNDS},
        "narrowed": {"ours": max(narrowed.values()), "aim": at_most(ASKED_LIMIT), "n": ROUNDS},
        "usage": {"ours": reported, "aim": at_most(REPORT_LIMIT), "n": ROUNDS},
    }
    record("gallery", figures)
    assert opened < FIRST_PAGE_LIMIT
    assert reported < REPORT_LIMIT
    assert last <= LAST_TO_FIRST * first
    assert not slow
