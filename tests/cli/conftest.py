"""A sandbox, and a shell beside it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.shell import Typed

from apixo_mcp.cli.program import program
from apixo_mcp.sandbox import Sandbox


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=1000) as box:
        yield box


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, str]:
    """The variables that keep a process to the test's own folder."""
    return {"APIXO_MCP_HOME": str(tmp_path / "home"), "APIXO_MCP_DOWNLOAD_DIR": str(tmp_path / "pictures")}


@pytest.fixture
def environment(box: Sandbox, folders: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """What leads a command to the sandbox and to the test's own folder."""
    return folders | {
        "APIXO_API_KEY": "sk-mine",
        "APIXO_BASE_URL": box.url,
        "APIXO_MCP_ALLOW_PRIVATE_HOSTS": "1",
        "APIXO_MCP_POLL_SCALE": "0.01",
        "HOME": str(tmp_path / "user"),  # `doctor` looks at the hosts of whoever runs it
        "USERPROFILE": str(tmp_path / "user"),
    }


@pytest.fixture
def typed(environment: dict[str, str], tmp_path: Path) -> Typed:
    """Runs a command on a data folder, beside the sandbox."""

    def run(*words: object, home: str = "home", key: str = "sk-mine", **variables: str) -> Result:
        values = environment | {"APIXO_MCP_HOME": str(tmp_path / home), "APIXO_API_KEY": key} | variables
        return CliRunner().invoke(program, [str(word) for word in words], env=values)

    return run
