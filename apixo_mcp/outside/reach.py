"""Makes tasks sendable whose gateway is to reach this machine: by a public URL, or through a tunnel."""

from apixo_mcp.errors import Unreachable
from apixo_mcp.generation import Failure, NextAction
from apixo_mcp.outside.tunnel import Tunnel
from apixo_mcp.tasks.callbacks import Addresses
from apixo_mcp.tasks.running.reach import NotNow, Prepared, Sendable
from apixo_mcp.tasks.task import Task


def _called_back(task: Task, addresses: Addresses) -> Sendable:
    return Sendable(task.inputs_at(addresses.url), addresses.of(task.task_id), addresses.url)


class PublicReach:
    """Implements `Reach` by a public URL, which leads here all the time: every task is called back about.

    Args:
        calls_back: whether gateways can; where they cannot, asking for it may have a submit refused.
    """

    def __init__(self, addresses: Addresses, *, calls_back: bool) -> None:
        self._addresses = addresses
        self._calls_back = calls_back

    async def prepared(self, task: Task) -> Prepared:
        """See `Reach.prepared`."""
        if not self._calls_back:
            return Sendable(task.inputs_at(self._addresses.url), address=self._addresses.url)
        return _called_back(task, self._addresses)

    async def confirmed(self, task: Task, sendable: Sendable) -> Prepared:
        """See `Reach.confirmed`."""
        return sendable


class TunnelReach:
    """Implements `Reach` by a tunnel, which is opened for tasks with files that go through it.

    Those are called back about too. For a callback alone none is opened: a poll does as well.
    """

    def __init__(self, tunnel: Tunnel, secret: bytes) -> None:
        self._tunnel = tunnel
        self._secret = secret

    async def prepared(self, task: Task) -> Prepared:
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
        return _called_back(task, Addresses(url, self._secret))

    async def confirmed(self, task: Task, sendable: Sendable) -> Prepared:
        """See `Reach.confirmed`."""
        if not sendable.address or await self._tunnel.leads_here(sendable.address):
            return sendable
        return NotNow()
