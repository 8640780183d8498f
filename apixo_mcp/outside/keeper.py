"""Runs a program, and ends it with all that it started once whoever had it started lets go or is gone.

A script of its own: `python -I -S keeper.py PROGRAM [ARGUMENT]...`. It imports nothing of this package. Whoever starts
it holds the other end of its standard input, which closes when they end, however they do. They also hold the other end
of its standard error, which the program does not have: it tells there the program's id, and that all is over. If it
closes before that, the keeper was killed, and whoever started it ends the program.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

GRACE = 1.0
"""Seconds that the program has to end by itself."""

STARTED = "keeper: started "
"""Before the program's id in what the keeper tells."""

OVER = "keeper: over"
"""What it tells once the program has ended, and all that it started."""


def keep(command: list[str]) -> int:
    """Runs a command until it ends, and returns its exit code."""
    try:
        program = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, start_new_session=os.name != "nt"
        )
    except OSError as error:
        print(f"{command[0]} cannot be started: {error.strerror or error}", flush=True)
        return 127
    _tell(f"{STARTED}{program.pid}")
    watcher = threading.Thread(target=_end_when_let_go, args=(program,), daemon=True)
    watcher.start()
    if os.name != "nt":

        def end(number: int, frame: object) -> None:
            threading.Thread(target=_end, args=(program,), daemon=True).start()

        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, end)
    code = program.wait()
    _kill_all(program)  # what it started and left behind
    _tell(OVER)
    return code if code >= 0 else 128 - code


def kill_group(pid: int) -> None:
    """Ends the program that a keeper started, and all that it started, at once."""
    if os.name == "nt":
        nothing = subprocess.DEVNULL
        command = ["taskkill", "/T", "/F", "/PID", str(pid)]
        subprocess.run(command, stdin=nothing, stdout=nothing, stderr=nothing, check=False)
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _tell(line: str) -> None:
    with contextlib.suppress(OSError):  # nobody is there any more
        os.write(2, f"{line}\n".encode())


def _end_when_let_go(program: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    _end(program)


def _end(program: "subprocess.Popen[bytes]") -> None:
    if os.name == "nt":
        _kill_all(program)
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(program.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        program.wait(GRACE)
    _kill_all(program)


def _kill_all(program: "subprocess.Popen[bytes]") -> None:
    if os.name != "nt" or program.poll() is None:  # on Windows the id of one that has ended may be another's
        kill_group(program.pid)


if __name__ == "__main__":
    sys.exit(keep(sys.argv[1:]))
