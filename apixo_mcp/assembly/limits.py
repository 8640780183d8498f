"""Holds the limits and time-outs of the parts, in one value."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apixo_mcp.engines.embedded import SweepLimits
from apixo_mcp.media.inputs.uploads import UploadLimits
from apixo_mcp.media.places import TransferLimits
from apixo_mcp.net.timeouts import Timeouts
from apixo_mcp.outside.limits import TunnelLimits
from apixo_mcp.tasks.running.parts import StepLimits
from apixo_mcp.usage.meter import READ_AFTER

if TYPE_CHECKING:
    from apixo_mcp.engines.queue import QueueLimits
    from apixo_mcp.health import HealthLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits and time-outs of the parts.

    Attributes:
        loaded_after: seconds after the start until the catalog is built.
        metered_after: seconds after the first change of a task until a balance is asked for.
    """

    timeouts: Timeouts = Timeouts()
    transfers: TransferLimits = TransferLimits()
    steps: StepLimits = StepLimits()
    sweep: SweepLimits = SweepLimits()
    queue: "QueueLimits | None" = None
    tunnel: TunnelLimits = TunnelLimits()
    health: "HealthLimits | None" = None
    uploads: UploadLimits = UploadLimits()
    loaded_after: float = 1.0
    metered_after: float = READ_AFTER
