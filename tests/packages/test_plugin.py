"""The plugin of Claude Code: what it starts, and that its skill speaks of tools and arguments that there are."""

import json
import re
from pathlib import Path

from apixo_mcp.server.tools.table import COMMON_TOOLS, GENERAL_TOOLS

ROOT = Path(__file__).resolve().parents[2]
MARKET = json.loads((ROOT / ".claude-plugin" / "marketplace.json").read_text(encoding="utf-8"))
FOLDER = ROOT / MARKET["plugins"][0]["source"]
PLUGIN = json.loads((FOLDER / ".claude-plugin" / "plugin.json").read_text(encoding="utf-8"))
SKILL = (FOLDER / "skills" / "making-media" / "SKILL.md").read_text(encoding="utf-8")


def test_it_starts_the_documented_server_and_a_key_that_is_missing_is_empty():
    documented = json.loads((ROOT / "examples" / "hosts" / "claude-code" / ".mcp.json").read_text(encoding="utf-8"))
    (entry,) = PLUGIN["mcpServers"].values()
    assert [entry["command"], *entry["args"]] == ["uvx", "apixo-mcp"]
    assert {**documented["mcpServers"]["apixo"], "env": {}} == {"type": "stdio", **entry, "env": {}}
    # Without a default Claude Code refuses the whole entry where the variable is not set.
    assert all(re.fullmatch(r"\$\{[A-Z_]+:-\}", value) for value in entry["env"].values())


def test_the_skill_names_tools_and_arguments_that_there_are():
    tools = (*GENERAL_TOOLS, *COMMON_TOOLS)
    names = {tool.name for tool in tools}
    arguments = {name for tool in tools for name in tool.input["properties"]}
    answers = {"next_step", "error", "notes", "cost", "results", "path"}
    states = {"pending", "processing", "unknown", "last"}
    for word in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", SKILL):
        categories = word in {
            *("content_policy", "invalid_input", "media_input", "generation_failed"),
            *("insufficient_credits", "rate_limited"),
        }
        assert word in names | arguments | answers | states or categories, word
    assert {name for name in names if f"`{name}`" in SKILL} >= {
        "list_models",
        "check_task",
        "list_tasks",
        "view_result",
    }
    assert len(SKILL) < 5000
