"""The gallery in a real browser, and the program that it is a page of."""

import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from mcp import Client
from support.program import structure, values_for
from support.store_tasks import make_followed

from apixo_mcp.app import App, open_app
from apixo_mcp.generation import Failure
from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.transport import serving
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.task import State, Task

FOX = {"model": "nano-banana", "prompt": "a red fox [took:0]", "wait_seconds": 20}


class Site:
    """The program over HTTP, with its page open in a browser.

    Attributes:
        client: of the program, as an assistant has one.
    """

    def __init__(self, app: App, client: Client, page: Any) -> None:
        self.app = app
        self.client = client
        self.page = page
        self.url = ""
        self._running = AsyncExitStack()
        self._kept = ExitStack()

    @property
    def _port(self) -> int:
        return int(self.url.rpartition(":")[2] or 0)

    async def start(self) -> None:
        """Serves it, at the address that it had before where it had one."""
        self._kept.close()
        listener = listen("127.0.0.1", self._port)
        self.url = url_of(listener)
        await self._running.enter_async_context(serving(self.app, build_server(self.app), listener))

    async def stop(self) -> None:
        """Serves it no more, and keeps its port from others until it is served again."""
        await self._running.aclose()
        held = self._kept.enter_context(socket.socket())
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", self._port))

    async def end(self) -> None:
        """Serves it never again."""
        await self._running.aclose()
        self._kept.close()

    async def goto(self, address: str = "") -> None:
        """Opens the page at an address within it."""
        await self.page.goto(f"{self.url}/{address}")
        await self.page.locator("main").wait_for()

    async def made(self, tool: str = "generate_image", **given: Any) -> dict[str, Any]:
        """Something that an assistant has made."""
        return structure(await self.client.call_tool(tool, {**FOX, **given}))

    async def put(self, *prompts: str, **given: Any) -> list[Task]:
        """Tasks that are over and told, without having been asked for; the last one is the newest."""
        now = time.time()
        values: dict[str, Any] = {"state": State.SUCCESS, "due": None, "updated_at": now, "answer": "given"}
        tasks = [
            make_followed(prompt=prompt, created_at=now + number / 1000, **{**values, **given})
            for number, prompt in enumerate(prompts)
        ]
        assert len(await self.app.store.add(tasks)) == len(tasks)
        return tasks

    def tile(self, words: str) -> Any:
        """The tile of a task, by words of its prompt."""
        return self.page.locator(".tile", has_text=words)


@asynccontextmanager
async def site(box: Sandbox, folder: Path, page: Any, **settings: Any) -> AsyncIterator[Site]:
    """The program of this machine alone, with nobody signed in; its page is not open yet."""
    async with (
        open_app(read_settings(**values_for(box, folder) | settings)) as app,
        Client(build_server(app)) as client,
    ):
        running = Site(app, client, page)
        await running.start()
        try:
            yield running
        finally:
            await page.unroute_all(behavior="ignoreErrors")  # what is still fetched is not to find the server gone
            await page.goto("about:blank")
            await running.end()


def failed(charged: Any, message: str = "The picture was refused.") -> Failure:
    """Why a task failed, and whether it was charged."""
    return Failure(
        code="CONTENT_VIOLATION",
        category="content_policy",
        message=message,
        advice="Reword the prompt.",
        retryable=False,
        charged=charged,
    )
