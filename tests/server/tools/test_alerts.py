"""What a caller has not heard of is told with the next answer, once: in its words, and in its structure."""

from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult
from support.program import Connect, structure, text_of, values_for
from support.sign_in import bearer, let_in

from apixo_mcp.app import open_app
from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.apps.table import APP_TOOLS
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.transport import serving
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.owner import Owner, Scope

pytestmark = pytest.mark.anyio

SMALL = {"daily_budget_usd": 0.3}
"""Ten pictures of the model below."""


async def made(client: Client, count: int, name: str = "fox", **given: Any) -> CallToolResult:
    """Makes so many pictures in one call."""
    prompts = [f"{name} {number} of {count} [took:0]" for number in range(count)]
    asked = {"model": "nano-banana", "prompts": prompts, "wait_seconds": 20, **given}
    answer = await client.call_tool("generate_image", asked)
    assert isinstance(answer, CallToolResult)
    return answer


def levels(answer: CallToolResult) -> list[str]:
    """The levels of a limit that an answer tells of; its words and its structure tell the same."""
    notes = [note for note in structure(answer).get("notes", ()) if "% of" in note]
    assert all(note in text_of(answer).split("\n{")[0] for note in notes)
    return [note.partition(" %")[0] for note in notes]


@pytest.mark.parametrize("transport", ["memory", "stdio", "http", "sse"])
async def test_each_level_of_a_limit_is_told_once_by_whichever_answer_is_next(connect: Connect) -> None:
    async with connect(**SMALL) as client:
        assert [levels(await made(client, count)) for count in (4, 1, 3, 1, 1)] == [[], ["50"], ["80"], [], ["100"]]
        for tool, asked in (("get_usage", {}), ("list_tasks", {}), ("check_task", {"task_id": "last"})):
            assert levels(await client.call_tool(tool, asked)) == []
        usage = structure(await client.call_tool("get_usage", {}))
    assert [(one["alert"], one["percent"]) for one in usage["alerts"]] == [("budget_used", 100)]
    assert usage["alerts"][0]["message"].startswith("100 % of the limit for all of $0.30 a day are used")


async def test_the_note_says_what_to_do_next(connect: Connect) -> None:
    async with connect(**SMALL) as client:
        told = structure(await made(client, 5))
    note = told["notes"][-1]
    assert "$0.15 are left until midnight UTC, and what goes beyond that is refused." in note
    assert "APIXO_MCP_DAILY_BUDGET_USD sets it: whoever runs this server can raise it. get_usage tells more." in note
    assert list(told)[-1] == "next_step"


async def test_an_answer_without_a_structure_tells_it_in_its_words(connect: Connect) -> None:
    async with connect(**SMALL) as client:
        await made(client, 5, wait_seconds=0)  # heard of here
        await made(client, 4, "wolf", idempotency_key="k")
        refused = await made(client, 4, "owl")
        assert refused.is_error
        assert "80 % of" not in text_of(refused), "heard of before"
        models = await client.call_tool("list_models", {})
    assert isinstance(models, CallToolResult)
    assert "% of the limit" not in text_of(models)


async def test_nothing_is_said_twice_of_a_purchase_that_is_refused(connect: Connect) -> None:
    async with connect(**SMALL) as client:
        refused = await made(client, 11)
        assert refused.is_error
        after = structure(await client.call_tool("list_tasks", {}))
    assert "notes" not in after


def test_no_look_of_the_app_counts_as_an_answer() -> None:
    assert not any(tool.is_read for tool in APP_TOOLS)


async def test_an_owner_hears_of_their_own_limit_alone(box: Sandbox, tmp_path: Path) -> None:
    alice = Owner("alice", Scope.GENERATE, budget=Budget(daily_usd=0.1))
    bob = Owner("bob", Scope.GENERATE)
    answers: dict[str, list[CallToolResult]] = {}
    listener = listen("127.0.0.1", 0)
    async with open_app(read_settings(**values_for(box, tmp_path), daily_budget_usd=0.15)) as app:
        await let_in(app, alice, bob)
        async with serving(app, build_server(app), listener):
            for owner, count in ((alice, 3), (bob, 1)):
                async with httpx2.AsyncClient(headers=bearer(owner), timeout=30) as http:
                    wire = streamable_http_client(f"{url_of(listener)}/mcp", http_client=http)
                    async with Client(wire) as client:
                        answers[owner.name] = [await made(client, count)]
                        usage = await client.call_tool("get_usage", {})
                        assert isinstance(usage, CallToolResult)
                        answers[owner.name].append(usage)
    assert levels(answers["alice"][0]) == ["80"]
    note = structure(answers["alice"][0])["notes"][-1]
    assert note.startswith("80 % of your own limit of $0.10 a day are used")
    assert "Whoever runs this server can raise it for today: `apixo-mcp owners set NAME --raise USD`." in note
    assert [one["whose"] for one in structure(answers["alice"][1])["alerts"]] == ["owner"]
    assert levels(answers["bob"][0]) == levels(answers["bob"][1]) == []
    assert structure(answers["bob"][1])["alerts"] == []


async def test_a_model_that_fails_again_and_again_is_told(connect: Connect) -> None:
    async with connect(auto_retry=0) as client:
        failing = [f"owl {number} [took:0][fail:MODEL_UNAVAILABLE]" for number in range(5)]
        asked = {"model": "nano-banana", "prompts": failing, "wait_seconds": 20}
        answer = await client.call_tool("generate_image", asked)
        usage = structure(await client.call_tool("get_usage", {}))
    notes = [note for told in (structure(answer), usage) for note in told.get("notes", ()) if "Unusual" in note]
    assert len(notes) == 1
    assert "tasks of nano-banana failed, most with MODEL_UNAVAILABLE. Another model may do meanwhile" in notes[0]
    assert [(one["alert"], one["gateway"], one["model"]) for one in usage["alerts"]] == [
        ("many_failures", "apixo", "nano-banana")
    ]


async def test_a_gateway_that_asks_for_fewer_requests_is_told(connect: Connect) -> None:
    async with connect() as client:
        asked = {"model": "nano-banana", "prompts": [f"a fox {number} [look:429x1]" for number in range(8)]}
        answer = await client.call_tool("generate_image", {**asked, "wait_seconds": 30})
        told = [*structure(answer).get("notes", ())]
        usage = structure(await client.call_tool("get_usage", {}))
    told += usage.get("notes", [])
    assert sum("apixo asks for fewer requests" in note for note in told) == 1
    assert [one["alert"] for one in usage["alerts"]] == ["rate_limited"]
