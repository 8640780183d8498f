"""A receiver of webhooks, which takes only what is signed."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apixo_mcp.net.uvicorn_server import listen, listening, url_of
from apixo_mcp.tasks.task import Task

KEY = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"


@dataclass
class Message:
    """A webhook as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def webhook_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def told(self) -> dict[str, Any]:
        return json.loads(self.body)

    def is_genuine(self) -> bool:
        """By the words of the standard: HMAC-SHA256 over id, time and body."""
        signed = f"{self.webhook_id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        proof = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        return f"v1,{proof}" in self.headers["webhook-signature"].split(" ")


@dataclass
class Receiver:
    """Takes webhooks, and answers each with the next of its statuses, then 200."""

    url: str = ""
    port: int = 0
    messages: list[Message] = field(default_factory=list[Message])
    statuses: list[int] = field(default_factory=list[int])
    usually: int = 200
    silent: anyio.Event | None = None

    async def take(self, request: Request) -> Response:
        message = Message(dict(request.headers), await request.body())
        assert message.is_genuine()
        self.messages.append(message)
        if self.silent is not None:
            await self.silent.wait()
        status = self.statuses.pop(0) if self.statuses else self.usually
        return Response(status_code=status, headers={"location": f"{self.url}/elsewhere"} if status == 302 else None)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Receiver"]:
        listener = listen("127.0.0.1", self.port)
        self.port = listener.getsockname()[1]
        self.url = f"{url_of(listener)}/hook"
        routes = [Route("/hook", self.take, methods=["POST", "HEAD"])]
        async with listening(Starlette(routes=routes), listener, finishing=0.0):
            yield self

    def of(self, task: Task) -> list[Message]:
        return [one for one in self.messages if one.told["data"].get("task_id") == task.task_id]
