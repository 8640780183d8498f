"""Decides on each line that comes while the server is loaded: what is answered to it, and whether the server hears it.

Pure but for the file with the lists. A part of the early handshake, which `server.stdio.early` tells whole.
"""

import json
import os

from apixo_mcp.server.server_info import discover_result
from apixo_mcp.server.stdio.handshake import (
    META,
    MODERN_VERSION,
    Greeting,
    client_of_probe,
    declares_apps,
    greet,
    is_notification,
    is_object,
    is_request,
    is_token,
    read_opening,
)
from apixo_mcp.server.stdio.lists import METHODS, list_result

TYPE_CHECKING = False  # `typing` costs a tenth of the early stage
if TYPE_CHECKING:
    from typing import Any

    from apixo_mcp.server.stdio.known import Known

_MOST = 32 * 1024
"""Bytes after which nothing more is answered: a pipe takes them, and the largest list, also where nobody reads yet."""


class Opening:
    """The opening of a connection, line by line.

    A connection is of one era, which its first request fixes. Before that, whatever is not understood ends the
    answering: the server may see in it something that changes all that follows. After that only another `initialize`
    can change what is answered, and a line that cannot be read may be one.

    Attributes:
        greeted: what the server has to hear for the era to be the same there, once it is fixed.
        is_asked: whether the server is waited for: a request was left to it, or a line that may be one.
    """

    def __init__(self, known: "Known | None") -> None:
        """Takes what is known of the settings; None answers nothing."""
        self._known = known
        self._speaks = known is not None
        self._is_modern = self._shows_apps = False
        self._said = 0
        self.greeted: Greeting | None = None
        self.is_asked = False

    @property
    def has_answered(self) -> bool:
        """Whether anything was answered."""
        return self._said > 0

    def hear(self, line: bytes) -> tuple[bytes, bool]:
        """Returns the answer to a line, empty for none, and whether the server has to read the line too."""
        known = self._known if self._said < _MOST else None
        message = read_opening(line) if self._speaks and known is not None else None
        if message is not None and is_notification(message):
            return b"", True
        answer = self._answer(message, known) if message is not None and known is not None else b""
        if not answer:
            self.is_asked = True
            if message is None or self.greeted is None or message.get("method") == "initialize":
                self._speaks = False
            return b"", True
        self._said += len(answer)
        return answer, message is not None and message["method"] == "initialize"

    def _answer(self, message: "dict[str, Any]", known: "Known") -> bytes:
        if not is_request(message):
            return b""
        if self.greeted is not None and not self._is_modern:
            return self._handshake(message, known)
        greeting = greet(message, key_set=known.key_set)
        if greeting is None:
            return self._modern(message, known)
        if greeting.opens and self._is_modern:
            return b""
        if greeting.opens:
            self.greeted = greeting
            self._shows_apps = declares_apps(message["params"]["capabilities"])
        return greeting.line()

    def _modern(self, message: "dict[str, Any]", known: "Known") -> bytes:
        """Returns the answer to a request that brings its own envelope. The first one fixes the era."""
        params = message.get("params")
        client = client_of_probe(params) if message["method"] in METHODS else None
        if client is None or not _is_plain(params, reserved=True):
            return b""
        result = list_result(message["method"], known, is_modern=True, shows_apps=declares_apps(client))
        if result is None:
            return b""
        if self.greeted is None:
            self._is_modern = True
            self.greeted = _of_our_own(known)
        return _line(message["id"], result)

    def _handshake(self, message: "dict[str, Any]", known: "Known") -> bytes:
        method = message["method"]
        if not _is_plain(message.get("params"), reserved=False):
            return b""
        if method == "ping":
            return _line(message["id"], "{}")
        if method not in METHODS:
            return b""
        result = list_result(method, known, is_modern=False, shows_apps=self._shows_apps)
        return b"" if result is None else _line(message["id"], result)


def _of_our_own(known: "Known") -> Greeting:
    """Returns a question that fixes the modern era for the server, under an id that no client has.

    The client's own may stand twice, and an answer that is not for the client must never be taken for one that is.
    """
    meta: dict[str, Any] = {f"{META}protocolVersion": MODERN_VERSION, f"{META}clientCapabilities": {}}
    number = f"early-{os.urandom(16).hex()}"
    question: dict[str, Any] = {"jsonrpc": "2.0", "id": number, "method": "server/discover", "params": {"_meta": meta}}
    return Greeting(number, False, discover_result(key_set=known.key_set), question)


def _is_plain(params: "dict[str, Any] | None", *, reserved: bool) -> bool:
    """Tells whether the parameters of a list are certain to be taken: at most a token and foreign notes, and no page.

    Args:
        params: of the request.
        reserved: whether the fields of the envelope may be there, which `client_of_probe` has looked at.
    """
    if params is None:
        return True
    meta = params.get("_meta")
    if params.keys() - {"_meta", "cursor"} or params.get("cursor") is not None:
        return False
    if meta is None:
        return True
    return (
        is_object(meta)
        and "progress_token" not in meta
        and ("progressToken" not in meta or is_token(meta["progressToken"]))
        and (reserved or not any(name.startswith(META) for name in meta))
    )


def _line(request_id: int | str, result: str) -> bytes:
    return f'{{"jsonrpc": "2.0", "id": {json.dumps(request_id)}, "result": {result}}}\n'.encode()
