"""Has a finished file tell where it came from, before it gets its place (`APIXO_MCP_EMBED`). Blocking.

    the part, as it came ──► a second file beside it, with what is told ──► its place
          │                                                                  its record has both hashes
          └─ it stays until then: whatever goes wrong, the file is kept as it came

Told is what `task_provenance` picks of the task. Signed and described files, cut ones, and kinds without a place for it
stay as they are (`apixo_mcp.provenance.embedded`).
"""

import logging
from typing import BinaryIO

from apixo_mcp.media.partial import PartialFile
from apixo_mcp.media.telling.task_provenance import provenance_of
from apixo_mcp.provenance.embedded import pieces_with
from apixo_mcp.provenance.pieces import LeftAlone, assemble
from apixo_mcp.tasks.task import Result, Task

log = logging.getLogger(__name__)

_DISK_LEFT = 64 * 1024 * 1024


def embed(part: PartialFile, task: Task, result: Result) -> tuple[int, str] | None:
    """Returns the size and the hash of a finished file that now tells where it came from.

    Nothing raises: what was paid for is kept, with or without it. None where it stays as it is.
    """
    provenance = provenance_of(task, result)

    def write(source: BinaryIO, target: BinaryIO) -> None:
        assemble(source, pieces_with(source, provenance), target)

    try:
        if part.room() - 2 * part.size < _DISK_LEFT:
            raise LeftAlone("the disk has no room for a second copy")
        return part.rewrite(write)
    except LeftAlone as reason:
        log.info("result %d of task %s does not tell where it came from: %s", result.index, task.task_id, reason)
    except OSError as error:
        log.warning("result %d of task %s cannot tell where it came from: %s", result.index, task.task_id, error)
    except Exception:
        log.exception("result %d of task %s cannot tell where it came from", result.index, task.task_id)
    return None
