"""Callbacks: one POST when a task ends, tried again as documented until its receiver answers 200."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

import anyio

from apixo_mcp.sandbox.backend import Backend
from apixo_mcp.sandbox.facts import Gateway
from apixo_mcp.sandbox.gateways import apixo, ruxa
from apixo_mcp.sandbox.marks import Mark
from apixo_mcp.sandbox.tasks import RemoteTask, prompt_of

RETRY_DELAYS = (30.0, 120.0, 600.0)
ANSWER_WITHIN = 30.0
BODIES: Mapping[Gateway, Callable[[RemoteTask, float], dict[str, Any]]] = {
    "apixo": apixo.callback_body,
    "ruxa": ruxa.callback_body,
}


class Callbacks:
    """Delivers the callbacks of a backend's tasks while its context is open."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Delivers what is owed from an earlier run and whatever is accepted from now on."""
        async with anyio.create_task_group() as group:

            def follow(task: RemoteTask) -> None:
                if task.callback_url:
                    group.start_soon(self._follow, task)

            for task in self._backend.store.owed_callbacks():
                follow(task)
            with self._backend.following(follow):
                yield
            group.cancel_scope.cancel()

    async def _follow(self, task: RemoteTask) -> None:
        marks = [mark for mark in task.marks if mark.place == "callback"]
        names = {mark.name for mark in marks}
        if "early" in names:
            await self._post(task, marks)
        if task.ends is None:
            return
        # A moment later than the end: a callback never tells of an end that a look would not show yet.
        await anyio.sleep(max(0.0, task.ends - self._backend.now()) + 0.002)
        if "never" in names or self._backend.store.get(task.remote_id) is None:
            return
        for delay in (0.0, *RETRY_DELAYS):
            await anyio.sleep(delay / self._backend.settings.speed)
            if self._backend.store.get(task.remote_id) is None:
                return
            if await self._post(task, marks):
                if "twice" in names:
                    await self._post(task, marks)
                break
        self._backend.store.settle_callback(task.remote_id)

    async def _post(self, task: RemoteTask, marks: list[Mark]) -> bool:
        """Sends one callback; returns whether it was taken."""
        import httpx2

        about = {**task.names, "prompt": prompt_of(task.input)}
        struck = self._backend.faults.strikes("callback", about, [], task.remote_id)
        status: int | str = "none"
        if any(mark.name == "never" for mark in struck):
            status = "withheld"
        else:
            body = BODIES[task.gateway](task, self._backend.now())
            with contextlib.suppress(httpx2.HTTPError, httpx2.InvalidURL):
                async with httpx2.AsyncClient(timeout=ANSWER_WITHIN, trust_env=False) as client:
                    status = (await client.post(task.callback_url, json=body)).status_code
                    if any(mark.name == "twice" for mark in struck):
                        await client.post(task.callback_url, json=body)
        self._backend.note("callback", status, "delivered" if status == 200 else "failed", **task.names)
        self._backend.calls_made[task.remote_id].set()
        return status == 200
