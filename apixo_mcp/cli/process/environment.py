"""Tells from the environment, without loading the settings, what the early stage has to know."""

import os
import re
from collections.abc import Mapping

from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.server.stdio.known import Known
from apixo_mcp.variables.folders import plain_folder
from apixo_mcp.variables.written import is_set, trimmed

_URL = r"https?://[^\s\x00-\x1f]+"
_FLAG = r"(?i:0|1|true|false|on|off|yes|no)"
_PATH = r"~?/[^~\x00-\x1f\ud800-\udfff]*"
_TUNNEL = r"(/[\w./-]{0,200}/)?(cloudflared|ngrok)|[\w./-]{1,99} [\w./:= -]{0,200}\{port\}[\w./:= -]{0,99}"
_ROOTS = "APIXO_MCP_ALLOWED_ROOTS"
_AMOUNT = r"[0-9]{1,6}(\.[0-9]{1,6})?"

PLAIN = {
    **{listing.key_variable: r".+" for listing in GATEWAYS.values()},
    **{listing.base_url_variable: _URL for listing in GATEWAYS.values()},
    "APIXO_MCP_HOME": _PATH,
    "APIXO_MCP_DOWNLOAD_DIR": _PATH,
    _ROOTS: _PATH,
    "APIXO_MCP_ALLOW_PRIVATE_HOSTS": _FLAG,
    "APIXO_MCP_DATA_URLS": _FLAG,
    "APIXO_MCP_PUBLIC_URL": _URL,
    "APIXO_MCP_TUNNEL": _TUNNEL,
    "APIXO_MCP_LINGER": _FLAG,
    "APIXO_MCP_MODELS": r".+",
    "APIXO_MCP_TOOLS": r"general|models",
    "APIXO_MCP_CLIENT_PROFILE": r".+",
    "APIXO_MCP_AUTO_RETRY": r"[0-9]",
    "APIXO_MCP_POLL_SCALE": r"0\.[0-9]{0,4}[1-9]|[1-9][0-9]?",
    "APIXO_MCP_DAILY_BUDGET_USD": _AMOUNT,
    "APIXO_MCP_MONTHLY_BUDGET_USD": _AMOUNT,
    "APIXO_MCP_CONFIRM_ABOVE_USD": _AMOUNT,
    "APIXO_MCP_DAILY_TASK_LIMIT": r"[0-9]{1,6}",
    "APIXO_MCP_LOG_LEVEL": r"DEBUG|INFO|WARNING|ERROR|CRITICAL",
    "APIXO_MCP_LOG_FORMAT": r"text|json",
    "APIXO_MCP_LOG_FILE": _PATH,
    "APIXO_MCP_KEEP_DAYS": r"[1-9][0-9]{0,3}",
    "APIXO_MCP_EMBED": _FLAG,
}
"""Values that `Settings` takes for certain. A setting that is not here may be refused, or be a file that is."""


def known_of(environment: Mapping[str, str], *, sandbox: bool = False) -> Known | None:
    """Returns what is certain of the settings; None where one may turn out to be unusable, so that no server starts.

    Args:
        environment: of this process.
        sandbox: whether a sandbox takes the place of the gateways: with keys, and with a data folder of its own.
    """
    values: dict[str, str] = {}
    ours = ("APIXO_MCP_", *(listing.prefix for listing in GATEWAYS.values()))
    for name, value in environment.items():
        name = name.upper()  # as the settings do
        if value and name.startswith(ours) and (is_set(name, value) or name not in PLAIN):
            if name not in PLAIN or not re.fullmatch(PLAIN[name], trimmed(value)):
                return None
            values[name] = trimmed(value)
    sends_files = values.get("APIXO_MCP_DATA_URLS", "0").lower() in ("1", "true", "on", "yes")
    return Known(
        key_set=sandbox or any(name.endswith("_API_KEY") for name in values),
        is_typed=values.get("APIXO_MCP_TOOLS") == "models",
        way="tunnel" if "APIXO_MCP_TUNNEL" in values else "inside" if sends_files else "none",
        folders=_folders(values, environment),
        home=None if sandbox else _folder(values, "APIXO_MCP_HOME"),
    )


def _folders(values: Mapping[str, str], environment: Mapping[str, str]) -> tuple[str, ...] | None:
    """Returns the folders that files are written to, None where they are not certain."""
    first = _folder(values, "APIXO_MCP_DOWNLOAD_DIR")
    listing = values.get(_ROOTS, "")
    if first is None or (not listing and any(name.upper() == _ROOTS and value for name, value in environment.items())):
        return None  # of a list with a placeholder the rest may count
    others = [plain_folder(path) for path in listing.split(os.pathsep)] if listing else []
    return (first, *(path for path in others if path)) if all(others) else None


def _folder(values: Mapping[str, str], variable: str) -> str | None:
    """Returns a folder, empty where it is that of the system, None where it is not certain."""
    return plain_folder(values[variable]) if variable in values else ""
