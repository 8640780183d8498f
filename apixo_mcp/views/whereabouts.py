"""Where the reader of an answer finds the files of results: on this machine's disk, or by a link."""

from collections.abc import Callable
from dataclasses import dataclass

from apixo_mcp.tasks.task import FileState, Result, Task


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
    link: Callable[[Task, Result], Link] | None = None

    def path_of(self, result: Result) -> str:
        """Returns the path of a saved file, empty where it means nothing to them."""
        return result.path if self.on_disk else ""

    def name_of(self, result: Result) -> str:
        """Returns what a saved file is called before them."""
        return result.path if self.on_disk else result.path.replace("\\", "/").rsplit("/", 1)[-1]

    def link_to(self, task: Task, result: Result) -> Link | None:
        """Returns a link to a file, None where there is none."""
        return self.link(task, result) if self.link and result.file is FileState.SAVED else None


HERE = Whereabouts()
"""Of who is at this machine."""
