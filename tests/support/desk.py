"""The program as a person at a desk has it: a tunnel, a picture of their own, and the sandbox beneath."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mcp import Client
from mcp.types import CallToolResult, Implementation
from PIL import Image
from support.program import come_to_rest, text_of, values_for
from support.stand_in_tunnel import stand_in

from apixo_mcp.app import App, open_app
from apixo_mcp.assembly.limits import Limits
from apixo_mcp.outside.limits import TunnelLimits
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.running.parts import StepLimits

QUICK = TunnelLimits(
    opens_within=90.0, lingers=0.3, looked_after_every=0.05, tried_every=0.1, quiet_for=5.0, opened_again_after=(0.01,)
)
EDIT = {"model": "nano-banana", "mode": "image-to-image", "wait_seconds": 20}


@dataclass
class Desk:
    """The program as a person at a desk has it, a client of it, and the gateway beneath."""

    app: App
    client: Client
    box: Sandbox
    picture: Path

    async def made(self, prompt: str = "a fox at night [took:0.3]", **arguments: Any) -> CallToolResult:
        asked = {**EDIT, "prompt": prompt, "image_urls": [str(self.picture)], **arguments}
        answer = await self.client.call_tool("generate_image", asked)
        assert isinstance(answer, CallToolResult)
        return answer

    async def told(self, prompt: str = "a fox at night [took:0.3]", **arguments: Any) -> dict[str, Any]:
        answer = await self.made(prompt, **arguments)
        assert not answer.is_error, text_of(answer)
        assert answer.structured_content is not None
        waits = arguments.get("wait_seconds", EDIT["wait_seconds"])
        return await come_to_rest(self.client, answer.structured_content) if waits else answer.structured_content

    async def ended(self, task: dict[str, Any]) -> dict[str, Any]:
        """What is told of a task once it has ended."""
        given = {"task_id": task["task_id"], "wait_seconds": 20}
        told = (await self.client.call_tool("check_task", given)).structured_content
        assert told is not None
        return await come_to_rest(self.client, told)

    def fetched(self) -> list[dict[str, Any]]:
        return [entry for entry in self.box.log() if entry["route"] == "input"]

    @property
    def url(self) -> str:
        assert self.app.tunnel is not None
        return self.app.tunnel.url


Sit = Callable[..., Any]


def seated(box: Sandbox, folder: Path) -> Sit:
    """Returns what opens the program over a folder, as often as is wanted."""

    @asynccontextmanager
    async def opened(
        how: str = "", *, limits: TunnelLimits = QUICK, steps: StepLimits = StepLimits(), **settings: Any
    ) -> AsyncIterator[Desk]:
        pictures = folder / "pictures"
        pictures.mkdir(exist_ok=True)
        picture = pictures / "mine.png"
        if not picture.exists():
            Image.new("RGB", (64, 48), "red").save(picture)
        values = {**values_for(box, folder), "tunnel": stand_in(how), **settings}
        async with (
            open_app(read_settings(**values), limits=replace(Limits(), tunnel=limits, steps=steps)) as app,
            Client(build_server(app), client_info=Implementation(name="claude-ai", version="1")) as client,
        ):
            yield Desk(app, client, box, picture)

    return opened
