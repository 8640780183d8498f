"""Documents of clients: whoever names slow ones keeps nobody else waiting."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from support.amounts import in_time

from apixo_mcp.net.fetcher import Download
from apixo_mcp.owners.documents import ClientDocuments, TooManyDocuments

pytestmark = pytest.mark.anyio


class Web:
    """Documents at every address; those of hosts that are called slow never come."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.slow = 0

    @asynccontextmanager
    async def fetch(self, url: str, **_: Any) -> AsyncGenerator[Download]:
        self.asked.append(url)
        if "slow" in url:
            self.slow += 1
            await anyio.sleep_forever()
        yield Download(200, "application/json", None, None, "", False, self._body(url))

    async def _body(self, url: str) -> AsyncIterator[bytes]:
        yield json.dumps({"client_id": url}).encode()


async def test_an_address_has_so_many_fetched_in_a_minute_and_others_have_theirs() -> None:
    now, web = [0.0], Web()
    documents = ClientDocuments(web, lambda: now[0])
    for number in range(10):
        assert await documents.find(f"https://{number}.example/c", "10.0.0.1")
    with pytest.raises(TooManyDocuments) as refused:
        await documents.find("https://another.example/c", "10.0.0.1")
    assert 0 < refused.value.wait <= 60
    assert await documents.find("https://3.example/c", "10.0.0.1"), "what is kept costs nothing"
    assert await documents.find("https://another.example/c", "10.0.0.2")
    now[0] = 61.0
    assert await documents.find("https://yet-another.example/c", "10.0.0.1")
    assert len(web.asked) == 12


async def test_slow_ones_of_one_address_leave_room_for_another() -> None:
    web = Web()
    documents = ClientDocuments(web)
    async with anyio.create_task_group() as group:
        for number in range(10):
            group.start_soon(documents.find, f"https://{number}.slow.example/c", "10.0.0.1")
        await anyio.wait_all_tasks_blocked()
        assert web.slow == 10
        with in_time(30):
            assert await documents.find("https://claude.example/c", "10.0.0.2")
        group.cancel_scope.cancel()
