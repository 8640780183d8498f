"""Deletes what a task made, its entry, or both. What counts of it stays, in its row and in all sums."""

from dataclasses import dataclass
from typing import Literal

from apixo_mcp.errors import ApixoError
from apixo_mcp.media.preview.thumbnails import Thumbnails
from apixo_mcp.retention import FileRemoval
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.service import Service
from apixo_mcp.tasks.task import FileState, Task
from apixo_mcp.views.entries import is_deletable

What = Literal["file", "entry", "both"]

_PROBLEM = "You deleted this file."
_NOTE = (
    "The entry of this task was deleted. Nothing is bought anew under its idempotency_key; another one gets a new task."
)


class NotDeleted(ApixoError):
    """Something stays as it is, for the reason that the message says."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """What was deleted.

    Attributes:
        files: how many.
        entry: whether the entry was.
    """

    files: int
    entry: bool


@dataclass(frozen=True, slots=True)
class Deleting:
    """Deletes files and entries of an owner's tasks."""

    store: Store
    service: Service
    removal: FileRemoval
    thumbnails: Thumbnails

    async def delete(self, owner: Owner, task_id: str, what: What) -> Deleted:
        """Deletes what a task made, its entry, or both: first the files, then the entry.

        Raises:
            NotFound: the owner has no such task.
            NotDeleted: something of it must stay.
        """
        task = await self.service.find(owner, task_id)
        if not is_deletable(task):
            raise NotDeleted("This task goes on, or may still cost or bring something. It stays until it has ended.")
        files = 0
        if what != "entry":
            files = await self.removal.remove(task, _PROBLEM)
            if files:
                task = await self.service.find(owner, task.task_id)
            if _has_files(task):
                raise NotDeleted(
                    "A file stays: it was changed since it was saved, stands elsewhere, or a running task needs it."
                )
        if what == "file":
            return Deleted(files, entry=False)
        if not await self.store.delete_entry(task, _NOTE):
            raise NotDeleted(
                "The entry stays: an answer that was paid for is still to be read (`apixo-mcp tasks reread`), its "
                "caller has had no answer yet (for ten minutes the same call made again is to find it), or the "
                "task was changed a moment ago. Look again."
            )
        await self.thumbnails.forget(task)
        return Deleted(files, entry=True)


def _has_files(task: Task) -> bool:
    return any(result.file is FileState.SAVED and result.path for result in task.results)
