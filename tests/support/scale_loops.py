"""Programs for what following costs on one Postgres, each a process: `python -m support.scale_loops WHAT SPEC`.

`gateway` takes tasks, says of each three times that it is being made and then that it is done. `replica` asks for
tasks. `worker` follows as the program does, and `loop` by the heap and the rows alone, without a job queue. The last
two answer each line on their standard input with a JSON object: the seconds of processor time they used, and how late
each poll was.
"""

import asyncio
import json
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import anyio
from support.media_wire import a_png
from support.scripted_gateway import polled, succeeded, whole
from support.wire import envelope

import apixo_mcp.app
from apixo_mcp.app import App, open_app
from apixo_mcp.assembly.limits import Limits
from apixo_mcp.assembly.parts import Parts
from apixo_mcp.engines.embedded import EmbeddedEngine, SweepLimits
from apixo_mcp.settings import Settings, read_settings
from apixo_mcp.tasks.asking.request import GenerationRequest
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.running.parts import StepLimits
from apixo_mcp.tasks.running.runner import Runner
from apixo_mcp.tasks.running.throttle import ThrottleLimits
from apixo_mcp.tasks.task import State

POLLS, INTERVAL = 4, 2.0
MODEL = "bench"
_MODELS = f"""[models.{MODEL}]
gateway = "apixo"
modality = "image"
input = "any"
schedule = {{ first_wait = 30, interval = 30, maximum = 6000 }}
"""
_AT_ONCE = 20
_ASKED_FOR = 40.0
"""Seconds over which the replicas ask for their tasks: 25 a second keep two cores half busy, with all that runs."""
_STEPS = StepLimits(throttle=ThrottleLimits(per_minute=1_000_000))
"""No pace of a gateway's: 1,000 tasks that are polled every 2 s are more than one key may ask for (10,000 a minute)."""


class Gateway(asyncio.Protocol):
    """Answers on connections that stay."""

    looks: ClassVar[Counter[str]] = Counter()
    posts = 0
    picture = a_png()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._came = transport, b""

    def data_received(self, data: bytes) -> None:
        self._came += data
        while b"\r\n\r\n" in self._came:
            head, _, rest = self._came.partition(b"\r\n\r\n")
            length = next(
                (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0
            )
            if len(rest) < length:
                return
            self._came = rest[length:]
            self._transport.write(self._answer(head).replace(b"Connection: close\r\n", b""))

    def _answer(self, head: bytes) -> bytes:
        path = head.split(b" ", 2)[1]
        if head.startswith(b"POST"):
            Gateway.posts += 1
            return envelope({"taskId": f"remote-{Gateway.posts}"})
        if path.endswith(b".png"):
            return whole(self.picture, "image/png")
        remote_id = path.partition(b"taskId=")[2].decode()
        if remote_id:  # else it is asked for what is left to spend
            self.looks[remote_id] += 1
        if self.looks[remote_id] < POLLS:
            return polled(remote_id, state="processing", createTime=1_790_000_000_000)
        port = self._transport.get_extra_info("sockname")[1]
        return succeeded(remote_id, urls=[f"http://127.0.0.1:{port}/{remote_id}.png"])


def answers(count: Any) -> None:
    """Answers each line that comes in, from a thread that waits for it."""

    def answer() -> None:
        for _ in sys.stdin:
            print(json.dumps(count()), flush=True)

    threading.Thread(target=answer, daemon=True).start()


async def gateway() -> None:
    server = await asyncio.get_running_loop().create_server(Gateway, "127.0.0.1", 0)
    woken_late: list[float] = []
    sleeper = asyncio.create_task(note_wakes(woken_late))
    print(server.sockets[0].getsockname()[1], flush=True)
    answers(
        lambda: {
            "posts": Gateway.posts,
            "looks": sum(Gateway.looks.values()),
            "most": max(Gateway.looks.values(), default=0),
            "woken_late": woken_late[:],
        }
    )
    await server.serve_forever()
    await sleeper


async def note_wakes(late: list[float]) -> None:
    """Notes in a list, in seconds, how much later than it asked for it wakes: what the machine alone makes late."""
    while True:
        due = time.monotonic() + 0.05
        await asyncio.sleep(0.05)
        late.append(time.monotonic() - due)


def settings_of(spec: dict[str, Any]) -> Settings:
    home = Path(spec["folder"])
    home.mkdir(parents=True, exist_ok=True)
    (home / "models.toml").write_text(_MODELS)
    return read_settings(
        home=home,
        download_dir=home / "pictures",
        apixo_api_key="sk-scale",
        apixo_base_url=spec["gateway"],
        allow_private_hosts=True,
        poll_scale=INTERVAL / 30,
        database_url=spec["database"],
    )


async def replica(spec: dict[str, Any]) -> None:
    """Asks for so many tasks, evenly spread."""
    async with open_app(settings_of(spec), limits=Limits(steps=_STEPS)) as app:
        print("ready", flush=True)
        await anyio.to_thread.run_sync(sys.stdin.readline)
        limit = anyio.CapacityLimiter(_AT_ONCE)

        async def ask(number: int) -> None:
            await anyio.sleep(_ASKED_FOR * number / spec["count"])
            async with limit:
                request = GenerationRequest(owner=LOCAL, model=MODEL, arguments={"prompt": f"{spec['label']} {number}"})
                async with app.admission.asking(request):
                    pass

        async with anyio.create_task_group() as group:
            for number in range(spec["count"]):
                group.start_soon(ask, number)
        await anyio.sleep_forever()


def note_lateness(app: App) -> list[float]:
    """Notes in a list, in seconds, how long after its time each poll is claimed."""
    late: list[float] = []
    claim = app.store.claim

    async def noted(*given: Any) -> Any:
        task = await claim(*given)
        if task is not None and task.due is not None and task.state in (State.PENDING, State.PROCESSING):
            late.append(time.time() - task.due)
        return task

    app.store.claim = noted  # type: ignore[method-assign]
    return late


async def worker(spec: dict[str, Any]) -> None:
    limits = Limits(steps=_STEPS)
    if spec["what"] == "loop":
        limits = replace(limits, sweep=SweepLimits(every=0.5, grace=0.0))
    async with open_app(settings_of(spec), worker=True, limits=limits) as app:
        late = note_lateness(app)
        answers(lambda: {"cpu": time.process_time(), "late": late})
        print("ready", flush=True)
        await anyio.sleep_forever()


def by_rows_alone(parts: Parts, runner: Runner, *, worker: bool) -> Any:
    """The engine of one process on a store that others share: what it does not follow itself its sweep finds."""
    return EmbeddedEngine(runner, parts.store, parts.leases, parts.accounts, parts.limits.sweep), ()


if __name__ == "__main__":
    what = sys.argv[1]
    if what == "gateway":
        asyncio.run(gateway())
    else:
        given = json.loads(sys.argv[2])
        if what == "loop":
            apixo_mcp.app.engine_of = by_rows_alone  # the baseline: the same program, but for the queue
        anyio.run(replica if what == "replica" else worker, given)
