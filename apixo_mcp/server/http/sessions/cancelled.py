"""Keeps back the answer to a request that its client has cancelled: nobody waits for it, and clients log it as unknown.

The protocol asks for none. In the handshake revisions the SDK ends the stream of such a request by an error of its own.
"""

import json
from typing import Any, cast

from mcp.server.streamable_http import REQUEST_CANCELLED
from starlette.types import Message, Send

_CODE = f'"code":{REQUEST_CANCELLED}'.encode()


def without_cancelled(send: Send) -> Send:
    """Returns what sends an answer on but for an event that says of a request that it was cancelled."""

    async def told(message: Message) -> None:
        if message["type"] == "http.response.body" and _says_cancelled(message.get("body", b"")):
            message = {**message, "body": b""}
        await send(message)

    return told


def _says_cancelled(event: bytes) -> bool:
    if _CODE not in event:
        return False
    data = b"".join(line.removeprefix(b"data:") for line in event.splitlines() if line.startswith(b"data:"))
    try:
        error = cast(dict[str, Any], json.loads(data)).get("error")
    except (ValueError, AttributeError):
        return False
    return isinstance(error, dict) and cast(dict[str, Any], error).get("code") == REQUEST_CANCELLED
