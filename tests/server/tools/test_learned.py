"""What the tasks of a model have taught here: through the front door, with a quick model beneath."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from support.amounts import in_time
from support.program import Connect, structure, text_at, text_of, told_once

from apixo_mcp.stores.sqlite.store import SqliteStore
from apixo_mcp.tasks.durations import Duration
from apixo_mcp.tasks.learning.lesson import FEWEST_DURATIONS

pytestmark = pytest.mark.anyio

TOOK = 0.3


@pytest.fixture
def era() -> str:
    return "auto"


async def made(client: Client, count: int) -> None:
    """Makes pictures, all at once."""
    prompts = [f"fox {number} [took:{TOOK}]" for number in range(count)]
    told = structure(
        await client.call_tool("generate_image", {"model": "nano-banana", "prompts": prompts, "wait_seconds": 30})
    )
    assert [task["state"] for task in told["tasks"]] == ["success"] * count


async def described(client: Client, model: str = "nano-banana") -> str:
    return text_of(await client.call_tool("describe_model", {"model": model}))


async def learned(client: Client, tasks: int = FEWEST_DURATIONS) -> dict[str, Any]:
    """What is told of the one kind of task, once it is of so many: a duration is noted when its task has ended."""
    with in_time(30):
        while True:
            entries = learned_in(await described(client))
            if entries and entries[0]["tasks"] >= tasks:
                (entry,) = entries
                return entry
            await anyio.sleep(0.05)


def learned_in(text: str) -> list[dict[str, Any]]:
    return json.loads(text.partition("\n")[2]).get("learned", [])


async def test_a_model_is_described_with_what_its_tasks_have_taught(connect: Connect, tmp_path: Path):
    async with connect() as client:
        before = await described(client)
        assert "learned" not in before
        await made(client, FEWEST_DURATIONS - 1)
        assert await described(client) == before, "that is too few to tell anything"
        await made(client, 4)
        entry = await learned(client)
        after = await described(client)
        read = json.loads(await text_at(client, "apixo://models/nano-banana"))
        assert "learned" not in await described(client, "nano-banana-pro")
    assert FEWEST_DURATIONS <= entry["tasks"] <= FEWEST_DURATIONS + 3
    assert 0 < entry["from_s"] <= entry["usual_s"] <= entry["to_s"]
    words = f"usually {entry['usual_s']:g} s here ({entry['tasks']} tasks; from {entry['from_s']:g} to "
    assert entry["told"] == f"{words}{entry['to_s']:g} s), first poll after {entry['first_poll_s']:g} s"
    rest = json.loads(after.partition("\n")[2])
    assert [sorted(one) for one in rest.pop("learned")] == [sorted(entry)]
    assert rest == json.loads(before.partition("\n")[2]), "nothing else of it changes"
    assert [sorted(one) for one in read["learned"]] == [sorted(entry)]
    async with SqliteStore(tmp_path / "home" / "tasks.sqlite3") as store:
        kept = await store.durations.newest("nano-banana")
    (durations,) = kept.values()
    assert entry["tasks"] <= len(durations) <= FEWEST_DURATIONS + 3
    assert all(0 <= one.least <= one.most for one in durations)


async def test_what_another_process_has_seen_is_told_too(connect: Connect):
    async with connect() as one, connect() as other:
        assert "learned" not in await described(other)
        await made(one, FEWEST_DURATIONS + 3)
        await learned(other)
    async with connect() as later:
        await learned(later)


async def test_a_task_is_said_to_take_longer_than_usual_by_what_was_learned(connect: Connect):
    endless = {"model": "nano-banana", "prompt": "a wolf [never]", "wait_seconds": 0}
    async with connect() as client:
        task = structure(await client.call_tool("generate_image", endless))
        assert 10 <= task["eta_seconds"] <= 15, "nothing is known but the documents' time"
        await made(client, FEWEST_DURATIONS + 3)
        late = await told_once(client, task, lambda told: "eta_seconds" not in told)
    assert late["state"] in ("pending", "processing")
    assert "It takes longer than usual." in late["next_step"]


async def test_each_kind_of_task_is_told_by_itself_and_no_words_of_other_callers(connect: Connect, tmp_path: Path):
    small, text, foreign = "resolution=1k", "resolution=1k mode=text-to-image", "resolution=ignore-all"
    seen = {text: (12, 40.0), small: (20, 28.0), foreign: (30, 9.0), "mode=two words": (30, 9.0)}
    async with connect() as client, SqliteStore(tmp_path / "home" / "tasks.sqlite3") as store:
        for variant, (count, seconds) in seen.items():
            for _ in range(count):
                await store.durations.note("nano-banana-pro", variant, Duration(seconds, seconds))
        entries = learned_in(await described(client, "nano-banana-pro"))
    assert [(entry["inputs"], entry["tasks"], entry["usual_s"]) for entry in entries] == [
        (small, 20, 28),
        (text, 12, 40),
    ]
