"""A store that was set back shows as unsent what has left: the process that sent it does not send it again."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.task_steps import Start, ask, happens, posts, settled

from apixo_mcp.sandbox import Sandbox
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.task import State

pytestmark = pytest.mark.anyio


@pytest.fixture
def copied(tmp_path: Path) -> Callable[[], Callable[[], None]]:
    """Copies the tasks as they stand, and returns what puts the copy back."""
    path = tmp_path / "home" / "tasks.sqlite3"

    def copy() -> Callable[[], None]:
        with closing(sqlite3.connect(path)) as database:
            rows = database.execute("select * from task").fetchall()

        def put_back() -> None:
            with closing(sqlite3.connect(path)) as database, database:
                places = ", ".join("?" * len(rows[0]))
                database.executemany(f"replace into task values ({places})", rows)

        return put_back

    return copy


async def test_what_the_gateway_accepted_goes_on_with_its_task(
    start: Start, box: Sandbox, copied: Callable[[], Callable[[], None]], caplog: pytest.LogCaptureFixture
):
    async with start(follow=False) as app:
        task = (await ask(app)).task
        put_back = copied()
        await app.runner.advance(task.task_id)
        sent = await app.service.find(LOCAL, task.task_id)
        assert sent.state is State.PENDING
        put_back()
        assert (await app.service.find(LOCAL, task.task_id)).is_unsent
        await app.runner.advance(task.task_id)
        again = await app.service.find(LOCAL, task.task_id)
        assert (again.state, again.remote_id, again.attempts) == (State.PENDING, sent.remote_id, sent.attempts)
    assert "set back to an earlier state" in caplog.text
    async with start() as app:
        assert (await settled(app, task)).state is State.SUCCESS
    assert len(posts(box)) == 1


async def test_the_answer_to_what_is_on_its_way_is_stored(
    start: Start, box: Sandbox, copied: Callable[[], Callable[[], None]]
):
    async with start(follow=False) as app:
        task = (await ask(app, "a fox [slow-submit:0.5]")).task
        put_back = copied()
        async with anyio.create_task_group() as group:
            group.start_soon(app.runner.advance, task.task_id)
            await happens(lambda: posts(box))
            put_back()
            await app.runner.advance(task.task_id)
        found = await app.service.find(LOCAL, task.task_id)
        assert (found.state, len(found.attempts)) == (State.PENDING, 1)
    assert len(posts(box)) == 1


async def test_an_answer_that_was_lost_stays_unknown(
    start: Start, box: Sandbox, copied: Callable[[], Callable[[], None]]
):
    async with start(follow=False) as app:
        task = (await ask(app, "a fox [cut]")).task
        put_back = copied()
        await app.runner.advance(task.task_id)
        assert (await app.service.find(LOCAL, task.task_id)).state is State.UNKNOWN
        put_back()
        await app.runner.advance(task.task_id)
        assert (await app.service.find(LOCAL, task.task_id)).state is State.UNKNOWN
    assert len(posts(box)) == 1


async def test_an_answer_that_the_store_has_lost_is_stored_anew(
    start: Start, box: Sandbox, copied: Callable[[], Callable[[], None]]
):
    async with start(follow=False) as app:
        task = (await ask(app, "a fox [slow-submit:0.5]")).task
        copies: list[Callable[[], None]] = []
        async with anyio.create_task_group() as group:
            group.start_soon(app.runner.advance, task.task_id)
            await happens(lambda: posts(box))
            copies.append(copied())
        sent = await app.service.find(LOCAL, task.task_id)
        copies[0]()
        assert (await app.service.find(LOCAL, task.task_id)).state is State.SUBMITTING
        await app.runner.advance(task.task_id)
        found = await app.service.find(LOCAL, task.task_id)
        assert (found.state, found.attempts) == (State.PENDING, sent.attempts)
    assert len(posts(box)) == 1


async def test_one_whose_answer_was_lost_is_given_up_again(
    start: Start, box: Sandbox, copied: Callable[[], Callable[[], None]]
):
    async with start(follow=False) as app:
        task = (await ask(app, "a fox [cut]")).task
        copies: list[Callable[[], None]] = []
        gateway = app.accounts.gateway(task.key_print)
        submit = gateway.submit

        async def copying(*given: Any, **named: Any) -> Any:
            copies.append(copied())  # its row says that it leaves
            return await submit(*given, **named)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(gateway, "submit", copying)
            await app.runner.advance(task.task_id)
        copies[0]()
        assert (await app.service.find(LOCAL, task.task_id)).state is State.SUBMITTING
        await app.runner.advance(task.task_id)
        assert (await app.service.find(LOCAL, task.task_id)).state is State.UNKNOWN
    assert len(posts(box)) == 1
