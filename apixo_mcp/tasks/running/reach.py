"""The port to what leads here from outside: a gateway fetches input files, and calls back."""

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
        reached_at: the public address that this begins with.
    """

    inputs: Mapping[str, Any]
    callback_url: str = ""
    reached_at: str = ""


class Reach(Protocol):
    """Leads what a gateway asks for to this machine."""

    async def prepared(self, task: Task) -> Sendable | Failure | None:
        """Sees to it that what a task's inputs lead to can be fetched, which may take a while.

        Returns:
            Why it cannot be, where nothing must be sent. None where another process may be able to see to it.
        """
        ...


class NoReach:
    """Leads nothing here: a task that needs no such thing is sent."""

    async def prepared(self, task: Task) -> Sendable | Failure | None:
        """See `Reach.prepared`."""
        return None if task.is_tunnelled else Sendable(task.inputs)
