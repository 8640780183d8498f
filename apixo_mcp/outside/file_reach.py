"""Sees before each POST whether the gateway can fetch the input files, whichever process sends it."""

import re
from dataclasses import dataclass

from anyio import to_thread

from apixo_mcp.generation import Failure
from apixo_mcp.media.input_links import InputLinks, Standing
from apixo_mcp.tasks.running.reach import NotNow, Prepared, Reach, Sendable
from apixo_mcp.tasks.task import TUNNELLED, Task

_FILE = re.compile(r"(https?://.{1,2000})/inputs/([0-9a-f]{64})/([\w.-]{1,80})")


def _not_sent(reason: str, advice: str) -> Failure:
    return Failure(
        code="INPUT_CHANGED",
        category="media_input",
        message=f"It was not sent, for {reason}",
        advice=f"Nothing was sent or charged. Ask for it anew, {advice}.",
        retryable=False,
        charged="no",
    )


_CHANGED = _not_sent("an input file was changed or removed after it was asked for", "with the file as it is now")
_UNKNOWN = _not_sent("what leads to an input file is gone from the data folder", "with the same file")
_OUTSIDE = NotNow("an input file of it is in no folder that APIXO_MCP_ALLOWED_ROOTS names here")


@dataclass(frozen=True, slots=True)
class FileReach:
    """Sees before each POST whether the input files are still what was asked for.

    The gateway would be paid for a picture that it cannot have.

    Attributes:
        reach: sees to the rest.
        links: of the input files.
        public_url: by which this program or another on its data folder is reached, empty where none is known.
    """

    reach: Reach
    links: InputLinks
    public_url: str = ""

    @property
    def _own_addresses(self) -> tuple[str, ...]:
        return TUNNELLED.rstrip("/"), self.public_url.lower()

    async def prepared(self, task: Task) -> Prepared:
        """See `Reach.prepared`."""
        if (trouble := await self._trouble(task)) is not None:
            return trouble
        return await self.reach.prepared(task)

    async def confirmed(self, task: Task, sendable: Sendable) -> Prepared:
        """See `Reach.confirmed`."""
        confirmed = await self.reach.confirmed(task, sendable)
        if isinstance(confirmed, Sendable) and (trouble := await self._trouble(task)) is not None:
            return trouble
        return confirmed

    async def _trouble(self, task: Task) -> Failure | NotNow | None:
        """Tells why an input file cannot be fetched, None where all can be."""
        for text in task.texts:
            if match := _FILE.fullmatch(text):
                match await to_thread.run_sync(self.links.standing, match[2], match[3]):
                    case Standing.GONE:
                        return _CHANGED
                    case Standing.OUTSIDE:
                        return _OUTSIDE
                    case Standing.UNKNOWN if match[1].lower() in self._own_addresses:
                        return _UNKNOWN
                    case Standing.UNKNOWN | Standing.HERE:
                        continue  # an address of another server may look alike
        return None
