"""A server on a pipe, asked without a client in between, so that what is timed is the server."""

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any, NamedTuple, Self

PATIENCE = 60.0  # seconds, of a whole life
CLIENT = {"name": "bench", "version": "1"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": CLIENT},
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


class NoAnswerError(Exception):
    """It ended or took too long; says what it last wrote to standard error."""


class Answer(NamedTuple):
    """The answer to a request."""

    result: dict[str, Any]
    at: float
    """Seconds since the server was started."""


class TimedServer:
    """A process from its start to its end, as a context."""

    def __init__(self, command: Sequence[str | Path], environment: Mapping[str, str], folder: Path | None = None):
        self._held = ExitStack()
        self._errors = self._held.enter_context(TemporaryFile())  # noqa: SIM115
        self._started = time.perf_counter()
        self._process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=dict(environment),
            cwd=folder,
        )
        self._end = threading.Timer(PATIENCE, self._process.kill)
        self._end.start()

    def ask(self, *messages: dict[str, Any]) -> Answer:
        """Sends the messages at once and waits for the answer to the last; lines of another kind are passed over."""
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(b"".join(json.dumps(message).encode() + b"\n" for message in messages))
            self._process.stdin.flush()
        except BrokenPipeError:
            raise NoAnswerError(self._last_words()) from None
        for line in iter(self._process.stdout.readline, b""):
            at = time.perf_counter() - self._started
            try:
                answer = json.loads(line)
            except ValueError:
                continue  # some print a greeting
            if isinstance(answer, dict) and answer.get("id") == messages[-1]["id"] and "method" not in answer:
                if "result" not in answer:
                    raise NoAnswerError(str(answer.get("error")))
                return Answer(answer["result"], at)
        raise NoAnswerError(self._last_words())

    def cpu_seconds(self) -> float:
        """What the process has computed so far; unlike the clock it does not see what else the machine does."""
        stat = Path(f"/proc/{self._process.pid}/stat")
        if not stat.exists():
            return float("nan")
        fields = stat.read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """The resident memory, in MB of 1024 KB."""
        status = Path(f"/proc/{self._process.pid}/status")
        match = re.search(r"^VmRSS:\s+(\d+) kB$", status.read_text(), re.MULTILINE) if status.exists() else None
        return int(match[1]) / 1024 if match else float("nan")

    def _last_words(self) -> str:
        self._process.wait(5)
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors.read().decode(errors="replace").split("\n") if line.strip()]
        errors = [line for line in lines if re.search(r"Error\b", line)]
        return [*lines[-1:], *errors[-1:], "It ended without a word."][-2 if lines else -1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._end.cancel()
        self._process.stdout.close()
        self._held.close()
