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
META = "io.modelcontextprotocol/"
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
        question: a request that the server has to hear, where it is none of the client's.
    """

    __slots__ = ("opens", "question", "request_id", "result")

    def __init__(
        self, request_id: int | str, opens: bool, result: dict[str, object], question: "dict[str, Any] | None" = None
    ) -> None:
        self.request_id = request_id
        self.opens = opens
        self.result = result
        self.question = question

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
    return message if is_object(message) else None


def is_notification(message: "dict[str, Any]") -> bool:
    """Tells whether nobody waits for an answer to it."""
    method = message.get("method")
    return isinstance(method, str) and method.startswith("notifications/") and "id" not in message


def is_request(message: "dict[str, Any]") -> bool:
    """Tells whether it is a request and nothing more."""
    return (
        message.keys() - {"params"} == {"jsonrpc", "id", "method"}
        and message["jsonrpc"] == "2.0"
        and is_token(message["id"])
        and isinstance(message["method"], str)
        and (message.get("params") is None or is_object(message["params"]))
    )


def is_token(value: object) -> bool:
    """Tells whether a value is an id or a token of progress: a text, or a number that is whole."""
    return isinstance(value, int | str) and not isinstance(value, bool)


def declares_apps(capabilities: "dict[str, Any]") -> bool:
    """Tells whether a client with these capabilities, which are of the right shape, shows apps (`server.apps`)."""
    extensions = capabilities.get("extensions")
    extension = extensions.get("io.modelcontextprotocol/ui") if is_object(extensions) else None
    types = extension.get("mimeTypes") if is_object(extension) else None
    return _is_list(types) and "text/html;profile=mcp-app" in types


def client_of_probe(params: object) -> "dict[str, Any] | None":
    """Returns the capabilities in a modern envelope, None where it is not certain to be taken."""
    meta = params.get("_meta") if is_object(params) else None
    if (
        is_object(meta)
        and meta.get(META + "protocolVersion") == MODERN_VERSION
        and _are_capabilities(meta.get(META + "clientCapabilities"))
        and (meta.get(META + "clientInfo") is None or _is_info(meta[META + "clientInfo"]))
        and meta.get(META + "logLevel") in (None, *_LOG_LEVELS)
    ):
        return meta[META + "clientCapabilities"]
    return None


def greet(message: "dict[str, Any]", *, key_set: bool) -> Greeting | None:
    """Returns the answer to an opening request, or None where it is the SDK's to give."""
    params = message.get("params")
    if not is_request(message) or not is_object(params):
        return None
    request_id = message["id"]
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
        and (meta is None or (is_object(meta) and not _has_token(meta)))
    )


def _is_probe(params: "dict[str, Any]") -> bool:
    return client_of_probe(params) is not None and not _has_token(params["_meta"])


def _has_token(meta: "dict[str, Any]") -> bool:
    return "progressToken" in meta or "progress_token" in meta


def _are_capabilities(value: object) -> bool:
    return is_object(value) and _fits(value, _CAPABILITIES)


def _is_info(value: object) -> bool:
    return (
        is_object(value)
        and isinstance(value.get("name"), str)
        and isinstance(value.get("version"), str)
        and _fits(value, _INFO)
        and all(_is_icon(icon) for icon in value.get("icons") or ())
    )


def _is_icon(value: object) -> bool:
    return (
        is_object(value)
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
    if not is_object(value):
        return False
    if "*" in shape:
        return all(_fits(entry, shape["*"]) for entry in value.values())
    return all(value.get(name) is None or _fits(value[name], field) for name, field in shape.items())


def is_object(value: object) -> "TypeGuard[dict[str, Any]]":
    """Tells whether a value is an object of JSON."""
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
