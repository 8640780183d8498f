"""Real hosts read back what `install` wrote, by their own command lines, in an empty home folder.

`make hosts` runs it: npm brings the programs. None of them is signed in, and no model is asked.
"""

import json
import re

from hosts_cli.desk import COMMAND, KEY, Desk


def test_claude_code_starts_it(desk: Desk):
    desk.run(COMMAND, "install", "claude-code")
    told = desk.run("claude", "mcp", "get", "apixo")
    assert "Scope: User config" in told
    assert "Connected" in told
    assert f"Command: {COMMAND}" in told
    assert "Connected" in desk.run("claude", "mcp", "list")
    # It has written into its file meanwhile: that stays.
    written = json.loads((desk.home / ".claude.json").read_text())
    desk.run(COMMAND, "uninstall", "claude-code")
    assert json.loads((desk.home / ".claude.json").read_text()) == {
        name: value for name, value in written.items() if name != "mcpServers"
    }
    assert "No MCP servers configured" in desk.run("claude", "mcp", "list")


def test_codex_reads_it(desk: Desk):
    config = desk.home / ".codex" / "config.toml"
    config.parent.mkdir()
    config.write_text('# mine\nmodel = "gpt-5" # the small one\n\n[mcp_servers.other]\ncommand = "/bin/true"\n')
    before = config.read_bytes()
    desk.run(COMMAND, "install", "codex")
    told = desk.run("codex", "mcp", "list", "--json")
    servers = {one["name"]: one for one in json.loads(told[told.index("[\n") : told.rindex("]") + 1])}
    assert set(servers) == {"apixo", "other"}
    assert servers["apixo"]["enabled"] is True
    transport = servers["apixo"]["transport"]
    assert (transport["type"], transport["command"], transport["args"]) == ("stdio", str(COMMAND), [])
    assert transport["env"] == {"APIXO_API_KEY": KEY}
    desk.run(COMMAND, "uninstall", "codex")
    assert config.read_bytes() == before


def test_gemini_starts_it(desk: Desk):
    config = desk.home / ".gemini" / "settings.json"
    config.parent.mkdir()
    # A folder that is not trusted gets no servers: that is left out here.
    config.write_text('{\n  // mine\n  "security": { "folderTrust": { "enabled": false } }\n}\n')
    before = config.read_bytes()
    desk.run(COMMAND, "install", "gemini")
    assert f"apixo: {COMMAND}  (stdio) - Connected" in desk.run("gemini", "mcp", "list")
    assert b"// mine" in config.read_bytes()
    desk.run(COMMAND, "uninstall", "gemini")
    assert config.read_bytes() == before


def test_opencode_starts_it(desk: Desk):
    # It makes its file at the first start.
    assert "No MCP servers configured" in desk.run("opencode", "mcp", "list")
    config = desk.home / ".config" / "opencode" / "opencode.jsonc"
    before = config.read_bytes()
    desk.run(COMMAND, "install", "opencode")
    told = desk.run("opencode", "mcp", "list")
    assert "apixo connected" in re.sub(r"\x1b\[[0-9;]*m", "", told)
    assert str(COMMAND) in told
    desk.run(COMMAND, "uninstall", "opencode")
    assert config.read_bytes() == before
