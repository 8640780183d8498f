"""A listening socket that whoever started this process holds, as systemd does: it stays while servers come and go.

Whoever connects between two servers waits in it and is served by the next one.
"""

import os
import socket
from collections.abc import MutableMapping

_FIRST = 3  # the first that is handed over; sd_listen_fds(3)


def inherited_listener(variables: MutableMapping[str, str]) -> socket.socket | None:
    """Returns the socket that was handed over to this process, None where none was.

    Args:
        variables: of this process; those that tell of the socket are taken out, as its children have none.

    Raises:
        ValueError: what was handed over is not one TCP socket that listens.
    """
    whose, how_many = variables.pop("LISTEN_PID", ""), variables.pop("LISTEN_FDS", "")
    variables.pop("LISTEN_FDNAMES", None)
    if os.name != "posix" or whose != str(os.getpid()) or how_many in ("", "0"):
        return None
    if how_many != "1":
        raise ValueError(f"{how_many} sockets were handed over; one ListenStream is served")
    try:
        listener = socket.socket(fileno=_FIRST)
    except OSError as error:
        raise ValueError(f"the socket that was handed over cannot be used: {error.strerror}") from None
    is_tcp = listener.family in (socket.AF_INET, socket.AF_INET6) and listener.type == socket.SOCK_STREAM
    if not is_tcp or not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        listener.close()
        raise ValueError("the socket that was handed over is not one of TCP that listens")
    listener.set_inheritable(False)
    return listener
