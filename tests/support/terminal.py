"""A terminal with a person before it: what a command shows there, and what is typed into it. On Unix only."""

import os
import pty
import subprocess
import sys
import termios
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from select import select
from time import monotonic, sleep

from support.shell import COMMAND

ENTER = "\r"

_WITHIN = 60.0  # seconds, for anything that is waited for
# A process becomes the leader of its terminal, as a shell's is: Ctrl-C reaches it, and /dev/tty is that terminal.
_LEADER = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"


class Terminal:
    """What a command runs in.

    Attributes:
        screen: all that has been shown so far.
    """

    def __init__(self, process: subprocess.Popen[bytes], handle: int) -> None:
        self.screen = ""
        self._process = process
        self._handle = handle
        self._seen = 0

    def see(self, words: str) -> None:
        """Waits until words are shown, behind those that were waited for before."""
        while words not in self.screen[self._seen :]:
            assert self._read(), f"It ended without {words!r}: {self.screen}"
        self._seen = self.screen.index(words, self._seen) + len(words)

    def type(self, *keys: str) -> None:
        """Presses keys."""
        os.write(self._handle, "".join(keys).encode())

    def interrupt(self) -> None:
        """Presses Ctrl-C once the command waits for a key: one that comes right before is lost on Python."""
        state, until = Path(f"/proc/{self._process.pid}/stat"), monotonic() + _WITHIN
        while state.exists() and state.read_text().rpartition(")")[2].split()[0] != "S":
            assert monotonic() < until, f"It waits for no key: {self.screen}"
            sleep(0.01)
        self.type("\x03")

    def end(self) -> int:
        """Waits until the command is over, and returns its exit code."""
        while self._read():
            pass
        return self._process.wait(_WITHIN)

    @property
    def echoes(self) -> bool:
        """Whether it shows what is typed."""
        return bool(termios.tcgetattr(self._handle)[3] & termios.ECHO)

    def _read(self) -> bool:
        """Reads what is shown next; tells whether there may be more."""
        until = monotonic() + _WITHIN
        while not select([self._handle], [], [], 0.1)[0]:
            assert monotonic() < until, f"It shows nothing more: {self.screen}"
            if self._process.poll() is not None and not select([self._handle], [], [], 0)[0]:
                return False
        try:
            shown = os.read(self._handle, 4096)
        except OSError:  # as Linux tells of a terminal that nobody holds any more
            shown = b""
        self.screen += shown.decode(errors="replace")
        return bool(shown)


@contextmanager
def terminal(*words: str, home: Path, **variables: str) -> Generator[Terminal]:
    """Runs a command in a terminal, for a person with a home folder."""
    ours, theirs = pty.openpty()
    env = {"PATH": os.environ.get("PATH", ""), "HOME": str(home), "TERM": "xterm", **variables}
    command = [sys.executable, "-c", _LEADER, *COMMAND, *words]
    process = subprocess.Popen(
        command, env=env, cwd=home, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait(_WITHIN)
        os.close(theirs)
        os.close(ours)
