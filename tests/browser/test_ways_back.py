"""From the page back to the client, as a browser lets people go: what it holds against a form only it can tell."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support.amounts import in_time
from support.chromium import expect
from support.person import Raw
from support.site import site

from apixo_mcp.app import App

pytestmark = pytest.mark.anyio

AN_APP = "cursor://anysphere.cursor-mcp/oauth/callback"


async def asked(page: Any, raw: Raw, redirect_uri: str) -> None:
    """Has a client ask, which a page of another site leads to."""
    assert (await raw.registers(redirect_uris=[redirect_uri])).status_code == 201
    async with site() as elsewhere:
        elsewhere.page = f'<!doctype html><title>x</title><a href="{raw.asks(redirect_uri=redirect_uri)}">Connect</a>'
        elsewhere.page = elsewhere.page.replace("&", "&amp;")
        await page.goto(f"http://host.example:{elsewhere.port}/")
        await page.get_by_role("link").click()
        await page.get_by_role("button", name="Allow").wait_for()


@pytest.mark.parametrize("answer", ["Allow", "Deny"])
@pytest.mark.parametrize("where", ["this machine", "another host"])
async def test_a_client_on_the_web_or_on_this_machine_is_told(
    signed_in: Any, house: tuple[App, Raw], tmp_path: Path, where: str, answer: str
) -> None:
    async with site(None if where == "this machine" else tmp_path) as client:
        host = "http://127.0.0.1" if where == "this machine" else "https://client.example"
        await asked(signed_in, house[1], f"{host}:{client.port}/callback")
        await signed_in.get_by_role("button", name=answer).click()
        await signed_in.wait_for_url(f"{host}:{client.port}/callback?**")
        await expect(signed_in).to_have_title("The client")
    told = parse_qs(urlsplit(client.asked[-1]).query)
    assert ("code" in told, "error" in told) == ((True, False) if answer == "Allow" else (False, True))
    assert (told["state"], told["iss"]) == (["s"], [house[1].url])
    assert signed_in.complaints == []


@pytest.mark.parametrize("onward", ["claude://claude.ai/settings", "https://third.example/done"])
async def test_a_callback_leads_on_to_an_app_or_another_host(
    signed_in: Any, house: tuple[App, Raw], tmp_path: Path, onward: str
) -> None:
    """As that of claude.ai does; a policy that names where a form leads would end it here."""
    async with site(tmp_path) as client:
        client.leads_to = onward
        await asked(signed_in, house[1], f"https://client.example:{client.port}/callback")
        async with signed_in.expect_event("request", lambda one: one.url.startswith(onward)):
            await signed_in.get_by_role("button", name="Allow").click(no_wait_after=True)
    assert signed_in.complaints == []


@pytest.mark.parametrize("answer", ["Allow", "Deny"])
async def test_an_app_is_opened_and_the_page_says_that_it_is_done(
    signed_in: Any, house: tuple[App, Raw], answer: str
) -> None:
    await asked(signed_in, house[1], AN_APP)
    async with signed_in.expect_event("request", lambda one: one.url.startswith("cursor:")) as opened:
        await signed_in.get_by_role("button", name=answer).click()
    assert (await opened.value).url.startswith(f"{AN_APP}?{'code' if answer == 'Allow' else 'error'}=")
    said = "You have allowed raw" if answer == "Allow" else "You have said no to raw"
    await expect(signed_in.get_by_role("heading")).to_have_text(said)
    link = signed_in.get_by_role("link", name="Open the app")
    await expect(link).to_have_attribute("href", (await opened.value).url)
    assert signed_in.complaints == []


async def test_a_button_that_is_pressed_twice_counts_once(signed_in: Any, house: tuple[App, Raw]) -> None:
    _, raw = house
    async with site() as client:
        await asked(signed_in, raw, f"http://127.0.0.1:{client.port}/callback")
        await signed_in.get_by_role("button", name="Allow").dblclick(no_wait_after=True)
        with in_time(15):
            await client.heard.wait()
        await signed_in.wait_for_url(f"http://127.0.0.1:{client.port}/callback?**")
        codes = {parse_qs(urlsplit(path).query)["code"][0] for path in client.asked}
    assert len(codes) == 1
    place = f"http://127.0.0.1:{client.port}/callback"
    assert (await raw.redeems(codes.pop(), redirect_uri=place)).status_code == 200


async def test_who_goes_back_is_told_that_it_was_answered(signed_in: Any, house: tuple[App, Raw]) -> None:
    async with site() as client:
        await asked(signed_in, house[1], f"http://127.0.0.1:{client.port}/callback")
        await signed_in.get_by_role("button", name="Allow").click()
        await signed_in.wait_for_url("**/callback?**")
        await signed_in.go_back()
        await expect(signed_in.get_by_role("heading")).to_have_text("This question is over")
        assert len(client.asked) == 1
