"""A second runner, on a store object of its own."""

from dataclasses import replace

from apixo_mcp.app import App
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.changes import Changes
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.ports.terms import Sending
from apixo_mcp.tasks.running.leases import Leases
from apixo_mcp.tasks.running.parts import StepParts
from apixo_mcp.tasks.running.reach import Reach
from apixo_mcp.tasks.running.runner import Runner
from apixo_mcp.tasks.running.throttle import Throttle


def runner_on(app: App, store: Store, leases: Leases, poll_scale: float = 0.01, reach: Reach | None = None) -> Runner:
    """Makes a runner of a program's accounts and files on another store object."""
    parts = StepParts(
        store=store,
        changes=Changes(store, app.telemetry),
        accounts=app.accounts,
        contexts=replace(app.contexts, poll_scale=poll_scale),
        terms=Sending(budget=Budget()),
        throttle=Throttle(),
        telemetry=app.telemetry,
        watch=app.watch,
    )
    return Runner(parts, leases=leases, saver=app.saver, reach=reach)
