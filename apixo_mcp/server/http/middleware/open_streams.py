"""Ends what is open by a token that was taken back: a stream would tell of an owner's tasks for hours."""

import logging
from collections.abc import Awaitable, Callable

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apixo_mcp.errors import StoreError

log = logging.getLogger(__name__)


async def serve_while_welcome(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, is_over: Callable[[], Awaitable[bool]], every: float
) -> bool:
    """Serves a request for as long as its owner may be here.

    Args:
        app: serves it.
        is_over: tells whether they may no longer.
        every: so many seconds it is asked.

    Returns:
        False where it was ended before anything of an answer was sent.
    """
    has_begun = has_ended = False
    failure: Exception | None = None

    async def told(message: Message) -> None:
        nonlocal has_begun, has_ended
        has_begun = True
        has_ended = message["type"] == "http.response.body" and not message.get("more_body")
        await send(message)

    serving = anyio.CancelScope()

    async def look() -> None:
        while True:
            await anyio.sleep(every)
            try:
                ends = await is_over()
            except StoreError:
                log.exception("it is not known whether a token was taken back; it is asked again")
                ends = False
            if ends:
                serving.cancel()
                return

    async with anyio.create_task_group() as group:
        with serving:
            group.start_soon(look)
            try:
                await app(scope, receive, told)
            except Exception as error:
                failure = error  # out of the group, which would wrap it
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure
    if serving.cancelled_caught and has_begun and not has_ended:
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    return has_begun or not serving.cancelled_caught
