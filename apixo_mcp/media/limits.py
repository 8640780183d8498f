"""How much a process transfers at once, and how long it waits for a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from apixo_mcp.generation import Modality


def _caps() -> Mapping[Modality, int]:
    return {"image": 2_000_000_000, "audio": 4_000_000_000, "video": 20_000_000_000}


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferLimits:
    """Limits of saving, for all transfers of a process.

    Attributes:
        caps: the most bytes that are taken for a result of each kind: far more than any model makes, so that an
            endless body ends. What the disk takes is the limit before that.
        pauses: seconds before a fetch that failed is tried again while its caller still waits; later tries are the
            task's.
        parts: the most requests of one go for a file that its server hands out in parts.
        least_bytes: what must arrive in `least_every` seconds: an endless trickle would hold up its task.
        in_work: results that are looked for, fetched or waited with at once: each holds a folder open.
        flowing: transfers at once that bring more than a trickle.
        connections: at once, those included that wait for an answer or for the next byte of a body.
        stalled_after: seconds without bytes of the body after which a transfer gives its place to others.
        looked_every: seconds between two looks for those that stall.
    """

    caps: Mapping[Modality, int] = field(default_factory=_caps)
    pauses: tuple[float, ...] = (0.5, 1.5)
    parts: int = 1000
    least_bytes: int = 64 * 1024
    least_every: float = 30.0
    in_work: int = 200
    flowing: int = 16
    connections: int = 96
    stalled_after: float = 5.0
    looked_every: float = 0.25
