"""Where the reader of an answer finds the files of results: on this machine's disk, or by a link."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import anyio
from anyio import to_thread

from apixo_mcp.app import App
from apixo_mcp.media.files import PlaceTrouble, is_address
from apixo_mcp.tasks.task import FileState, Result, Task

LINK_LASTS = 3600.0
"""Seconds that a link is good for, at least."""
_KEY_WITHIN = 2.0  # seconds


@dataclass(frozen=True, slots=True)
class Link:
    """A link to a file.

    Attributes:
        expires_at: Unix seconds.
    """

    url: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a reader finds the files of results.

    Attributes:
        on_disk: whether the paths of this machine mean something to them.
        link: makes a link to a saved file; None where none can be had.
    """

    on_disk: bool = True
    link: Callable[[Task, Result], Link | None] | None = None

    def path_of(self, result: Result) -> str:
        """Returns the path of a saved file, empty where it means nothing to them: as of one that is in a bucket."""
        return result.path if self.on_disk and not is_address(result.path) else ""

    def name_of(self, result: Result) -> str:
        """Returns what a saved file is called before them."""
        return self.path_of(result) or result.path.replace("\\", "/").rsplit("/", 1)[-1]

    def link_to(self, task: Task, result: Result) -> Link | None:
        """Returns a link to a file, None where there is none, or none can be made just now."""
        with suppress(PlaceTrouble):
            return self.link(task, result) if self.link and result.file is FileState.SAVED else None
        return None


HERE = Whereabouts()
"""Of who is at this machine."""


async def whereabouts_in(app: App, *, on_disk: bool = True) -> Whereabouts:
    """Returns where somebody finds files who reaches no server: what is in a bucket by links that lead there itself."""
    space, files = app.space, app.files
    if space is None:
        return Whereabouts(on_disk)
    is_ready = False
    with anyio.move_on_after(_KEY_WITHIN), suppress(PlaceTrouble):
        # The role of a machine may have to be asked for its key, which is kept then: no link waits for that.
        await to_thread.run_sync(space.bucket.sign, space.key("key"), LINK_LASTS, abandon_on_cancel=True)
        is_ready = True
    if not is_ready:
        return Whereabouts(on_disk)

    def link(_: Task, result: Result) -> Link | None:
        url = files.link(result.path, LINK_LASTS)
        return Link(url, time.time() + LINK_LASTS) if url else None

    return Whereabouts(on_disk, link)
