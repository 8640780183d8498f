"""Texts that no text can hold, and numbers that are none, are shown as far as that goes: a list never breaks on one."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from support.amounts import in_time
from support.described import FOX, PICTURES, described
from support.house import ALICE, House
from support.store_tasks import make_followed

from apixo_mcp.generation import Failure
from apixo_mcp.tasks.task import State

pytestmark = pytest.mark.anyio

HALF = "half of \ud83d"
ODD: dict[str, Any] = {"seed": float("nan"), "style": HALF, HALF: [float("inf"), 1e308]}


def failed() -> Failure:
    return Failure(
        code="E1", category="generation_failed", message=HALF, advice=HALF, retryable=False, charged="unknown"
    )


@pytest.fixture
def era() -> str:
    return "auto"


async def test_a_task_with_odd_texts_is_listed_shown_and_told_live(house: House) -> None:
    failure = failed()
    values: dict[str, Any] = {"owner": "alice", "state": State.FAILED, "due": None, "failure": failure, "inputs": ODD}
    async with house.http(ALICE) as http, http.stream("GET", "/api/events") as events:
        lines = events.aiter_lines()
        assert (await anext(lines)).startswith("retry")
        task = make_followed(**values)
        now = task.updated_at
        await house.app.store.add([replace(task, created_at=now, updated_at=time.time())])
        [entry] = (await http.get("/api/tasks")).json()["tasks"]
        whole = (await http.get(f"/api/tasks/{task.task_id}")).json()
        again = (await http.get(f"/api/tasks/{task.task_id}/inputs")).json()
        with in_time(10):
            while not (line := await anext(lines)).startswith("data: "):
                pass
        live = json.loads(line.removeprefix("data: "))
    assert entry["error"]["message"] == live["error"]["message"] == "half of ?"
    assert whole["inputs"]["style"] == again["inputs"]["style"] == "half of ?"


async def test_a_file_that_tells_odd_things_is_read(house: House) -> None:
    file = described(PICTURES["png"](), replace(FOX, prompt=HALF, inputs=ODD))
    async with house.http(ALICE) as http:
        told = (await http.post("/api/told", content=file, headers={"x-apixo-mcp": "1"})).json()
    assert told["prompt"] == "half of ?"
    assert told["inputs"]["style"] == "half of ?"
