"""The page behind a link to upload a file to."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.chromium import expect, shot
from support.house import ALICE, House, opened_house
from support.media_wire import a_png
from support.page_faults import focus_order, overflowing, violations
from support.program import text_of, values_for

from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings

pytestmark = pytest.mark.anyio

EDIT = {"model": "nano-banana", "prompt": "a fox [took:0]", "mode": "image-to-image", "wait_seconds": 20}

REFERENCE = re.compile(r"^upload:[a-z2-7]{26}$")


@pytest.fixture
async def house(request: pytest.FixtureRequest, box: Sandbox, tmp_path: Path) -> AsyncIterator[House]:
    listener = listen("127.0.0.1", 0)
    values = values_for(box, tmp_path) | {"public_url": url_of(listener) + request.param}
    async with opened_house(read_settings(**values), "auto", listener) as house:
        yield house


@pytest.fixture
async def link(house: House) -> str:
    async with house.client(ALICE) as alice:
        answer = await alice.call_tool("generate_image", {**EDIT, "image_urls": ["/home/me/a.png"]})
    return re.findall(r"http://\S+/uploads/\S+", text_of(answer))[0]


async def choose(page: Any, path: Path) -> None:
    await page.get_by_label(re.compile("A picture|图片")).set_input_files(path)
    await page.get_by_role("button", name=re.compile("^(Upload|上传)$")).click()


async def faults(page: Any, state: str) -> list[str]:
    await shot(page, f"upload {state}")
    return [f"{state}: {one}" for one in (*await violations(page), *await overflowing(page), *page.complaints)]


@pytest.mark.parametrize("house", ["/apixo"], indirect=True)
async def test_a_file_is_chosen_uploaded_and_used(house: House, link: str, page: Any, tmp_path: Path) -> None:
    picture, words, large = tmp_path / "a.png", tmp_path / "a.txt", tmp_path / "large.png"
    picture.write_bytes(a_png())
    words.write_text("no picture at all")
    with large.open("wb") as file:
        file.truncate(140_000_000)
    await page.goto(link)
    found = await faults(page, "form")
    order = await focus_order(page)
    assert [name for name, _ in order] == ["file", "Upload", "简体中文"]
    assert all(is_shown for _, is_shown in order)
    await page.get_by_role("link", name="简体中文").click()
    await page.get_by_role("button", name="上传").wait_for()
    found += await faults(page, "form in Chinese")
    await page.get_by_role("link", name="English").click()
    await page.get_by_role("button", name="Upload").wait_for()
    for path, told in ((words, "no picture, no video"), (large, "128,000,000 bytes")):
        await choose(page, path)
        await expect(page.locator("#file-problem")).to_contain_text(told, timeout=60_000)
        await page.locator("#file[aria-invalid]").wait_for()
        found += await faults(page, told)
    await choose(page, picture)
    handle = page.get_by_label("Give your assistant this")
    await expect(handle).to_have_value(REFERENCE)
    reference = await handle.input_value()
    found += await faults(page, "done")
    async with house.client(ALICE) as alice:
        made = await alice.call_tool("generate_image", {**EDIT, "image_urls": [reference]})
        assert not made.is_error, text_of(made)
    await page.goto(link)
    await page.get_by_role("heading", name="This link has taken its file").wait_for()
    await expect(page.get_by_label("Give your assistant this")).to_have_value(reference)
    found += await faults(page, "used")
    await page.goto(f"{link}x")
    found += await faults(page, "no link")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("house", [""], indirect=True)
async def test_a_button_that_is_pressed_twice_uploads_once(link: str, page: Any, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(a_png(padding=20_000_000))
    await page.goto(link)
    await page.get_by_label("A picture").set_input_files(picture)
    await page.get_by_role("button", name="Upload").dblclick(no_wait_after=True)
    await expect(page.get_by_label("Give your assistant this")).to_have_value(REFERENCE, timeout=60_000)
