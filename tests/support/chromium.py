"""The system's own Chromium, driven by Playwright, and pictures of what it shows."""
# pyright: reportMissingImports=false, reportUnknownMemberType=false

import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome", "msedge")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)
WAITS = 60_000
"""Milliseconds that what is claimed of a page may take to become so."""

SHOTS = Path(__file__).resolve().parents[2] / "screenshots"


def needed() -> str:
    """Where Chromium is; the test is left out where this machine does not have it, unless it must."""
    path = next(filter(None, map(shutil.which, NAMES)), None) or next(filter(os.path.exists, PLACES), None)
    if path is None and os.environ.get("NEED_BROWSER"):
        pytest.fail("Chromium is missing, and NEED_BROWSER says that it must be here")
    if path is None:
        pytest.skip("Chromium is not installed; on Debian: apt-get install chromium fonts-noto-cjk")
    return path


@asynccontextmanager
async def chromium() -> AsyncIterator[Any]:
    """Runs Chromium; yields Playwright's browser. Every host beneath `.example` is this machine."""
    if os.environ.get("NEED_BROWSER"):
        from playwright.async_api import async_playwright
    else:
        async_playwright = pytest.importorskip("playwright.async_api").async_playwright
    options = ["--host-resolver-rules=MAP *.example 127.0.0.1"]
    if sys.platform != "win32" and os.geteuid() == 0:
        options.append("--no-sandbox")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=needed(), args=options)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def window(browser: Any, **options: Any) -> AsyncIterator[Any]:
    """Opens a window of a browser that nobody has used; yields its page.

    What its console complains of is in `complaints`. What is still asked by its routes in the end fails no test, and
    nothing in it moves by itself.
    """
    context = await browser.new_context(reduced_motion="reduce", **options)
    context.set_default_timeout(WAITS)
    page = await context.new_page()
    page.complaints = []
    context.on("console", lambda said: page.complaints.append(said.text) if "Policy" in said.text else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    try:
        yield page
    finally:
        for one in context.pages:
            await one.unroute_all(behavior="ignoreErrors")
        await context.close()


def expect(shown: Any) -> Any:
    """Returns Playwright's assertions about a page or a part of it, which wait until what they claim is so."""
    from playwright.async_api import expect as waiting

    waiting.set_options(timeout=WAITS)
    return waiting(shown)


async def shot(page: Any, name: str) -> Path:
    """Keeps a picture of a whole page, in a folder that is not committed."""
    SHOTS.mkdir(exist_ok=True)
    path = SHOTS / f"{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}.png"
    await page.screenshot(path=path, full_page=True)
    return path
