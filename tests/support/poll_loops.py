"""Programs that poll, each in a process of its own: ours, and a bare loop over the same HTTP client and SQLite.

`python -m support.poll_loops gateway` answers every poll with "processing", and tells its port. The loops tell how many
polls they made and the seconds of processor time they used whenever a line comes in.
"""

import asyncio
import random
import sqlite3
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2
from support.scripted_gateway import polled
from support.store_tasks import make_followed

from apixo_mcp.app import open_app
from apixo_mcp.assembly.limits import Limits
from apixo_mcp.catalog.model import IMAGE_FAST
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.running.parts import StepLimits
from apixo_mcp.tasks.running.turns import ThrottleLimits
from apixo_mcp.tasks.schedule import CAP, JITTER
from apixo_mcp.tasks.task import Attempt, State, Task
from apixo_mcp.telemetry.facts import Fact, PollAnswered

KEY = "sk-polls"


class Gateway(asyncio.Protocol):
    """Says of every task that it is being made, on connections that stay."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._came = transport, b""

    def data_received(self, data: bytes) -> None:
        self._came += data
        while b"\r\n\r\n" in self._came:
            head, _, self._came = self._came.partition(b"\r\n\r\n")
            remote_id = head.split(b" ", 2)[1].partition(b"taskId=")[2].decode()
            answer = polled(remote_id, state="processing", createTime=1_790_000_000_000)
            self._transport.write(answer.replace(b"Connection: close\r\n", b""))


async def gateway() -> None:
    server = await asyncio.get_running_loop().create_server(Gateway, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def tells(count: Callable[[], int]) -> None:
    """Answers each line that comes in, from a thread that waits for it, until there are no more."""

    def answer() -> None:
        for _ in sys.stdin:
            print(count(), time.process_time(), flush=True)

    threading.Thread(target=answer, daemon=True).start()


async def bare(url: str, tasks: int, interval: float, folder: Path, _: int) -> None:
    """Claims a row, asks, and writes the row, all on one thread and never waiting for the disk."""
    database = sqlite3.connect(folder / "rows.sqlite3", isolation_level=None)
    for statement in ("pragma journal_mode = wal", "pragma synchronous = normal"):
        database.execute(statement)
    database.execute("create table task (id text primary key, due real, polls integer, fence integer, leased real)")
    database.execute("create index task_due on task (due)")
    made = 0
    tells(lambda: made)
    async with httpx2.AsyncClient(timeout=60) as http:

        async def follow(name: str) -> None:
            nonlocal made
            database.execute("insert into task values (?, 0, 0, 0, 0)", (name,))
            await asyncio.sleep(random.random() * interval)
            while True:
                taken = "update task set fence = fence + 1, leased = ? where id = ? and leased = 0 returning *"
                assert database.execute(taken, (time.time() + 8, name)).fetchall()
                address = f"{url}/api/v1/statusTask/nano-banana"
                answer = await http.get(address, params={"taskId": name}, headers={"Authorization": f"Bearer {KEY}"})
                assert answer.json()["data"]["state"] == "processing"
                wait = interval * (1 + JITTER * random.uniform(-1, 1))
                written = "update task set due = ?, polls = polls + 1, leased = 0 where id = ?"
                database.execute(written, (time.time() + wait, name))
                made += 1
                await asyncio.sleep(wait)

        await asyncio.gather(*(follow(f"task_{number}") for number in range(tasks)))


async def ours(url: str, tasks: int, interval: float, folder: Path, per_minute: int) -> None:
    """The program itself, with tasks whose interval has grown to the longest; a limit of 0 is the usual one.

    Without an interval they were just taken by the gateway, and are polled on their model's schedule.
    """
    made = 0

    def hear(fact: Fact) -> None:
        nonlocal made
        made += isinstance(fact, PollAnswered)

    settings = read_settings(
        home=folder,
        download_dir=folder / "pictures",
        apixo_api_key=KEY,
        apixo_base_url=url,
        allow_private_hosts=True,
        poll_scale=interval / CAP or 1.0,
    )
    now, made_so = time.time(), list[Task]()
    async with open_app(settings, follow=False) as app:
        (key,) = app.key_prints
        for number in range(tasks):
            asked = {"key_print": key, "base_url": url, "remote_id": f"task_{number}", "state": State.PROCESSING}
            moments = {"created_at": now, "updated_at": now, "sent_at": now, "asked_by": "", "asked_until": 0.0}
            attempts = (Attempt(sent_at=now, remote_id=f"task_{number}"),)
            if interval:  # taken far ahead of now, so that none is overdue by this scale
                stands = {"accepted_at": now + 1e6, "polls": 20, "due": now + random.random() * interval}
            else:
                taken = now + 2 + random.random()
                stands = {"accepted_at": taken, "polls": 0, "due": taken + IMAGE_FAST.first_wait}
            made_so.append(make_followed(**asked, **moments, attempts=attempts, **stands))
        await app.store.add(made_so)
    steps = (
        StepLimits(throttle=ThrottleLimits(per_minute=per_minute, burst=per_minute // 50))
        if per_minute
        else StepLimits()
    )
    async with open_app(settings, limits=Limits(steps=steps)) as app:
        app.telemetry.subscribe(hear)
        tells(lambda: made)
        await asyncio.Event().wait()


if __name__ == "__main__":
    loops: dict[str, Callable[[str, int, float, Path, int], Awaitable[None]]] = {"bare": bare, "ours": ours}
    if sys.argv[1] == "gateway":
        asyncio.run(gateway())
    else:
        what, url, tasks, interval, folder, per_minute = sys.argv[1:]

        async def main() -> None:
            await loops[what](url, int(tasks), float(interval), Path(folder), int(per_minute))

        asyncio.run(main())
