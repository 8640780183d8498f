"""Whether a program that asks over loopback belongs to another user of this machine, where the system tells (Linux).

An address that works once does not keep its secret by itself: the command line of the browser that is opened at it can
be read by everybody on the machine. So whoever comes with it is looked up in the system's table of connections, in
which each end of one has the user that it belongs to (proc(5), `/proc/net/tcp`).
"""

import os
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from starlette.types import Scope

_ROOT = 0  # reads all files as it is; and relays of containers and of virtual machines run as it


@dataclass(frozen=True, slots=True)
class End:
    """One end of a connection.

    Attributes:
        at: its own address and port, as the table has them.
        to: those of the other end.
        is_held: whether a program has it open still; one that is not tells no true user.
    """

    at: str
    to: str
    user: int
    is_held: bool


def table_of_system() -> Iterable[str]:
    """Returns the lines of the system's table; none where it has none."""
    try:
        return Path("/proc/net/tcp").read_text(encoding="ascii", errors="replace").splitlines()[1:]
    except OSError:
        return ()


def is_of_another_user(scope: Scope, table: Callable[[], Iterable[str]] = table_of_system) -> bool:
    """Tells whether the system says that a request over IPv4 comes from a program of another user, or of none any more.

    Args:
        scope: of the request.
        table: returns the lines of the system's table.
    """
    peer, own = _written(scope.get("client")), _written(scope.get("server"))
    if not peer or not own:
        return False
    ends = {(end.at, end.to): end for end in _ends(table())}
    if (own, peer) not in ends:
        return False  # this system's table does not tell of loopback
    theirs = ends.get((peer, own))
    return theirs is None or not theirs.is_held or theirs.user not in (_ROOT, os.getuid())


def _ends(lines: Iterable[str]) -> Iterator[End]:
    for line in lines:
        parts = line.split()
        if len(parts) > 9 and parts[7].isdigit():
            yield End(parts[1], parts[2], int(parts[7]), parts[9] != "0")


def _written(address: tuple[str, int | None] | None) -> str:
    """Returns an address and port as the table has them, empty where it has no such ones."""
    try:
        host, port = address or ("", None)
        number = struct.unpack("=I", socket.inet_aton(host))[0]
    except OSError:
        return ""
    return "" if port is None else f"{number:08X}:{port:04X}"
