"""What is bought of `task:last/<n>` is of a picture that its caller was told of: seen over a pipe and HTTP."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import Implementation
from support.amounts import here, in_time
from support.pipe_client import PipeClient, pipe_client
from support.program import given_up, program, structure, text_of, values_for

from apixo_mcp.app import App, open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.tools.receipts import Receipts
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.task import State, Task

pytestmark = pytest.mark.anyio

LAST = "task:last/0"


@dataclass(slots=True)
class Chat:
    """A chat of a client at a pipe."""

    app: App
    box: Sandbox
    client: PipeClient
    receipts: Receipts
    number: int = 10

    async def asks(self, tool: str, **given: Any) -> int:
        self.number += 1
        await self.client.call(self.number, tool, given)
        return self.number

    async def told(self, tool: str, **given: Any) -> dict[str, Any]:
        return await self.client.answer(await self.asks(tool, **given))

    async def made(self, prompt: str, *pictures: str, **given: Any) -> dict[str, Any]:
        given |= {"image_urls": list(pictures)} if pictures else {}
        asked = {"model": "nano-banana", "prompt": f"{prompt} [took:0]", "wait_seconds": 20, **given}
        return await self.told("generate_image", **asked)

    async def lost(self, prompt: str, *pictures: str) -> Task:
        """Makes a picture, and gives its call up before the answer; returns the task once it is done."""
        asked = {"model": "nano-banana", "prompt": prompt, "wait_seconds": 50, "image_urls": list(pictures)}
        number = await self.asks("generate_image", **asked)
        task = await self.when(lambda page: bool(page) and page[0].prompt == prompt)
        await self.client.cancel(number)
        await self.when(lambda page: page[0].answer == "lost")
        return await self.when(
            lambda page: page[0].task_id == task.task_id and page[0].state is State.SUCCESS and page[0].is_settled
        )

    async def when(self, is_so: Any) -> Task:
        """Returns the newest task once something is so of the tasks."""
        with in_time(30):
            while not is_so(page := await self.app.store.page(LOCAL)):
                await anyio.sleep(0.01)
        return page[0]

    @property
    def sent_pictures(self) -> list[str]:
        """The pictures of the newest paid request."""
        return self.box.submits()[-1]["body"]["input"]["image_urls"]


@asynccontextmanager
async def chat_of(box: Sandbox, folder: Path, name: str = "claude-ai", **given: Any) -> AsyncIterator[Chat]:
    """A program at a pipe of its own."""
    receipts = Receipts()
    async with open_app(read_settings(**values_for(box, folder), **given)) as app:
        async with pipe_client(build_server(app, receipts=receipts), receipts, name) as client:
            yield Chat(app, box, client, receipts)


@pytest.fixture
async def chat(box: Sandbox, tmp_path: Path) -> AsyncIterator[Chat]:
    async with chat_of(box, tmp_path) as chat:
        yield chat


async def test_an_alert_in_a_lost_answer_was_not_told(box: Sandbox, tmp_path: Path) -> None:
    async with chat_of(box, tmp_path, daily_budget_usd=0.05) as chat:
        await chat.lost(SLOW)  # half of the limit
        first, second = [await chat.told("get_usage") for _ in range(2)]
    assert [note.partition(" of")[0] for note in first["notes"]] == ["50 %"]
    assert "notes" not in second


SLOW = f"at night [took:{here(1):.1f}]"


@pytest.mark.parametrize("again", [{"prompt": "by day"}, {"idempotency_key": "k"}], ids=["other words", "a key"])
async def test_after_a_lost_answer_last_is_the_picture_before(chat: Chat, again: dict[str, Any]) -> None:
    fox = await chat.made("a fox")
    night = await chat.lost(SLOW, LAST)
    bought = await chat.told("generate_image", model="nano-banana", image_urls=[LAST], **{"prompt": SLOW, **again})
    assert chat.sent_pictures == [fox["results"][0]["url"]]
    assert f"task:last is {fox['task_id']} (a fox [took:0]). Newer is {night.task_id}" in bought["notes"][0]


TOLD: dict[str, tuple[str, dict[str, Any]]] = {
    "checked": ("check_task", {"task_id": "ID"}),
    "checked as last": ("check_task", {"task_id": "last"}),
    "several": ("check_task", {"task_ids": ["ID"]}),
    "listed": ("list_tasks", {}),
    "brought": ("download_results", {"task_id": "ID"}),
    "brought with others": ("download_results", {"since": "today"}),
    "looked at": ("view_result", {"task_id": "ID"}),
    "ended": ("cancel_task", {"task_id": "ID"}),
}


@pytest.mark.parametrize("how", TOLD)
async def test_once_an_answer_has_told_of_it_it_is_the_last(chat: Chat, how: str) -> None:
    await chat.made("a fox")
    night = await chat.lost(SLOW, LAST)
    tool, given = TOLD[how]
    given = {
        name: night.task_id if value == "ID" else [night.task_id] if value == ["ID"] else value
        for name, value in given.items()
    }
    await chat.told(tool, **given)
    await chat.made("by day", LAST)
    assert chat.sent_pictures == [night.results[0].url]


async def test_a_call_that_follows_an_answer_at_once_knows_what_that_told(chat: Chat) -> None:
    await chat.made("a fox")
    night = await chat.lost(SLOW, LAST)
    await chat.asks("list_tasks")
    line = await chat.client.read()
    edit = await chat.asks("generate_image", model="nano-banana", prompt="by day [took:0]", image_urls=[LAST])
    await anyio.wait_all_tasks_blocked()
    await chat.receipts.left(line)
    await chat.client.answer(edit)
    assert chat.sent_pictures == [night.results[0].url]


@pytest.mark.parametrize("key", ["", "k"])
async def test_what_was_deleted_is_still_what_was_meant(chat: Chat, key: str) -> None:
    dog = await chat.made("a dog")
    cat = await chat.made("a cat")
    task = await chat.when(lambda page: page[0].task_id == cat["task_id"] and page[0].answer == "given")
    assert await chat.app.store.delete_entry(task, "deleted")
    given = {"idempotency_key": key} if key else {}
    answer = await chat.made("it runs", LAST, **given)
    assert "was deleted" in str(answer["content"])
    assert f"task:{dog['task_id']}/0" in str(answer["content"])
    assert len(chat.box.submits()) == 2


async def test_what_was_told_is_written_once(chat: Chat) -> None:
    await chat.made("a fox")
    night = await chat.lost(SLOW, LAST)
    assert night.heard_by == ""
    heard_by = set[str]()
    for _ in range(3):
        await chat.told("check_task", task_id=night.task_id)
        heard_by.add((await chat.app.service.find(LOCAL, night.task_id)).heard_by)
    assert len(heard_by) == 1


async def test_what_a_given_up_question_would_have_told_is_not_heard(chat: Chat) -> None:
    fox = await chat.made("a fox")
    asked = {"model": "nano-banana", "prompt": SLOW, "wait_seconds": 50, "image_urls": [LAST]}
    making = await chat.asks("generate_image", **asked)
    night = await chat.when(lambda page: page[0].prompt == SLOW)
    asking = await chat.asks("check_task", task_id="last", wait_seconds=50)
    for number in (making, asking):
        await chat.client.cancel(number)
    await chat.when(lambda page: page[0].state is State.SUCCESS)
    assert (await chat.app.service.find(LOCAL, night.task_id)).heard_by == ""
    await chat.made("by day", LAST)
    assert chat.sent_pictures == [fox["results"][0]["url"]]


async def test_another_client_of_the_owner_gets_the_newest_that_was_told(box: Sandbox, tmp_path: Path) -> None:
    async with chat_of(box, tmp_path) as chat:
        await chat.made("a fox")
        owl = await chat.made("an owl")
    async with chat_of(box, tmp_path, "cursor") as other:
        await other.made("at night", LAST)
    assert other.sent_pictures == [owl["results"][0]["url"]]


async def test_a_guess_is_refused_with_what_it_may_be(box: Sandbox, tmp_path: Path) -> None:
    async with chat_of(box, tmp_path) as chat:
        fox = await chat.made("a fox")
        night = await chat.lost(SLOW, LAST)
    async with chat_of(box, tmp_path, "cursor") as other:
        for quote in (False, True):
            refused = await other.told(
                "generate_image", model="nano-banana", prompt="by day", image_urls=[LAST], quote=quote
            )
            words = refused["content"][0]["text"]
            assert words.startswith("Nothing was sent or charged.")
            assert f"task:{night.task_id}/0 ({SLOW}) or task:{fox['task_id']}/0 (a fox" in words
        assert len(box.submits()) == 2
        await other.made("by day", f"task:{night.task_id}/0")
    assert other.sent_pictures == [night.results[0].url]


@pytest.mark.parametrize("mode", ["legacy", "auto"])
@pytest.mark.parametrize("is_read", [False, True], ids=["given up", "read"])
async def test_over_http_a_given_up_call_is_not_heard_of_until_its_task_is_read(
    box: Sandbox, tmp_path: Path, mode: str, is_read: bool
) -> None:
    info = Implementation(name="claude-ai", version="1")
    async with program("http", values_for(box, tmp_path)) as dial, AsyncExitStack() as stack:
        client = await stack.enter_async_context(Client(dial(), mode=mode, client_info=info))
        fox = structure(await client.call_tool("generate_image", {"model": "nano-banana", "prompt": "a fox [took:0]"}))
        asked = {"model": "nano-banana", "prompt": SLOW, "wait_seconds": 50, "image_urls": [LAST]}
        await given_up(client, "generate_image", asked, lambda: len(box.submits()) == 2)
        with in_time(30):
            listed = ""
            while SLOW not in listed:  # the host's own list, which no model reads
                listed = str((await client.list_resources()).model_dump(mode="json"))
                await anyio.sleep(0.05)
        if is_read:
            uri = next(str(one.uri) for one in (await client.list_resources()).resources if SLOW in (one.title or ""))
            await client.read_resource(f"apixo://tasks/{uri.split('/')[3]}")
        answer = await client.call_tool(
            "generate_image", {"model": "nano-banana", "prompt": "by day [took:0]", "image_urls": [LAST]}
        )
    sent = box.submits()[-1]["body"]["input"]["image_urls"]
    assert (sent == [fox["results"][0]["url"]]) == (not is_read), text_of(answer)


async def test_after_its_process_was_killed_the_same_client_is_asked(box: Sandbox, tmp_path: Path) -> None:
    async with chat_of(box, tmp_path) as chat:
        fox = await chat.made("a fox")
        night = await chat.lost(SLOW, LAST)
        # As a process that is killed leaves it: nobody notes what became of the answer, nor vouches for the call.
        await chat.app.store.mark_answer([night.task_id], night.asked_by, "awaited")
        await chat.app.store.vouch([(night.task_id, night.asked_by)], -1)
    async with chat_of(box, tmp_path) as again:
        refused = await again.told("generate_image", model="nano-banana", prompt="by day", image_urls=[LAST])
        assert f"give task:{night.task_id}/0 ({SLOW}) or task:{fox['task_id']}/0" in refused["content"][0]["text"]
        repeated = await again.told("generate_image", model="nano-banana", prompt=SLOW, image_urls=[LAST])
        assert (repeated["task_id"], repeated["deduplicated"]) == (night.task_id, True)
        await again.made("by day", LAST)
    assert again.sent_pictures == [night.results[0].url]
