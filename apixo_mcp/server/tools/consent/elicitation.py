"""The questions that people have before them, and what ends one without an answer."""

import logging
from collections.abc import Awaitable, Callable

import anyio
from mcp import MCPError
from mcp.server.mcpserver import Context
from mcp.types import ElicitResult
from pydantic import ValidationError

from apixo_mcp.errors import CallerLeft
from apixo_mcp.server.caller import has_left

log = logging.getLogger(__name__)

LOOKED_EVERY = 0.1  # seconds, for whether the client is still there
CLOSING_TAKES = 0.3


class Elicitation:
    """The open questions of one running program.

    The SDK does not end a question whose connection is gone; and once a connection is being closed, it waits for
    seconds to take the question back.
    """

    def __init__(self) -> None:
        self._open: set[anyio.CancelScope] = set()
        self._none = anyio.Event()

    async def put(self, put: Callable[[], Awaitable[ElicitResult]], context: Context) -> ElicitResult | None:
        """Puts a question and returns the answer; None where the client cannot ask, or what it answers is no answer.

        Raises:
            CallerLeft: the connection or this program ended first.
        """
        answer: ElicitResult | None = None
        is_over = False
        async with anyio.create_task_group() as group:
            self._open.add(group.cancel_scope)
            group.start_soon(_watch, context, group.cancel_scope)
            try:
                answer = await put()
            except (MCPError, ValidationError) as error:
                log.info("the client could not ask: %s", error)
            finally:
                self._open.discard(group.cancel_scope)
                if not self._open:
                    self._none.set()
            is_over = True
            group.cancel_scope.cancel()
        if not is_over:
            raise CallerLeft("The connection ended before the question was answered. Nothing was sent or charged.")
        return answer

    async def close(self) -> None:
        """Takes every question back, while there still is a connection to do so."""
        self._none = anyio.Event()
        for scope in self._open:
            scope.cancel()
        if self._open:
            with anyio.move_on_after(CLOSING_TAKES, shield=True):
                await self._none.wait()


async def _watch(context: Context, scope: anyio.CancelScope) -> None:
    while True:
        await anyio.sleep(LOOKED_EVERY)
        if await has_left(context):
            scope.cancel()
