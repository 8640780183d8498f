"""Answers that have left this process: only then their callers have them.

The wire's part of delivery, which `tasks.asking.delivery` tells whole.
"""

import json
from typing import TextIO

import anyio

from apixo_mcp.server.sdk import ANSWER_LINE
from apixo_mcp.tasks.asking.delivery import Call, Mention
from apixo_mcp.tasks.asking.news import News

RequestId = int | str
Expecting = Call | Mention | News

_NOTED_WITHIN = 2.5  # seconds; a client that has not read an answer by then knows nothing of it


class Receipts:
    """The calls whose answers are on their way over a wire that tells when a line has left.

    What has not left when the connection ends is lost: the same request may adopt its task, in place of a second
    payment for an answer that nobody has read.
    """

    def __init__(self) -> None:
        self._open: dict[RequestId, tuple[Expecting, ...]] = {}
        self._noted = anyio.Event()
        self._noted.set()

    def expect(self, request_id: RequestId, call: Call | Mention) -> None:
        """Takes over to tell what becomes of a call's answer."""
        if request_id in self._open:
            return  # a second request under one id: whose answer is whose cannot be told
        call.hand_over()
        self._open[request_id] = (call,)

    def expect_too(self, request_id: RequestId, news: News) -> None:
        """Takes over to tell what becomes of what else the answer to a call tells."""
        news.hand_over()
        self._open[request_id] = (*self._open.get(request_id, ()), news)

    def leaves(self) -> None:
        """Notes that a line is being written: from now on its reader may know of it before it is noted here."""
        self._noted = anyio.Event()

    async def left(self, line: str) -> None:
        """Notes that a line was written and flushed."""
        try:
            if self._open and (answer := ANSWER_LINE.match(line)):
                for told in self._open.pop(json.loads(answer[1]), ()):
                    await (told.given() if answer[2] == "result" else told.lost())
        finally:
            self._noted.set()

    async def noted(self) -> None:
        """Waits until it is noted of what is being written that it has left.

        A client asks again at the very moment in which it has read an answer: what it knows by then decides what is
        bought.
        """
        with anyio.move_on_after(_NOTED_WITHIN):
            await self._noted.wait()

    async def unwanted(self, request_id: object) -> None:
        """Notes that the client has cancelled a request, and reads no answer to it any more."""
        if isinstance(request_id, int | str):
            for told in self._open.pop(request_id, ()):
                await told.lost()

    async def close(self) -> None:
        """Notes that the connection has ended."""
        with anyio.CancelScope(shield=True):
            for every in self._open.values():
                for told in every:
                    await told.lost()
            self._open.clear()


class WireClosed(Exception):
    """The client no longer reads: it has closed its end, or is gone."""


class Wire(anyio.AsyncFile[str]):
    """Standard output, as the SDK writes to it: a line, then a flush."""

    def __init__(self, file: TextIO, receipts: Receipts) -> None:
        super().__init__(file)
        self._receipts = receipts
        self._line = ""

    async def write(self, b: str) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        """See `AsyncFile.write`.

        Raises:
            WireClosed: nobody reads it.
        """
        self._line = b
        self._receipts.leaves()
        try:
            return await super().write(b)
        except OSError as error:
            raise WireClosed from error

    async def flush(self) -> None:
        """See `AsyncFile.flush`.

        Raises:
            WireClosed: nobody reads it.
        """
        try:
            await super().flush()
        except OSError as error:
            raise WireClosed from error
        await self._receipts.left(self._line)
