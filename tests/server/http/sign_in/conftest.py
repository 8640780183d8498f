"""The program with an owner, a client of hers, and the person before the browser."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from support.house import ALICE
from support.person import Person, Raw, invitation_of
from support.sign_in import served

from apixo_mcp.app import App
from apixo_mcp.sandbox import Sandbox


@pytest.fixture
async def person() -> AsyncIterator[Person]:
    person = Person()
    async with person.http:
        yield person


@pytest.fixture
async def house(box: Sandbox, tmp_path: Path) -> AsyncIterator[tuple[App, Raw]]:
    """The program with an owner, and a client that is registered."""
    async with served(box, tmp_path) as (app, url), httpx2.AsyncClient(timeout=30) as http:
        await app.owners.add(ALICE, "")
        raw = Raw(url, http)
        assert (await raw.registers()).status_code == 201
        yield app, raw


@pytest.fixture
async def signed_in(house: tuple[App, Raw], person: Person) -> Person:
    app, raw = house
    await person.accepts(raw.url, await invitation_of(app, "alice"))
    return person
