"""Repairs the task store's file with all that is readable of it. The damaged file is never deleted.

`repair` is the one door. Behind it stand the search for damage, the rescue of rows from the bytes of broken pages
(`page_reader`, which nobody else asks), and the exchange of the files, which may be cut short at any point.
"""

import logging
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from apixo_mcp.errors import StoreError
from apixo_mcp.stores.kept.owners import owner_of_row
from apixo_mcp.stores.money.admit import insert_without_taken_key
from apixo_mcp.stores.sqlite import schema
from apixo_mcp.stores.sqlite.damage import beside, is_damage, moved_note
from apixo_mcp.stores.sqlite.owner_rows import insert_owners, lost_owners, newest_owners, told_of_owners
from apixo_mcp.stores.sqlite.whole import whole
from apixo_mcp.tasks.task import TERMINAL, State, Task

log = logging.getLogger(__name__)

ALWAYS_CHECKED = 16 * 2**20
"""Bytes up to which a file is checked at every start that finds nobody else on it. The check reads all of it: 3 ms for
every 1,000 tasks (2.3 MB). A larger one, which would hold up the start, is checked only where the last process did not
close it, or came upon damage: then its log or the mark below is left behind. A lost head or a cut end SQLite notices by
itself as it opens a file."""

_LOG_HEADER = 32
ID_AT = {4: 2, 5: 2, 7: 2, 8: 5, 9: 6, 10: 5, 11: 6}
"""Where an entry of an index tells a task's id, by its length: `task_owner`, `task_spent` and `task_counted`, each as
it was and as it is, and `searched`, which is kept as one."""
_OWNERS_SINCE = 10  # the version of the schema
_SUFFIXES = ("-wal", "-shm", "")  # the file itself last: while it is in its place, the work is not done
_ORPHAN = "A request was being sent when the task store was damaged, and whether it left can no longer be told."


def repair(path: Path) -> None:
    """Sets the file aside where it is damaged, and puts one in its place that holds every task that could be read.

    Cut short at any point it is gone on with by the next call. The caller is alone with the file.

    Raises:
        OSError: the disk is full, or another program has the file.
        StoreError: it was moved away.
        sqlite3.Error: the new file cannot be written.
    """
    ready, note = beside(path, ".mended"), beside(path, ".mended.txt")
    if not ready.exists():
        if not _is_damaged(path):
            return
        if (moved := moved_note(path)).exists():
            raise StoreError(
                f"the task store {path} was moved away, and what is left of it is damaged, so that it is not known "
                f"where to. If it was imported nowhere, delete {moved} and start again: what can be read is "
                "then recovered"
            )
        part = beside(path, ".mending")
        for suffix in ("", "-journal"):
            beside(part, suffix).unlink(missing_ok=True)
        note.write_text(_rebuild(path, part), encoding="utf-8")
        part.replace(ready)
    aside = schema.free_name(path, f"damaged-{schema.stamp()}")
    for suffix in _SUFFIXES:
        if beside(path, suffix).exists():
            beside(path, suffix).rename(beside(aside, suffix))
    text = f"{note.read_text(encoding='utf-8')} The damaged file is kept: {aside}"
    log.warning("%s", text)
    note.write_text(text, encoding="utf-8")
    note.replace(beside(aside, ".txt"))
    ready.replace(path)
    beside(path, ".check").unlink(missing_ok=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _is_damaged(path: Path) -> bool:
    """Tells whether the file must be repaired. Changes nothing: it is to be set aside as it is."""
    size, left = _size(path), _size(beside(path, "-wal"))
    if size == 0:
        return left > _LOG_HEADER  # SQLite would take such a log for rubbish
    marked = beside(path, ".check").exists()
    if not (left or marked or size <= ALWAYS_CHECKED) or _size(beside(path, "-journal")):
        return False
    # Without a log nothing but the file counts, and SQLite need not make one to read it.
    mode = "mode=ro" if left else "mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True)) as database:
            if schema.version(database) > schema.newest():
                return False
            if database.execute("pragma quick_check(1)").fetchone()[0] != "ok":
                return True
            if left and _hides_commits(path):
                return True
            if marked:
                _read_all(database)
    except sqlite3.Error as error:
        return is_damage(error)
    except ValueError:
        return True
    beside(path, ".check").unlink(missing_ok=True)
    return False


def _hides_commits(path: Path) -> bool:
    """Tells whether SQLite has stopped before the end of the log. The caller's connection, which read it, is open."""
    from apixo_mcp.stores.sqlite.page_reader import hides_commits

    try:
        with beside(path, "-shm").open("rb", buffering=0) as index:
            # "mxFrame" of the WAL-index header (SQLite's page on the WAL-mode file format): frames that it goes by.
            read = int.from_bytes(index.read(20)[16:], sys.byteorder)
    except OSError:
        read = 0
    return hides_commits(beside(path, "-wal").read_bytes(), read)


def _read_all(database: sqlite3.Connection) -> None:
    from apixo_mcp.tasks.record import from_record, row_record

    database.row_factory = sqlite3.Row
    if schema.version(database):
        for row in database.execute("select * from task"):
            from_record(row_record(dict(row)))
    if schema.version(database) >= _OWNERS_SINCE:
        for row in database.execute("select * from owner"):
            owner_of_row(row)


@dataclass(frozen=True, slots=True)
class _Recovered:
    """What the bytes of a file still tell."""

    tasks: list[Task]
    secrets: Mapping[str, str]
    kept: Mapping[tuple[str, str], str]
    owners: Mapping[str, Mapping[str, Any]]
    lost_owners: Mapping[str, Mapping[str, Any]]
    unreadable: int
    lost: tuple[str, ...]


def _rebuild(path: Path, part: Path) -> str:
    """Writes a new file with what the old one still tells, and says how much that is."""
    main, wal = (beside(path, end).read_bytes() if beside(path, end).exists() else b"" for end in ("", "-wal"))
    with closing(sqlite3.connect(part, isolation_level=None)) as database:
        schema.teach(database)
        with whole(database):
            schema.upgrade(database, 0)
            columns = [row[1:5] for row in database.execute("pragma table_info(task)")]
            recovered = _recover(main, wal, columns)
            for task in recovered.tasks:
                insert_without_taken_key(lambda text, values: database.execute(text, values).fetchall(), task)
            database.executemany("insert into secret values (?, ?)", recovered.secrets.items())
            kept = [(*at, text) for at, text in recovered.kept.items()]
            database.executemany("insert into kept values (?, ?, ?)", kept)
            insert_owners(database, [*recovered.owners.values(), *recovered.lost_owners.values()])
    return _told(recovered)


def _told(recovered: _Recovered) -> str:
    count, lost = len(recovered.tasks), recovered.lost
    text = f"The task store was damaged; {'1 task was' if count == 1 else f'{count} tasks were'} recovered from it"
    if lost:
        named = ", ".join(lost[:5]) + (" and others" if len(lost) > 5 else "")
        text += f", and {len(lost)} are lost ({named}): the gateway's dashboard may still show them."
    else:
        text += f", and about {recovered.unreadable} could not be read." if recovered.unreadable else "."
    if recovered.tasks and not recovered.secrets:
        open_tasks = sum(task.due is not None for task in recovered.tasks)
        text += (
            f" The secret that tells API keys apart is lost, so no key is known to belong to these tasks: {open_tasks} "
            "that are still open are listed but no longer followed; look for them on the gateway's dashboard."
        )
    if lost or recovered.unreadable:
        text += " What was lost counts for no limit of a day or a month any more."
    return text + told_of_owners(recovered.owners, recovered.lost_owners)


def _recover(main: bytes, wal: bytes, columns: list[tuple[str, str, int, str | None]]) -> _Recovered:
    """Returns of the rows that can be read the newest version of each task.

    An older one may be all that is left of a task, so what is not known to have been sent must not be sent again.
    """
    from apixo_mcp.stores.sqlite.page_reader import salvage
    from apixo_mcp.tasks.record import from_record, row_record

    salvaged = salvage(main, wal)
    tasks: dict[str, Task] = {}
    secrets: dict[str, str] = {}
    kept: dict[tuple[str, str], str] = {}
    unreadable: set[str] = set()
    for record in salvaged.records:
        match record:
            case (str(name), str(value)) if name.isidentifier() and len(value) == 64:
                secrets.setdefault(name, value)
            case (str(task_id), str(name), str(text)) if task_id.startswith("tsk_"):
                kept.setdefault((task_id, name), text)
            case (str(task_id), *_) if task_id.startswith("tsk_") and 30 < len(record) <= len(columns):
                try:
                    task = from_record(row_record(dict(_row(record, columns))))
                except (ValueError, TypeError, RecursionError):
                    unreadable.add(task_id)
                    continue
                other = tasks.get(task_id)
                if other is None or (other.fence, other.updated_at) < (task.fence, task.updated_at):
                    tasks[task_id] = task
            case _:
                pass
    named = {entry[ID_AT[len(entry)]] for entry in salvaged.entries if len(entry) in ID_AT}
    known = {name for name in named if isinstance(name, str) and name.startswith("tsk_")} | unreadable
    safe = [_safe(task) for task in sorted(tasks.values(), key=lambda task: task.created_at)]
    owners = newest_owners(salvaged.records)
    lost_names = lost_owners(owners, safe, time.time())
    return _Recovered(safe, secrets, kept, owners, lost_names, salvaged.unreadable, tuple(sorted(known - set(tasks))))


def _row(record: tuple[Any, ...], columns: list[tuple[str, str, int, str | None]]) -> Iterator[tuple[str, Any]]:
    for number, (name, kind, _, default) in enumerate(columns):
        if number < len(record):
            yield name, record[number]
        elif default is not None:
            # A row from before the column was added.
            kind = kind.lower()
            yield name, default.strip("'") if kind == "text" else int(default) if kind == "integer" else float(default)


def _safe(task: Task) -> Task:
    from apixo_mcp.tasks.transitions.submits import unclear

    # Of an open task a newer version may be lost.
    is_copy = task.is_copy or task.state not in TERMINAL
    task = replace(task, lease_holder="", lease_until=0.0, is_copy=is_copy)
    if task.state is not State.SUBMITTING:
        return task
    return unclear(task, time.time(), _ORPHAN)
