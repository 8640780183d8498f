"""On what terms a task is admitted and sent, and what the store answers."""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from apixo_mcp.tasks.alerts import Alert
from apixo_mcp.tasks.budget import Agreement, Allowance, Budget, Verdict
from apixo_mcp.tasks.task import Task

ADOPTED_FOR = 600.0  # seconds for which a task is adopted whose caller never got the answer
QUOTED_FOR = 1800.0  # seconds for which a yes to a quote counts
MOST_IN_FLIGHT = 1000
"""Tasks of one key that a gateway has at once; more wait in state submitting. APIXO's seedream-4-5 and nano-banana-pro
pages ("Concurrent tasks 1000"). That it counts by key is inferred; Ruxa documents none, and as many is inferred."""

Allows = Callable[[tuple[str, ...], str], bool]
"""Tells whether somebody who may use some models, as ids with `*`, may use a model; none named: all."""


def allows_by_id(models: tuple[str, ...], model: str) -> bool:
    """Tells what `Allows` tells, of ids alone."""
    return not models or any(fnmatchcase(model, pattern) for pattern in models)


AdmissionKind = Literal["new", "same_key", "adopted", "joined", "awaited", "none"] | Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms a request becomes a task.

    Attributes:
        budget: of all owners together; that of the owner's own stands in their row. An earlier task of the same request
            costs nothing more.
        confirmed: whether the call says yes to a quote that was given for it before.
        only_as_quoted: whether it needs such a yes, whatever its price.
        seen: the price that its person saw, where a page says so: at a higher one no yes counts. None: nothing says so.
        open_for: since how many seconds the call waits, told when it is asked: a quote that is younger was not seen.
        agreed: what the owner has said yes to just now, asked in person.
        quoted: the fingerprint that a quote for it was noted under; empty: that of its first task.
        process: what the names of this process' calls begin with.
        waiting: the calls of this process that are still waited for.
        alive: calls that are known to be waited for, and to have been for a while; their tasks are left to them.
        repeated: tasks of open calls that the call repeats, if it asks for the same: it joins one of them.
        vouched_for: for how many seconds the call that asks counts as waited for; None leaves what the task says.
        wanted_for: the same of its process, which counts as alive.
        allows: tells whether the owner may use the model, by what stands in their row.
        may: `buy` it; only `take_up` an earlier one; or `look`, without a change, whether there is one.
    """

    budget: Budget
    confirmed: bool = False
    only_as_quoted: bool = False
    seen: Agreement | None = None
    open_for: Callable[[], float] = float
    agreed: Agreement | None = None
    quoted: str = ""
    process: str = ""
    waiting: frozenset[str] = frozenset()
    alive: frozenset[str] = frozenset()
    repeated: frozenset[str] = frozenset()
    vouched_for: float | None = None
    wanted_for: float | None = None
    allows: Allows = allows_by_id
    may: Literal["buy", "take_up", "look"] = "buy"


@dataclass(frozen=True, slots=True)
class Admitted:
    """What became of a purchase.

    Attributes:
        how: `none`: there is no earlier one, and none may be bought.
        tasks: the new or the earlier ones; where they may not be bought those that were not stored.
        limits: that it was held to, with what was spent before it.
        alerts: what is to be told of that, and was not before.
    """

    how: AdmissionKind
    tasks: tuple[Task, ...]
    limits: tuple[Allowance, ...]
    alerts: tuple[Alert, ...] = ()

    @property
    def task(self) -> Task:
        """The first of the tasks: what all of a purchase share stands in it."""
        return self.tasks[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """On what terms a paid request leaves.

    Attributes:
        budget: of all owners together, asked on the day that it is. That of the task's owner stands in their row.
        process: what the names of the sender's calls begin with: it may send for longer what it was asked for itself.
        in_flight: how many tasks of one key may be with the gateway.
        allows: tells whether the task's owner may still use its model.
    """

    budget: Budget
    process: str = ""
    in_flight: int = MOST_IN_FLIGHT
    allows: Allows = allows_by_id


@dataclass(frozen=True, slots=True)
class Clearance:
    """Whether a paid request may leave.

    Attributes:
        how: `within`: it is noted that it is about to; `lost`: cancelled, or another process has it; `no_room`: as many
            as may be are with the gateway; `lapsed`: nobody wants it any more; `by_another`: it is left to the process
            that was asked for it; else why the limits do not allow it.
        limits: that it was held to, with what was spent without it.
        sent_at: when it was noted, as the row has it; 0 where it was not.
        alerts: what is to be told of the limits, and was not before.
    """

    how: Literal["lost", "no_room", "lapsed", "by_another"] | Verdict
    limits: tuple[Allowance, ...] = ()
    sent_at: float = 0.0
    alerts: tuple[Alert, ...] = ()
