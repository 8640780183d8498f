"""The bundle's form: its fields are settings, its tools those of the server, and a blank field is harmless."""

import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bundle
import pytest

from apixo_mcp.cli import main as entry
from apixo_mcp.settings import read_settings, variables

MANIFEST = bundle.manifest("1.2.3")
CONFIG = MANIFEST["server"]["mcp_config"]
FORM: dict[str, Any] = MANIFEST["user_config"]
Start = Callable[..., list[str]]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Start:
    """Runs the bundle's file in this process with what a host puts in; gives the words that the command line got."""

    def started(environment: dict[str, str], *words: str) -> list[str]:
        for name, value in {**environment, "APIXO_MCP_ALLOWED_ROOTS": ""}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("APIXO_MCP_ALLOWED_ROOTS")  # named first, so that what the file sets is undone too
        monkeypatch.setattr(sys, "argv", ["server.py", *words])
        monkeypatch.setattr(entry, "main", lambda: None)
        runpy.run_path(str(bundle.SOURCES / "server.py"), run_name="__main__")
        return sys.argv[1:]

    return started


def test_every_field_is_used_and_every_placeholder_is_a_field():
    placed = re.findall(r"\$\{user_config\.(\w+)\}", str(CONFIG))
    assert sorted(placed) == sorted(FORM)
    assert set(CONFIG["env"]) <= set(variables())


def test_the_form_asks_for_nothing_and_hides_the_keys():
    assert not any(field["required"] for field in FORM.values())
    assert [name for name, field in FORM.items() if field.get("sensitive")] == ["apixo_api_key", "ruxa_api_key"]
    assert FORM["allowed_folders"]["multiple"]


def test_the_tools_are_those_of_the_server():
    assert len(MANIFEST["tools"]) == 11
    assert MANIFEST["prompts_generated"]
    assert "tools_generated" not in MANIFEST


def test_the_version_is_the_projects_and_stands_nowhere_in_the_sources():
    assert MANIFEST["version"] == "1.2.3"
    assert '"version"' not in (bundle.SOURCES / "manifest.json").read_text(encoding="utf-8")


def test_blank_fields_are_as_if_not_set(start: Start):
    # What getMcpConfigForManifest of @anthropic-ai/mcpb 2.1.2 leaves: the placeholder of a field without a value.
    plain = read_settings()
    assert start(CONFIG["env"], *CONFIG["args"][4:]) == []
    settings = read_settings()
    assert settings == plain
    assert settings.warnings == ()


@pytest.mark.parametrize("blank", ["", "${user_config.x}"])
def test_the_settings_take_a_blank_field_as_not_set_by_themselves(blank: str, monkeypatch: pytest.MonkeyPatch):
    plain = read_settings()
    for name in CONFIG["env"]:
        monkeypatch.setenv(name, blank)
    assert read_settings().model_dump() == plain.model_dump()


def test_filled_in_fields_are_settings(start: Start, tmp_path: Path):
    folders = [str(tmp_path / name) for name in ("one", "two words")]
    filled = {name: value.replace("${user_config.", "").rstrip("}") for name, value in CONFIG["env"].items()} | {
        "APIXO_MCP_DOWNLOAD_DIR": str(tmp_path),
        "APIXO_MCP_DAILY_BUDGET_USD": "2.5",
        "APIXO_MCP_MONTHLY_BUDGET_USD": "20",
        "APIXO_MCP_CONFIRM_ABOVE_USD": "0",
        "APIXO_MCP_TUNNEL": "cloudflared",
    }
    assert start(filled, "--sandbox=false", *folders) == []
    settings = read_settings()
    assert settings.warnings == ()
    assert settings.roots == (tmp_path, *map(Path, folders))
    assert (settings.daily_budget_usd, settings.monthly_budget_usd, settings.confirm_above_usd) == (2.5, 20.0, 0.0)
    assert settings.keys["ruxa"].get_secret_value() == "ruxa_api_key"


def test_the_switch_starts_the_sandbox(start: Start):
    assert start({}, "--sandbox=true", "${user_config.allowed_folders}") == ["serve", "--sandbox"]
