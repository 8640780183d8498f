"""The app in the MCP Inspector: a host that is not ours, from the model's call to the picture."""

from pathlib import Path
from typing import Any

import pytest
from support.app_page import RECORD, ShownApp
from support.chromium import expect, shot
from support.inspector import inspector
from support.program import program, values_for

from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio

LIGHTHOUSE = {"model": "nano-banana", "prompt": "a lighthouse at dusk [took:0]"}
OF_THE_HOST = ("fonts.googleapis.com", "via a <meta> element outside the document's <head>")
"""Complaints that are not about us: a font of its own page; and that it has a head around ours, whose policy counts."""


async def test_the_inspector_shows_the_picture_of_a_call(box: Sandbox, tmp_path: Path, page: Any) -> None:
    complaints: list[str] = []

    def noted(said: Any) -> None:
        if said.type == "error":
            complaints.append(f"{said.text} {said.location['url']}")

    page.on("console", noted)
    await page.set_viewport_size({"width": 1400, "height": 1000})
    await page.add_init_script(RECORD)
    # Its own page asks for a font from elsewhere; nothing here waits for the world.
    await page.route("https://fonts.*/**", lambda route: route.abort())
    folder = tmp_path / "inspector"
    folder.mkdir()
    async with program("http", values_for(box, tmp_path)) as dial, inspector(folder) as host:
        await page.goto(host.address(dial(), "generate_image", LIGHTHOUSE))
        await page.get_by_role("button", name="Open App").click()
        await page.wait_for_function("() => window.fromApp.some(one => one.method === 'ui/notifications/initialized')")
        shown = ShownApp(page)
        inside = page.frame_locator("iframe").frame_locator("iframe")
        await inside.locator(".stage [data-by]").wait_for()
        await shown.frame.wait_for_function("() => document.querySelector('.stage img').naturalWidth > 0")
        await expect(inside.get_by_role("heading").first).to_have_text(LIGHTHOUSE["prompt"])
        assert await shown.violations() == []
        await inside.get_by_role("button", name="Regenerate").click()
        await inside.get_by_role("button", name="Make it for $0.03").wait_for()
        assert len(box.submits()) == 1
        await shot(page, "app in the inspector")
        methods = [message["method"] for message in await shown.messages() if "method" in message]
        assert methods[:2] == ["ui/initialize", "ui/notifications/initialized"]
        assert await shown.unlawful() == []
        ours = [said for said in [*complaints, *page.complaints] if not any(other in said for other in OF_THE_HOST)]
        assert ours == []
