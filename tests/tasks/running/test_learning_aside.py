"""What is learned of durations never stands between an answer that was paid for and the store."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import anyio
import pytest
from anyio.to_thread import current_default_thread_limiter
from support.amounts import in_time
from support.program import happens
from support.scripted_gateway import Asked, Gateway, Send, polled
from support.store_tasks import make
from support.wire import envelope

from apixo_mcp.app import App, open_app
from apixo_mcp.settings import read_settings
from apixo_mcp.stores.sqlite.store import SqliteStore
from apixo_mcp.tasks.durations import Duration
from apixo_mcp.tasks.learning.memory import Memory
from apixo_mcp.tasks.schedule import PollSchedule

pytestmark = pytest.mark.anyio

TAKEN = [Duration(20.0 + number, 20.2 + number) for number in range(12)]


async def test_an_accepted_submit_is_stored_while_every_shared_thread_hangs(tmp_path: Path) -> None:
    async with Gateway() as gateway:
        gateway.outcome = lambda remote_id: polled(remote_id, state="processing")
        settings = read_settings(
            home=tmp_path, apixo_api_key="sk-mine", apixo_base_url=gateway.url, allow_private_hosts=True
        )
        now = time.time()
        moments = {"created_at": now, "updated_at": now, "due": now, "wanted_until": now + 600}
        async with open_app(settings, follow=False) as app:
            for duration in TAKEN:
                await app.store.durations.note("nano-banana", "", duration)
            (key,) = app.key_prints
            task = make(key_print=key, base_url=gateway.url, **moments)
            await app.store.add([task])
        hanging = [object() for _ in range(40)]

        async def accepted(_: Asked, send: Send) -> None:
            limiter = current_default_thread_limiter()
            for one in hanging[: int(limiter.available_tokens)]:
                limiter.acquire_on_behalf_of_nowait(one)
            await send(envelope({"taskId": "task_1"}))

        async def is_stored(app: App) -> bool:
            row = await app.store.get(task.task_id)
            return row is not None and row.remote_id == "task_1"

        gateway.submits.append(accepted)
        async with open_app(settings) as app:
            await happens(lambda: bool(gateway.posts))
            try:
                with in_time(5):
                    while not await is_stored(app):
                        await anyio.sleep(0.01)
            finally:
                limiter = current_default_thread_limiter()
                for one in hanging:
                    limiter.release_on_behalf_of(one)


async def test_durations_that_teach_nothing_harm_no_step(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "tasks.sqlite3") as store:
        for duration in TAKEN:
            await store.durations.note("nano-banana", "", duration)
        with closing(sqlite3.connect(tmp_path / "tasks.sqlite3")) as database, database:
            database.execute("update duration set most = 'damaged'")
        memory = Memory(store)
        await memory.refresh("nano-banana", "", PollSchedule(5, 3, 120))
        assert memory.lesson("nano-banana", "") is None
