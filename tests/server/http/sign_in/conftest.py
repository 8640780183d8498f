"""The program with an owner, a client of hers, and the person before the browser."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.person import Person, Raw, invitation_of, registered

from apixo_mcp.app import App
from apixo_mcp.sandbox import Sandbox


@pytest.fixture
async def person() -> AsyncIterator[Person]:
    person = Person()
    async with person.http:
        yield person


@pytest.fixture
async def house(box: Sandbox, tmp_path: Path) -> AsyncIterator[tuple[App, Raw]]:
    async with registered(box, tmp_path) as running:
        yield running


@pytest.fixture
async def signed_in(house: tuple[App, Raw], person: Person) -> Person:
    app, raw = house
    await person.accepts(raw.url, await invitation_of(app, "alice"))
    return person
