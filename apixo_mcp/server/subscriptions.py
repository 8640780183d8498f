"""Tells clients of both eras that a task or its files have changed; none of them can hold the work up."""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.abc import TaskGroup
from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.connection import Connection
from mcp.server.subscriptions import ListenHandler, ResourcesListChanged, ResourceUpdated, ServerEvent
from mcp.types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    EmptyResult,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    UnsubscribeRequestParams,
)

from apixo_mcp.errors import NotFound
from apixo_mcp.server.caller import owner_of
from apixo_mcp.server.sdk import RequestContext, connection_of, lowlevel_of
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.service import Service
from apixo_mcp.tasks.task import FileState, Task
from apixo_mcp.views.faces import CHAT, error_text
from apixo_mcp.views.tasks import result_uri, task_uri

log = logging.getLogger(__name__)

MOST_SUBSCRIBERS = 1024
MOST_URIS = 1000  # of one connection
MOST_REMEMBERED = 10_000

Tell = Callable[[ServerEvent], None]


class Subscriptions:
    """Hands changes of tasks on to whoever has subscribed.

    Clients of 2026-07-28 hold a `subscriptions/listen` stream open, which the SDK feeds from a bounded buffer and ends
    when its client stops reading. Earlier ones subscribe to single resources, and are sent to by a task of their own.
    Either way telling is putting something into memory: who makes a change never waits for who hears of it.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._subscribers: dict[object, tuple[Owner | None, Tell]] = {}
        self._latest: dict[str, object] = {}

    def serve(self, server: MCPServer[Any]) -> None:
        """Answers the requests that subscribe; that they are answered is also what advertises them."""
        lowlevel = lowlevel_of(server)
        lowlevel.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, self._listen)
        lowlevel.add_request_handler("resources/subscribe", SubscribeRequestParams, self._subscribe)
        lowlevel.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, self._unsubscribe)

    @asynccontextmanager
    async def lifespan(self, _: MCPServer[Any]) -> AsyncGenerator[TaskGroup]:
        """Returns the parent of the tasks that send: of a process on Streamable HTTP, else of a connection."""
        async with anyio.create_task_group() as group:
            try:
                yield group
            finally:
                group.cancel_scope.cancel()

    async def changed(self, task: Task) -> None:
        """Hears of every commit to a task, and tells of those that show in its resources."""
        if not self._subscribers:
            return
        files = tuple(result.file for result in task.results)
        shown = (task.state, task.remote_id, task.cancel_requested, files)
        if self._latest.get(task.task_id) == shown:
            return  # a poll that brought nothing new
        self._latest[task.task_id] = shown
        if task.is_settled or len(self._latest) > MOST_REMEMBERED:
            del self._latest[task.task_id]
        saved = [result for result in task.results if result.file is FileState.SAVED]
        self._tell(ResourceUpdated(task_uri(task)), task)
        for result in saved:
            self._tell(ResourceUpdated(result_uri(task, result)), task)
        if task.is_settled and saved:
            self._tell(ResourcesListChanged(), task)

    async def changed_elsewhere(self, task_id: str) -> None:
        """Hears of every change that another process made to a task."""
        if self._subscribers and (task := await self._service.get(task_id)):
            await self.changed(task)

    async def publish(self, event: ServerEvent) -> None:
        """Tells everybody of what is nobody's own, as the SDK's `SubscriptionBus`."""
        self._tell(event)

    def subscribe(self, listener: Tell, owner: Owner | None = None) -> Callable[[], None]:
        """Calls `listener` with the changes of an owner, until what is returned is called."""
        token = object()
        self._subscribers[token] = (owner, listener)

        def end() -> None:
            self._subscribers.pop(token, None)

        return end

    @property
    def subscribers(self) -> int:
        """How many streams and connections are told."""
        return len(self._subscribers)

    def _tell(self, event: ServerEvent, task: Task | None = None) -> None:
        for owner, tell in list(self._subscribers.values()):
            if task is None or (owner is not None and owner.owns(task)):
                tell(event)

    def _check_room(self) -> None:
        if len(self._subscribers) >= MOST_SUBSCRIBERS:
            raise MCPError(INTERNAL_ERROR, "Subscription limit reached")

    async def _listen(
        self, context: RequestContext, params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        self._check_room()
        return await ListenHandler(_OwnersBus(self, owner_of(context)))(context, params)

    async def _subscribe(self, context: RequestContext, params: SubscribeRequestParams) -> EmptyResult:
        uri = str(params.uri)
        await self._check_owner(uri, context)
        connection = connection_of(context)
        mailbox: _Mailbox | None = connection.state.get(_MAILBOX)
        if mailbox is None:
            self._check_room()
            mailbox = connection.state[_MAILBOX] = _Mailbox(connection)
            connection.exit_stack.callback(self.subscribe(mailbox.put, owner_of(context)))
            connection.exit_stack.callback(mailbox.scope.cancel)
            group: TaskGroup = context.lifespan_context
            group.start_soon(mailbox.send)
        if len(mailbox.uris) >= MOST_URIS:
            raise MCPError(INTERNAL_ERROR, "Subscription limit reached")
        mailbox.uris.add(uri)
        return EmptyResult()

    async def _unsubscribe(self, context: RequestContext, params: UnsubscribeRequestParams) -> EmptyResult:
        mailbox: _Mailbox | None = connection_of(context).state.get(_MAILBOX)
        if mailbox is not None:
            mailbox.uris.discard(str(params.uri))
        return EmptyResult()

    async def _check_owner(self, uri: str, context: RequestContext) -> None:
        kind, _, rest = uri.removeprefix("apixo://").partition("/")
        if uri.startswith("apixo://") and kind in ("tasks", "results"):
            try:
                await self._service.find(owner_of(context), rest.partition("/")[0])
            except NotFound as error:
                raise MCPError(INVALID_PARAMS, error_text(error, CHAT), {"uri": uri}) from None


class _OwnersBus:
    """The `SubscriptionBus` of one owner."""

    def __init__(self, subscriptions: Subscriptions, owner: Owner) -> None:
        self._everybody = subscriptions
        self._owner = owner

    async def publish(self, event: ServerEvent) -> None:
        await self._everybody.publish(event)

    def subscribe(self, listener: Tell) -> Callable[[], None]:
        return self._everybody.subscribe(listener, self._owner)


class _Mailbox:
    """The notices that one connection of the earlier era is still to get.

    A notice says only that a resource has changed, so one that waits stands for all that come after it: there are never
    more of them than subscribed resources, however slowly the client reads.
    """

    def __init__(self, connection: Connection) -> None:
        self.uris: set[str] = set()
        self.scope = anyio.CancelScope()
        self._connection = connection
        self._waiting: dict[str, None] = {}
        self._filled = anyio.Event()

    def put(self, event: ServerEvent) -> None:
        if isinstance(event, ResourceUpdated) and event.uri in self.uris:
            self._waiting[event.uri] = None
            self._filled.set()

    async def send(self) -> None:
        """Sends until its connection is gone."""
        with self.scope:
            try:
                while True:
                    await self._filled.wait()
                    self._filled = anyio.Event()
                    while self._waiting:
                        uri = next(iter(self._waiting))
                        del self._waiting[uri]
                        await self._connection.send_resource_updated(uri)
            except Exception:
                # Its siblings in the group send to other clients.
                log.exception("a client cannot be told of changes any more")


_MAILBOX = "apixo_mcp.notices"
