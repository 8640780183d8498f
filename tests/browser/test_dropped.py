"""A file on the gallery: dropped, or chosen by keyboard, it tells what it was made of, and leads to its task."""

from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from support.app_page import ShownApp
from support.chromium import expect, shot, window
from support.described import FOX, described
from support.program import program, structure, told_once, values_for
from support.samples import picture

from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio

ASKED = {"model": "nano-banana", "prompt": "a lighthouse [took:0]", "wait_seconds": 20}
DROPPED = """([name, bytes]) => {
  const what = new DataTransfer()
  what.items.add(new File([new Uint8Array(bytes)], name))
  const how = {bubbles: true, cancelable: true, dataTransfer: what}
  for (const kind of ['dragover', 'drop']) document.body.dispatchEvent(new DragEvent(kind, how))
}"""


async def test_a_saved_file_leads_to_its_task(box: Sandbox, tmp_path: Path, page: Any) -> None:
    async with program("http", values_for(box, tmp_path) | {"embed": True}) as dial:
        url = dial()
        async with Client(url) as client:
            asked = structure(await client.call_tool("generate_image", ASKED))
            told = await told_once(client, asked, lambda task: task.get("results", [{}])[0].get("file") == "saved")
        await page.goto(url.removesuffix("mcp"))
        chooser = page.get_by_label("Where is a file from?")
        await chooser.focus()
        await expect(chooser).to_be_focused()
        await chooser.set_input_files(told["results"][0]["path"])
        dialog = page.get_by_role("dialog", name="What the file tells")
        await dialog.get_by_text("a lighthouse [took:0]", exact=True).wait_for()
        await expect(dialog).to_contain_text(told["task_id"])
        assert await ShownApp(page).violations() == []
        await shot(page, "gallery file")
        await dialog.get_by_role("link", name="Open its task").click()
        await page.wait_for_url(f"**/?task={told['task_id']}")
        await page.get_by_role("dialog", name="Task").get_by_role("heading", name="a lighthouse").wait_for()
    assert page.complaints == []


async def test_a_dropped_file_of_elsewhere_tells_itself_and_one_without_says_so(
    box: Sandbox, tmp_path: Path, browser: Any
) -> None:
    narrow = {"width": 320, "height": 700}
    async with (
        program("http", values_for(box, tmp_path)) as dial,
        window(browser, locale="zh-CN", viewport=narrow, color_scheme="dark") as page,
    ):
        await page.goto(dial().removesuffix("mcp"))
        await page.get_by_text("文件从何而来？").wait_for()
        evil = described(picture())
        await page.evaluate(DROPPED, ["<b>fox</b>.png", list(evil)])
        dialog = page.get_by_role("dialog", name="文件的来历")
        await dialog.get_by_text(FOX.prompt.splitlines()[0]).wait_for()
        await expect(dialog.get_by_role("link")).to_have_count(0)  # the task is not known here
        await expect(dialog.locator("b")).to_have_count(0)
        assert await ShownApp(page).violations() == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await page.keyboard.press("Escape")
        await dialog.wait_for(state="detached")
        await page.evaluate(DROPPED, ["plain.png", list(picture())])
        await dialog.get_by_text("没有记录").wait_for()
