"""The port to what leads here from outside: a gateway fetches input files, and calls back.

It is asked twice: before all waiting, for what may take a while, and right before the POST, for what must hold then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from apixo_mcp.generation import Failure
from apixo_mcp.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Sendable:
    """A task as it is sent, with addresses that lead here just now.

    Attributes:
        callback_url: where the gateway is to call when the task ends; empty: it is polled only.
        address: at which this machine is reached for it; empty where it need not be.
    """

    inputs: Mapping[str, Any]
    callback_url: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class NotNow:
    """A task that cannot be sent from here just now, though nothing is wrong with it.

    Attributes:
        missing: what this process lacks, which another may have, as the end of a sentence; empty: it is to be prepared
            anew.
    """

    missing: str = ""


Prepared = Sendable | Failure | NotNow
"""What can be sent; why it never can be, where nothing must be sent; or that it waits."""


class Reach(Protocol):
    """Leads what a gateway asks for to this machine."""

    async def prepared(self, task: Task) -> Prepared:
        """Sees to it that what a task's inputs lead to can be fetched, which may take a while."""
        ...

    async def confirmed(self, task: Task, sendable: Sendable) -> Prepared:
        """Sees quickly, at the last moment before the POST, whether what was prepared still holds."""
        ...


NO_BUCKET = NotNow("APIXO_MCP_RESULTS is not set here, and the gateway fetches its files from a bucket")
"""Of a task with files in a bucket, where there is none."""


class NoReach:
    """Leads nothing here: a task that needs no such thing is sent.

    Args:
        has_bucket: whether somebody else sees to files in a bucket.
    """

    def __init__(self, *, has_bucket: bool = False) -> None:
        self._has_bucket = has_bucket

    async def prepared(self, task: Task) -> Prepared:
        """See `Reach.prepared`."""
        if task.is_tunnelled:
            return NotNow("APIXO_MCP_TUNNEL is not set here, and the gateway fetches its files through a tunnel")
        if task.is_bucketed and not self._has_bucket:
            return NO_BUCKET
        return Sendable(task.inputs)

    async def confirmed(self, task: Task, sendable: Sendable) -> Prepared:
        """See `Reach.confirmed`."""
        return sendable
