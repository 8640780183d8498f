"""What other processes tell through the database: heard at once, or known not to be."""

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import anyio
import psycopg
import pytest
from support.amounts import in_time
from support.pgbouncer import pooled
from support.postgres import Cluster
from support.stalling import stalling
from support.task_steps import happens

from apixo_mcp.postgres.connections import SERVER_ANSWERS_WITHIN
from apixo_mcp.postgres.listening import Listening

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

CHANNEL = "spoken"


class Ear:
    """What was heard, and how often something may have been missed."""

    def __init__(self, url: str) -> None:
        self.told: list[tuple[str, str]] = []
        self.missed = 0
        self.listening = Listening(url, [CHANNEL], lambda *told: self.told.append(told), self._miss)

    async def _miss(self) -> None:
        self.missed += 1


@asynccontextmanager
async def hearing(url: str) -> AsyncIterator[Ear]:
    ear = Ear(url)
    async with anyio.create_task_group() as group:
        group.start_soon(ear.listening.run)
        try:
            yield ear
        finally:
            group.cancel_scope.cancel()


def tell(url: str, word: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select pg_notify(%s, %s)", [CHANNEL, word])


async def test_what_is_told_is_heard(postgres_url: str) -> None:
    async with hearing(postgres_url) as ear:
        await happens(lambda: ear.listening.hears)
        assert ear.missed == 1
        tell(postgres_url, "here")
        await happens(lambda: ear.told == [(CHANNEL, "here")])


async def test_what_a_stranger_tells_ends_nobody(postgres_url: str) -> None:
    heard: list[float] = []

    async def miss() -> None:
        """Looks at nothing."""

    listening = Listening(postgres_url, [CHANNEL], lambda _, word: heard.append(float(word)), miss)
    async with anyio.create_task_group() as group:
        group.start_soon(listening.run)
        await happens(lambda: listening.hears)
        for word in ("", "no number", "1"):
            tell(postgres_url, word)
        await happens(lambda: heard == [1.0])
        group.cancel_scope.cancel()


async def test_a_connection_that_is_cut_is_made_anew_and_says_what_it_may_have_missed(
    postgres_url: str, postgres: Cluster
) -> None:
    async with hearing(postgres_url) as ear:
        await happens(lambda: ear.missed == 1)
        postgres.run("select pg_terminate_backend(pid) from pg_stat_activity where application_name like '%listen'")
        await happens(lambda: ear.missed == 2)
        tell(postgres_url, "again")
        await happens(lambda: ear.told == [(CHANNEL, "again")])


async def test_a_connection_on_which_nothing_comes_any_more_is_noticed_within_15_s(postgres_url: str) -> None:
    server = urlsplit(postgres_url)
    assert server.port
    async with stalling(server.port) as proxy:
        url = postgres_url.replace(f":{server.port}/", f":{proxy.port}/")
        async with hearing(url) as ear:
            await happens(lambda: ear.listening.hears)
            proxy.stall()
            began = time.monotonic()
            with in_time(15):
                while ear.listening.hears:
                    await anyio.sleep(0.1)
            assert time.monotonic() - began >= SERVER_ANSWERS_WITHIN / 2
            proxy.go_on()
            await happens(lambda: ear.missed == 2)


@pytest.mark.parametrize(("mode", "hears"), [("transaction", False), ("session", True)])
async def test_a_pooler_is_tried(postgres_url: str, mode: str, hears: bool, caplog: pytest.LogCaptureFixture) -> None:
    with pooled(postgres_url, mode) as through, caplog.at_level(logging.WARNING):
        async with hearing(through) as ear:
            await happens(lambda: ear.listening.hears or "do not arrive" in caplog.text)
            assert ear.listening.hears is hears
            assert ear.missed == hears
