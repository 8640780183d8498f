"""The protocol of a gateway: two questions and their possible answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from apixo_mcp.generation import Failure, Produced


@dataclass(frozen=True, slots=True)
class Accepted:
    """The submit created a task, which costs money.

    Attributes:
        remote_id: the gateway's task id; empty where the answer already held the result and named no task.
        produced: what the answer already holds (an asset id); usually nothing.
        done: whether the task has ended with this answer.
    """

    remote_id: str
    produced: tuple[Produced, ...] = ()
    done: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """It will not be done: the gateway says so, or HTTP does. Nothing was spent.

    Attributes:
        failure: why.
        has_left: whether it was the gateway that refused it; else nothing has left this process.
    """

    failure: Failure
    has_left: bool = True


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing was spent and the same submit may be sent again: it never left, or it was refused for now.

    Attributes:
        failure: what it becomes if it stays so.
        retry_after: seconds that the gateway asked for.
    """

    failure: Failure
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Unclear:
    """The request may have reached the gateway: it must never be sent again by itself.

    Attributes:
        reason: what happened, in a sentence without secrets.
        named_id: the task that the answer names all the same; a poll of it may settle what became of the request.
    """

    reason: str
    named_id: str = ""


Submitted = Accepted | Refused | Later | Unclear


@dataclass(frozen=True, slots=True)
class Running:
    """Not ended yet. A state the gateway never documented counts as running."""

    state: Literal["pending", "processing"]


@dataclass(frozen=True, slots=True)
class Succeeded:
    """Ended well.

    Attributes:
        produced: in the gateway's order; never empty: that is a failure.
        completed_at: Unix seconds, where told.
        notes: what the user should know of these results, as sentences.
        took: seconds from its beginning to its end by the gateway's own clock, where told.
    """

    produced: tuple[Produced, ...]
    completed_at: float | None = None
    notes: tuple[str, ...] = ()
    took: float | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """Ended badly.

    Attributes:
        transient: whether the gateway's documents say to submit again (PROCESSING_TIMEOUT, MODEL_UNAVAILABLE).
        raw: the answer itself where it tells of success and nothing in it can be read, without the key and cut.
    """

    failure: Failure
    transient: bool = False
    completed_at: float | None = None
    raw: str = ""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The poll told nothing; the task is as it was.

    Attributes:
        reason: what happened, in a sentence without secrets.
        retry_after: seconds that the gateway asked for.
        failure: set where every poll with this key will fare so (401, 402, 403), for the reader.
        too_fast: whether the gateway said that it is asked too often (429).
    """

    reason: str
    retry_after: float | None = None
    failure: Failure | None = None
    too_fast: bool = False


EMPTY_RESULT = "EMPTY_RESULT"
"""Our own code for a task that ended well and named nothing that it made."""

Polled = Running | Succeeded | Failed | NoAnswer


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left on the account.

    Attributes:
        amount: as the gateway counts.
        currency: `USD`, or the gateway's own word.
    """

    amount: float
    currency: str


class Gateway(Protocol):
    """One gateway with one API key. Every method returns a value for whatever happens on the wire and never raises."""

    @property
    def name(self) -> str:
        """Its name in the directory."""
        ...

    @property
    def base_url(self) -> str:
        """Without a trailing slash; a path in it is kept."""
        ...

    async def submit(
        self, wire_model: str, inputs: Mapping[str, Any], *, provider: str = "", callback_url: str = ""
    ) -> Submitted:
        """Sends the paid POST exactly once."""
        ...

    async def poll(
        self, wire_model: str, remote_id: str, *, inputs: Mapping[str, Any] | None = None, since: float | None = None
    ) -> Polled:
        """Asks how one task is. An answer about another task is none.

        Args:
            inputs: what was sent: what the answer repeats of it is no result.
            since: when the request was sent that this task may be of; one that is older, or a failure that does not
                name it, is no answer either.
        """
        ...

    def read_again(self, raw: str, inputs: Mapping[str, Any]) -> Polled:
        """Tells what a kept answer (`Failed.raw`) tells by the present way of reading it."""
        ...

    def task_in_callback(self, body: bytes) -> str:
        """Reads the remote id in a callback's body, empty where it names none. Nothing signs it: poll to confirm."""
        ...

    def redact(self, text: str) -> str:
        """Takes the key out of a text that came from outside."""
        ...

    async def balance(self) -> Balance | Failure | None:
        """Asks what is left; None where the gateway documents no such call."""
        ...
