"""Understands the two requests that open a connection, without the SDK, and answers what is certain to be answered so.

Whatever is unusual is not understood here and left to the SDK; a client is then answered later, never otherwise.

A part of the early handshake, which `server.stdio.early` tells whole.
"""

import json

from apixo_mcp.server.server_info import discover_result, initialize_result

TYPE_CHECKING = False  # `typing` costs a tenth of the early stage
if TYPE_CHECKING:
    from typing import Any, TypeGuard

HANDSHAKE_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MODERN_VERSION = "2026-07-28"
_META = "io.modelcontextprotocol/"
_LOG_LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")

LONGEST_OPENING = 64 * 1024
"""Bytes of a line that is looked at. Every known client's opening is below one kilobyte."""

_DEEPEST = 100
"""The SDK's parser gives up on depth sooner than `json`: with fewer brackets than this it cannot."""

_INFO = {"title": str, "description": str, "websiteUrl": str, "icons": list}
_CAPABILITIES: "dict[str, Any]" = {
    "roots": {"listChanged": bool},
    "sampling": {"context": {}, "tools": {}},
    "elicitation": {"form": {}, "url": {}},
    "tasks": {
        "list": {},
        "cancel": {},
        "requests": {"sampling": {"createMessage": {}}, "elicitation": {"create": {}}},
    },
    "experimental": {"*": dict},
    "extensions": {"*": dict},
}


class Greeting:
    """An opening request and its answer.

    Attributes:
        request_id: as the client gave it.
        opens: whether it was `initialize`, which the server has to hear too; `server/discover` changes nothing.
        result: what was answered.
    """

    __slots__ = ("opens", "request_id", "result")

    def __init__(self, request_id: int | str, opens: bool, result: dict[str, object]) -> None:
        self.request_id = request_id
        self.opens = opens
        self.result = result

    def line(self) -> bytes:
        """Returns the answer as it stands on the wire."""
        return json.dumps({"jsonrpc": "2.0", "id": self.request_id, "result": self.result}).encode() + b"\n"


def read_opening(line: bytes) -> "dict[str, Any] | None":
    """Returns the JSON object on a line, or None where the SDK's parser might read the line in another way."""
    body = line.removesuffix(b"\n").removesuffix(b"\r")
    if len(body) > LONGEST_OPENING or b"\r" in body or body.count(b"{") + body.count(b"[") > _DEEPEST:
        return None
    if b"\\ud" in body.lower():  # half of a surrogate pair is a string to the one parser and an error to the other
        return None
    try:
        message = json.loads(body.decode(), parse_constant=_refuse, object_pairs_hook=_without_twins)
    except ValueError:
        return None
    return message if _is_object(message) else None


def is_notification(message: "dict[str, Any]") -> bool:
    """Tells whether nobody waits for an answer to it."""
    method = message.get("method")
    return isinstance(method, str) and method.startswith("notifications/") and "id" not in message


def greet(message: "dict[str, Any]", *, key_set: bool) -> Greeting | None:
    """Returns the answer to an opening request, or None where it is the SDK's to give."""
    request_id, params = message.get("id"), message.get("params")
    if message.keys() != {"jsonrpc", "id", "method", "params"} or message["jsonrpc"] != "2.0":
        return None
    if not isinstance(request_id, int | str) or isinstance(request_id, bool) or not _is_object(params):
        return None
    if message["method"] == "initialize" and _is_handshake(params):
        return Greeting(request_id, True, initialize_result(params["protocolVersion"], key_set=key_set))
    if message["method"] == "server/discover" and _is_probe(params):
        return Greeting(request_id, False, discover_result(key_set=key_set))
    return None


def _is_handshake(params: "dict[str, Any]") -> bool:
    meta = params.get("_meta")
    return (
        params.get("protocolVersion") in HANDSHAKE_VERSIONS
        and _are_capabilities(params.get("capabilities"))
        and _is_info(params.get("clientInfo"))
        and (meta is None or (_is_object(meta) and not _has_token(meta)))
    )


def _is_probe(params: "dict[str, Any]") -> bool:
    meta = params.get("_meta")
    return (
        _is_object(meta)
        and not _has_token(meta)
        and meta.get(_META + "protocolVersion") == MODERN_VERSION
        and _are_capabilities(meta.get(_META + "clientCapabilities"))
        and (meta.get(_META + "clientInfo") is None or _is_info(meta[_META + "clientInfo"]))
        and meta.get(_META + "logLevel") in (None, *_LOG_LEVELS)
    )


def _has_token(meta: "dict[str, Any]") -> bool:
    return "progressToken" in meta or "progress_token" in meta


def _are_capabilities(value: object) -> bool:
    return _is_object(value) and _fits(value, _CAPABILITIES)


def _is_info(value: object) -> bool:
    return (
        _is_object(value)
        and isinstance(value.get("name"), str)
        and isinstance(value.get("version"), str)
        and _fits(value, _INFO)
        and all(_is_icon(icon) for icon in value.get("icons") or ())
    )


def _is_icon(value: object) -> bool:
    return (
        _is_object(value)
        and isinstance(value.get("src"), str)
        and _fits(value, {"mimeType": str, "sizes": [str]})
        and value.get("theme") in (None, "light", "dark")
    )


def _fits(value: object, shape: "Any") -> bool:
    """Tells whether a value has a shape.

    A type is itself, a list is of any number of its entry, an object has the fields of its own or null or nothing
    there, and an object with the one field `*` has any, each of that shape.
    """
    if isinstance(shape, type):
        return isinstance(value, shape)
    if _is_list(shape):
        return _is_list(value) and all(_fits(entry, shape[0]) for entry in value)
    if not _is_object(value):
        return False
    if "*" in shape:
        return all(_fits(entry, shape["*"]) for entry in value.values())
    return all(value.get(name) is None or _fits(value[name], field) for name, field in shape.items())


def _is_object(value: object) -> "TypeGuard[dict[str, Any]]":
    return isinstance(value, dict)


def _is_list(value: object) -> "TypeGuard[list[Any]]":
    return isinstance(value, list)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _without_twins(pairs: "list[tuple[str, Any]]") -> "dict[str, Any]":
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a name stands twice")
    return fields
