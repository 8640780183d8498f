"""The gateway APIXO (https://api.apixo.ai)."""

from collections.abc import Mapping
from typing import Any

from apixo_mcp.gateways import failures
from apixo_mcp.gateways.answers import Question
from apixo_mcp.gateways.client import Client, segment
from apixo_mcp.gateways.envelope import read_envelope
from apixo_mcp.gateways.gateway import Balance, Polled, Submitted
from apixo_mcp.generation import Failure
from apixo_mcp.net.response import Answered, NotReached


class Apixo(Client):
    """APIXO with one key."""

    name = "apixo"

    async def submit(
        self, wire_model: str, inputs: Mapping[str, Any], *, provider: str = "", callback_url: str = ""
    ) -> Submitted:
        """Sends the paid POST exactly once (APIXO model pages: endpoints, request body)."""
        body: dict[str, Any] = {"request_type": "async"}
        if callback_url:
            body = {"request_type": "callback", "callback_url": callback_url}
        if provider:
            body["provider"] = provider
        body["input"] = dict(inputs)
        return await self._submit(f"/generateTask/{segment(wire_model)}", body)

    async def poll(
        self, wire_model: str, remote_id: str, *, inputs: Mapping[str, Any] | None = None, since: float | None = None
    ) -> Polled:
        """Asks how one task is; the model is part of the address (APIXO model pages)."""
        question = Question(remote_id, inputs=inputs or {}, since=since)
        return await self._poll(f"/statusTask/{segment(wire_model)}", question, {"taskId": remote_id})

    async def balance(self) -> Balance | Failure:
        """Asks what is left: `data` is a plain number of US dollars (APIXO api-reference, system)."""
        if not self._usable:
            return failures.unusable_key(self._credential)
        reply = await self._send("GET", "/apikeys/current-balance", read_timeout=self._http.timeouts.poll)
        if isinstance(reply, NotReached) and reply.setting:
            return failures.unusable_setting(reply.reason, reply.setting, self._credential)
        if not isinstance(reply, Answered):
            return failures.unreadable(reply.reason, self._credential)
        answer = read_envelope(reply.status, reply.body)
        if answer is None:
            return failures.unreadable(
                f"APIXO answered HTTP {reply.status} with a page that is not its own answer", self._credential
            )
        if answer.effective != 200:
            return failures.submit_refusal(answer.effective, answer.message, self._credential)
        amount = answer.data
        if not isinstance(amount, int | float) or isinstance(amount, bool) or not abs(amount) < 1e12:
            return failures.unreadable("APIXO answered without a number", self._credential)
        return Balance(float(amount), "USD")
