"""The sandbox's own store: accepted tasks and the log, in one SQLite file or in memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from apixo_mcp.sandbox.tasks import RemoteTask, digest

_SCHEMA = """
create table if not exists tasks (
    remote_id text primary key, gateway text not null, key text not null, same text not null,
    created real not null, ends real, price real not null, calls integer not null, record text not null);
create index if not exists tasks_same on tasks (same);
create index if not exists tasks_running on tasks (key, ends);
create table if not exists log (n integer primary key, entry text not null);
"""


class Store:
    """Keeps every accepted task and every request seen. Used from the event loop's thread only: each verb is short."""

    def __init__(self, data_dir: Path | None) -> None:
        if data_dir is not None:
            data_dir.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(
            data_dir / "sandbox.sqlite3" if data_dir else ":memory:", isolation_level=None, check_same_thread=False
        )
        # A killed process loses nothing of this; only a power cut could, which an imitation may.
        self._db.executescript("pragma journal_mode = wal; pragma synchronous = off;" + _SCHEMA)

    def close(self) -> None:
        """Closes the file; nothing may be asked afterwards."""
        self._db.close()

    def clear(self) -> None:
        """Forgets all tasks and the log."""
        self._db.executescript("delete from tasks; delete from log;")

    def add(self, task: RemoteTask) -> None:
        """Keeps an accepted task."""
        self._db.execute(
            "insert into tasks values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                task.remote_id,
                task.gateway,
                task.key,
                _same(task.gateway, task.model, task.input),
                task.created,
                task.ends,
                task.price,
                bool(task.callback_url) and not task.called_back,
                json.dumps(asdict(task)),
            ),
        )

    def get(self, remote_id: str) -> RemoteTask | None:
        """Returns a task by its id."""
        row = self._db.execute("select record from tasks where remote_id = ?", (remote_id,)).fetchone()
        return _task(row[0]) if row else None

    def all(self) -> list[RemoteTask]:
        """Returns every task, oldest first."""
        return [_task(row[0]) for row in self._db.execute("select record from tasks order by created, rowid")]

    def same(self, gateway: str, model: str, given: Mapping[str, Any]) -> int:
        """Returns how many tasks had this very input."""
        wanted = _same(gateway, model, given)
        return int(self._db.execute("select count(*) from tasks where same = ?", (wanted,)).fetchone()[0])

    def running(self, key: str, now: float) -> int:
        """Returns how many tasks of a key have not ended."""
        query = "select count(*) from tasks where key = ? and (ends is null or ends > ?)"
        return int(self._db.execute(query, (key, now)).fetchone()[0])

    def spent(self, key: str) -> float:
        """Returns what a key has paid so far."""
        return float(self._db.execute("select coalesce(sum(price), 0) from tasks where key = ?", (key,)).fetchone()[0])

    def owed_callbacks(self) -> Iterator[RemoteTask]:
        """Returns the tasks whose callback is not delivered and not given up."""
        rows = self._db.execute("select record from tasks where calls = 1").fetchall()
        return (_task(row[0]) for row in rows)

    def settle_callback(self, remote_id: str) -> None:
        """Notes that a task's callback is delivered or given up."""
        task = self.get(remote_id)
        if task is not None:
            record = json.dumps(asdict(replace(task, called_back=True)))
            self._db.execute("update tasks set calls = 0, record = ? where remote_id = ?", (record, remote_id))

    def fail(self, remote_id: str, code: str) -> None:
        """Notes that a task will end with a fail code."""
        task = self.get(remote_id)
        if task is not None:
            record = json.dumps(asdict(replace(task, fails=task.fails or code)))
            self._db.execute("update tasks set record = ? where remote_id = ?", (record, remote_id))

    def note(self, entry: Mapping[str, Any]) -> None:
        """Adds an entry to the log."""
        self._db.execute("insert into log (entry) values (?)", (json.dumps(entry),))

    def log(self) -> list[dict[str, Any]]:
        """Returns the log, oldest first."""
        return [json.loads(row[0]) for row in self._db.execute("select entry from log order by n")]


def _same(gateway: str, model: str, given: Mapping[str, Any]) -> str:
    return digest(gateway, model, json.dumps(given, sort_keys=True)).hex()


def _task(record: str) -> RemoteTask:
    raw: dict[str, Any] = json.loads(record)
    raw["extra_marks"] = tuple(raw["extra_marks"])
    return RemoteTask(**raw)
