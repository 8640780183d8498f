"""A model that follows a script: it calls one tool of the server's, reads what comes back, and says its last words."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from hosts_cli.apis import APIS, Api, Call, Turn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apixo_mcp.net.uvicorn_server import listen, listening, url_of

LAST_WORDS = "That was the whole script."
NO_TOOL = "The tool is not offered."

_PICTURE = re.compile(rb"/9j/[A-Za-z0-9+/]{1000}")
"""A JPEG in base64, as each API has pictures."""

_WAITS = "WaitForMcpServers"
"""What Claude Code offers while servers are still starting (seen with 2.1)."""


@dataclass
class ScriptedModel:
    """A model on an address of this machine, over each of the APIs.

    Attributes:
        tool: the end of the name of what it calls.
        arguments: that it calls it with.
        result: what came back from it, as JSON; empty before.
        calls: how often it asked for it.
        sees: whether it was shown a picture with that.
    """

    tool: str
    arguments: Mapping[str, Any]
    url: str = ""
    result: str = ""
    calls: int = 0
    sees: bool = False

    def next_step(self, turn: Turn) -> Call | str:
        """Returns what the script has for a turn."""
        if result := next((text for name, text in turn.results.items() if name.endswith(self.tool)), ""):
            self.result = result
            return LAST_WORDS
        for name, arguments in ((self.tool, self.arguments), (_WAITS, {})):
            if tool := next((tool for tool in turn.tools if tool.name.endswith(name)), None):
                self.calls += name == self.tool
                return Call(tool, arguments)
        return NO_TOOL

    @asynccontextmanager
    async def open(self) -> AsyncIterator["ScriptedModel"]:
        """Serves it meanwhile."""
        routes = [Route(path, self._answers(api), methods=["POST"]) for path, api in APIS.items()]
        listener = listen("127.0.0.1", 0)
        self.url = url_of(listener)
        async with listening(Starlette(routes=routes), listener, finishing=0.0):
            yield self

    def _answers(self, api: Api) -> Any:
        async def answer(request: Request) -> Response:
            turn = api.read(await request.json())
            self.sees = self.sees or _PICTURE.search(await request.body()) is not None
            return Response(api.write(self.next_step(turn)), media_type="text/event-stream")

        return answer
