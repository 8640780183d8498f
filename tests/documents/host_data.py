"""The data of the page that makes configurations: the table of hosts, as a module of JavaScript."""

import json
from pathlib import Path
from typing import Any

from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.hosts.entry import Launch, entry_fields, server_entry
from apixo_mcp.hosts.host import Host
from apixo_mcp.hosts.machine import Machine, Platform
from apixo_mcp.hosts.table import HOSTS
from apixo_mcp.settings import variables

PLATFORMS: tuple[Platform, ...] = ("linux", "macos", "windows")
SETTINGS = (
    {
        "variable": "APIXO_MCP_DAILY_BUDGET_USD",
        "title": "The most that may be spent a day, in US dollars",
        "inputMode": "decimal",
    },
    {
        "variable": "APIXO_MCP_CONFIRM_ABOVE_USD",
        "title": "Ask before anything that costs more, in US dollars",
        "inputMode": "decimal",
    },
    {"variable": "APIXO_MCP_DOWNLOAD_DIR", "title": "Folder for what is made"},
    {"variable": "APIXO_MCP_ALLOWED_ROOTS", "title": "Folders with pictures of your own"},
    {"variable": "APIXO_MCP_TUNNEL", "title": "Tunnel for these", "placeholder": "cloudflared"},
)
"""What most people set; the page of settings has the rest."""


def module() -> str:
    """Returns the module `docs/configure/hosts.js`."""
    assert {setting["variable"] for setting in SETTINGS} <= set(variables())
    keys = [
        {"variable": listing.key_variable, "title": listing.title, "isFirst": number == 0}
        for number, listing in enumerate(GATEWAYS.values())
    ]
    parts = {"HOSTS": [described(host) for host in HOSTS.values()], "KEYS": keys, "SETTINGS": SETTINGS}
    lines = ["// Made from apixo_mcp/hosts by `make snapshots`."]
    lines += [
        f"export const {name} = {json.dumps(value, indent=2, ensure_ascii=False)};" for name, value in parts.items()
    ]
    return "\n".join(lines) + "\n"


def described(host: Host) -> dict[str, Any]:
    """Returns what the page needs of a host; the entry is that of a server without arguments and settings."""
    return {
        "name": host.name,
        "title": host.title,
        "format": host.format,
        "keys": host.keys,
        "entry": server_entry(host, Launch("")),
        "fields": entry_fields(host)._asdict(),
        "files": {name: host.config_path(Machine(name, Path("~"), {})).as_posix() for name in PLATFORMS},
        "after": host.after,
    }
