"""Small pictures in a bucket, so that of several machines one makes them. They can all be made anew. Blocking."""

import contextlib
from pathlib import PurePosixPath

from apixo_mcp.media.bucket.space import BucketSpace
from apixo_mcp.media.files import PlaceTrouble
from apixo_mcp.tasks.task import Task, is_task_id

_FOLDER = "thumbnails"


class BucketThumbnails:
    """Keeps small pictures in a bucket; see `SharedThumbnails`. Whatever goes wrong, each machine makes its own.

    Args:
        space: keeps them.
    """

    def __init__(self, space: BucketSpace) -> None:
        self._space = space

    def get(self, task: Task, stem: str) -> tuple[str, bytes] | None:
        """See `SharedThumbnails.get`."""
        with contextlib.suppress(OSError):
            for stored in self._space.bucket.list(self._space.key(_FOLDER, task.task_id)):
                name = PurePosixPath(stored.key)
                if name.stem == stem:
                    return name.suffix, self._space.bucket.part(stored, 0, stored.size)
        return None

    def put(self, task: Task, name: str, content: bytes, mime_type: str) -> None:
        """See `SharedThumbnails.put`."""
        key = self._space.key(_FOLDER, task.task_id, name)
        with contextlib.suppress(PlaceTrouble):
            self._space.bucket.put(key, content, mime_type=mime_type)

    def forget(self, task: Task) -> None:
        """See `SharedThumbnails.forget`."""
        if is_task_id(task.task_id):
            with contextlib.suppress(PlaceTrouble):
                for stored in self._space.bucket.list(self._space.key(_FOLDER, task.task_id)):
                    self._space.bucket.delete(stored.key)
