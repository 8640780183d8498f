"""How much is done, and with what seed: from the environment, so that `make faults` does more than `make test`."""

import os
import random
import sys
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parent.parent / name) for name in ("e2e",)]


def told(name: str, usual: int) -> int:
    return int(os.environ.get(name) or usual)


@pytest.fixture(scope="session")
def kills() -> int:
    """How often a process is killed."""
    return told("FAULTS_KILLS", 4)


@pytest.fixture(scope="session")
def examples() -> int:
    """How many calls and answers are made up."""
    return told("FAULTS_EXAMPLES", 150)


@pytest.fixture(scope="session")
def seed() -> int:
    return told("FAULTS_SEED", random.SystemRandom().randrange(1, 1 << 31))


@pytest.fixture
def in_full() -> None:
    """For what takes long without anything to do: only `make faults` and `.ci/run` wait for it."""
    if not os.environ.get("FAULTS_KILLS"):
        pytest.skip("takes a minute; make faults runs it")
