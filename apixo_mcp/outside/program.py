"""A program that runs beside this one for a while: what it prints is heard, and it never outlives this process.

A keeper (`outside.keeper`) ends it when this process is gone. When the keeper is gone, this process ends it.
"""

import subprocess
import sys
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import anyio.abc
from anyio import to_thread

from apixo_mcp.outside.commands import TunnelCommand, last_words
from apixo_mcp.outside.keeper import OVER, STARTED, kill_group
from apixo_mcp.variables.environment import environment_of_others

ENDS_WITHIN = 1.8
"""Seconds in which it has ended, gently or not, once it is let go."""

_KEEPER = Path(__file__).with_name("keeper.py")
_LAST_LINES_WITHIN = 1.0  # once it has ended: what it started may hold its output still
_LINES_KEPT, _LONGEST_LINE, _MOST_ADDRESSES = 20, 4096, 20


class Program:
    """The program of a tunnel, as long as it is held.

    Attributes:
        addresses: those that it has printed.
        told_alone: of those the ones that stood alone in a line, as a script prints what it has to say.
        is_ready: whether it has printed what tells that its address leads here.
        heard: set at the next line, and then a new one.
        ended: set once it has ended.
    """

    def __init__(self, command: TunnelCommand, process: anyio.abc.Process) -> None:
        self.addresses: list[str] = []
        self.told_alone: set[str] = set()
        self.is_ready = command.ready is None
        self.heard = anyio.Event()
        self.ended = anyio.Event()
        self._command = command
        self._process = process
        self._pid: int | None = None
        self._told = b""
        self._lines: deque[str] = deque(maxlen=_LINES_KEPT)

    @property
    def last_words(self) -> str:
        """What it printed last, for a person; empty where that was nothing."""
        return last_words(self._lines)

    @property
    def exit_code(self) -> int | None:
        """How it ended."""
        return self._process.returncode

    async def listen(self) -> None:
        """Hears what it prints, to its end."""
        is_heard = anyio.Event()

        async def hear() -> None:
            await self._hear_all()
            is_heard.set()

        async with anyio.create_task_group() as group:
            group.start_soon(hear)
            await self.until_over()
            with anyio.move_on_after(_LAST_LINES_WITHIN):
                await is_heard.wait()
            group.cancel_scope.cancel()
        self.ended.set()
        self.heard.set()

    async def until_over(self) -> None:
        """Waits for its keeper to end, and ends what that could not end because it was killed."""
        assert self._process.stderr is not None
        with suppress(anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError):
            while True:
                *lines, self._told = (self._told + await self._process.stderr.receive()).split(b"\n")
                for line in lines:
                    self._hear_keeper(line)
                self._told = self._told[:_LONGEST_LINE]
        await self.end()
        await self._process.wait()

    async def end(self) -> None:
        """Ends it at once, whatever its keeper does, with all that it started."""
        if self._pid is not None:
            await to_thread.run_sync(kill_group, self._pid)
            self._pid = None

    def _hear_keeper(self, line: bytes) -> None:
        text = line.decode(errors="replace").strip()
        if text == OVER:
            self._pid = None
        elif text.startswith(STARTED):
            self._pid = int(text.removeprefix(STARTED))
        else:
            self._hear(line)

    async def _hear_all(self) -> None:
        assert self._process.stdout is not None
        rest = b""
        with suppress(anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError):
            while True:
                *lines, rest = (rest + await self._process.stdout.receive()).split(b"\n")
                for line in lines:
                    self._hear(line)
                rest = rest[:_LONGEST_LINE]
        self._hear(rest)

    def _hear(self, line: bytes) -> None:
        text = line[:_LONGEST_LINE].decode(errors="replace").strip()
        if not text:
            return
        self._lines.append(text)
        self.is_ready = self.is_ready or (self._command.ready is not None and bool(self._command.ready.search(text)))
        for address in self._command.addresses_in(text):
            if text.rstrip("/") == address:
                self.told_alone.add(address)
            if address not in self.addresses and len(self.addresses) < _MOST_ADDRESSES:
                self.addresses.append(address)
        self.heard.set()
        self.heard = anyio.Event()


@asynccontextmanager
async def held(command: TunnelCommand, port: int) -> AsyncGenerator[Program]:
    """Runs the program of a tunnel to a port while the context is open, and ends it with all that it started.

    Raises:
        Unreachable: there is no such program.
        OSError: no process can be had.
    """
    words = [sys.executable, "-I", "-S", str(_KEEPER), *command.at(port)]
    process = await anyio.open_process(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment_of_others(),
        start_new_session=sys.platform != "win32",
        creationflags=subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0,
    )
    program = Program(command, process)
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(program.listen)
            try:
                yield program
            finally:
                group.cancel_scope.cancel()
    finally:
        await _let_go(program, process)


async def _let_go(program: Program, process: anyio.abc.Process) -> None:
    """Has the keeper end the program; it notices by its standard input."""
    with anyio.CancelScope(shield=True):
        assert process.stdin is not None
        with suppress(OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            await process.stdin.aclose()
        with anyio.move_on_after(ENDS_WITHIN):
            await program.until_over()
        if process.returncode is None:
            process.kill()
        await program.end()
        await process.aclose()
