"""Each job that people give an assistant, by each kind of client: done in few calls, and paid once for the right thing.

`make assistant` prints the table. A token is counted as four characters of what the model is shown, without pictures.
"""

import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from assistant.clock import run
from assistant.jobs import JOBS, Job, Stage, video
from assistant.player import Habits, Player
from mcp import Client
from mcp.types import Implementation
from support.program import program, values_for

from apixo_mcp.sandbox import Sandbox

CLIENTS = {
    "Claude Desktop": Habits("claude-ai"),
    "gives up after 5 s": Habits("some-framework", patience=5.0),
    "structure only": Habits("mcp", sees="structure"),
}
NO_PAUSES = Habits("some-framework", patience=5.0, pauses=False)


@dataclass
class Played:
    """What a job took."""

    title: str
    client: str
    calls: int = 0
    tokens: float = 0.0
    paid: int = 0
    seconds: float = 0.0


TABLE: list[Played] = []


@pytest.fixture(scope="module", autouse=True)
def _table() -> Generator[None]:
    yield
    print(f"\n{'job':42}{'client':20}{'calls':>6}{'tokens':>8}{'paid':>6}{'seconds':>9}")
    for row in TABLE:
        print(f"{row.title:42}{row.client:20}{row.calls:6}{row.tokens:8.0f}{row.paid:6}{row.seconds:9.0f}")


def played(job: Job, client: str, habits: Habits) -> Played:
    """Plays a job on a stage of its own."""
    row = Played(job.title, client)

    async def play(_: object) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            info = Implementation(name=habits.name, version="1")
            async with Sandbox() as box:
                values = values_for(box, folder) | {"poll_scale": 1.0} | dict(job.settings)
                async with (
                    program("memory", values) as dial,
                    Client(dial(), client_info=info) as connected,
                    anyio.create_task_group() as group,
                ):
                    player = Player(connected, habits, group)
                    await player.meet()
                    try:
                        await job.play(player, Stage(box, folder))
                    finally:
                        row.calls, row.tokens, row.paid = player.calls, player.tokens, len(box.submits())
                        group.cancel_scope.cancel()

    row.seconds = run(play)
    TABLE.append(row)
    return row


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.title)
def test_a_job_is_done_in_few_calls_and_paid_for_once(job: Job, client: str):
    row = played(job, client, CLIENTS[client])
    assert row.paid == job.paid
    assert row.calls <= job.calls


def test_a_video_in_a_framework_without_patience_and_pauses():
    (job,) = (one for one in JOBS if one.play is video)
    row = played(job, "no patience, no pauses", NO_PAUSES)
    assert row.paid == 1
    # Sixteen fill the minute to the first poll; the jitter of that may make it one more.
    assert row.calls <= 17
