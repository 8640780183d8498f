"""The one table of hosts."""

from apixo_mcp.hosts import places
from apixo_mcp.hosts.host import Host

_MCP_SERVERS = ("mcpServers",)

HOSTS = {
    host.name: host
    for host in (
        # It takes no comments: a comma too many hides every server (mcpbundles.com/blog/claude-desktop-mcp).
        Host(
            *("claude-desktop", "Claude Desktop", places.claude_desktop, "json", _MCP_SERVERS),
            after="Quit Claude Desktop (closing its window is not enough) and open it again.",
        ),
        # `type` as its own `claude mcp add` writes it (tried with 2.1).
        Host(
            *("claude-code", "Claude Code", places.claude_code, "json", _MCP_SERVERS),
            after="Start Claude Code again; /mcp lists the server.",
            shape="typed",
        ),
        Host(
            *("cursor", "Cursor", places.cursor, "jsonc", _MCP_SERVERS),
            after="Open Cursor's settings, Tools & MCP, and turn the server on.",
        ),
        # code.visualstudio.com/docs/agents/reference/mcp-configuration: `servers`, with `type`.
        Host(
            *("vscode", "VS Code", places.vscode, "jsonc", ("servers",)),
            after="Run `MCP: List Servers` in VS Code, choose apixo and start it.",
            shape="typed",
        ),
        Host(
            *("windsurf", "Windsurf", places.windsurf, "jsonc", _MCP_SERVERS),
            after="Press the refresh button of Windsurf's MCP panel.",
        ),
        # github.com/openai/codex, docs/config.md: `[mcp_servers.<name>]` with command, args, env.
        Host(
            *("codex", "Codex", places.codex, "toml", ("mcp_servers",)),
            after="Start Codex again; /mcp lists the server.",
        ),
        # Comments are taken out before it is parsed (packages/cli/src/config/settings.ts).
        Host(
            *("gemini", "Gemini CLI", places.gemini, "jsonc", _MCP_SERVERS),
            after="Start Gemini CLI again; /mcp lists the server.",
        ),
        # opencode.ai/docs/mcp-servers: `mcp`, with `type`, one list for the command, and `environment` (1.18; what is
        # to come after it has `servers` under `mcp`).
        Host(
            *("opencode", "opencode", places.opencode, "jsonc", ("mcp",)),
            after="Start opencode again; `opencode mcp list` tells whether it connects.",
            shape="opencode",
        ),
        # github.com/block/goose, crates/goose/src/agents/extension.rs: `cmd`, `args`, `envs`, `timeout`.
        Host(
            *("goose", "Goose", places.goose, "yaml", ("extensions",)),
            after="Start a new session of Goose.",
            shape="goose",
        ),
        Host(
            *("lmstudio", "LM Studio", places.lmstudio, "jsonc", _MCP_SERVERS),
            after="Turn the server on in LM Studio, Program, Integrations.",
        ),
        # zed.dev/docs/ai/mcp: `context_servers`; its settings take comments and trailing commas.
        Host(
            *("zed", "Zed", places.zed, "jsonc", ("context_servers",)),
            after="Nothing: Zed reads it at once.",
        ),
    )
}
"""By name, in the order in which they are told of."""
