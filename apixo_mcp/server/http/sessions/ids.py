"""The ids of sessions over Streamable HTTP: signed, and carrying all that a server must know of a client.

Whoever has the store's secret takes up the session that an id names: this process, one that is started after it, a
replica, the next version.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any, cast

from mcp.types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION

from apixo_mcp.foreign import clipped

LASTS = 30 * 86_400.0
"""Seconds after which an id is no longer taken up by a server that does not have its session."""

_LONGEST_NAME = 100  # characters
_LARGEST_CAPABILITY, _LARGEST_CAPABILITIES = 500, 1500  # characters of JSON: a header line is not to exceed 8 kB
_NAMES = ("name", "version", "title")


@dataclass(frozen=True, slots=True)
class HttpSession:
    """A session as its id tells it.

    Attributes:
        owner: the name of the one whose it is.
        client: what the client opened it with, as parameters of `initialize`.
        opened_at: Unix seconds.
        nonce: tells it apart from every other.
    """

    owner: str
    client: dict[str, Any]
    opened_at: float = field(default_factory=time.time)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16))


@dataclass(frozen=True, slots=True)
class SessionIds:
    """Makes and reads the ids.

    Attributes:
        secret: stays with the task store.
    """

    secret: bytes = field(repr=False)

    def id_of(self, session: HttpSession) -> str:
        """Returns the id of a session: visible ASCII, as the protocol asks."""
        told = {"by": session.owner, "at": round(session.opened_at), "no": session.nonce, "client": session.client}
        body = _encoded(json.dumps(told, separators=(",", ":")).encode())
        return f"{body}.{self._proof(body)}"

    def session_of(self, session_id: str, now: float) -> HttpSession | None:
        """Returns the session that an id names; None for one that is foreign, was changed or is too old."""
        body, _, proof = session_id.partition(".")
        if not session_id.isascii() or not hmac.compare_digest(self._proof(body), proof):
            return None
        told = json.loads(_decoded(body))
        session = HttpSession(told["by"], told["client"], told["at"], told["no"])
        return session if now - session.opened_at < LASTS else None

    def _proof(self, body: str) -> str:
        return _encoded(hmac.new(self.secret, f"http session {body}".encode(), hashlib.sha256).digest())


def client_of(params: object) -> dict[str, Any]:
    """Returns what an id tells of a client: its parameters of `initialize`, but for what is too large.

    Of a revision that is not known, the newest is told: it is what the answer to `initialize` names.
    """
    given = _object(params)
    revision = given.get("protocolVersion")
    info = _object(given.get("clientInfo"))
    return {
        "protocolVersion": revision if revision in HANDSHAKE_PROTOCOL_VERSIONS else LATEST_HANDSHAKE_VERSION,
        "capabilities": _small(_object(given.get("capabilities"))),
        "clientInfo": {name: clipped(str(info[name]), _LONGEST_NAME) for name in _NAMES if info.get(name) is not None},
    }


def _small(capabilities: dict[str, Any]) -> dict[str, Any]:
    """Returns the capabilities without those that are large: a client is then asked for less, never for more."""
    kept: dict[str, Any] = {}
    room = _LARGEST_CAPABILITIES
    for name, value in capabilities.items():
        size = len(json.dumps({name: value}))
        if size <= min(room, _LARGEST_CAPABILITY):
            kept[name] = value
            room -= size
    return kept


def _object(value: object) -> dict[str, Any]:
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
