"""Sees before each POST whether the gateway can fetch the input files, whichever process sends it."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from anyio import to_thread

from apixo_mcp.generation import Failure
from apixo_mcp.media.inputs.input_links import InputFiles, Standing
from apixo_mcp.net.http import Http
from apixo_mcp.net.response import Answered
from apixo_mcp.tasks.running.reach import NotNow, Prepared, Reach, Sendable
from apixo_mcp.tasks.task import BUCKETED, TUNNELLED, Task

Fetches = Callable[[str], Awaitable[bool]]
"""Tells whether a URL gives a file just now."""

_TUNNEL = TUNNELLED.rstrip("/")
_ONE_BYTE = {"range": "bytes=0-0", "connection": "close"}
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
INPUT_UNKNOWN = _not_sent("what leads to an input file is gone", "with the same file")
_OUTSIDE = NotNow("an input file of it is in no folder that APIXO_MCP_ALLOWED_ROOTS names here")


@dataclass(frozen=True, slots=True)
class FileReach:
    """Sees before each POST whether the input files are still what was asked for.

    The gateway would be paid for a picture that it cannot have.

    Attributes:
        reach: sees to the rest.
        links: of the input files.
        fetches: asks for a file that another process is to hand out, which may not be there any more.
        served_at: the public URL that this process serves, empty where it serves none.
        public_url: the one that is set, whichever process serves it.
    """

    reach: Reach
    links: InputFiles
    fetches: Fetches
    served_at: str = ""
    public_url: str = ""

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
            if text.startswith(BUCKETED):
                continue  # see `BucketReach`
            if (match := _FILE.fullmatch(text)) and (trouble := await self._trouble_with(match)) is not None:
                return trouble
        return None

    async def _trouble_with(self, file: re.Match[str]) -> Failure | NotNow | None:
        url, address = file[0], file[1].lower()
        match await to_thread.run_sync(self.links.standing, file[2], file[3]):
            case Standing.GONE:
                return _CHANGED
            case Standing.OUTSIDE:
                return _OUTSIDE
            case Standing.UNKNOWN:  # an address of another server may look alike
                return INPUT_UNKNOWN if address in (_TUNNEL, self.public_url.lower()) else None
            case Standing.HERE if address in (_TUNNEL, self.served_at.lower()) or await self.fetches(url):
                return None
            case Standing.HERE:
                return NotNow(f"what is to hand out its files at {file[1]} does not answer")


async def is_fetched(http: Http, url: str) -> bool:
    """Tells whether a URL gives a file just now, of which one byte is fetched."""
    answer = await http.call("GET", url, headers=_ONE_BYTE, read_timeout=5.0)
    return isinstance(answer, Answered) and answer.status in (200, 206)
