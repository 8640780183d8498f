"""Holds what the clients of all gateways share: one key, one base URL, and one request at a time."""

import json
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from apixo_mcp.foreign import read_aside
from apixo_mcp.gateways import failures
from apixo_mcp.gateways.answers import Question, task_in_callback, undocumented_state
from apixo_mcp.gateways.credential import Credential
from apixo_mcp.gateways.gateway import NoAnswer, Polled, Refused, Running, Submitted
from apixo_mcp.gateways.interpret_poll import interpret_again, interpret_poll
from apixo_mcp.gateways.interpret_submit import interpret_submit
from apixo_mcp.gateways.named_ids import TELLING
from apixo_mcp.net.http import Http
from apixo_mcp.net.response import HttpResponse, size_of

if TYPE_CHECKING:
    from pydantic import SecretStr

_PREFIX = "/api/v1"
_MOST_STATES = 50

log = logging.getLogger(__name__)


class Client:
    """Asks one gateway with one key. Whatever comes back becomes a value; only cancellation raises.

    Attributes:
        name: the gateway's, in the directory.

    Args:
        http: the process's connections.
        key: the value of the gateway's key variable.
        base_url: with or without `/api/v1` at its end.
    """

    name = ""

    def __init__(self, http: Http, key: "SecretStr | str", base_url: str) -> None:
        secret = (key if isinstance(key, str) else key.get_secret_value()).strip()
        self._http = http
        self._key = secret
        self._base_url = base_url.rstrip("/")
        self._credential = Credential.of(self.name, secret)
        self._states: set[str] = set()

    @property
    def base_url(self) -> str:
        """Without a trailing slash; a path in it is kept."""
        return self._base_url

    def name_key(self, setting: str) -> None:
        """Has advice name where this key is set, where that is not the gateway's variable."""
        self._credential = replace(self._credential, setting=setting)

    def task_in_callback(self, body: bytes) -> str:
        """Returns the remote id that a callback's body names, empty where it names none."""
        named = task_in_callback(body)
        return "" if self._credential.holds(named) else named

    def read_again(self, raw: str, inputs: Mapping[str, Any]) -> Polled:
        """Tells what a kept answer tells by the present way of reading it."""
        return interpret_again(raw, self._credential, Question(base_url=self._base_url, inputs=inputs))

    def redact(self, text: str) -> str:
        """Takes the key out of a text that came from outside."""
        return self._credential.redact(text)

    @property
    def _usable(self) -> bool:
        return re.fullmatch(r"[\x21-\x7e]+", self._key) is not None

    async def _submit(self, path: str, body: Mapping[str, Any]) -> Submitted:
        if not self._usable:
            return Refused(failures.unusable_key(self._credential))
        try:
            json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError):
            return Refused(failures.unwritable_input(self._credential))
        reply = await self._send("POST", path, body=body, read_timeout=self._http.timeouts.submit, telling=TELLING)
        inputs = body.get("input")
        return await read_aside(
            size_of(reply), interpret_submit, reply, self._credential, time.time(), inputs, self._base_url
        )

    async def _poll(self, path: str, question: Question, params: Mapping[str, str] | None = None) -> Polled:
        if not self._usable:
            return NoAnswer("the API key cannot be used", failure=failures.unusable_key(self._credential))
        reply = await self._send("GET", path, params=params, read_timeout=self._http.timeouts.poll)
        return await read_aside(size_of(reply), self._judged, reply, replace(question, base_url=self._base_url))

    def _judged(self, reply: HttpResponse, question: Question) -> Polled:
        polled = interpret_poll(reply, self._credential, time.time(), question)
        state = undocumented_state(reply, self._credential) if isinstance(polled, Running) else ""
        if state and state not in self._states and len(self._states) < _MOST_STATES:
            self._states.add(state)
            log.info("%s reports the undocumented state %s; taken as running", self._credential.gateway, state)
        return polled

    async def _send(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
        read_timeout: float,
        telling: re.Pattern[bytes] | None = None,
    ) -> HttpResponse:
        root = self._base_url if self._base_url.endswith(_PREFIX) else self._base_url + _PREFIX
        headers = {"Authorization": f"Bearer {self._key}"}
        return await self._http.call(
            *(method, root + path),
            headers=headers,
            json=body,
            params=params,
            read_timeout=read_timeout,
            telling=telling,
        )


def segment(text: str) -> str:
    """Returns a model's or task's id as one segment of a path."""
    return quote(text, safe="") if text.strip(".") else text.replace(".", "%2E")
