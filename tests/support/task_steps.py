"""What tests of a task's life do again and again."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio
from support.amounts import here, in_time
from support.asking import submit

from apixo_mcp.app import App
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.tasks.asking.request import GenerationRequest, Submission
from apixo_mcp.tasks.owner import LOCAL, Owner
from apixo_mcp.tasks.task import Task

Start = Callable[..., AbstractAsyncContextManager[App]]
PATIENCE = 60.0


def request(prompt: str = "a fox", **given: Any) -> GenerationRequest:
    return GenerationRequest(owner=LOCAL, model="nano-banana", arguments={"prompt": prompt}, **given)


async def ask(app: App, prompt: str = "a fox", **given: Any) -> Submission:
    """Asks without waiting for the answer."""
    submission = await submit(app, request(prompt, **given))
    assert isinstance(submission, Submission)
    return submission


@asynccontextmanager
async def asking(app: App, prompt: str = "a fox", **given: Any) -> AsyncGenerator[Submission]:
    """Asks, and waits for the answer."""
    async with app.admission.asking(request(prompt, **given)) as submission:
        assert isinstance(submission, Submission)
        yield submission


async def cut_off(app: App, *, waiting: bool = True) -> Submission:
    """Asks in a call that is cut off while it waits, or just as it ends."""
    asked: list[Submission] = []
    with anyio.CancelScope() as call:
        async with asking(app) as submission:
            asked.append(submission)
            call.cancel()
            if waiting:
                await anyio.sleep_forever()
    assert call.cancelled_caught
    return asked[0]


async def settled(app: App, task: Task) -> Task:
    """The task once nothing is left to wait for."""
    task = await app.service.wait(await app.service.find(Owner(task.owner), task.task_id), here(PATIENCE))
    assert task.is_settled, task
    return task


async def until(app: App, task: Task, fits: Callable[[Task], Any]) -> Task:
    """The task once it is so; every change that is announced is looked at."""
    with in_time(PATIENCE):
        while not fits(now := await app.service.find(Owner(task.owner), task.task_id)):
            await app.changes.wait(task.task_id, 0.05)
        return now


async def happens(fits: Callable[[], Any] | Callable[[], Awaitable[Any]]) -> None:
    """Returns once it is so."""
    with in_time(PATIENCE):
        while True:
            found = fits()
            if await found if isinstance(found, Awaitable) else found:
                return
            await anyio.sleep(0.01)


def posts(box: Sandbox) -> list[dict[str, Any]]:
    """Every submit that arrived, paid or not."""
    return [entry for entry in box.log() if entry["route"] == "submit"]
