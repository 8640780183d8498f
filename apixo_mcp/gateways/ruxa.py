"""The gateway Ruxa AI (https://api.ruxa.ai)."""

from collections.abc import Mapping
from typing import Any

from apixo_mcp.gateways.answers import Question
from apixo_mcp.gateways.client import Client, segment
from apixo_mcp.gateways.gateway import Polled, Submitted

# Ruxa AI best practices guide; newer pages of its reference spell it `callback_url`.
CALLBACK_FIELD = "callBackUrl"


class Ruxa(Client):
    """Ruxa AI with one key."""

    name = "ruxa"

    async def submit(
        self, wire_model: str, inputs: Mapping[str, Any], *, provider: str = "", callback_url: str = ""
    ) -> Submitted:
        """Sends the paid POST exactly once (Ruxa AI best practices guide). Ruxa AI has no `provider`."""
        body: dict[str, Any] = {"model": wire_model, "input": dict(inputs)}
        if callback_url:
            body[CALLBACK_FIELD] = callback_url
        return await self._submit("/tasks/create", body)

    async def poll(
        self, wire_model: str, remote_id: str, *, inputs: Mapping[str, Any] | None = None, since: float | None = None
    ) -> Polled:
        """Asks how one task is (Ruxa AI best practices guide); its id is enough."""
        question = Question(remote_id, inputs=inputs or {}, since=since)
        return await self._poll(f"/tasks/query/{segment(remote_id)}", question)

    async def balance(self) -> None:
        """Returns None: Ruxa AI documents no such call."""
