"""The limits of what is served over HTTP."""

from dataclasses import dataclass

from mcp.server.transport_security import DEFAULT_MAX_REQUEST_BODY_SIZE

from apixo_mcp.net.bounded_protocol import WireLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """What a server over HTTP takes, each process for itself.

    Attributes:
        wire: of each connection.
        message: bytes of a message of JSON-RPC; more is 413.
        form: bytes of any other body that is read whole; more is 413.
        told: bytes of a file that are read for what it tells of itself; more is 413.
        headers: of a request; more is 431.
        calls_a_minute: messages of one owner; more is 429.
        calls_at_once: messages of one owner that wait for their answers; more is 429.
        streams: that one owner may hold open; more is 429.
        sessions_of_owner: that are kept in memory for one owner. Beyond that the one that was silent for longest is let
            go, which its client does not notice: its next request takes it up again.
        sessions: for all owners together; one more is 503.
        looks_every: seconds between two looks whether the owner of something that is open was revoked.
    """

    wire: WireLimits = WireLimits()
    message: int = DEFAULT_MAX_REQUEST_BODY_SIZE
    form: int = 65_536
    told: int = 1 << 20
    headers: int = 100
    calls_a_minute: int = 6_000
    calls_at_once: int = 1_000
    streams: int = 1_000
    sessions_of_owner: int = 1_000
    sessions: int = 5_000
    looks_every: float = 3.0
