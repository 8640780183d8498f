"""Running servers and the imitation of the gateways they talk to."""

from collections.abc import AsyncIterator, Iterator

import pytest
from support.driver import Shared, share
from support.imitation import Imitation


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def gateway() -> Iterator[Imitation]:
    with Imitation() as gateway:
        yield gateway


@pytest.fixture(scope="module")
async def modern_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shared]:
    async with share(tmp_path_factory.mktemp("modern"), "auto") as shared:
        yield shared


@pytest.fixture(scope="module")
async def legacy_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shared]:
    async with share(tmp_path_factory.mktemp("legacy"), "legacy") as shared:
        yield shared


@pytest.fixture
def shared(modern_server: Shared) -> Shared:
    """Speaks the protocol of 2026-07-28."""
    modern_server.gateway.reset()
    return modern_server


@pytest.fixture(params=["modern", "legacy"])
def either(request: pytest.FixtureRequest, modern_server: Shared, legacy_server: Shared) -> Shared:
    """Once for each era of the protocol."""
    server = modern_server if request.param == "modern" else legacy_server
    server.gateway.reset()
    return server
