"""Runs a program, and ends it with all that it started once whoever had it started lets go or is gone.

A script of its own: `python -I -S keeper.py PROGRAM [ARGUMENT]...`. It imports nothing of this package. Whoever starts
it holds the other end of its standard input, which closes when they end, however they do.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

GRACE = 1.0
"""Seconds that the program has to end by itself."""


def keep(command: list[str]) -> int:
    """Runs a command until it ends, and returns its exit code."""
    try:
        program = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=os.name != "nt")
    except OSError as error:
        print(f"{command[0]} cannot be started: {error.strerror or error}", flush=True)
        return 127
    watcher = threading.Thread(target=_end_when_let_go, args=(program,), daemon=True)
    watcher.start()
    if os.name != "nt":

        def end(number: int, frame: object) -> None:
            threading.Thread(target=_end, args=(program,), daemon=True).start()

        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, end)
    code = program.wait()
    _kill_group(program)  # what it started and left behind
    return code if code >= 0 else 128 - code


def _end_when_let_go(program: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    _end(program)


def _end(program: "subprocess.Popen[bytes]") -> None:
    if os.name == "nt":
        _kill_group(program)
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(program.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        program.wait(GRACE)
    _kill_group(program)


def _kill_group(program: "subprocess.Popen[bytes]") -> None:
    if os.name == "nt":
        if program.poll() is None:
            nothing = subprocess.DEVNULL
            command = ["taskkill", "/T", "/F", "/PID", str(program.pid)]
            subprocess.run(command, stdin=nothing, stdout=nothing, stderr=nothing, check=False)
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(program.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1:]))
