"""How much is done, and with what seed: from the environment, so that the heavy suites do more than `make test`."""

import os
import random
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import anyio

IN_FULL = bool(os.environ.get("FAULTS_KILLS"))
KILLS = int(os.environ.get("FAULTS_KILLS") or 4)
TAKEOVERS = max(1, KILLS // 100)
ROUNDS = int(os.environ.get("FAULTS_ROUNDS") or 10)
EXAMPLES = int(os.environ.get("FAULTS_EXAMPLES") or 150)
FILES = int(os.environ.get("FAULTS_FILES") or 40)
SEED = int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(1, 1 << 31))


def examples(whole: int) -> int:
    """How many examples a property is tried with: a quarter, but in `make properties`."""
    return whole if os.environ.get("PROPERTIES") else max(whole // 4, 5)


LEAST = 20.0
"""Seconds that any wait has; the program itself gives up what hangs after 30."""


def here(seconds: float) -> float:
    """Returns what seconds are on this machine now: more where it has more to do than it has processors for."""
    return seconds * max(1.0, _load() / (os.cpu_count() or 1))


def in_time(seconds: float = LEAST) -> AbstractContextManager[anyio.CancelScope]:
    """Raises TimeoutError where the block takes longer than so many seconds of a machine that does nothing else.

    It has `LEAST` at any rate: how long something takes is none of its business, only that it comes.
    """
    return anyio.fail_after(max(here(seconds), LEAST))


def _load() -> float:
    """Returns how many want a processor: in the last minute or, as a run may just have begun, at this moment."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    load = max(load, float(os.environ.get("PYTEST_XDIST_WORKER_COUNT") or 0))  # each will have work at once
    with suppress(OSError):  # Linux alone has it
        now = Path("/proc/loadavg").read_text(encoding="ascii").split()[3]
        load = max(load, float(now.partition("/")[0]))
    return load
