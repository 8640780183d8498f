"""Sends webhooks: signed, one try after another, by whichever process has taken one.

The gateways try their callbacks again after 30 s, 2 min and 10 min (APIXO's guide on webhooks), and so does this: who
receives those knows what to expect of these.
"""

import importlib.util
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import anyio

from apixo_mcp.app import App
from apixo_mcp.errors import SettingsError, StoreError
from apixo_mcp.net.response import Answered, HttpResponse
from apixo_mcp.settings import Settings
from apixo_mcp.tasks.ports.outbox import Webhook
from apixo_mcp.tasks.task import Task
from apixo_mcp.telemetry.facts import WebhookTried
from apixo_mcp.variables.addresses import NO_SECRET
from apixo_mcp.webhooks.payload import payload, remaining_data, task_data

log = logging.getLogger(__name__)

GONE = 410
"""The status by which a receiver says that it wants no more (Standard Webhooks)."""

_MISSING = "APIXO_MCP_NOTIFY_URL takes the extra `server`, which is not installed. {} Or take the variable out."


@dataclass(frozen=True, slots=True)
class WebhookLimits:
    """The times of webhooks, in seconds.

    Attributes:
        again_after: between the tries of one, which is then given up.
        answered_within: the receiver has to take one.
        taken_for: that one is a process' own: longer than a try takes.
        looked_every: between looks for what other processes have ended, and for what is to be sent again.
        at_once: how many are sent side by side.
    """

    again_after: tuple[float, ...] = (30.0, 120.0, 600.0)
    answered_within: float = 15.0
    taken_for: float = 60.0
    looked_every: float = 1.0
    at_once: int = 8


def why_not_signed(settings: Settings) -> str:
    """Tells what is missing to sign webhooks with, empty where nothing is."""
    if not settings.notify_secret.get_secret_value():
        return NO_SECRET
    if importlib.util.find_spec("standardwebhooks"):
        return ""
    from apixo_mcp.installation import adding  # loaded where something is missing alone

    return _MISSING.format(adding("server"))


class WebhookSender:
    """Sends what the store's outbox has, to one address.

    Raises:
        SettingsError: there is nothing to sign with.
    """

    def __init__(self, app: App, limits: WebhookLimits = WebhookLimits()) -> None:
        if why := why_not_signed(app.settings):
            raise SettingsError(why)
        from standardwebhooks import Webhook as Signer  # here: a server without the extra starts too

        self._app = app
        self._limits = limits
        self._url = app.settings.notify_url
        self._signer = Signer(app.settings.notify_secret.get_secret_value())
        self._news = anyio.Event()
        self._is_unwanted = False
        self._sending = anyio.Lock()

    async def hear(self, task: Task) -> None:
        """Looks at once where a task of this process has changed."""
        if task.is_settled:
            self._news.set()

    async def run(self) -> None:
        """Sends until it is cancelled, or the receiver wants no more."""
        while not self._is_unwanted:
            self._news = anyio.Event()
            try:
                await self.send_due()
            except StoreError:
                log.exception("the task store does not answer; webhooks are sent later")
            with anyio.move_on_after(self._limits.looked_every):
                await self._news.wait()

    async def send_due(self) -> None:
        """Sends what is due, each once, until nothing is; what is being sent is waited for first."""
        async with self._sending:
            await self._send_due()

    async def _send_due(self) -> None:
        outbox, limits = self._app.store.outbox, self._limits
        while not self._is_unwanted:
            await outbox.collect()
            taken: Sequence[Webhook] = ()
            with anyio.CancelScope(shield=True):  # what was taken must be known to be
                taken = await outbox.take(limits.taken_for, limits.at_once)
            if not taken:
                return
            async with anyio.create_task_group() as group:
                for webhook in taken:
                    group.start_soon(self._send, webhook)

    async def _send(self, webhook: Webhook) -> None:
        try:
            await self._told(webhook)
        except BaseException as error:  # where this process ends, it may have arrived all the same
            with anyio.CancelScope(shield=True), suppress(StoreError):
                await self._app.store.outbox.put_off(webhook.webhook_id, self._pause(webhook))
            if not isinstance(error, Exception):
                raise
            log.exception("webhook %s could not be sent; it is tried again", webhook.webhook_id)

    async def _told(self, webhook: Webhook) -> None:
        outbox, limits = self._app.store.outbox, self._limits
        data = webhook.data
        if webhook.task_id:
            task = await self._app.store.get(webhook.task_id)
            if task is not None and str(task.state) != webhook.state:
                await outbox.taken(webhook.webhook_id)  # it went on, and what becomes of it is told then
                return
            data = remaining_data(webhook) if task is None else await task_data(self._app, task)
        reply = await self._try(webhook, payload(webhook, data))
        status = reply.status if isinstance(reply, Answered) else 0
        self._app.telemetry.emit(WebhookTried(webhook.kind, webhook.task_id, status, webhook.tries))
        if 200 <= status < 300:
            await outbox.taken(webhook.webhook_id)
            return
        why = f"HTTP {status}" if isinstance(reply, Answered) else reply.reason
        if status == GONE:
            self._stop()
        if webhook.tries <= len(limits.again_after):
            await outbox.put_off(webhook.webhook_id, self._pause(webhook))
            log.info("webhook %s was not taken (%s), and is sent again", webhook.webhook_id, why)
        else:
            await outbox.give_up(webhook.webhook_id)
            log.warning("webhook %s is given up after %s tries: %s", webhook.webhook_id, webhook.tries, why)

    def _pause(self, webhook: Webhook) -> float:
        pauses = self._limits.again_after
        return pauses[min(webhook.tries, len(pauses)) - 1]

    async def _try(self, webhook: Webhook, body: str) -> HttpResponse:
        now = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": webhook.webhook_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(webhook.webhook_id, now, body),
        }
        within = self._limits.answered_within
        return await self._app.http.deliver("POST", self._url, headers=headers, content=body.encode(), within=within)

    def _stop(self) -> None:
        if not self._is_unwanted:
            log.warning(
                "what APIXO_MCP_NOTIFY_URL leads to wants no more webhooks (HTTP 410), so this process sends none. "
                "What waits is sent once a server is started anew; take the variable out if that is not meant"
            )
        self._is_unwanted = True


@asynccontextmanager
async def sending_webhooks(
    app: App, limits: WebhookLimits = WebhookLimits(), *, at_last: float = 0.0
) -> AsyncGenerator[None]:
    """Sends webhooks while the context is open.

    Args:
        app: the program.
        limits: of the sending.
        at_last: seconds that are given at the end to what has just ended.

    Raises:
        SettingsError: there is nothing to sign with.
    """
    sender = WebhookSender(app, limits)
    await app.store.outbox.begin()
    app.changes.listen(sender.hear)
    async with anyio.create_task_group() as group:
        group.start_soon(sender.run)
        try:
            yield
        finally:
            if at_last:
                with anyio.move_on_after(at_last, shield=True):
                    await sender.send_due()
            group.cancel_scope.cancel()
