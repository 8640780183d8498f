"""Puts together what follows tasks to their end: their steps, what settles them, and what gateways call back."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from apixo_mcp.assembly.parts import Parts
from apixo_mcp.engines.embedded import EmbeddedEngine
from apixo_mcp.outside.public import Public
from apixo_mcp.outside.set_up import Outside
from apixo_mcp.tasks.callbacks import Callbacks
from apixo_mcp.tasks.ports.engine import Engine
from apixo_mcp.tasks.ports.terms import Sending
from apixo_mcp.tasks.running.parts import StepParts
from apixo_mcp.tasks.running.reach import Reach
from apixo_mcp.tasks.running.runner import Runner
from apixo_mcp.tasks.running.throttle import Throttle
from apixo_mcp.tasks.service import Service
from apixo_mcp.tasks.settlement import Settlement

Background = Callable[[], Coroutine[Any, Any, None]]
"""Runs beside the engine until it is cancelled."""


def runner_of(parts: Parts, reach: Reach) -> Runner:
    """Returns what makes one step of one task."""
    limits = parts.limits.steps
    terms = Sending(
        budget=parts.budget,
        process=parts.delivery.process,
        in_flight=limits.in_flight,
        allows=parts.catalog.allows,
    )
    step_parts = StepParts(
        store=parts.store,
        changes=parts.changes,
        accounts=parts.accounts,
        contexts=parts.contexts,
        terms=terms,
        throttle=Throttle(limits.throttle, pace=parts.store.pace),
        telemetry=parts.telemetry,
        watch=parts.watch,
        limits=limits,
    )
    return Runner(step_parts, leases=parts.leases, saver=parts.saver, reach=reach)


def engine_of(parts: Parts, runner: Runner, *, worker: bool, lasting: bool) -> tuple[Engine, Sequence[Background]]:
    """Returns what follows tasks, or has them followed, and what runs beside it."""
    if not parts.settings.database_url:
        return EmbeddedEngine(runner, parts.store, parts.leases, parts.accounts, parts.limits.sweep), ()
    from apixo_mcp.assembly.scale import spread_of

    url = parts.settings.database_url.get_secret_value()
    spread = spread_of(parts, runner, url, worker=worker, lasting=lasting)
    return spread.engine, spread.background


def settlement_of(parts: Parts, engine: Engine) -> Settlement:
    """Returns what finds out about tasks of which nobody knows whether they run."""
    return Settlement(
        store=parts.store,
        accounts=parts.accounts,
        payers=parts.payers,
        contexts=parts.contexts,
        engine=engine,
        changes=parts.changes,
    )


def service_of(parts: Parts, engine: Engine) -> Service:
    """Returns what is done with tasks that there are."""
    return Service(
        store=parts.store,
        engine=engine,
        changes=parts.changes,
        contexts=parts.contexts,
        is_there=parts.saver.is_there,
    )


def public_of(parts: Parts, engine: Engine, settlement: Settlement, outside: Outside) -> Public | None:
    """Returns what the gateways reach from outside, where they can."""
    if outside.addresses is None or outside.links is None:
        return None
    callbacks = Callbacks(outside.addresses, parts.store, engine, parts.accounts, parts.contexts, settlement)
    return Public(callbacks, outside.links, parts.store, parts.telemetry, parts.limits.tunnel.lingers)
