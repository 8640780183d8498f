// Made from apixo_mcp/hosts by `make snapshots`.
export const HOSTS = [
  {
    "name": "claude-desktop",
    "title": "Claude Desktop",
    "format": "json",
    "keys": [
      "mcpServers"
    ],
    "entry": {
      "command": "",
      "args": [],
      "env": {}
    },
    "fields": {
      "command": "command",
      "args": "args",
      "env": "env"
    },
    "files": {
      "linux": "~/.config/Claude/claude_desktop_config.json",
      "macos": "~/Library/Application Support/Claude/claude_desktop_config.json",
      "windows": "~/AppData/Roaming/Claude/claude_desktop_config.json"
    },
    "after": "Quit Claude Desktop (closing its window is not enough) and open it again."
  },
  {
    "name": "claude-code",
    "title": "Claude Code",
    "format": "json",
    "keys": [
      "mcpServers"
    ],
    "entry": {
      "type": "stdio",
      "command": "",
      "args": [],
      "env": {}
    },
    "fields": {
      "command": "command",
      "args": "args",
      "env": "env"
    },
    "files": {
      "linux": "~/.claude.json",
      "macos": "~/.claude.json",
      "windows": "~/.claude.json"
    },
    "after": "Start Claude Code again; /mcp lists the server."
  },
  {
    "name": "cursor",
    "title": "Cursor",
    "format": "jsonc",
    "keys": [
      "mcpServers"
    ],
    "entry": {
      "command": "",
      "args": [],
      "env": {}
    },
    "fields": {
      "command": "command",
      "args": "args",
      "env": "env"
    },
    "files": {
      "linux": "~/.cursor/mcp.json",
      "macos": "~/.cursor/mcp.json",
      "windows": "~/.cursor/mcp.json"
    },
    "after": "Open Cursor's settings, Tools & MCP, and turn the server on."
  },
  {
    "name": "vscode",
    "title": "VS Code",
    "format": "jsonc",
    "keys": [
      "servers"
    ],
    "entry": {
      "type": "stdio",
      "command": "",
      "args": [],
      "env": {}
    },
    "fields": {
      "command": "command",
      "args": "args",
      "env": "env"
    },
    "files": {
      "linux": "~/.config/Code/User/mcp.json",
      "macos": "~/Library/Application Support/Code/User/mcp.json",
      "windows": "~/AppData/Roaming/Code/User/mcp.json"
    },
    "after": "Run `MCP: List Servers` in VS Code, choose apixo and start it."
  },
  {
    "name": "windsurf",
    "title": "Windsurf",
    "format": "jsonc",
    "keys": [
      "mcpServers"
    ],
    "entry": {
      "command": "",
      "args": [],
      "env": {}
    },
    "fields": {
      "command": "command",
      "args": "args",
      "env": "env"
    },
    "files": {
      "linux": "~/.codeium/windsurf/mcp_config.json",
      "macos": "~/.codeium/windsurf/mcp_config.json",
      "windows": "~/.codeium/windsurf/mcp_config.json"
    },
    "after": "Press the refresh button of Windsurf's MCP panel."
  },
  {
    "name": "codex",
    "title": "Codex",
    "format": "toml",
    "keys": [
      "mcp_servers"
    ],
    "entry": {
      "command": "",
      "args": [],
      "env": {}
    },
    "fields": {
      "command": "command",
      "args": "args",
      "env": "env"
    },
    "files": {
      "linux": "~/.codex/config.toml",
      "macos": "~/.codex/config.toml",
      "windows": "~/.codex/config.toml"
    },
    "after": "Start Codex again; /mcp lists the server."
  },
  {
    "name": "gemini",
    "title": "Gemini CLI",
    "format": "jsonc",
    "keys": [
      "mcpServers"
    ],
    "entry": {
      "command": "",
      "args": [],
      "env": {}
    },
    "fields": {
      "command": "command",
      "args": "args",
      "env": "env"
    },
    "files": {
      "linux": "~/.gemini/settings.json",
      "macos": "~/.gemini/settings.json",
      "windows": "~/.gemini/settings.json"
    },
    "after": "Start Gemini CLI again; /mcp lists the server."
  },
  {
    "name": "opencode",
    "title": "opencode",
    "format": "jsonc",
    "keys": [
      "mcp"
    ],
    "entry": {
      "type": "local",
      "command": [
        ""
      ],
      "environment": {}
    },
    "fields": {
      "command": "command",
      "args": "",
      "env": "environment"
    },
    "files": {
      "linux": "~/.config/opencode/opencode.json",
      "macos": "~/.config/opencode/opencode.json",
      "windows": "~/.config/opencode/opencode.json"
    },
    "after": "Start opencode again; `opencode mcp list` tells whether it connects."
  },
  {
    "name": "goose",
    "title": "Goose",
    "format": "yaml",
    "keys": [
      "extensions"
    ],
    "entry": {
      "enabled": true,
      "type": "stdio",
      "name": "apixo",
      "description": "Makes images, video, music and speech on APIXO and Ruxa AI.",
      "cmd": "",
      "args": [],
      "envs": {},
      "timeout": 300
    },
    "fields": {
      "command": "cmd",
      "args": "args",
      "env": "envs"
    },
    "files": {
      "linux": "~/.config/goose/config.yaml",
      "macos": "~/.config/goose/config.yaml",
      "windows": "~/AppData/Roaming/Block/goose/config/config.yaml"
    },
    "after": "Start a new session of Goose."
  },
  {
    "name": "lmstudio",
    "title": "LM Studio",
    "format": "jsonc",
    "keys": [
      "mcpServers"
    ],
    "entry": {
      "command": "",
      "args": [],
      "env": {}
    },
    "fields": {
      "command": "command",
      "args": "args",
      "env": "env"
    },
    "files": {
      "linux": "~/.lmstudio/mcp.json",
      "macos": "~/.lmstudio/mcp.json",
      "windows": "~/.lmstudio/mcp.json"
    },
    "after": "Turn the server on in LM Studio, Program, Integrations."
  },
  {
    "name": "zed",
    "title": "Zed",
    "format": "jsonc",
    "keys": [
      "context_servers"
    ],
    "entry": {
      "command": "",
      "args": [],
      "env": {}
    },
    "fields": {
      "command": "command",
      "args": "args",
      "env": "env"
    },
    "files": {
      "linux": "~/.config/zed/settings.json",
      "macos": "~/.config/zed/settings.json",
      "windows": "~/AppData/Roaming/Zed/settings.json"
    },
    "after": "Nothing: Zed reads it at once."
  }
];
export const KEYS = [
  {
    "variable": "APIXO_API_KEY",
    "title": "APIXO",
    "isFirst": true
  },
  {
    "variable": "RUXA_API_KEY",
    "title": "Ruxa AI",
    "isFirst": false
  }
];
export const SETTINGS = [
  {
    "variable": "APIXO_MCP_DAILY_BUDGET_USD",
    "title": "The most that may be spent a day, in US dollars",
    "inputMode": "decimal"
  },
  {
    "variable": "APIXO_MCP_CONFIRM_ABOVE_USD",
    "title": "Ask before anything that costs more, in US dollars",
    "inputMode": "decimal"
  },
  {
    "variable": "APIXO_MCP_DOWNLOAD_DIR",
    "title": "Folder for what is made"
  },
  {
    "variable": "APIXO_MCP_ALLOWED_ROOTS",
    "title": "Folders with pictures of your own"
  },
  {
    "variable": "APIXO_MCP_TUNNEL",
    "title": "Tunnel for these",
    "placeholder": "cloudflared"
  }
];
