"""What the store adds up for a report: how tasks ended, how long they took, and what balances have told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from apixo_mcp.generation import Failure
from apixo_mcp.tasks.owner import Owner


@dataclass(frozen=True, slots=True)
class FailureCount:
    """How many tasks ended with one failure.

    Attributes:
        failure: of one of them; its code, its category and whether it was charged are those of all.
        tasks: that ended so, or of which it is not known how they ended.
    """

    failure: Failure
    tasks: int


@dataclass(frozen=True, slots=True)
class TimeTaken:
    """How long the tasks of a model took that ended well, in seconds from the first request to the result.

    Attributes:
        tasks: that these were.
        median: half of them took no longer.
        p90: nine in ten took no longer.
    """

    model: str
    tasks: int
    median: float
    p90: float


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How the tasks of some days ended.

    Attributes:
        failures: the most frequent first.
        retried: requests that failed and were followed by another one for the same task, by the failure's code.
        times: by the names of the models.
    """

    failures: Sequence[FailureCount]
    retried: Mapping[str, int]
    times: Sequence[TimeTaken]


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceReading:
    """What a gateway told of a balance.

    Attributes:
        payer: whose key was asked about; empty: the server's.
        key_print: of that key.
        amount: that was left, US dollars.
        took: seconds from the question to the answer: what was spent meanwhile may be in it or not.
    """

    payer: str
    gateway: str
    key_print: str
    amount: float
    took: float


@dataclass(frozen=True, slots=True)
class BalanceLoss:
    """What the balances at a gateway lost on a day, seen between one reading and the next.

    Attributes:
        spent_usd: by how much they fell, also by what was bought elsewhere with the same key.
        added_usd: by how much they rose: credit that was bought, or given back.
        since: Unix seconds of the reading that it begins with.
    """

    day: str
    gateway: str
    spent_usd: float
    added_usd: float
    since: float


class ReportStore(Protocol):
    """Adds up what is reported, and keeps what balances told.

    Of a key there is a row a day, which each reading moves on. What a balance lost between two readings counts on the
    day of the second one; the very first one measures nothing yet.
    """

    async def outcomes(self, owner: Owner | None, days: int) -> Outcomes:
        """Tells how the tasks of so many UTC days up to the present one ended.

        Args:
            owner: whose tasks; None: those of all together.
            days: how many.
        """
        ...

    async def note_balance(self, reading: BalanceReading) -> None:
        """Notes a reading, unless another one of the same key was noted while it was asked for."""
        ...

    async def measured(self, payer: str | None, days: int) -> Sequence[BalanceLoss]:
        """Tells what balances lost, by UTC day and gateway, over so many days up to the present one.

        Args:
            payer: whose keys'; empty: the server's; None: all.
            days: how many.
        """
        ...
