"""What was spent, as people see it in a browser: the server's own figures, drawn and as tables."""
# pyright: reportMissingImports=false

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from support.chromium import expect, shot, window
from support.page_faults import focus_order, overflowing, violations
from support.program import structure, told_once, values_for

from apixo_mcp.app import open_app
from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.transport import serving
from apixo_mcp.settings import read_settings

pytestmark = pytest.mark.anyio

MADE: tuple[tuple[str, str, str], ...] = (
    *(("nano-banana", "generate_image", prompt) for prompt in ("a fox", "a wolf [fail:CONTENT_VIOLATION]")),
    ("seedream-4-5", "generate_image", "a hare [fail-once:PROCESSING_TIMEOUT]"),
    ("kling-2-6", "generate_video", "a stork"),
)
"""Of these the video has no known price."""


@pytest.fixture
async def spent(box: Sandbox, tmp_path: Path) -> AsyncIterator[tuple[str, Client]]:
    """The address of the page, and a client that has bought a few things."""
    limits = {"daily_budget_usd": None, "daily_task_limit": 6, "auto_retry": 1}
    async with open_app(read_settings(**{**values_for(box, tmp_path), **limits})) as app:
        server, listener = build_server(app), listen("127.0.0.1", 0)
        async with Client(server) as client, serving(app, server, listener):
            structure(await client.call_tool("get_usage", {}))  # from the first look on there is something to measure
            for model, tool, prompt in MADE:
                asked = {"model": model, "prompt": prompt, "wait_seconds": 20}
                asked |= {"sound": "off"} if tool == "generate_video" else {}
                task = structure(await client.call_tool(tool, asked))
                await told_once(client, task, lambda told: told["state"] in ("success", "failed"))
            yield f"{url_of(listener)}/spending", client


async def cells(page: Any, title: str) -> list[list[str]]:
    """The rows of a table, which is there for whoever does not see the drawing."""
    rows = page.get_by_role("table", name=title).get_by_role("row")
    return await rows.evaluate_all("rows => rows.map(row => [...row.cells].map(cell => cell.textContent.trim()))")


async def test_the_page_shows_the_servers_own_figures(spent: tuple[str, Client], page: Any) -> None:
    url, client = spent
    await page.goto(url)
    await page.locator(".sums").wait_for()
    told = structure(await client.call_tool("get_usage", {"days": 30}))
    for words in (
        f"${told['totals']['spent_usd']:.2f}",
        f"${told['gateways'][0]['measured_usd']:.2f} at apixo since",
        "1 paid requests, in no sum of dollars",
    ):
        await expect(page.locator(".sums")).to_contain_text(words)
    days = await cells(page, "Spent by day and model")
    assert days[1][1:4:2] == ["All models", f"${told['totals']['spent_usd']:.2f} and 1 of unknown price"]
    assert ["kling-2-6", "not known"] in [[row[1], row[3]] for row in days]
    failures = {row[0]: row[1:5] for row in await cells(page, "Failures by code")}
    assert failures["CONTENT_VIOLATION"] == ["content rules refused it", "1", "0", "not known"]
    assert failures["PROCESSING_TIMEOUT"][1:3] == ["0", "1"]
    times = {row[0] for row in await cells(page, "Time to result")}
    assert {"nano-banana", "seedream-4-5", "kling-2-6"} <= times
    meter = page.get_by_role("meter", name="for all, a day")
    await expect(meter).to_have_attribute("aria-valuenow", str(told["budgets"][0]["percent"]))
    await expect(page.get_by_role("img", name="Spent by day and model")).to_have_count(1)
    assert page.complaints == []


@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_it_is_without_a_fault_in_both_languages_and_themes_narrow_and_by_keyboard(
    spent: tuple[str, Client], browser: Any, language: str
) -> None:
    async with window(browser, locale=language) as page:
        await page.goto(spent[0])
        await page.locator(".sums").wait_for()
        assert await violations(page) == []
        for one in await page.locator(".chart button").all():
            await one.click()
        await expect(page.locator(".table:not(.unseen)")).to_have_count(4)
        assert await violations(page) == []
        assert await overflowing(page) == []
        await shot(page, f"spending {language}")
        await page.reload()
        await page.locator(".sums").wait_for()
        reached = await focus_order(page)
        assert len(reached) >= 7
        assert all(is_shown for _, is_shown in reached)
        if language == "zh-CN":
            await expect(page.locator(".sums")).to_contain_text("按价格估算")
            await expect(page.locator("main")).to_contain_text("违反内容规则")


async def test_it_is_made_anew_as_more_is_spent_and_an_open_table_stays_open(
    spent: tuple[str, Client], page: Any
) -> None:
    url, client = spent
    async with page.expect_response("**/api/events"):
        await page.goto(url)
    await page.get_by_role("button", name="As a table").first.click()
    asked = {"model": "seedream-4-0", "prompt": "an owl", "wait_seconds": 20}
    structure(await client.call_tool("generate_image", asked))
    row = page.get_by_role("row", name=re.compile("seedream-4-0"))
    await row.first.wait_for()
    await expect(page.locator(".table:not(.unseen)")).to_have_count(1)


async def test_a_time_in_which_nothing_was_made_says_so(box: Sandbox, tmp_path: Path, page: Any) -> None:
    async with open_app(read_settings(**values_for(box, tmp_path))) as app:
        listener = listen("127.0.0.1", 0)
        async with serving(app, build_server(app), listener):
            await page.goto(f"{url_of(listener)}/spending")
            await page.get_by_text("Nothing was made in this time.").wait_for()
            assert await violations(page) == []


async def test_the_gallery_and_the_page_lead_to_each_other(spent: tuple[str, Client], page: Any) -> None:
    await page.goto(spent[0])
    await page.get_by_role("link", name="Pictures").click()
    await page.get_by_role("link", name="Spending").click()
    await page.locator(".sums").wait_for()
