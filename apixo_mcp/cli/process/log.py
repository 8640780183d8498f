"""Where the log goes: to standard error, and to a file if one is set."""

import contextlib
import json
import logging
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from apixo_mcp.settings import Settings
from apixo_mcp.telemetry.logs import AUDIT

LARGEST_LOG = 5_000_000
"""Bytes of a log file, after which the next one begins."""
KEPT = 3
_LOCKED_FOR = 10.0  # at most: whoever renames takes no longer, or has ended in between

_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_QUIET = ("httpx2", "httpcore2", "mcp", "uvicorn", "sse_starlette")
"""Their INFO lines hold whole URLs, signed ones too, and session ids; their DEBUG lines headers, keys and prompts."""


def start_logging(settings: Settings) -> None:
    """Logs to standard error and to the file that is set. Called before the SDK sets up a handler of its own."""
    formatter: logging.Formatter = _Json() if settings.log_format == "json" else _Text(_TEXT)
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    handlers[0].setLevel(settings.log_level)
    levels = [settings.log_level]
    problem = ""
    if settings.log_file is not None:
        try:
            handlers.append(LogFile(settings.log_file))
            handlers[-1].addFilter(_OrAudit(settings.file_level))
            levels.append(settings.file_level)
        except OSError as error:
            problem = f"APIXO_MCP_LOG_FILE: {settings.log_file} cannot be written to ({error.strerror or error})"
    for handler in handlers:
        handler.setFormatter(formatter)
    logging.basicConfig(level=min(map(_number, levels)), handlers=handlers)
    logging.getLogger(AUDIT).setLevel(logging.INFO)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
    if problem:
        logging.getLogger(__name__).warning("%s; the log goes to standard error alone", problem)


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level]


class _OrAudit(logging.Filter):
    """Lets through what has a level, and in any case who came in or was not let in."""

    def __init__(self, level: str) -> None:
        super().__init__()
        self._least = _number(level)

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter`."""
        return record.levelno >= self._least or record.name == AUDIT


class LogFile(logging.Handler):
    """Appends each line to a file that several processes share, and begins a new one when it is large.

    The file is opened for each line: no process holds it, so that each may rename it, on Windows too.
    """

    def __init__(self, path: Path, *, largest: int = LARGEST_LOG, kept: int = KEPT) -> None:
        """Makes the folder and the file.

        Raises:
            OSError: it cannot be written to.
        """
        super().__init__()
        self._path = path
        self._largest = largest
        self._kept = kept
        self._has_failed = False
        path.parent.mkdir(parents=True, exist_ok=True)
        self._append(b"")

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a line. A disk that refuses is told once, on standard error."""
        try:
            line = self.format(record) + "\n"
            self._append(line.encode(errors="backslashreplace"))
        except OSError as error:
            if not self._has_failed:
                self._has_failed = True
                print(f"apixo-mcp: {self._path} cannot be written to: {error.strerror or error}", file=sys.stderr)
        except Exception:
            self.handleError(record)

    def _append(self, line: bytes) -> None:
        if self._size() + len(line) > self._largest:
            self._rotate(len(line))
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        handle = os.open(self._path, flags, 0o600)
        try:
            os.write(handle, line)  # in one go: lines of several processes do not mix
        finally:
            os.close(handle)

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return 0

    def _rotate(self, coming: int) -> None:
        """Renames the files, unless another process does so just now."""
        lock = self._numbered("lock")
        with contextlib.suppress(OSError):  # Windows, while another process writes a line: the next line tries again
            with contextlib.suppress(FileNotFoundError):
                if time.time() - lock.stat().st_mtime > _LOCKED_FOR:
                    lock.unlink(missing_ok=True)
            os.close(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            try:
                if self._size() + coming <= self._largest:
                    return  # another process was first
                for number in range(self._kept - 1, 0, -1):
                    with contextlib.suppress(FileNotFoundError):
                        self._numbered(number).replace(self._numbered(number + 1))
                self._path.replace(self._numbered(1))
            finally:
                lock.unlink(missing_ok=True)

    def _numbered(self, number: int | str) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


class _Text(logging.Formatter):
    """A record in a line, whatever was put into its message; the trace of an exception follows in more."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        return "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode()
            for char in super().formatMessage(record)
        )


class _Json(logging.Formatter):
    """A record as an object on a line, with the facts of an event beside its words."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        entry = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)
