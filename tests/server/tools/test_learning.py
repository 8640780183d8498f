"""What is learnt of a connection, and what the next one of the same client begins with."""

import anyio
import pytest

from apixo_mcp.server.patience import STEPS, Patience
from apixo_mcp.server.tools.learning import REMEMBERED_FOR, Learning
from apixo_mcp.tasks.asking.repeats import Origin

pytestmark = pytest.mark.anyio


class Clock:
    """A clock that is set by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def came(clock: Clock, connection: str = "one") -> Origin:
    return Origin(connection=connection, client="local mcp", at=clock.now, since=clock.now)


async def cancelled(learning: Learning, clock: Clock, after: float, connection: str = "one") -> None:
    with anyio.CancelScope() as call, learning.wait(came(clock, connection), ["tsk"], inherits=True):
        clock.now += after
        call.cancel()
        await anyio.sleep_forever()


async def test_a_cancelled_wait_bounds_its_connection_and_begins_the_next(clock: Clock) -> None:
    learning = Learning(clock)
    await cancelled(learning, clock, 10)
    assert learning.of(came(clock)).most == 8.0
    assert learning.of(came(clock, "two")) == Patience()
    assert learning.of(came(clock, "two"), inherits=True).most == 8.0
    await cancelled(learning, clock, 2)
    assert learning.of(came(clock)).most == 1.6
    assert learning.of(came(clock, "two"), inherits=True).most == STEPS[0]
    clock.now += REMEMBERED_FOR + 1
    assert learning.of(came(clock, "two"), inherits=True) == Patience()
    assert learning.of(came(clock)).most == 1.6


async def test_a_wait_that_was_answered_is_followed_by_a_longer_one(clock: Clock) -> None:
    learning = Learning(clock)
    with learning.wait(came(clock), ["tsk"], inherits=True):
        clock.now += STEPS[0]
    assert learning.of(came(clock)).step == 1


async def test_a_question_asked_again_while_it_is_open_is_a_silent_end(clock: Clock) -> None:
    learning = Learning(clock)
    with learning.wait(came(clock), ["tsk"], inherits=True):
        clock.now += 5
        assert not learning.of(came(clock), ["another"]).silent
        assert not learning.of(came(clock, "two"), ["tsk"]).silent
        assert learning.of(came(clock), ["tsk"]).silent
    assert learning.of(came(clock)).most == 4.0
