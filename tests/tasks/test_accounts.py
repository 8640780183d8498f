"""Accounts that come and go while the program runs."""

import pytest
from support.task_steps import Start, ask, posts, settled, until

from apixo_mcp.errors import SettingsError
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.tasks.task import State

pytestmark = pytest.mark.anyio


async def test_the_open_tasks_of_an_account_that_is_added_are_followed(start: Start, box: Sandbox):
    async with start() as theirs:
        task = await until(theirs, (await ask(theirs, "a fox [took:0.2]")).task, lambda now: now.remote_id)
    async with start(follow=False) as theirs, start(apixo_api_key=None) as app:
        assert not app.accounts
        with pytest.raises(SettingsError, match="APIXO_API_KEY"):
            await ask(app)
        app.accounts.add(theirs.accounts["apixo"])
        assert (await settled(app, task)).state is State.SUCCESS
        assert (await settled(app, (await ask(app, "a wolf")).task)).state is State.SUCCESS
    assert len(posts(box)) == 2


async def test_the_tasks_of_an_account_that_went_are_left_alone_and_no_new_one_begins(start: Start, box: Sandbox):
    async with start(follow=False) as app:
        account = app.accounts["apixo"]
        task = (await ask(app)).task
        app.accounts.remove(account.key_print)
        assert await app.runner.advance(task.task_id) is None
        with pytest.raises(SettingsError, match="APIXO_API_KEY"):
            await ask(app, "a wolf")
        assert not posts(box)
        app.accounts.add(account)
        await app.runner.advance(task.task_id)
    assert len(posts(box)) == 1


async def test_a_new_key_pays_for_new_tasks_and_the_earlier_one_is_still_followed(start: Start):
    async with start(follow=False, apixo_api_key="sk-new") as other, start() as app:
        earlier, new = app.accounts["apixo"], other.accounts["apixo"]
        app.accounts.add(new)
        assert (app.accounts["apixo"], app.key_prints) == (new, (earlier.key_print, new.key_print))
        assert (await ask(app)).task.key_print == new.key_print
        assert app.accounts.held(earlier.key_print) is earlier
