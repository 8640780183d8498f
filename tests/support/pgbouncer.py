"""PgBouncer as Debian has it, before the Postgres of the tests; the test is left out where it is not installed."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.postgres import PASSWORD, USER
from support.proxies import free_port

_STARTS_WITHIN = 60.0


def needed_pgbouncer() -> str:
    """Where the program is."""
    path = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if path is None and os.environ.get("NEED_POSTGRES") == "1":
        pytest.fail("pgbouncer is missing (apt-get install pgbouncer), and NEED_POSTGRES says that it must be here")
    if path is None:
        pytest.skip("pgbouncer is not installed; on Debian: apt-get install pgbouncer")
    return path


@contextmanager
def pooled(url: str, mode: str = "transaction") -> Iterator[str]:
    """Leads to a database through a pooler, and returns the URL of that."""
    program, server, port = needed_pgbouncer(), urlsplit(url), free_port()
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
    (folder / "users").write_text(f'"{USER}" "{PASSWORD}"\n')
    (folder / "ini").write_text(
        f"[databases]\n* = host=127.0.0.1 port={server.port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = trust\nauth_file = {folder}/users\n"
        f"pool_mode = {mode}\nunix_socket_dir =\ndefault_pool_size = 10\nmax_client_conn = 500\n"
        "server_login_retry = 1\n"  # else it keeps everybody waiting for 15 s where the database was away
        f"logfile = {folder}/log\npidfile = {folder}/pid\n"
    )
    as_whom: dict[str, Any] = {}
    if os.geteuid() == 0:  # it refuses to run as root
        import pwd

        entry = pwd.getpwnam("postgres")
        for path in (folder, *folder.iterdir()):
            os.chown(path, entry.pw_uid, entry.pw_gid)
        as_whom = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    process = subprocess.Popen([program, folder / "ini"], **quiet, **as_whom)
    through = url.replace(f":{server.port}/", f":{port}/")
    try:
        _wait(through, folder)
        yield through
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(url: str, folder: Path) -> None:
    import psycopg

    end = time.monotonic() + _STARTS_WITHIN
    while True:
        try:
            with psycopg.connect(url):
                return
        except psycopg.OperationalError:
            if time.monotonic() > end:
                raise AssertionError((folder / "log").read_text()[-2000:]) from None
            time.sleep(0.05)
