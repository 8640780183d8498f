"""What is to be told to an address of the operator's (`APIXO_MCP_NOTIFY_URL`), kept until that has taken it.

    a task ends, in whichever process ──► its row says so, and that it was not told
                                             │ collect: one transaction, under an id made of task and state
                                             ▼
      again after a pause, ◄──not taken── a webhook ──taken──► nothing is left of it
      in the end given up                    │
                                             └ take: for one sender at a time, for so many seconds

Nothing is lost between the end of a task and its webhook, since the row is the truth; and whichever process sends it,
and however often, it has the same id: a receiver that keeps the ids takes each once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

TASK_FINISHED = "task.finished"
ALERT_RAISED = "alert.raised"


@dataclass(frozen=True, slots=True)
class Webhook:
    """One message to the operator's address.

    Attributes:
        webhook_id: the same at every try.
        kind: `TASK_FINISHED` or `ALERT_RAISED`.
        task_id: the task that it is about; empty: none.
        state: that this task had come to.
        data: what an alert tells; empty for a task, whose row is told as it is when it is sent.
        made_at: Unix seconds.
        tries: how many there were, the present one included.
    """

    webhook_id: str
    kind: str
    task_id: str
    state: str
    data: Mapping[str, Any]
    made_at: float
    tries: int


@dataclass(frozen=True, slots=True)
class OutboxCount:
    """How much is in an outbox.

    Attributes:
        waiting: to be sent, or sent again.
        given_up: in the last days.
    """

    waiting: int
    given_up: int


class Outbox(Protocol):
    """Keeps webhooks."""

    async def begin(self) -> None:
        """Tells from now on, if that was not begun before: what has ended until then is not told."""
        ...

    async def collect(self) -> int:
        """Makes a webhook of each task that has come to an end, or to `unknown`, and was not told.

        A success is one once each of its files is saved, or could not be.

        Returns:
            How many.
        """
        ...

    async def put(self, webhook_id: str, kind: str, data: Mapping[str, Any]) -> None:
        """Adds a webhook of an alert, unless there is one with its id, or nothing is told."""
        ...

    async def take(self, lasts: float, limit: int) -> Sequence[Webhook]:
        """Takes what is due, for so many seconds: after that it is due again."""
        ...

    async def taken(self, webhook_id: str) -> None:
        """Notes that the receiver has it."""
        ...

    async def put_off(self, webhook_id: str, seconds: float) -> None:
        """Has it sent again after so many seconds."""
        ...

    async def give_up(self, webhook_id: str) -> None:
        """Notes that it is sent no more."""
        ...

    async def count(self) -> OutboxCount:
        """Counts what is waiting, and what was given up."""
        ...
