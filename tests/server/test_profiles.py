"""Which profile a client gets, by the names that clients really send."""

import logging
from pathlib import Path

import pytest
from support.program import values_for

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.profiles import UNKNOWN, doubt, profile_of
from apixo_mcp.settings import read_settings


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("claude-ai", 50),
        ("claude-ai (via mcp-remote 0.1.37)", 50),
        ("claude-desktop-msix", 50),
        ("local-agent-mode-apixo", 50),
        ("claude-code", 110),
        ("codex-mcp-client", 110),
        ("gemini-cli-mcp-client-apixo", 110),
        ("qwen-cli-mcp-client-apixo", 110),
        ("Visual Studio Code", 110),
        ("Visual Studio Code - Insiders", 110),
        ("Code - OSS", 110),
        ("Cursor", 50),
        ("cursor-vscode", 50),
        ("Windsurf", 50),
        ("windsurf-client", 50),
        ("goose", 25),
        ("goose-cli", 25),
        ("goose-desktop", 25),
        ("lmstudio-mcp-bridge", 50),
        ("LM Studio", 50),
        ("@librechat/api-client", 25),
        ("@n8n/n8n-nodes-langchain.mcpClientTool", 50),
        ("Zed", 50),
        ("mcp-use", 50),
        ("fastmcp", 8),
        ("fast-agent-mcp", 50),
        ("@langchain/mcp-adapters", 50),
        ("stdio: uvx apixo-mcp", 50),
        ("streamable-http: http://127.0.0.1:8765/mcp", 50),
        ("@cline/core", 50),
        ("Cline", 50),
        ("inspector-cli", 50),
        ("genkit-host", 50),
        ("huggingface_hub.MCPClient", UNKNOWN.wait_seconds),
        ("supergateway", UNKNOWN.wait_seconds),
        ("mcp", UNKNOWN.wait_seconds),
        ("google-adk", UNKNOWN.wait_seconds),
        ("zedless", UNKNOWN.wait_seconds),
        ("", UNKNOWN.wait_seconds),
    ],
)
def test_a_client_is_known_by_the_beginning_of_its_name(name: str, seconds: float) -> None:
    assert profile_of(name).wait_seconds == seconds


def test_the_setting_lends_its_wait_to_every_client() -> None:
    assert profile_of("mcp", "claude-desktop").wait_seconds == 50
    assert profile_of("mcp", "claude-desktop").check_seconds is None
    assert profile_of("fastmcp", "claude-code").wait_seconds == 110
    assert profile_of("claude-code", "google-adk").wait_seconds == UNKNOWN.wait_seconds
    assert profile_of("claude-code", "nobody") == profile_of("claude-code")


@pytest.mark.parametrize("name", ["mcp", "", "google-adk", "@cline/core", "claude-code", "inspector-cli", "Cursor"])
def test_the_setting_lends_neither_previews_nor_links(name: str) -> None:
    own, lent = profile_of(name), profile_of(name, "claude-ai")
    assert (lent.preview, lent.links) == (own.preview, own.links)


def test_a_setting_that_names_nobody_is_doubted() -> None:
    assert doubt("Claude-Desktop") == doubt("") == ""
    assert "Did you mean claude-code?" in doubt("claude-cod")


@pytest.mark.anyio
async def test_a_setting_that_names_nobody_is_told_at_the_start(
    box: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_app(read_settings(**values_for(box, tmp_path), client_profile="cursr")) as app:
        build_server(app)
    told = [entry.getMessage() for entry in caplog.records if entry.levelno == logging.WARNING]
    assert [message for message in told if "APIXO_MCP_CLIENT_PROFILE" in message and "cursor" in message]
