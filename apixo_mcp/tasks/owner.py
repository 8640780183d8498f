"""Whose a task is: one value from the caller to the row."""

from dataclasses import dataclass

from apixo_mcp.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody who sees, uses and pays for their own tasks alone.

    Attributes:
        name: as it stands in the rows.
    """

    name: str

    def owns(self, task: Task) -> bool:
        """Tells whether a task is theirs."""
        return task.owner == self.name


LOCAL = Owner("local")
"""The owner of what is asked for on this machine: over stdio, and on the command line."""
