"""The two pictures that the README shows: made here, of what the sandbox makes, so that they can be made anew."""

import io
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from PIL import Image
from support.app_host import SHOWS_APPS
from support.app_page import AppPage
from support.chromium import SHOTS, expect, window
from support.program import program, structure, values_for

from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio

MADE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("generate_image", {"model": "nano-banana", "prompt": "A paper boat on a quiet lake", "aspect_ratio": "16:9"}),
    ("generate_image", {"model": "nano-banana", "prompt": "Morning fog over terraced hills", "aspect_ratio": "4:3"}),
    ("generate_video", {"model": "ruxa/sora-2", "prompt": "A kite climbs above the dunes"}),
    ("generate_image", {"model": "nano-banana", "prompt": "A red fox in the snow", "aspect_ratio": "3:4"}),
    ("generate_image", {"model": "nano-banana", "prompt": "A greenhouse full of ferns", "aspect_ratio": "1:1"}),
    ("generate_image", {"model": "nano-banana", "prompt": "Lanterns along a harbour wall", "aspect_ratio": "16:9"}),
    ("generate_image", {"model": "nano-banana", "prompt": "A lighthouse at dusk", "aspect_ratio": "16:9"}),
)
CHAT = {
    "model": "nano-banana",
    "prompt": "Sails at sunrise, seen from the cliffs",
    "aspect_ratio": "16:9",
    "wait_seconds": 20,
}
PICTURES_ARE_THERE = """which => {
  const all = [...document.querySelectorAll(which)].filter(one => one.getBoundingClientRect().top < innerHeight)
  return all.length && all.every(one => one.complete && one.naturalWidth)
}"""


async def kept(page: Any, name: str) -> int:
    """Keeps a picture as small as the README has it, and returns its bytes."""
    SHOTS.mkdir(exist_ok=True)
    path = SHOTS / f"{name}.webp"
    with Image.open(io.BytesIO(await page.screenshot())) as shown:
        shown.save(path, quality=82, method=6)
    return path.stat().st_size


async def test_the_pictures_of_the_readme_are_small(box: Sandbox, tmp_path: Path, browser: Any) -> None:
    async with program("http", values_for(box, tmp_path)) as dial, Client(dial(), **SHOWS_APPS) as client:
        for tool, given in MADE:
            structure(await client.call_tool(tool, {**given, "wait_seconds": 20}))
        async with window(browser, viewport={"width": 1160, "height": 720}) as page:
            await page.goto(dial().removesuffix("mcp"))
            await expect(page.locator(".tile")).to_have_count(len(MADE))
            await page.wait_for_function(PICTURES_ARE_THERE, arg=".tile img")
            assert await kept(page, "gallery") < 150_000
        async with window(browser, viewport={"width": 720, "height": 640}) as page:
            chat = AppPage(page, client)
            await chat.open()
            await chat.made("generate_image", **CHAT)
            await chat.app.locator("[data-act=download]").wait_for()
            await chat.app.locator(".stage [data-by=url]").wait_for()
            await chat.frame.wait_for_function(PICTURES_ARE_THERE, arg=".stage img", polling=50)
            assert await kept(page, "chat") < 150_000
