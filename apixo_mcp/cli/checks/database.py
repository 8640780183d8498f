"""The database that several processes share: whether it lets them in, tells them of each other, and has workers."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

from anyio import to_thread

from apixo_mcp.app import App
from apixo_mcp.cli.checks.finding import Finding
from apixo_mcp.errors import StoreError
from apixo_mcp.tasks.task import FileState, State

_DATABASE, _RESULTS = "APIXO_MCP_DATABASE_URL", "APIXO_MCP_RESULTS"
_LARGEST_SKEW = 5.0
"""Seconds. Leases and dues go by the database's clock; links and sign-ins by that of each machine."""
_LATE = 60.0  # seconds that a task may be overdue: most are polled within one
_LATELY, _LOOKED_AT = 86_400.0, 500  # seconds, and tasks, whose files are looked for
_CLOCK = "Let both machines set their clocks by themselves (`timedatectl set-ntp true` on Linux)."
_FEW = (
    "A process takes up to {most}: let the server have more (max_connections, or the user's connection limit), or put "
    "a pool with pool_mode = session before it."
)
_NO_WORKER = (
    "What is asked for is sent and paid for, and its result waits: start `apixo-mcp worker` with the same "
    "APIXO_MCP_DATABASE_URL and the same keys."
)
_OVERDUE = (
    "Nobody makes its next step: start another `apixo-mcp worker`, look whether those that run hold its key, and at "
    "their logs."
)
_NOT_SHARED = (
    "Others have saved them on a machine or under a path of its own: let all processes have one folder under one path, "
    "or set APIXO_MCP_RESULTS to a bucket."
)


async def database_findings(app: App, *, shares_folder: bool) -> AsyncIterator[Finding]:
    """Yields what is found of the database and its workers.

    Args:
        app: has the database open.
        shares_folder: whether its processes keep results in one folder, which is looked at then, and not in a bucket.
    """
    # Imported here: an extra brings what it takes.
    import psycopg

    from apixo_mcp.postgres.listening import DEAF
    from apixo_mcp.postgres.standing import MOST_OF_A_PROCESS, server_standing

    try:
        there = await server_standing(app.settings.database_url.get_secret_value())
    except psycopg.Error as error:
        yield Finding(
            "database", f"does not answer: {type(error).__name__}", "See the task store's finding.", _DATABASE
        )
        return
    way = "" if there.is_direct else ", behind a transaction pooler"
    yield Finding("database", f"Postgres {there.version}, answers in {there.took * 1000:.0f} ms{way}", "", _DATABASE)
    if there.hears:
        yield Finding("notifications", "arrive at once", "", _DATABASE)
    else:
        state, _, fix = DEAF.partition(": ")
        yield Finding("notifications", state, fix[:1].upper() + fix[1:], _DATABASE)
    off = abs(there.ahead) - there.took / 2
    is_off = off > _LARGEST_SKEW
    side = "ahead of" if there.ahead > 0 else "behind"
    state = f"{off:.0f} s {side} this machine's" if off > 1 else "agrees with this machine's"
    yield Finding("the database's clock", state, _CLOCK if is_off else "", _DATABASE)
    if there.is_direct:  # a pooler shares out its own
        is_short = there.left < MOST_OF_A_PROCESS
        fix = _FEW.format(most=MOST_OF_A_PROCESS) if is_short else ""
        yield Finding("connections", f"{there.left} of {there.allowed} are left", fix, _DATABASE)
    async for finding in _followers(app):
        yield finding
    if shares_folder:
        yield await _folder(app)


async def _followers(app: App) -> AsyncIterator[Finding]:
    from apixo_mcp.engines.procrastinate_queue import ProcrastinateQueue

    queue = ProcrastinateQueue(app.settings.database_url.get_secret_value(), lambda: app.key_prints)
    try:
        async with queue.opened():
            count = await queue.workers()
        late = await app.store.due(app.key_prints, limit=1)
    except StoreError as error:
        yield Finding("workers", str(error), "See the message.", _DATABASE)
        return
    told = f"{count} {'follows' if count == 1 else 'follow'} tasks" if count else "none follows tasks"
    yield Finding("workers", told, "" if count else _NO_WORKER, _DATABASE)
    overdue = max([0.0, *(-after for _, after in late)])
    if overdue > _LATE and count:
        yield Finding("waiting tasks", f"one is overdue for {overdue:.0f} s", _OVERDUE, _DATABASE)


async def _folder(app: App) -> Finding:
    """Returns whether the files that others saved lately are here."""
    saved: list[str] = []
    newest = await app.store.changed_since(time.time() - _LATELY, _LOOKED_AT)
    for task in newest:
        if task.state is State.SUCCESS:
            saved += [result.path for result in task.results if result.file is FileState.SAVED and result.path]
    missing = await to_thread.run_sync(lambda: [path for path in saved if not Path(path).exists()])
    what, shown = "shared folder", app.settings.download_dir
    if len(missing) > len(saved) / 2:  # a few may have been moved away by whoever has them
        return Finding(
            what, f"{len(missing)} of {len(saved)} results of the last day are not here", _NOT_SHARED, _RESULTS
        )
    return Finding(what, f"{shown} is to be one folder for all replicas and workers", variable=_RESULTS)
