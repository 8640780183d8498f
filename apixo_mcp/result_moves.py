"""Moves the files of results from a folder into the bucket, while servers work on the same tasks.

    bring        the file, checked against the row, goes under the key that a result saved in the bucket has
    move_files   once it is there and whole the row says so, where nobody has changed that meanwhile
    clear        where that is asked for, what no row names any more and the bucket has is deleted from the folder

Whatever ends in between is taken up by the next run: an object that is there is found, a file that was left is deleted.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Literal

import anyio
from anyio import to_thread

from apixo_mcp.errors import MediaError
from apixo_mcp.media.files import ADDRESS, is_address
from apixo_mcp.media.local import LocalFiles, in_words
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.task import FileState, Result, Task

if TYPE_CHECKING:
    from apixo_mcp.media.bucket.moving import Brought
    from apixo_mcp.media.bucket.results import BucketFiles

log = logging.getLogger(__name__)

_AT_ONCE = 4  # files on their way
_PAGE = 200  # tasks
_TRIES = 5
_WORKED_ON = "belongs to a task that is still worked on: run this again once it has ended"
_CHANGING = "belongs to a task that was changed again and again: run this once more"


_What = Literal["moved", "there", "kept", "deleted", "stays"]


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of one file.

    Attributes:
        task_id: of its task.
        index: of its result.
        path: in the folder.
        size: in bytes, as the row says.
        what: `moved`, or `there` where only the row was left to change; `kept` in the bucket before all that; `deleted`
            from the folder; or it `stays`.
        why: it stays, as the end of a sentence that begins with its path.
    """

    task_id: str
    index: int
    path: str
    size: int
    what: _What
    why: str = ""


_Tell = Callable[[Moved], None]


class ResultMoves:
    """Moves results into a bucket.

    Args:
        store: has the tasks.
        files: keeps results in the bucket, and reads earlier ones.
        folder: that results were saved in.
        delete: deletes the file of a result where it may go, and tells whether it is gone.
    """

    def __init__(
        self,
        store: Store,
        files: "BucketFiles",
        folder: LocalFiles,
        delete: Callable[[Task, Result], Awaitable[bool]],
    ) -> None:
        self._store = store
        self._files = files
        self._folder = folder
        self._delete = delete

    async def ahead(self) -> AsyncIterator[Moved]:
        """Yields what a run would find: what is to be moved, what would stay for a plain reason, what is there."""
        async for tasks in self._pages():
            for task in tasks:
                for result in task.results:
                    if _is_in(self._files, result):
                        yield _of(task, result, "kept")
                    if not _is_in_folder(result):
                        continue
                    why = "" if task.is_over else _WORKED_ON
                    if not why and await to_thread.run_sync(self._folder.size, result.path) is None:
                        why = "is not here"
                    yield _of(task, result, "stays" if why else "moved", why)

    async def run(self, tell: _Tell) -> None:
        """Moves all that lie in a folder, several at once.

        Args:
            tell: called with what became of each.

        Raises:
            MediaError: the bucket does not take them, or the disk does not take the copies.
        """
        turns = anyio.CapacityLimiter(_AT_ONCE)

        async def move(task: Task) -> None:
            async with turns:
                await self._move(task, tell)

        async for tasks in self._pages():
            async with anyio.create_task_group() as group:
                for task in tasks:
                    if any(map(_is_in_folder, task.results)):
                        group.start_soon(move, task)

    async def clear(self, tell: _Tell) -> None:
        """Deletes from the folder what the rows say is in the bucket, and is.

        Raises:
            MediaError: the bucket cannot be asked, or the folder cannot be read.
        """
        records = self._folder.records()
        try:
            while page := await to_thread.run_sync(lambda: list(islice(records, _PAGE))):
                tasks = await self._store.get_each({str(record.get("task_id")) for _, record in page})
                results = {(task.task_id, result.index): (task, result) for task in tasks for result in task.results}
                for path, record in page:
                    known = results.get((str(record.get("task_id")), record.get("index", -1)))
                    if known is not None and _is_in(self._files, known[1]):
                        await self._clear(*known, path, tell)
        except OSError as error:
            raise _unusable(error, self._files, self._folder.where) from None

    async def _clear(self, task: Task, result: Result, path: str, tell: _Tell) -> None:
        local = replace(result, path=path)
        if await to_thread.run_sync(self._files.size, result.path) != result.bytes:
            tell(_of(task, local, "stays", f"is not whole in the bucket ({result.path})"))
            return
        was_there = await to_thread.run_sync(self._folder.size, path) is not None
        if not await self._delete(task, local):
            tell(_of(task, local, "stays", "is not what was saved, or a running task has it as an input"))
            return
        await to_thread.run_sync(self._files.forget, task, local)
        if was_there:
            tell(_of(task, local, "deleted"))

    async def _pages(self) -> AsyncIterator[Sequence[Task]]:
        after = ""
        while tasks := await self._store.dump(after, _PAGE):
            yield tasks
            after = tasks[-1].task_id

    async def _move(self, task: Task, tell: _Tell) -> None:
        """Moves the files of a task, and tries anew where its row was changed meanwhile."""
        told: dict[int, Moved] = {}
        for _ in range(_TRIES):
            brought = await self._bring(task, told)
            if not brought:
                break
            results = tuple(
                replace(result, path=brought[result.index].path) if result.index in brought else result
                for result in task.results
            )
            if await self._store.move_files(task, replace(task, results=results)):
                break
            now = await self._store.get(task.task_id)
            await self._take_back(task, now, brought)
            if now is None:
                return  # its entry was deleted
            task = now
            left = {result.index for result in filter(_is_in_folder, task.results)}
            told = {index: moved for index, moved in told.items() if index in left}
        else:
            told = {index: replace(moved, what="stays", why=_CHANGING) for index, moved in told.items()}
        for moved in told.values():
            tell(moved)

    async def _bring(self, task: Task, told: dict[int, Moved]) -> "dict[int, Brought]":
        """Has the files of a task in the bucket, and notes in `told` what became of each."""
        # Imported here: an extra brings what it takes.
        from apixo_mcp.media.bucket.moving import Brought, bring

        brought: dict[int, Brought] = {}
        for result in filter(_is_in_folder, task.results):
            if not task.is_over:
                told[result.index] = _of(task, result, "stays", _WORKED_ON)
                continue
            try:
                outcome = await to_thread.run_sync(bring, self._files, task, result)
            except OSError as error:
                raise _unusable(error, self._files, "the data folder (APIXO_MCP_HOME)") from None
            if isinstance(outcome, Brought):
                brought[result.index] = outcome
                before = told.get(result.index)
                is_new = not outcome.was_there or (before is not None and before.what == "moved")
                told[result.index] = _of(task, result, "moved" if is_new else "there")
            else:
                told[result.index] = _of(task, result, "stays", outcome.why)
        return brought

    async def _take_back(self, task: Task, now: Task | None, brought: "dict[int, Brought]") -> None:
        """Deletes the objects that were put for a task whose files were deleted meanwhile: nobody else would."""
        for result in task.results:
            if result.index not in brought:
                continue
            latest = next((one for one in now.results if one.index == result.index), None) if now else None
            if latest is None or (latest.file is FileState.EXPIRED and not latest.url):
                moved = replace(result, path=brought[result.index].path)
                if await to_thread.run_sync(self._files.delete, task, moved):
                    await to_thread.run_sync(self._files.forget, task, moved)


def _is_in_folder(result: Result) -> bool:
    return result.file is FileState.SAVED and bool(result.path) and not is_address(result.path)


def _is_in(files: "BucketFiles", result: Result) -> bool:
    return result.file is FileState.SAVED and result.path.startswith(f"{ADDRESS}{files.space.bucket.name}/")


def _of(task: Task, result: Result, what: _What, why: str = "") -> Moved:
    return Moved(task.task_id, result.index, result.path, result.bytes or 0, what, why)


def _unusable(error: OSError, files: "BucketFiles", where: str) -> MediaError:
    """Returns what keeps the rest from being moved."""
    from apixo_mcp.media.bucket.troubles import BucketTrouble

    again = f"un the same command again: it goes on with what is not in {files.where} yet."
    if not isinstance(error, BucketTrouble):
        return MediaError(f"{in_words(error, where)} Then r{again}")
    if error.is_lasting:
        return MediaError(f"{error.strerror}. Then r{again}")
    # What is tried again by itself is so by a server, which goes on: a command ends.
    fix = "Look at the network and at AWS_ENDPOINT_URL_S3, and r" if error.is_away else "R"
    return MediaError(f"{str(error.strerror).partition('. ')[0]}. {fix}{again}")
