"""A gateway whose every task makes one picture of a fox, and a program on it that follows no task by itself."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from support.media_wire import a_png
from support.scripted_gateway import Gateway, whole

from apixo_mcp.app import App, open_app
from apixo_mcp.settings import read_settings


@asynccontextmanager
async def fox_gateway() -> AsyncGenerator[Gateway]:
    """Serves a gateway whose results are one picture."""
    async with Gateway() as gateway:
        gateway.results(gateway.serve("/fox.png", whole(a_png())))
        yield gateway


@asynccontextmanager
async def unfollowing_app(gateway: Gateway, folder: Path) -> AsyncGenerator[App]:
    """Opens a program on a gateway, with its data in a folder: an engine of the test's follows its tasks."""
    settings = read_settings(
        home=folder / "home",
        download_dir=folder / "pictures",
        apixo_api_key="sk-mine",
        apixo_base_url=gateway.url,
        allow_private_hosts=True,
    )
    async with open_app(settings, follow=False) as app:
        yield app
