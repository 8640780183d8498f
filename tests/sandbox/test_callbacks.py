"""Callbacks, as a receiver sees them."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx2
import pytest
from anyio.streams.memory import MemoryObjectReceiveStream
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from support.amounts import in_time

from apixo_mcp.net.uvicorn_server import listen, listening
from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio

INPUT = {"mode": "text-to-image", "prompt": "a fox [took:0]"}


class Receiver:
    """Takes callbacks, answering each with the next of its statuses, then 200."""

    def __init__(self, url: str, bodies: MemoryObjectReceiveStream[Any], statuses: list[int]) -> None:
        self.url, self._bodies, self.statuses = url, bodies, statuses

    async def next(self) -> Any:
        with in_time(5):
            return await self._bodies.receive()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    send, receive = anyio.create_memory_object_stream[Any](100)
    statuses: list[int] = []

    async def take(request: Request) -> Response:
        await send.send(await request.json())
        return Response(status_code=statuses.pop(0) if statuses else 200)

    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
    async with listening(Starlette(routes=[Route("/hook", take, methods=["POST"])]), listener), send, receive:
        yield Receiver(url, receive, statuses)


async def submit(client: httpx2.AsyncClient, receiver: Receiver, marks: str = "[took:0.01]") -> str:
    given = {**INPUT, "prompt": f"a fox {marks}"}
    body = {"request_type": "callback", "callback_url": receiver.url, "input": given}
    return (await client.post("/api/v1/generateTask/nano-banana", json=body)).json()["data"]["taskId"]


async def settled(box: Sandbox, count: int) -> list[dict[str, Any]]:
    """Returns the log's callbacks once there are so many: the log is written after the receiver's answer."""
    with in_time(5):
        while len(found := [entry for entry in box.log() if entry["route"] == "callback"]) < count:
            await anyio.sleep(0.005)
    return found


async def test_a_callback_is_the_answer_to_a_look(box: Sandbox, client, receiver: Receiver, look):
    remote_id = await submit(client, receiver)
    body = await receiver.next()
    assert body["data"]["state"] == "success"
    assert body == (await look(remote_id)).json()
    entry = (await settled(box, 1))[0]
    assert (entry["status"], entry["outcome"], entry["remote_id"]) == (200, "delivered", remote_id)


async def test_a_failure_is_called_back_too(client, receiver: Receiver):
    await submit(client, receiver, "[took:0] [fail:NSFW_DETECTED]")
    data = (await receiver.next())["data"]
    assert (data["state"], data["failCode"]) == ("failed", "NSFW_DETECTED")


async def test_a_callback_is_tried_again_until_it_is_taken(box: Sandbox, client, receiver: Receiver):
    receiver.statuses += [500, 404, 201]
    await submit(client, receiver)
    bodies = [await receiver.next() for _ in range(4)]
    assert len({str(body) for body in bodies}) == 1
    assert [entry["status"] for entry in await settled(box, 4)] == [500, 404, 201, 200]


async def test_a_callback_is_given_up_after_three_more_tries(box: Sandbox, client, receiver: Receiver):
    receiver.statuses += [500] * 9
    remote_id = await submit(client, receiver)
    for _ in range(4):
        await receiver.next()
    await settled(box, 4)
    task = box.app.backend.store.get(remote_id)
    assert task is not None
    assert list(box.app.backend.store.owed_callbacks()) == []
    assert len(receiver.statuses) == 5


async def test_duplicates_early_ones_and_none(box: Sandbox, client, receiver: Receiver):
    await submit(client, receiver, "[took:0] [callback:twice]")
    assert await receiver.next() == await receiver.next()
    await submit(client, receiver, "[took:0.5] [callback:early]")
    states = [(await receiver.next())["data"]["state"] for _ in range(2)]
    assert states[0] in ("pending", "processing")
    assert states[1] == "success"
    await submit(client, receiver, "[took:0] [callback:never]")
    box.scenario({"route": "callback", "do": "twice"})
    last = await submit(client, receiver)
    assert [(await receiver.next())["data"]["taskId"] for _ in range(2)] == [last, last]


@pytest.mark.parametrize("name", ["callBackUrl", "callback_url"])
async def test_ruxa_calls_back_flat_under_both_spellings(client: httpx2.AsyncClient, receiver: Receiver, name: str):
    body = {"model": "sora-2", name: receiver.url, "input": {"prompt": "x [took:0.01] [completed]"}}
    await client.post("/api/v1/tasks/create", json=body)
    got = await receiver.next()
    assert set(got) == {"state", "resultUrls"}
    assert got["state"] == "completed"
    await client.post("/api/v1/tasks/create", json={**body, "input": {"prompt": "x [took:0.01] [fail]"}})
    assert set(await receiver.next()) == {"state", "failMsg"}


async def test_a_receiver_that_is_not_there_stops_nothing(box: Sandbox, client: httpx2.AsyncClient):
    body = {"request_type": "callback", "callback_url": "http://127.0.0.1:9/", "input": INPUT}
    await client.post("/api/v1/generateTask/nano-banana", json=body)
    assert {entry["status"] for entry in await settled(box, 4)} == {"none"}


async def test_a_callback_that_was_owed_at_the_end_is_made_after_a_restart(tmp_path, receiver: Receiver):
    key = {"Authorization": "Bearer sk-1"}
    async with (
        Sandbox(speed=1000, data_dir=tmp_path) as box,
        httpx2.AsyncClient(base_url=box.url, headers=key, timeout=60) as one,
    ):
        body = {"request_type": "callback", "callback_url": receiver.url, "input": {**INPUT, "prompt": "x [took:0.3]"}}
        remote_id = (await one.post("/api/v1/generateTask/nano-banana", json=body)).json()["data"]["taskId"]
    async with Sandbox(speed=1000, data_dir=tmp_path):
        assert (await receiver.next())["data"]["taskId"] == remote_id
