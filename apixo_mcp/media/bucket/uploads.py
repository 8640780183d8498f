"""Uploads in a bucket, so that whichever machine is asked next has them. See `Uploads`."""

import contextlib
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from anyio import to_thread

from apixo_mcp.media.bucket.bucket import Stored
from apixo_mcp.media.bucket.inputs import BucketInputs
from apixo_mcp.media.bucket.space import BucketSpace
from apixo_mcp.media.files import PlaceTrouble
from apixo_mcp.media.folder import Folder
from apixo_mcp.media.inputs.uploads import UPLOADS_FOLDER, UploadArrival, UploadLimits, Uploads, is_upload_id

log = logging.getLogger(__name__)


class BucketUploads(Uploads):
    """Keeps what owners upload in a bucket; what is still coming is on this machine's disk.

    Args:
        space: keeps them.
        inputs: the copies that gateways fetch, which are cleared with them.
        folder: where they arrive, and where those are that came before there was a bucket.
        needs: of the latter, as `Uploads` has it. Gateways never fetch an upload itself: they get a copy of it.
    """

    def __init__(
        self,
        space: BucketSpace,
        inputs: BucketInputs,
        folder: Path,
        needs: Callable[[Path], Awaitable[bool]],
        limits: UploadLimits,
    ) -> None:
        super().__init__(folder, needs, limits)
        self._space = space
        self._inputs = inputs

    def find(self, owner: str, upload_id: str) -> Path | None:
        """Returns a copy of an owner's file.

        Raises:
            PlaceTrouble: it cannot be told whether there is one.
        """
        if not is_upload_id(upload_id):
            return None
        stored = self._space.bucket.head(self._key(owner, upload_id))
        if stored is None:
            return super().find(owner, upload_id)
        with contextlib.suppress(FileNotFoundError):
            return None if self._has_run_out(stored) else self._space.copy_of(stored)
        return None

    def room(self, owner: str) -> int:
        """Returns how many bytes more an owner may upload just now, those that are coming here taken off."""
        return max(0, super().room(owner) - self._taken(owner))

    def has_place(self, owner: str, size: int) -> bool:
        """Tells whether a file that is in the bucket by now can stay there."""
        return self._taken(owner) <= self.limits.quota

    def arrival(self, owner: str) -> UploadArrival:
        """Begins to take a file on this machine's disk."""
        folder = Folder.made(self._of(owner))
        try:
            return _BucketArrival(folder, self._space, self._key(owner, ""))
        except BaseException:
            folder.close()
            raise

    async def clear(self) -> None:
        """Removes what has run out, here and in the bucket."""
        await super().clear()
        try:
            await to_thread.run_sync(self._clear_bucket)
        except PlaceTrouble as trouble:
            log.warning("uploads that have run out are not removed: %s", trouble.strerror)

    def _clear_bucket(self) -> None:
        for stored in self._space.bucket.list(self._space.key(UPLOADS_FOLDER)):
            if self._has_run_out(stored):
                self._space.bucket.delete(stored.key)
        self._inputs.clear()

    def _taken(self, owner: str) -> int:
        return sum(stored.size for stored in self._kept(owner) if not self._has_run_out(stored))

    def _kept(self, owner: str) -> Iterator[Stored]:
        return self._space.bucket.list(self._space.key(UPLOADS_FOLDER, _folder_of(owner)))

    def _key(self, owner: str, upload_id: str) -> str:
        return self._space.key(UPLOADS_FOLDER, _folder_of(owner), upload_id)

    def _has_run_out(self, stored: Stored) -> bool:
        return time.time() > stored.modified.timestamp() + self.limits.lasts


class _BucketArrival(UploadArrival):
    def __init__(self, folder: Folder, space: BucketSpace, beginning: str) -> None:
        super().__init__(folder)
        self._bucket = space.bucket
        self._key = f"{beginning}/{self.upload_id}"
        self._is_put = False

    def settle(self) -> None:
        self._file.flush()
        self._bucket.put(
            self._key, self.path, mime_type="application/octet-stream", disposition="attachment", only_new=True
        )
        self._is_put = True

    def keep(self) -> None:
        self._is_put = False  # from now on it stays

    def close(self) -> None:
        super().close()
        if self._is_put:
            with contextlib.suppress(PlaceTrouble):  # else it runs out in a day
                self._bucket.delete(self._key)


def _folder_of(owner: str) -> str:
    return hashlib.sha256(owner.encode(errors="replace")).hexdigest()[:32]
