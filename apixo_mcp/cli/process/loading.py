"""Ctrl-C while a command is still being loaded: the process ends at once.

As an exception it would come out of whatever is being imported, where it may be wrapped or lost.
"""

import os
import signal
import threading
from types import FrameType

_INTERRUPTED = 130  # as shells tell of Ctrl-C


def begin_loading() -> None:
    """Has an interrupt end the process, as nothing is under way yet."""
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def end_loading() -> None:
    """Has an interrupt raise as usual."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(_: int, __: FrameType | None) -> None:
    os._exit(_INTERRUPTED)
