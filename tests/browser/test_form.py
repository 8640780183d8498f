"""The form that starts a task, in a real browser: nothing is bought before the click on the price, and then once."""
# pyright: reportMissingImports=false

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.amounts import in_time
from support.chromium import expect, shot, window
from support.gallery_page import Site, site
from support.media_wire import a_png
from support.page_faults import focus_order, overflowing, violations, wear

from apixo_mcp.sandbox import Sandbox
from apixo_mcp.tasks.owner import LOCAL

pytestmark = pytest.mark.anyio

PRICED = "button.main:not([aria-disabled='true'])"
CHANGED = {"en-GB": "Asking for the price…", "zh-CN": "正在询价…"}
"""What the button says from a change on until there is an answer to it."""


@pytest.fixture
async def here(box: Sandbox, tmp_path: Path, page: Any) -> AsyncIterator[Site]:
    async with site(box, tmp_path, page) as running:
        yield running
        assert page.complaints == []


async def opened(here: Site, address: str = "new?model=nano-banana") -> Any:
    """The form of a model."""
    await here.goto(address)
    await here.page.get_by_label("Prompt").wait_for()
    return here.page


async def fill(page: Any, prompt: str = "a red fox [took:0]") -> None:
    await page.get_by_label("Prompt").fill(prompt)
    await page.locator(PRICED).wait_for()


def posts(page: Any) -> list[str]:
    """What the page sends from now on, in its order: a browser tells of a request before it tells of its answer."""
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.url.rpartition("/")[2]) if one.method == "POST" else None)
    return sent


async def prompts(here: Site) -> list[str]:
    """What was bought."""
    return [task.prompt for task in await here.app.service.page(LOCAL)]


async def test_a_task_is_started_at_the_price_that_stands_on_the_button(here: Site, box: Sandbox) -> None:
    await here.goto()
    page = here.page
    await page.get_by_role("link", name="New").click()
    await page.get_by_label("Kind").select_option("image")
    await page.get_by_label("Search models").fill("nano-banana")
    await page.get_by_label("Model", exact=True).select_option("nano-banana")
    await page.get_by_text("Still needed: Prompt").wait_for()
    await fill(page)
    await expect(page.locator("button.main")).to_contain_text("$0.0")
    await expect(page.locator("#price")).to_contain_text("estimated")
    assert await prompts(here) == []
    assert box.submits() == []
    await page.locator(PRICED).click()
    await page.wait_for_url("**/?task=tsk_*")
    await page.locator("dialog img").first.wait_for()
    [task] = await here.app.service.page(LOCAL)
    assert (task.prompt, len(box.submits())) == ("a red fox [took:0]", 1)


async def test_it_is_filled_and_bought_with_the_keyboard_alone(here: Site, box: Sandbox) -> None:
    page = await opened(here)
    await page.get_by_label("Prompt").focus()
    await page.keyboard.type("a hare [took:0]")
    await page.locator(PRICED).wait_for()
    assert box.submits() == [], "typing buys nothing"
    for _ in range(30):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.matches('button.main')"):
            break
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/?task=tsk_*")
    assert await prompts(here) == ["a hare [took:0]"]


async def test_a_choice_that_a_model_needs_begins_with_its_first(here: Site) -> None:
    page = await opened(here, "new?model=sora-2")
    await fill(page)
    await expect(page.get_by_label("Mode (needed)")).to_have_value('"text-to-video"')


async def test_enter_in_a_line_of_text_buys_nothing(here: Site, box: Sandbox) -> None:
    page = await opened(here)
    await fill(page)
    sent = posts(page)
    async with page.expect_response("**/api/quote"):
        await page.locator(".file input[type=text]").first.press("Enter")
    assert sent == ["quote"]
    assert await prompts(here) == []


async def test_a_double_click_buys_once(here: Site, box: Sandbox) -> None:
    page = await opened(here)
    await fill(page)
    sent = posts(page)
    await page.locator(PRICED).dblclick()
    await page.wait_for_url("**/?task=tsk_*")
    assert sent == ["make"]
    assert await prompts(here) == ["a red fox [took:0]"]


async def test_a_lost_answer_is_asked_for_again_by_the_same_key(here: Site, box: Sandbox) -> None:
    page = await opened(here)
    await fill(page)
    keys: list[str] = []

    async def lose(route: Any) -> None:
        keys.append(json.loads(route.request.post_data)["key"])
        if len(keys) > 1:
            await route.continue_()
            return
        await route.fetch()  # it arrives, and its answer does not
        await route.abort()

    await page.route("**/api/make", lose)
    await page.locator(PRICED).click()
    await page.wait_for_url("**/?task=tsk_*")
    assert len(set(keys)) == 1
    assert len(keys) == 2
    assert await prompts(here) == ["a red fox [took:0]"]


async def test_a_page_that_is_loaded_anew_during_the_click_finds_what_was_bought(here: Site, box: Sandbox) -> None:
    page = await opened(here)
    await fill(page)

    arrived = anyio.Event()

    async def swallow(route: Any) -> None:
        if arrived.is_set():
            await route.continue_()
            return
        await route.fetch()  # no answer is given, and the page is left waiting
        arrived.set()

    await page.route("**/api/make", swallow)
    await page.locator(PRICED).click()
    with in_time(15):
        await arrived.wait()
    await page.reload()  # the route stays: without one the browser sends what was held
    await page.get_by_role("button", name="Show it (already bought)").click()
    await page.wait_for_url("**/?task=tsk_*")
    assert await prompts(here) == ["a red fox [took:0]"]
    await opened(here)
    await page.get_by_text("Still needed: Prompt").wait_for()  # what was bought is not begun again
    await expect(page.get_by_label("Prompt")).to_have_value("")


async def test_two_tabs_that_show_one_price_buy_once(here: Site, box: Sandbox) -> None:
    page = await opened(here)
    await fill(page)
    other = await page.context.new_page()
    await other.goto(f"{here.url}/new?model=nano-banana")
    await fill(other)
    await page.locator(PRICED).click()
    await page.wait_for_url("**/?task=tsk_*")
    await other.locator(PRICED).click()
    await other.get_by_text("Nothing was sent or charged").first.wait_for()
    assert await prompts(here) == ["a red fox [took:0]"]


async def test_what_is_wrong_is_told_at_its_field(here: Site) -> None:
    page = await opened(here)
    await fill(page)
    await page.locator(".file input[type=text]").first.fill("task:tsk_aaaaaaaaaaaaaaaaaaaaaaaaaa/0")
    field = page.locator("[aria-invalid='true']")
    await field.wait_for()
    described = (await field.get_attribute("aria-describedby")).split()
    await expect(page.locator(f"#{described[-1]}")).not_to_be_empty()
    assert await violations(page) == []
    await page.locator("button.main").press("Enter")
    await expect(field).to_be_focused()


async def test_an_earlier_picture_is_chosen_by_how_it_looks(here: Site) -> None:
    fox = await here.made()
    page = await opened(here)
    await page.get_by_label("Prompt").fill("at night [took:0]")
    await page.locator("[data-act=pick]").first.click()
    await page.locator("dialog .thumb").first.click()
    await expect(page.locator(".file input[type=text]").first).to_have_value(f"task:{fox['task_id']}/0")
    await page.locator(PRICED).wait_for()
    await shot(page, "form with a picture")
    await page.locator(PRICED).click()
    await page.wait_for_url("**/?task=tsk_*")
    [task, _] = await here.app.service.page(LOCAL)
    assert len(task.inputs["image_urls"]) == 1


async def test_a_file_is_uploaded_and_named_by_its_reference(here: Site, tmp_path: Path) -> None:
    page, local = await opened(here), tmp_path / "mine.png"
    local.write_bytes(a_png())
    await page.locator("input[type=file]").first.set_input_files(local)
    field = page.locator(".file input[type=text]").first
    await expect(field).to_have_value(re.compile("^upload:"))
    named = await field.input_value()
    assert here.app.uploads.find(LOCAL.name, named.removeprefix("upload:")) is not None


async def test_a_task_is_used_again_with_its_inputs(here: Site) -> None:
    await here.made(aspect_ratio="16:9")
    await here.goto()
    await here.tile("a red fox").locator("a").click()
    await here.page.get_by_role("link", name="Use again").click()
    page = here.page
    await page.locator(PRICED).wait_for()
    await expect(page.get_by_label("Prompt")).to_have_value("a red fox [took:0]")
    await expect(page.get_by_label("Aspect ratio")).to_have_value('"16:9"')
    assert len(await prompts(here)) == 1, "nothing was bought by that"


async def test_above_the_budget_stands_why_and_what_to_do(box: Sandbox, tmp_path: Path, page: Any) -> None:
    async with site(box, tmp_path, page, daily_budget_usd=0.01) as here:
        await opened(here)
        await page.get_by_label("Prompt").fill("a fox")
        await page.locator("#price").get_by_text("It cannot be bought now").wait_for()
        await expect(page.locator("#price")).to_contain_text("midnight UTC")
        sent = posts(page)
        async with page.expect_response("**/api/quote"):
            await page.locator("button.main").press("Enter")
        assert sent == ["quote"]
        assert await prompts(here) == []
        assert box.submits() == []


@pytest.mark.parametrize("lang", ["en-GB", "zh-CN"])
async def test_it_is_without_a_fault_in_both_languages_and_themes_and_on_a_narrow_screen(
    box: Sandbox, tmp_path: Path, browser: Any, lang: str
) -> None:
    faults: list[str] = []
    async with (
        window(browser, locale=lang, viewport={"width": 1280, "height": 900}) as page,
        site(box, tmp_path, page) as here,
    ):
        for model in ("", "nano-banana", "suno", "ruxa/sora-2", "wan-2-7-image", "midjourney", "kling-2-6"):
            await here.goto(f"new?model={model}")
            await page.locator("#model option").nth(2).wait_for(state="attached")
            if model:
                await page.locator(".making .field textarea").first.fill("a fox")
                await expect(page.locator("button.main")).not_to_have_text(CHANGED[lang])
                told = page.locator("#price:not(:empty), .error:not(:empty), .trouble:not([hidden])")
                await told.first.wait_for()
            await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            await shot(page, f"form {lang} {model.replace('/', '-')}")
            faults += [f"{model}: {one}" for one in await violations(page)]
            faults += [f"{model}: {one}" for one in await overflowing(page)]
        await wear(page, "dark")
        await shot(page, f"form {lang} dark")
        faults += [f"dark: {one}" for one in await violations(page)]
        await page.set_viewport_size({"width": 320, "height": 640})
        await shot(page, f"form {lang} narrow")
        faults += [f"narrow: {one}" for one in await overflowing(page)]
        assert all(is_shown for _, is_shown in await focus_order(page, 20))
    assert faults == []
    assert page.complaints == []
