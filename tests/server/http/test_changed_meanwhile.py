"""The terms of an owner change while a person thinks about a question: what counts is what holds when money moves."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from mcp import MCPError
from mcp.types import CallToolResult, ElicitResult
from support.house import ALICE, House
from support.program import text_of

from apixo_mcp.app import App
from apixo_mcp.owners.key_sources import of_variable
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.owner import Owner, Scope

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")]

FOX = {"model": "nano-banana", "prompt": "a fox [took:0]", "wait_seconds": 20}
YES = ElicitResult(action="accept", content={"proceed": True})

Change = Callable[[App], Awaitable[object]]


@pytest.fixture
def given() -> dict[str, Any]:
    return {"confirm_above_usd": 0.01}


def changed(**terms: Any) -> Change:
    def to(owner: Owner) -> Owner:
        return replace(owner, **terms)

    return lambda app: app.owners.change("alice", to)


async def bought(house: House, change: Change) -> CallToolResult | None:
    """What is answered to a yes before which something was changed; None where the client is not let in any more."""

    async def agree(*_: Any) -> ElicitResult:
        await change(house.app)
        return YES

    async with house.client(ALICE, elicitation_callback=agree) as client:
        try:
            answer = await client.call_tool("generate_image", FOX)
        except MCPError:
            return None
    assert isinstance(answer, CallToolResult)
    return answer


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (changed(scope=Scope.READ), "alice may not make anything any more"),
        (changed(models=("seedream-*",)), "may"),
        (changed(budget=Budget(daily_usd=0.0)), "$0.00 of your day's $0.00 are left"),
        (changed(budget=Budget(daily_tasks=0)), "your own limit allows 0"),
        (changed(keys={"apixo": of_variable("KEY_OF_NOBODY")}), "the variable KEY_OF_NOBODY holds no key"),
    ],
    ids=["scope", "models", "budget", "tasks", "key"],
)
async def test_a_yes_to_what_is_no_longer_allowed_buys_nothing(
    house: House, box: Sandbox, change: Change, why: str
) -> None:
    answer = await bought(house, change)
    assert answer is None or (answer.is_error and why in text_of(answer)), answer
    assert box.log() == []
    assert (await house.app.store.spent(ALICE)).posts == 0


@pytest.mark.parametrize("era", ["auto"])  # before it, no yes comes through by which its call could go on
async def test_a_yes_of_an_owner_who_was_revoked_buys_nothing(house: House, box: Sandbox) -> None:
    assert await bought(house, lambda app: app.owners.revoke("alice")) is None
    assert box.log() == []


async def test_a_yes_is_paid_with_the_key_that_is_theirs_by_then(
    house: House, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_OF_ALICE", "sk-of-alice")
    answer = await bought(house, changed(keys={"apixo": of_variable("KEY_OF_ALICE")}))
    assert answer is not None
    assert not answer.is_error, text_of(answer)
    assert {entry["key"] for entry in box.submits()} == {hashlib.sha256(b"sk-of-alice").hexdigest()[:12]}
