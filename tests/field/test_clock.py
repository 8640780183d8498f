"""The clock of the machine is set back while a task is followed: it is polled on, not in as many hours."""

import time
from typing import Any

import pytest
from support.door import Enter, one_file, sample
from support.program import happens, told_once
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
        task = await door.told("generate_image", model="nano-banana", prompt="a fox", wait_seconds=0)
        await told_once(door.client, task, lambda now: now["state"] != "submitting")
        monkeypatch.setattr(time, "time", lambda: real() - minutes * 60)
        done = True
        task = await door.ended(task)
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
            "generate_image", model="nano-banana", prompts=[f"fox {n}" for n in range(16)], wait_seconds=0
        )
        await happens(lambda: len(set(gateway.looks)) == 16)
        monkeypatch.setattr(time, "time", lambda: real() - 60)
        done = True
        ended = [await door.ended(task) for task in made["tasks"]]
    assert {task["state"] for task in ended} == {"success"}
