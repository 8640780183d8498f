"""Deletes the saved files of results once they have been kept for as long as the settings say.

A file goes only where it is still the very one that was saved, in the place that this program saves to, and no task
that goes on may need it as an input. First the file goes, then the row says so, then its record goes, and at last the
row forgets the path: whatever ends in between is taken up by the next round, no row claims for longer than that what is
not there, and no record stays behind.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import anyio
from anyio import to_thread

from apixo_mcp.errors import StoreError
from apixo_mcp.media.files import ResultFiles
from apixo_mcp.tasks.budget import DAY
from apixo_mcp.tasks.changes import Changes, ref_of
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.task import FileState, Result, Task
from apixo_mcp.telemetry.facts import FileDeleted, Telemetry

log = logging.getLogger(__name__)

_EVERY = 3600.0
_AT_ONCE = 500
_LINGERS = 60.0
_UNKNOWN_FOR = 24 * 3600.0


class InputTokens(Protocol):
    """Tells by which token the inputs of tasks name a local file."""

    def given_token(self, path: Path) -> str:
        """Returns the token of a file as it is now; empty where there is none."""
        ...


class FileRemoval:
    """Deletes the saved files of a task, and says so in its row.

    Args:
        store: has the tasks.
        changes: written through, so that whoever watches a task is told.
        files: where results are kept.
        tokens: of the files that tasks have as inputs.
        forget_thumbnails: deletes those of a task; they go with its files. Blocking.
        telemetry: told of each file.
    """

    def __init__(
        self,
        *,
        store: Store,
        changes: Changes,
        files: ResultFiles,
        tokens: InputTokens,
        forget_thumbnails: Callable[[Task], None],
        telemetry: Telemetry,
    ) -> None:
        self._store = store
        self._changes = changes
        self._files = files
        self._tokens = tokens
        self._forget_thumbnails = forget_thumbnails
        self._telemetry = telemetry

    async def remove(self, task: Task, problem: str) -> int:
        """Deletes the files of a task that may go, and returns how many those were.

        Args:
            problem: why they are not there any more, for the reader.
        """
        gone = [result for result in task.results if result.path and await self.is_deleted(task, result)]
        # Without its URL nobody asks for it again.
        told = tuple(
            replace(result, file=FileState.EXPIRED, url="", problem=problem) if result in gone else result
            for result in task.results
        )
        if not any(map(_is_recorded, told)):
            return 0
        before, task = task, replace(task, results=told)
        if gone and await self._changes.commit(before, task) is None:
            return 0  # another process moved it on; the next try sees what is left
        for result in gone:
            self._telemetry.emit(FileDeleted(ref_of(task), result.index, result.bytes or 0))
        for result in filter(_is_recorded, told):
            await to_thread.run_sync(self._files.forget, task, result)
        await to_thread.run_sync(self._forget_thumbnails, task)
        results = tuple(replace(result, path="") if _is_recorded(result) else result for result in told)
        # What has just changed is not looked at by the next round: so pages are told at last.
        await self._changes.commit(task, replace(task, results=results, updated_at=time.time()))
        return len(gone)

    async def is_deleted(self, task: Task, result: Result) -> bool:
        """Deletes the file of a result where it may go; tells whether it is not there any more. Its record stays."""
        if result.file is not FileState.SAVED:
            return False
        try:
            token = await to_thread.run_sync(self._tokens.given_token, Path(result.path))
            if token and await self._store.needs_input(token, _LINGERS, _UNKNOWN_FOR):
                return False
        except StoreError:
            return False  # a paid task may need it
        return await to_thread.run_sync(self._files.delete, task, result)


class Retention:
    """Looks once an hour for files that have been kept for long enough. `run` must run beside the program.

    Args:
        store: has the tasks.
        removal: deletes their files.
        days: that a file is kept.
    """

    def __init__(self, store: Store, removal: FileRemoval, days: float) -> None:
        self._store = store
        self._removal = removal
        self._days = days

    async def run(self) -> None:
        """Deletes what is to go, round after round, until it is cancelled."""
        while True:
            try:
                if count := await self.round():
                    log.info("deleted %d files that were kept for %g days (APIXO_MCP_KEEP_DAYS)", count, self._days)
            except Exception:
                log.exception("what was kept for long enough is not deleted; it is tried again")
            await anyio.sleep(_EVERY)

    async def round(self) -> int:
        """Deletes what is to go now, and returns how many files those were."""
        count, after = 0, ""
        days = f"{self._days:g} day{'' if self._days == 1 else 's'}"
        problem = f"It was deleted after {days}, for which this server keeps results (APIXO_MCP_KEEP_DAYS)."
        while True:
            tasks, after = await self._store.kept_for(self._days * DAY, after, _AT_ONCE)
            for task in tasks:
                count += await self._removal.remove(task, problem)
            if not after:
                return count


def _is_recorded(result: Result) -> bool:
    """Tells whether the file of a result was deleted, and its record may still be there."""
    return result.file is FileState.EXPIRED and bool(result.path) and not result.url
