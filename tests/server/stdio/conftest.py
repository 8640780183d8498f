"""Servers at the end of pipes, in this process and in one of their own."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from support.inside import Inside
from support.pipe import Pipe


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as running:
        yield running


@pytest.fixture(params=["inside", pytest.param("process", marks=pytest.mark.process)])
def opened(request: pytest.FixtureRequest, portal: BlockingPortal, tmp_path: Path) -> Callable[..., Pipe | Inside]:
    """Opens a pipe; keyword arguments are variables of the process."""
    return (lambda **_: Inside(portal, tmp_path)) if request.param == "inside" else partial(Pipe, tmp_path)
