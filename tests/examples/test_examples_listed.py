"""What can be said of the examples without running them; `make examples` does that."""

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "examples"
HOSTS = sorted((FOLDER / "hosts").glob("*/*.json"))


@pytest.mark.parametrize("path", HOSTS, ids=lambda path: path.parent.name)
def test_host_configuration_starts_the_server_with_a_key(path: Path) -> None:
    read = json.loads(path.read_text(encoding="utf-8"))
    server = (read.get("mcpServers") or read["servers"])["apixo"]
    assert [server["command"], *server["args"]] == ["uvx", "apixo-mcp"]
    assert server["env"]["APIXO_API_KEY"]


def test_hosts_are_the_promised_ones() -> None:
    assert {path.parent.name for path in HOSTS} == {"claude-desktop", "claude-code", "cursor", "vscode"}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*/*.txt")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_versions_name_no_address(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "://" not in text
    assert " @ " not in text
