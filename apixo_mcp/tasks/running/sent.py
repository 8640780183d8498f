"""Remembers what this process sent, beside the store: one that was set back to an earlier state has lost it.

A standby that took over without the last moments, or a copy put back under a running process, shows as unsent what has
left. The process that sent it must not send it again, and knows the answer.
"""

from collections import OrderedDict
from dataclasses import dataclass

from apixo_mcp.gateways.gateway import Accepted, Submitted, Unclear
from apixo_mcp.tasks.task import Task

SUBMITS_KEPT = 10_000  # submits: at a gateway's own pace many minutes, and a few MB


@dataclass(frozen=True, slots=True)
class SentBefore:
    """A submit that has left, or may have.

    Attributes:
        sent: the task as it was when the POST left.
        outcome: what the gateway answered; unclear until it has.
    """

    sent: Task
    outcome: Accepted | Unclear


class SentHere:
    """Remembers the last submits of this process that were paid for, or may have been."""

    def __init__(self, kept: int = SUBMITS_KEPT) -> None:
        self._kept = kept
        self._submits: OrderedDict[tuple[str, int], SentBefore] = OrderedDict()

    def leaves(self, sent: Task) -> None:
        """Notes that the POST of a task's present attempt leaves now."""
        self._note(sent, Unclear("This process had sent it, and the store did not know of that any more"))

    def answered(self, sent: Task, outcome: Submitted) -> None:
        """Notes what became of it; what cost nothing may leave again."""
        if isinstance(outcome, Accepted | Unclear):
            self._note(sent, outcome)
        else:
            self._submits.pop(_attempt(sent), None)

    def of(self, task: Task) -> SentBefore | None:
        """Returns the submit of a task's present attempt, where this process has made it already."""
        return self._submits.get(_attempt(task))

    def _note(self, sent: Task, outcome: Accepted | Unclear) -> None:
        self._submits[_attempt(sent)] = SentBefore(sent, outcome)
        if len(self._submits) > self._kept:
            self._submits.popitem(last=False)


def _attempt(task: Task) -> tuple[str, int]:
    return task.task_id, len(task.attempts)
