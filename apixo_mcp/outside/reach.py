"""Makes tasks sendable whose gateway is to reach this machine: by a public URL, or through a tunnel."""

import json
import re

from anyio import to_thread

from apixo_mcp.errors import Unreachable
from apixo_mcp.generation import Failure, NextAction
from apixo_mcp.media.input_links import InputLinks
from apixo_mcp.outside.tunnel import Tunnel
from apixo_mcp.tasks.callbacks import Addresses
from apixo_mcp.tasks.running.reach import Sendable
from apixo_mcp.tasks.task import TUNNELLED, Task

_FILE = re.compile(r"/inputs/([0-9a-f]{64})/([\w.-]{1,80})")
_CHANGED = Failure(
    code="INPUT_CHANGED",
    category="media_input",
    message="It was not sent, for an input file was changed or removed after it was asked for",
    advice="Nothing was sent or charged. Ask for it anew, with the file as it is now.",
    retryable=False,
    charged="no",
)


class PublicReach:
    """Implements `Reach` by a public URL, which leads here all the time: every task is called back about."""

    def __init__(self, addresses: Addresses, links: InputLinks) -> None:
        self._addresses = addresses
        self._links = links

    async def prepared(self, task: Task) -> Sendable | Failure | None:
        """See `Reach.prepared`."""
        if not await _has_files(task, self._links, self._addresses.url):
            return _CHANGED
        return Sendable(task.inputs_at(self._addresses.url), self._addresses.of(task.task_id))


class TunnelReach:
    """Implements `Reach` by a tunnel, which is opened for tasks with files that go through it.

    Those are called back about too. For a callback alone none is opened: a poll does as well.
    """

    def __init__(self, tunnel: Tunnel, links: InputLinks, secret: bytes) -> None:
        self._tunnel = tunnel
        self._links = links
        self._secret = secret

    async def prepared(self, task: Task) -> Sendable | Failure | None:
        """See `Reach.prepared`."""
        if not task.is_tunnelled:
            return Sendable(task.inputs)
        try:
            url = await self._tunnel.address(task.task_id)
        except Unreachable as error:
            return Failure(
                code="NO_TUNNEL",
                category="unavailable",
                message=f"It was not sent, for the gateway could not have fetched its files: {error}",
                advice=f"Nothing was sent or charged. {error.fix} Or give a public https URL in place of the file.",
                retryable=True,
                charged="no",
                next_action=NextAction.EXAMINE,
            )
        if not await _has_files(task, self._links, TUNNELLED.rstrip("/")):
            self._tunnel.let_go(task.task_id)
            return _CHANGED
        return Sendable(task.inputs_at(url), Addresses(url, self._secret).of(task.task_id))


async def _has_files(task: Task, links: InputLinks, url: str) -> bool:
    """Tells whether each file of a task's inputs that stands behind a URL of ours could be fetched now.

    The gateway would be paid for a picture that it cannot have.
    """
    behind = json.dumps(dict(task.inputs)).split(url)[1:]
    for file in filter(None, map(_FILE.match, behind)):
        if not await to_thread.run_sync(links.holds, file[1], file[2]):
            return False
    return True
