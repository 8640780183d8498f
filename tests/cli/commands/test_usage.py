"""`usage`, as whoever runs a server types it."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.shell import Typed, made, run

from apixo_mcp.stores.sqlite.store import SqliteStore

pytestmark = pytest.mark.anyio

EACH = 0.03
"""Dollars of the picture that `made` makes."""


async def of(typed: Typed, *words: object, **variables: str) -> Any:
    done = await run(typed, "usage", *words, "--json", **variables)
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


async def given_to(tmp_path: Path, owner: str, model: str = "nano-banana") -> None:
    """Makes a task of another owner out of one that was just made here."""
    async with SqliteStore(tmp_path / "home" / "tasks.sqlite3") as store:
        (task,) = [one for one in await store.dump() if one.owner == "local"]
        await store.add([replace(task, task_id=f"tsk_of_{owner}", owner=owner, model=model, remote_id=f"r-{owner}")])


async def test_an_own_day_is_told_with_what_is_left(typed: Typed):
    await made(typed)
    limits = {"APIXO_MCP_DAILY_BUDGET_USD": "5", "APIXO_MCP_DAILY_TASK_LIMIT": "9"}
    told = await of(typed, **limits)
    assert told["owner"] == "local"
    assert (told["totals"]["tasks"], told["totals"]["spent_usd"]) == (1, EACH)
    assert told["budgets"] == [
        {"whose": "all", "period": "day", "limit_usd": 5, "spent_usd": EACH, "left_usd": 4.97, "percent": 0.6},
        {"whose": "all", "period": "day", "limit_tasks": 9, "tasks": 1, "left_tasks": 8, "percent": 11.1},
    ]
    words = (await run(typed, "usage", **limits)).stdout
    assert "Of the limit for all today, $0.03 of $5.00 are spent, $4.97 left." in words
    assert "Of the limit for all today, 1 of 9 paid requests are made, 8 left." in words
    assert f"{told['days'][0]['day']}  1 task  $0.03" in words


async def test_an_operator_sees_who_spent_what_and_what_is_left_of_each_limit(typed: Typed, tmp_path: Path):
    await run(typed, "owners", "add", "alice", "--daily-usd", "1", "--monthly-usd", "2", "--daily-tasks", "3")
    await run(typed, "owners", "add", "bob")
    await made(typed)
    await given_to(tmp_path, "alice")
    await given_to(tmp_path, "someone@idp")  # let in by an identity provider's word alone
    told = await of(typed, "--all", APIXO_MCP_MONTHLY_BUDGET_USD="10")
    assert [owner["owner"] for owner in told["owners"]] == ["local", "alice", "bob", "someone@idp"]
    alice = told["owners"][1]
    assert (alice["spent_today_usd"], alice["spent_month_usd"], alice["tasks_today"]) == (EACH, EACH, 1)
    assert [use.get("left_usd", use.get("left_tasks")) for use in alice["budgets"]] == [0.97, 1.97, 2]
    assert (told["spent_today_usd"], told["totals"]["tasks"]) == (pytest.approx(3 * EACH), 3)
    assert [(use["whose"], use["left_usd"]) for use in told["budgets"]] == [("all", 9.91)]
    lines = (await run(typed, "usage", "--all", APIXO_MCP_MONTHLY_BUDGET_USD="10")).stdout.splitlines()[1:]
    assert [line.split("  ")[0] for line in lines] == ["local", "alice", "bob", "someone@idp", "all together"]
    assert "left: $0.97 of $1.00 today, $1.97 of $2.00 this month, 2 of 3 paid requests today" in lines[1]
    assert "$0.00 today" in lines[2]
    assert "no limit" in lines[2]
    assert "$0.09 today" in lines[4]
    assert "left: $9.91 of $10.00 this month" in lines[4]


async def test_one_owner_is_told_alone(typed: Typed, tmp_path: Path):
    await run(typed, "owners", "add", "alice", "--daily-usd", "1")
    await made(typed)
    await made(typed, "another fox")
    told = await of(typed, "--owner", "alice")
    assert (told["owner"], told["totals"]["tasks"]) == ("alice", 0)
    assert [(use["whose"], use["left_usd"]) for use in told["budgets"]] == [("owner", 1)]
    assert (
        "Of the own limit today, $0.00 of $1.00 are spent, $1.00 left."
        in (await run(typed, "usage", "--owner", "alice")).stdout
    )
    unknown = await run(typed, "usage", "--owner", "carol")
    assert unknown.exit_code == 1
    assert "There is no owner 'carol'" in unknown.stderr


async def test_a_table_for_other_programs_has_a_line_for_each_day_owner_and_model(typed: Typed, tmp_path: Path):
    await made(typed)
    await given_to(tmp_path, "alice", "nano-banana-pro")
    rows = list(csv.DictReader((await run(typed, "usage", "--all", "--csv")).stdout.splitlines()))
    assert [(row["owner"], row["model"], row["tasks"], row["spent_usd"]) for row in rows] == [
        ("local", "nano-banana", "1", "0.03"),
        ("alice", "nano-banana-pro", "1", "0.03"),
    ]
    assert [row["owner"] for row in csv.DictReader((await run(typed, "usage", "--csv")).stdout.splitlines())] == [
        "local"
    ]
    assert (await run(typed, "usage", "--csv", "--json")).exit_code == 2
    empty = await run(typed, "usage", "--csv", home="another")
    assert empty.stdout.splitlines() == [
        "day,owner,model,tasks,attempts,spent_usd,reserved_usd,without_price,gateway,basis,measured_usd"
    ]


async def test_tasks_of_whoever_has_no_terms_here_are_found_too(typed: Typed, tmp_path: Path):
    await made(typed)
    await given_to(tmp_path, "someone@idp")
    assert "tsk_of_someone@idp" in (await run(typed, "tasks", "list", "--all")).stdout
    assert (await run(typed, "tasks", "list", "--owner", "someone@idp")).stdout.startswith("tsk_of_someone@idp")


async def test_what_a_balance_lost_is_told_beside_the_estimate_on_every_face(typed: Typed):
    await run(typed, "usage")  # from the first look on there is something to measure
    await made(typed)
    await made(typed, "a wolf [fail:CONTENT_VIOLATION]")
    told = await of(typed)
    assert (told["totals"]["spent_usd"], told["totals"]["measured_usd"]) == (2 * EACH, 0.02)
    rows = list(csv.DictReader((await run(typed, "usage", "--csv")).stdout.splitlines()))
    assert [(row["gateway"], row["basis"], row["spent_usd"], row["measured_usd"]) for row in rows] == [
        ("apixo", "estimated", "0.06", ""),
        ("apixo", "measured", "", "0.02"),
    ]
    words = (await run(typed, "usage")).stdout
    assert "2 tasks  $0.06  $0.02 by the balance" in words
    assert "; the prices known say $0.06 for the whole time." in words, "more than was measured"
    assert "CONTENT_VIOLATION  1 failed  content rules refused it, perhaps charged" in words
    assert "half in 0." in words
    assert "█" not in words, "nobody watches"


async def test_an_alert_is_told_once_beside_what_a_command_prints(typed: Typed):
    await made(typed)
    limits = {"APIXO_MCP_DAILY_BUDGET_USD": "0.1"}
    done = await run(typed, "generate", "nano-banana", "two foxes [took:0]", "--json", **limits)
    assert json.loads(done.stdout)["state"] == "success"
    assert "50 % of the limit for all of $0.10 a day are used" in done.stderr
    assert "`apixo-mcp usage` tells more." in done.stderr
    again = await run(typed, "usage", "--json", **limits)
    assert [one["percent"] for one in json.loads(again.stdout)["alerts"]] == [50]
    assert "50 %" not in again.stderr
