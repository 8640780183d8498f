"""Polls above the limit of a key: they wait for their turn, and nothing is written or held for that."""

import time
from pathlib import Path

import pytest
from support.scripted_gateway import Gateway, polled
from support.store_tasks import make_followed
from support.task_steps import ask, happens, until

from apixo_mcp.app import open_app
from apixo_mcp.assembly.limits import Limits
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.tasks.running.parts import StepLimits
from apixo_mcp.tasks.running.turns import ThrottleLimits

pytestmark = pytest.mark.anyio

TASKS = 40
AT_ONCE = 6
LIMITS = Limits(steps=StepLimits(throttle=ThrottleLimits(per_minute=1, burst=AT_ONCE)))
"""After those that leave at once none has a turn while the test runs."""


async def test_a_poll_that_waits_for_its_turn_has_claimed_and_written_nothing(tmp_path: Path) -> None:
    async with Gateway() as gateway:
        gateway.outcome = lambda remote_id: polled(remote_id, state="processing")
        settings = read_settings(
            home=tmp_path, apixo_api_key="sk-mine", apixo_base_url=gateway.url, allow_private_hosts=True
        )
        now = time.time()
        async with open_app(settings, follow=False) as app:
            (key,) = app.key_prints
            moments = {"created_at": now, "updated_at": now, "sent_at": now, "accepted_at": now, "due": now}
            made = [make_followed(key_print=key, base_url=gateway.url, **moments) for _ in range(TASKS)]
            await app.store.add(made)
        async with open_app(settings, limits=LIMITS) as app:

            async def is_written() -> bool:
                """Whether nothing but the polls that have left was claimed, and each of these has written its end."""
                rows = await app.store.page(LOCAL, TaskQuery(limit=TASKS))
                claims = sum(row.fence for row in rows) - sum(task.fence for task in made)
                return claims == len(gateway.looks) >= AT_ONCE and not any(row.lease_until for row in rows)

            await happens(is_written)
            assert len(gateway.looks) <= AT_ONCE + 1, "the limit was met"


async def test_tasks_that_wait_for_room_at_the_gateway_use_no_turn(tmp_path: Path) -> None:
    """Each looks every few seconds whether there is room, which is no request."""
    steps = StepLimits(in_flight=1, throttle=ThrottleLimits(per_minute=6, burst=3, patience=0.1))
    async with Gateway() as gateway:
        settings = read_settings(
            home=tmp_path,
            apixo_api_key="sk-mine",
            apixo_base_url=gateway.url,
            allow_private_hosts=True,
            poll_scale=100,
        )
        async with open_app(settings, limits=Limits(steps=steps)) as app:
            await ask(app)
            await happens(lambda: len(gateway.posts) == 1)
            others = [(await ask(app, f"fox {number}")).tasks[0] for number in range(5)]
            for task in others:
                queued = await until(app, task, lambda now: (now.due or 0.0) > now.created_at + 0.5)
                assert (queued.due or 0.0) < time.time() + 4, "the next turn is ten seconds away"
    assert len(gateway.posts) == 1
