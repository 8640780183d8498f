"""Builds what processes have that work on one database. Its modules are imported here alone: no other needs them."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from apixo_mcp.assembly.parts import Parts
from apixo_mcp.assembly.stores import missing_extra
from apixo_mcp.tasks.ports.engine import Engine
from apixo_mcp.tasks.running.runner import Runner

_TICKED_EVERY = 4.0
"""Seconds after which whoever waits reads their task anew, though nothing was heard of it."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Holds what a process has that works on one database with others.

    Attributes:
        engine: follows tasks, or has them followed.
        background: runs beside it.
    """

    engine: Engine
    background: tuple[Callable[[], Coroutine[Any, Any, None]], ...]


def spread_of(parts: Parts, runner: Runner, url: str, *, worker: bool, lasting: bool) -> Spread:
    """Returns what a worker has, or else a process that is asked for tasks.

    Raises:
        SettingsError: what it takes is not installed.
    """
    try:
        from apixo_mcp.engines.procrastinate_queue import ProcrastinateQueue
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "procrastinate":
            raise
        raise missing_extra() from None
    from apixo_mcp.engines.queue import QueueEngine, QueueLimits
    from apixo_mcp.postgres.listening import CHANGED, DUE_EARLIER, Listening
    from apixo_mcp.tasks.elsewhere import Elsewhere

    queue = ProcrastinateQueue(url, lambda: parts.accounts.key_prints)
    engine = QueueEngine(
        runner,
        parts.store,
        parts.leases,
        parts.accounts,
        queue,
        follows=worker,
        tells=lasting,
        limits=parts.limits.queue or QueueLimits(),
    )
    elsewhere = Elsewhere(parts.store, parts.changes, lambda: listening.hears)

    def heard(channel: str, told: str) -> None:
        if channel == CHANGED:
            elsewhere.heard(told)
            return
        task_id, _, due = told.partition(" ")
        engine.hear_due(task_id, float(due))

    # A worker has nobody who waits, and the others follow nothing.
    listening = Listening(url, [DUE_EARLIER if worker else CHANGED], heard, elsewhere.look)
    if worker:
        return Spread(engine, (listening.run,))
    parts.changes.reread_every = _TICKED_EVERY
    return Spread(engine, (listening.run, elsewhere.run))
