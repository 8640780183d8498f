"""Every page and state of it: in both languages, on a narrow screen, by the keyboard, without scripts."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.chromium import expect, shot, window
from support.house import ALICE
from support.page_faults import focus_order, overflowing, violations
from support.person import Raw, invitation_of

from apixo_mcp.app import App
from apixo_mcp.owners.tokens import new_token, secret_hash

pytestmark = pytest.mark.anyio

HOSTILE = "‮Claude (claude.ai) ‭<b>שלום</b> сlаude " + "W" * 90 + "Z" + "̶̷̴" * 5
LONG = "https://" + ".".join(["claude-ai-with-a-very-long-name"] * 5) + ".example/callback"
AN_APP = "cursor://anysphere.cursor-mcp/oauth/callback"


async def button(page: Any, number: int = 0) -> None:
    """Presses a button of a form, and waits for the page that it leads to."""
    async with page.expect_navigation():
        await page.get_by_role("button").nth(number).click()


async def states(page: Any, app: App, raw: Raw) -> AsyncIterator[tuple[str, Any]]:
    """Walks through the states of the sign-in, and stops at each of them."""
    await page.goto(f"{raw.url}/sign-in")
    yield "first", page
    await page.goto(raw.asks())
    yield "first with a question", page
    await page.get_by_role("textbox").fill("nonsense")
    await page.keyboard.press("Enter")
    await page.get_by_role("textbox").and_(page.locator("[aria-invalid]")).wait_for()
    yield "refused", page
    await page.goto(f"{raw.url}/sign-in/{'x' * 43}")
    yield "no such invitation", page
    invitation = await invitation_of(app, "alice")
    await page.goto(f"{raw.url}/sign-in/{invitation}")
    yield "invited", page
    await page.context.clear_cookies(name="apixo_visit")
    await button(page)
    yield "no cookies", page
    await page.goto(f"{raw.url}/sign-in/{invitation}")
    await button(page)
    yield "question", page
    await page.goto(raw.asks(client_id="nobody"))
    yield "unknown client", page
    await page.goto(f"{raw.url}/sign-in")
    yield "signed in", page
    await raw.registers(client_name=HOSTILE[:100], redirect_uris=[LONG])
    await page.goto(raw.asks(redirect_uri=LONG, scope="read generate admin"))
    yield "hostile question", page
    await raw.registers(client_name="Cursor", redirect_uris=[AN_APP])
    for number, name in enumerate(("allowed", "declined")):
        tab = await page.context.new_page()  # one that has opened an app waits for its person
        await tab.goto(raw.asks(redirect_uri=AN_APP))
        await tab.get_by_role("button").nth(number).click(no_wait_after=True)
        await tab.locator(f"a[href^='{AN_APP}']").wait_for()
        yield name, tab
    await page.goto(f"{raw.url}/sign-in?request={'x' * 43}")
    yield "over", page
    await page.goto(f"{raw.url}/sign-in")
    await button(page)
    yield "signed out", page


@pytest.mark.parametrize("lang", ["en", "zh-Hans"])
async def test_every_state_of_the_sign_in(house: tuple[App, Raw], page: Any, lang: str) -> None:
    app, raw = house
    await page.context.set_extra_http_headers(
        {"accept-language": {"en": "en-GB,en", "zh-Hans": "zh-CN,zh;q=0.9,en;q=0.8"}[lang]}
    )
    faults: list[str] = []
    async for state, shown in states(page, app, raw):
        if not await shown.get_by_role("heading").count():
            faults.append(f"{state}: no page, but {await shown.inner_text('body')}")
            continue
        await shot(shown, f"{lang} {state}")
        found = [*await violations(shown), *await overflowing(shown), *page.complaints]
        await expect(shown.locator("html")).to_have_attribute("lang", lang)
        await expect(shown.get_by_role("heading")).to_have_count(1)
        faults += [f"{state}: {one}" for one in found]
        page.complaints.clear()
    assert not faults, "\n".join(faults)


async def test_a_hostile_name_stays_within_its_place(signed_in: Any, house: tuple[App, Raw]) -> None:
    _, raw = house
    await raw.registers(client_name=HOSTILE, redirect_uris=[LONG])
    await signed_in.goto(raw.asks(redirect_uri=LONG))
    heading = signed_in.get_by_role("heading")
    name = await heading.locator("bdi").inner_text()
    assert len(name) <= 80
    assert not set(name) & {"‮", "‭", "\n"}
    await expect(signed_in.locator("dl")).to_contain_text(LONG.split("/")[2])
    assert await heading.inner_text() == f"{name} asks to use this server in your name"
    await expect(signed_in.locator("b")).to_have_count(0)
    await expect(signed_in.get_by_text("It is described by")).to_have_count(0)  # no host stands in for it
    await signed_in.set_viewport_size({"width": 320, "height": 640})
    await shot(signed_in, "narrow hostile question")
    await signed_in.emulate_media(color_scheme="dark")
    await shot(signed_in, "dark hostile question")


async def test_the_keyboard_alone_is_enough(house: tuple[App, Raw], page: Any) -> None:
    app, raw = house
    token = new_token()
    await app.owners.set_token("alice", secret_hash(token))
    await page.goto(raw.asks())
    order = await focus_order(page)
    assert [name for name, _ in order] == ["I have opened it: continue", "secret", "Continue", "简体中文"]
    assert all(is_shown for _, is_shown in order), order
    field = page.get_by_label("paste your invitation link or your token")
    await expect(field).to_have_attribute("autocomplete", "current-password")
    await field.focus()
    await page.keyboard.type("amt_" + "x" * 43)
    await page.keyboard.press("Enter")
    wrong = page.locator("#secret[aria-invalid]")
    await wrong.wait_for()
    described = (await wrong.get_attribute("aria-describedby")).split()
    await expect(page.locator(f"#{described[0]}")).to_contain_text("lets nobody in")
    await expect(wrong).to_be_focused()
    await page.keyboard.type(token)
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Allow").wait_for()
    order = await focus_order(page)
    assert [name for name, _ in order] == ["Allow", "Deny", "简体中文"]
    assert all(is_shown for _, is_shown in order), order


async def test_a_language_that_is_chosen_stays(house: tuple[App, Raw], page: Any) -> None:
    app, raw = house
    await page.goto(raw.asks())
    await page.get_by_role("link", name="简体中文").click()
    await page.get_by_role("heading", name="请先登录").wait_for()
    await page.goto(f"{raw.url}/sign-in/{await invitation_of(app, ALICE.name)}")
    await button(page)
    await page.get_by_role("button", name="允许").wait_for()
    await page.get_by_role("link", name="English").click()
    await page.get_by_role("button", name="Allow").wait_for()
    await page.goto(raw.asks(client_id="nobody"))
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await page.get_by_role("link", name="简体中文").click()
    await page.get_by_role("heading", name="此程序无法为你登录").wait_for()


async def test_an_invitation_whose_button_is_pressed_twice_lets_in(house: tuple[App, Raw], page: Any) -> None:
    app, raw = house
    await page.goto(f"{raw.url}/sign-in/{await invitation_of(app, ALICE.name)}")
    await page.get_by_role("button").dblclick(no_wait_after=True)
    await page.get_by_role("heading", name="You are signed in as alice").wait_for()


async def test_it_works_without_scripts(house: tuple[App, Raw], browser: Any) -> None:
    app, raw = house
    async with window(browser, java_script_enabled=False) as page:
        await page.goto(raw.asks())
        await page.goto(f"{raw.url}/sign-in/{await invitation_of(app, ALICE.name)}")
        await button(page)
        async with page.expect_event("request", lambda one: one.url.startswith("http://localhost:7/callback?code=")):
            await page.get_by_role("button", name="Allow").click(no_wait_after=True)
