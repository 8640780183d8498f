"""The signals that end a process in an orderly way."""

import signal
import threading
from types import FrameType

ENDING = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGINT", "SIGHUP")  # SIGHUP: the terminal was closed; Windows has none
    if hasattr(signal, name)
)


def _interrupt(_: int, __: FrameType | None) -> None:
    signal.raise_signal(signal.SIGINT)


def end_as_on_interrupt() -> None:
    """Makes every ending signal do what Ctrl-C does: the event loop is cancelled, and what is shielded is finished."""
    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread is told of signals, and may say what they do
    for number in ENDING:
        if number != signal.SIGINT:
            signal.signal(number, _interrupt)
