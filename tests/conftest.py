"""What every test shares."""

import os
from collections.abc import Iterator

import hypothesis
import pytest
from support.amounts import examples
from support.on_database import reason_to_leave_out
from support.postgres import postgres, postgres_store_url, postgres_template, postgres_url
from support.s3 import needs_s3, s3, s3_server
from support.stores import open_store

__all__ = ["open_store", "postgres", "postgres_store_url", "postgres_template", "postgres_url", "s3", "s3_server"]

# No `explain`: it costs minutes where each example opens a store.
_PHASES = (hypothesis.Phase.explicit, hypothesis.Phase.generate, hypothesis.Phase.shrink)
hypothesis.settings.register_profile("here", max_examples=examples(100), deadline=None, database=None, phases=_PHASES)
hypothesis.settings.load_profile("here")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_the_machine() -> Iterator[None]:
    """Neither a test nor a fixture must find the keys, folders or limits of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("APIXO_", "RUXA_", "OTEL_", "AWS_")):
                patch.delenv(name)
        patch.setenv("APIXO_MCP_LINGER", "0")  # a test leaves no process behind
        yield


@pytest.fixture(autouse=True)
def _a_test_leaves_the_environment_as_it_was() -> Iterator[None]:
    """What one left would be read by another: by the fixtures of a module, before any of its tests can undo it."""
    before = _environment()
    yield
    assert _environment() == before


@pytest.fixture(autouse=True)
def _a_store_of_the_kind_that_is_asked_for(
    _a_test_leaves_the_environment_as_it_was: None, request: pytest.FixtureRequest
) -> Iterator[None]:
    """With `STORE=postgres` whatever opens the program by its settings has a database of the test's own."""
    with pytest.MonkeyPatch.context() as patch:
        if os.environ.get("STORE") == "postgres":
            patch.setenv("APIXO_MCP_DATABASE_URL", request.getfixturevalue("postgres_store_url"))
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks for the server is marked by that; with `STORE=postgres` what is a file's own is left out."""
    on_database = os.environ.get("STORE") == "postgres"
    for item in items:
        if "postgres" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.postgres)
        if "s3" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.s3)
            item.add_marker(needs_s3)
        path = item.path.relative_to(item.config.rootpath).as_posix()
        if on_database and (reason := reason_to_leave_out(path, item.name)):
            item.add_marker(pytest.mark.skip(reason=reason))


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
