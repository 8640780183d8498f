"""Spending that is measured by what a balance loses, and told to whoever it is of."""

from pathlib import Path
from typing import Any

import pytest
from support.asking import submit
from support.task_steps import Start, happens, posts, settled

from apixo_mcp.app import App, open_app
from apixo_mcp.assembly.limits import Limits
from apixo_mcp.owners.key_sources import of_variable
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.asking.request import GenerationRequest, Submission
from apixo_mcp.tasks.owner import LOCAL, Owner

pytestmark = pytest.mark.anyio

EACH = 0.01
"""Dollars that a picture costs in the sandbox; its estimate is another."""
ALICE = Owner("alice", keys={"apixo": of_variable("KEY_OF_ALICE")})
BOB = Owner("bob")


async def made(app: App, owner: Owner = LOCAL, prompt: str = "a fox") -> None:
    submitted = await submit(app, GenerationRequest(owner=owner, model="nano-banana", arguments={"prompt": prompt}))
    assert isinstance(submitted, Submission)
    await settled(app, submitted.task)


async def told(app: App, owner: Owner | None) -> dict[str, Any]:
    return await app.spending(owner, 7, 5.0)


async def test_what_a_balance_lost_stands_beside_the_estimate(start: Start) -> None:
    async with start() as app:
        before = await told(app, LOCAL)
        assert "measured_usd" not in before["totals"], "nothing is measured yet, which is not zero"
        assert before["basis"] == {"spent_usd": "estimated"}
        await made(app)
        await made(app, prompt="a wolf [fail:CONTENT_VIOLATION]")
        report = await told(app, LOCAL)
    assert (report["totals"]["spent_usd"], report["totals"]["measured_usd"]) == (0.06, 2 * EACH)
    assert (report["days"][0]["spent_usd"], report["days"][0]["measured_usd"]) == (0.06, 2 * EACH)
    (gateway,) = report["gateways"]
    assert (gateway["gateway"], gateway["basis"], gateway["measured_usd"]) == ("apixo", "measured", 2 * EACH)
    assert report["basis"] == {"spent_usd": "estimated", "measured_usd": "measured"}
    assert [(one["failure"].code, one["tasks"]) for one in report["failures"]] == [("CONTENT_VIOLATION", 1)]


async def test_what_others_spend_with_the_same_key_is_told_to_nobody_but_the_operator(start: Start) -> None:
    async with start() as app:
        await told(app, None)
        await made(app)
        await made(app, BOB)
        assert "measured_usd" not in (await told(app, BOB))["totals"]
        assert "measured_usd" not in (await told(app, LOCAL))["totals"]
        assert (await told(app, None))["totals"]["measured_usd"] == 2 * EACH


async def test_the_balance_of_an_own_key_is_its_owners_alone(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_OF_ALICE", "sk-of-alice")
    async with start() as app:
        assert await app.owners.add(ALICE, "")
        for whose in (ALICE, None):
            await told(app, whose)
        await made(app, ALICE)
        await made(app, BOB)
        assert (await told(app, ALICE))["totals"]["measured_usd"] == EACH
        assert (await told(app, None))["totals"]["measured_usd"] == 2 * EACH
        assert "measured_usd" not in (await told(app, BOB))["totals"]


async def test_a_task_that_moves_has_the_balance_read_without_a_report(box: Sandbox, tmp_path: Path) -> None:
    folders = {"home": tmp_path / "home", "download_dir": tmp_path / "pictures"}
    values = {"apixo_api_key": "sk-mine", "apixo_base_url": box.url, "allow_private_hosts": True, "poll_scale": 0.01}
    async with open_app(read_settings(**folders, **values), limits=Limits(metered_after=0.0)) as app:
        assert not read(box), "nothing is asked for before anything was spent"
        await made(app)
        await happens(lambda: read(box))
        await made(app, prompt="a wolf")
        assert len(read(box)) == 1, "one question covers what moves for a while"
        report = await told(app, LOCAL)
    assert len(posts(box)) == 2
    assert report["totals"]["measured_usd"] == EACH, "the first task was paid before the first reading"


def read(box: Sandbox) -> list[Any]:
    return [entry for entry in box.log() if entry["route"] == "balance"]
