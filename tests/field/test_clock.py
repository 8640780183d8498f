"""The clock of the machine is set back while a task is followed: it is polled on, not in as many hours."""

import time
from typing import Any

import pytest
from support.door import Enter, one_file, sample
from support.scripted_gateway import Gateway, polled, succeeded, whole

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("minutes", [1, 5, 61, 119, 121, 2880])
async def test_a_clock_set_back_holds_up_no_poll(
    gateway: Gateway, enter: Enter, monkeypatch: pytest.MonkeyPatch, minutes: float
):
    one_file(gateway, "/out/a.png", whole(sample("ok.png")))
    done = False

    def outcome(task: str) -> Any:
        return succeeded(task, urls=gateway.urls) if done else polled(task, state="processing")

    gateway.outcome = outcome
    real = time.time
    async with enter() as door:
        task = await door.made(wait_seconds=1)
        while task["state"] == "submitting":
            task = await door.check(task, 1)
        monkeypatch.setattr(time, "time", lambda: real() - minutes * 60)
        done = True
        task = await door.check(task, 20)
    assert task["state"] == "success"
    assert len(gateway.posts) == 1


async def test_a_clock_set_back_amid_many_steps_holds_up_none(
    gateway: Gateway, enter: Enter, monkeypatch: pytest.MonkeyPatch
):
    """Of so many tasks some are just being claimed, by the time that was."""
    one_file(gateway, "/out/a.png", whole(sample("ok.png")))
    done = False
    gateway.outcome = lambda task: succeeded(task, urls=gateway.urls) if done else polled(task, state="processing")
    real = time.time
    async with enter() as door:
        made = await door.told(
            "generate_image", model="nano-banana", prompts=[f"fox {n}" for n in range(16)], wait_seconds=2
        )
        ids = [task["task_id"] for task in made["tasks"]]
        monkeypatch.setattr(time, "time", lambda: real() - 60)
        done = True
        told = await door.told("check_task", task_ids=ids, wait_seconds=30)
    assert {task["state"] for task in told["tasks"]} == {"success"}
