"""Callbacks that arrive make polling sparse; those that do not are missed by nobody but the operator, who is told."""

import logging
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from support.amounts import here, in_time
from support.asking import submit
from support.program import happens, text_of, values_for

from apixo_mcp.app import App, open_app
from apixo_mcp.assembly.limits import Limits
from apixo_mcp.net.uvicorn_server import listen, listening, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.application import web_app
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.asking.request import GenerationRequest, Submission
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.running.parts import StepLimits
from apixo_mcp.tasks.schedule import CALLS_AT_ONCE
from apixo_mcp.tasks.task import State, Task

pytestmark = pytest.mark.anyio

SPEED = max(40.0 / here(1.0), 10.0)
"""Times as fast as the gateways, and the schedule with it."""

MODELS = ("nano-banana", "flux-2", "flux-kontext", "seedream-4-5", "suno", "kling-2-6", "ruxa/google/nano-banana")
APIXO, RUXA = "nano-banana", "ruxa/google/nano-banana"
URLS = {"image_urls": ["https://pictures.example/a.png"]}


class Route:
    """The way from outside: it can be cut, and leads to whichever program serves just now."""

    def __init__(self) -> None:
        self.web: Any = None
        self.is_cut = False
        self.url = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.is_cut or self.web is None:
            await send({"type": "http.response.start", "status": 502, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await self.web(scope, receive, send)


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=SPEED) as box:
        yield box


@pytest.fixture
async def route() -> AsyncIterator[Route]:
    route, listener = Route(), listen("127.0.0.1", 0)
    route.url = url_of(listener)
    async with listening(route, listener):
        yield route


@asynccontextmanager
async def served(box: Sandbox, route: Route, folder: Path, **given: Any) -> AsyncIterator[App]:
    """The program behind the route."""
    limits = Limits(
        steps=StepLimits(called_within=given.pop("called_within", 45.0)), sweep=replace(Limits().sweep, every=0.1)
    )
    values = {**values_for(box, folder), "poll_scale": 1 / SPEED, "public_url": route.url, **given}
    async with open_app(read_settings(**values), public=True, limits=limits) as app:
        route.web = web_app(app, build_server(app), streamable=False)
        try:
            yield app
        finally:
            route.web = None


async def ask(app: App, model: str, prompt: str = "a fox", **arguments: Any) -> Task:
    request = GenerationRequest(owner=LOCAL, model=model, arguments={"prompt": prompt, **arguments})
    submission = await submit(app, request)
    assert isinstance(submission, Submission), submission
    return submission.task


async def ended(app: App, task: Task, within: float = 60.0) -> Task:
    with in_time(within):
        while not (now := await app.service.find(LOCAL, task.task_id)).is_settled:
            await app.changes.wait(task.task_id, 0.5)
    assert now.state is State.SUCCESS, now
    return now


def calls_of(box: Sandbox, task: Task) -> list[dict[str, Any]]:
    return [one for one in box.log() if one["route"] == "callback" and one.get("remote_id") == task.remote_id]


def polls_of(box: Sandbox, task: Task) -> list[dict[str, Any]]:
    return [one for one in box.looks() if one.get("remote_id") == task.remote_id]


async def test_with_callbacks_a_task_is_polled_once_and_known_at_once(box: Sandbox, route: Route, tmp_path: Path):
    async with served(box, route, tmp_path) as app:
        known_at = dict[str, float]()

        async def note(task: Task) -> None:
            if task.state is State.SUCCESS:
                known_at.setdefault(task.task_id, time.time())

        app.changes.listen(note)
        for model in (APIXO, RUXA):
            first = await ended(app, await ask(app, model))
            await happens(lambda first=first: bool(calls_of(box, first)))
        done: list[Task] = []
        for mark in ("", "[callback:twice]"):
            tasks = [await ask(app, model, f"{model} {mark}") for model in MODELS]
            done += [await ended(app, task) for task in tasks]
        for task in done:
            await happens(lambda task=task: bool(calls_of(box, task)))
        polls = [len(polls_of(box, task)) for task in done]
        late = [known_at[task.task_id] - calls_of(box, task)[0]["at"] for task in done]
    assert statistics.median(polls) <= 1, polls
    assert sum(polls) <= 1.5 * len(polls), polls
    assert statistics.median(late) < here(1), late


async def test_what_is_known_of_them_outlives_the_process(box: Sandbox, route: Route, tmp_path: Path):
    async with served(box, route, tmp_path) as app:
        first = await ended(app, await ask(app, APIXO))
        await happens(lambda: bool(calls_of(box, first)))
    async with served(box, route, tmp_path, poll_scale=100) as app:
        task = await ended(app, await ask(app, APIXO, "a hare"))
        assert len(polls_of(box, task)) == 1
        assert app.contexts.of(task).poll_schedule.first_wait == 500


async def test_with_the_route_cut_every_task_ends_and_the_operator_is_told(
    box: Sandbox, route: Route, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING)
    async with served(box, route, tmp_path, called_within=here(0.3)) as app:
        for model in (APIXO, RUXA):
            first = await ended(app, await ask(app, model))
            await happens(lambda first=first: bool(calls_of(box, first)))
        assert await app.store.arrivals.arrive("apixo", route.url)
        assert not [one for one in caplog.records if "has not come" in one.message]
        route.is_cut = True
        for task in [await ask(app, model, "cut off") for model in MODELS]:
            await ended(app, task)
        await happens(lambda: "a callback of apixo has not come to" in caplog.text)
        await happens(lambda: "a callback of ruxa has not come to" in caplog.text)
        assert not await app.store.arrivals.arrive("apixo", route.url)
        async with Client(build_server(app)) as client:
            for tool in ("get_usage", "list_tasks", "list_models"):
                assert "Callbacks of apixo do not arrive" in text_of(await client.call_tool(tool, {})), tool
            usage = (await client.call_tool("get_usage", {})).structured_content
            assert len(usage["notes"]) == 2
            route.is_cut = False
            again = await ended(app, await ask(app, APIXO, "there again"))
            await happens(lambda: any(one["status"] == 200 for one in calls_of(box, again)))
            assert await app.store.arrivals.arrive("apixo", route.url)
            usage = (await client.call_tool("get_usage", {})).structured_content
            assert not [note for note in usage.get("notes", ()) if "apixo" in note]


async def test_what_waits_for_the_net_does_so_no_more_once_one_is_missed(box: Sandbox, route: Route, tmp_path: Path):
    async with served(box, route, tmp_path, called_within=here(0.3)) as app:
        first = await ended(app, await ask(app, APIXO))
        await happens(lambda: bool(calls_of(box, first)))
        slow = await ask(app, "kling-2-6", "a fox [never]")
        await happens(lambda: len(box.submits()) == 2)
        lost = await ended(app, await ask(app, APIXO, "a hare [took:0.1] [callback:never]"))
        with in_time(10):
            while not (await app.service.find(LOCAL, slow.task_id)).polls:
                await app.changes.wait(slow.task_id, 0.1)
        assert len(polls_of(box, lost)) == 1


async def test_somebody_who_repeats_a_callback_makes_few_polls(box: Sandbox, route: Route, tmp_path: Path):
    import httpx2

    async with served(box, route, tmp_path, poll_scale=100) as app, httpx2.AsyncClient(timeout=60) as http:
        task = await ask(app, APIXO, "a fox [never]")
        await happens(lambda: len(box.submits()) == 1)
        address = box.submits()[0]["body"]["callback_url"]
        for _ in range(40):
            assert (await http.post(address, json={"data": {"state": "success"}})).status_code in (200, 503)
        await happens(lambda: bool(box.looks()))
        now = await app.service.find(LOCAL, task.task_id)
        assert now.state in (State.PENDING, State.PROCESSING)
        assert len(box.looks()) <= CALLS_AT_ONCE
