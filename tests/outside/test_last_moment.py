"""What must hold at the moment of a paid request is asked at that moment, after all waiting."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image
from support.amounts import here
from support.asking import submit
from support.desk import QUICK, Sit
from support.program import happens, values_for
from support.runners import runner_on

from apixo_mcp.app import open_app
from apixo_mcp.generation import Failure
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.asking.request import GenerationRequest, Submission
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.running.leases import Leases
from apixo_mcp.tasks.running.parts import StepLimits
from apixo_mcp.tasks.running.reach import NotNow, Prepared, Sendable
from apixo_mcp.tasks.task import Attempt, State, Task

pytestmark = pytest.mark.anyio

ONE_PLACE = StepLimits(sending=1)
ELSEWHERE = ["https://example.com/a.png"]
CHANGES: dict[str, Callable[[Path], Any]] = {
    "painted anew": lambda picture: Image.new("RGB", (16, 8), "blue").save(picture),
    "deleted": lambda picture: picture.unlink(),
}


def posts(box: Sandbox) -> list[dict[str, Any]]:
    return [entry for entry in box.log() if entry["route"] == "submit"]


@pytest.mark.parametrize("change", CHANGES)
async def test_a_file_that_changes_while_its_task_waits_for_a_place_is_not_paid_for(
    sit: Sit, box: Sandbox, change: str
) -> None:
    async with sit(steps=ONE_PLACE) as desk:
        await desk.told(prompt=f"a hare [slow-submit:{here(2):.1f}][took:0]", image_urls=ELSEWHERE, wait_seconds=0)
        await happens(lambda: len(posts(box)) == 1)
        asked = await desk.told(prompt="a fox [took:0]", wait_seconds=0)
        await happens(lambda: bool(desk.url))  # all is prepared but for its place
        CHANGES[change](desk.picture)
        told = await desk.ended(asked)
        assert (told["state"], told["error"]["code"], told["error"]["charged"]) == ("failed", "INPUT_CHANGED", "no")
        assert len(posts(box)) == 1
        assert (await desk.app.store.spent(LOCAL)).posts == 1
        assert (await desk.told(prompt="a cat [took:0]", image_urls=ELSEWHERE))["state"] == "success", (
            "the place is free"
        )


@pytest.mark.parametrize("how", ["end", "deaf"])
async def test_a_tunnel_that_dies_while_a_task_waits_for_a_place_is_opened_again_before_it_is_sent(
    sit: Sit, box: Sandbox, how: str
) -> None:
    async with sit(steps=ONE_PLACE, limits=replace(QUICK, proved_for=0.0)) as desk:
        await desk.told(prompt=f"a hare [slow-submit:{here(2):.1f}][took:0]", image_urls=ELSEWHERE, wait_seconds=0)
        await happens(lambda: len(posts(box)) == 1)
        asked = await desk.told(prompt="a fox [took:0.5]", wait_seconds=0)
        await happens(lambda: bool(desk.url))
        before = desk.url
        async with httpx2.AsyncClient(timeout=60) as http:
            with pytest.raises(httpx2.TransportError):
                await http.get(f"{before}/{how}")
        told = await desk.ended(asked)
        assert told["state"] == "success"
        (fetched,) = desk.fetched()
        assert not fetched["url"].startswith(f"{before}/")
        assert len(posts(box)) == 2, "the dead address was never paid for"


@dataclass
class Fading:
    """Implements `Reach`: what was prepared holds so many times, and then no more, or cannot be looked at."""

    holds: int
    then: Failure | NotNow | OSError

    async def prepared(self, task: Task) -> Prepared:
        return Sendable(task.inputs)

    async def confirmed(self, task: Task, sendable: Sendable) -> Prepared:
        self.holds -= 1
        if self.holds >= 0:
            return sendable
        if isinstance(self.then, OSError):
            raise self.then
        return self.then


CHANGED = Failure(
    code="INPUT_CHANGED", category="media_input", message="gone", advice="anew", retryable=False, charged="no"
)


@pytest.mark.parametrize(
    ("holds", "then"),
    [(0, CHANGED), (1, CHANGED), (0, NotNow()), (1, NotNow()), (1, OSError("a folder that answers no more"))],
    ids=["for good", "for good, noted as sent", "for now", "for now, noted as sent", "not to be seen, noted as sent"],
)
async def test_what_holds_no_more_is_neither_sent_nor_counted(
    box: Sandbox, tmp_path: Path, holds: int, then: Failure | NotNow | OSError
) -> None:
    async with open_app(read_settings(**values_for(box, tmp_path)), follow=False) as app:
        asked = {"prompt": "a fox [took:0]", "aspect_ratio": "1:1"}
        submission = await submit(app, GenerationRequest(owner=LOCAL, model="nano-banana", arguments=asked))
        assert isinstance(submission, Submission)
        task_id = submission.task.task_id
        reach = Fading(holds, then)
        runner = runner_on(app, app.store, Leases(app.store), reach=reach)
        await runner.advance(task_id)
        task = await app.store.get(task_id)
        assert task is not None
        assert (task.sent_at, task.attempts, task.lease_holder, posts(box)) == (None, (), "", [])
        if isinstance(then, Failure):
            assert (task.state, task.failure) == (State.FAILED, CHANGED)
            assert (await app.store.spent(LOCAL)).posts == 0
            return
        assert task.state is State.SUBMITTING
        reach.holds = 2
        await app.store.commit(task, replace(task, due=0.0))
        await runner.advance(task_id)
        sent = await app.store.get(task_id)
        assert sent is not None
        assert len(sent.attempts) == len(posts(box)) == 1


@pytest.mark.parametrize("holds", [0, 1], ids=["before it is noted as sent", "after that"])
async def test_a_further_attempt_that_is_not_made_leaves_what_the_first_failed_of(
    box: Sandbox, tmp_path: Path, holds: int
) -> None:
    async with open_app(read_settings(**values_for(box, tmp_path)), follow=False) as app:
        asked = {"prompt": "a fox [took:0]", "aspect_ratio": "1:1"}
        submission = await submit(app, GenerationRequest(owner=LOCAL, model="nano-banana", arguments=asked))
        assert isinstance(submission, Submission)
        task = submission.task
        first = replace(CHANGED, code="PROCESSING_TIMEOUT", message="too long", charged="unknown")
        attempt = Attempt(sent_at=task.created_at, remote_id="r", failure_code=first.code, failed_at=task.created_at)
        again = replace(task, attempts=(attempt,), failure=first)
        assert await app.store.commit(task, again)
        await runner_on(app, app.store, Leases(app.store), reach=Fading(holds, CHANGED)).advance(task.task_id)
        ended = await app.store.get(task.task_id)
    assert ended is not None
    assert (ended.state, ended.failure, ended.attempts) == (State.FAILED, first, (attempt,))
    assert ended.notes[-1] == "No further attempt was made: gone."
    assert posts(box) == []
