"""The limits of a tunnel."""

from dataclasses import dataclass

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Hosts that only programs of this machine reach."""


@dataclass(frozen=True, slots=True)
class TunnelLimits:
    """The times of a tunnel, in seconds.

    Attributes:
        opens_within: until its address has to lead here.
        lingers: that it stays open once nothing needs it, and that a file is handed out then.
        looked_after_every: until it is looked at again whether what needed it has ended.
        tried_every: between two tries of an address that does not lead here yet.
        quiet_for: after which an address is tried though its program has not said that it is ready.
        proved_for: that an address which led here counts as doing so.
        opened_again_after: between two tries to open it for what was sent already; the last one goes on.
        unknown_for: that a task is needed of which nobody knows whether the gateway has it.
    """

    opens_within: float = 45.0
    lingers: float = 60.0
    looked_after_every: float = 2.0
    tried_every: float = 1.0
    quiet_for: float = 10.0
    proved_for: float = 2.0
    opened_again_after: tuple[float, ...] = (1.0, 5.0, 15.0, 60.0)
    unknown_for: float = 3600.0
