"""The programs that open a tunnel: how each is started, and where in what it prints its address stands."""

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, cast

from apixo_mcp.errors import Unreachable
from apixo_mcp.foreign import clipped

_URL = re.compile(r"https?://[^\s\"'<>|\\]{1,300}", re.IGNORECASE)
_USUAL_PLACES = ("/opt/homebrew/bin", "/usr/local/bin", "/snap/bin")
"""Where package managers put programs: the PATH of a host that was not started from a terminal lacks them."""

_SECRET = re.compile(r"\b(?=[\w-]*\d)[\w-]{24,}\b")
_TOLD = 200  # characters of a line that a program printed


@dataclass(frozen=True, slots=True)
class TunnelCommand:
    """The command that opens a tunnel.

    Attributes:
        setting: as the person set it.
        words: the program and its arguments, with `{port}` for the port that the tunnel leads to.
        address: what an address of this program looks like; None: any URL that it prints may be it.
        is_json: whether its address stands in a field of a log line in JSON.
        ready: what it prints once its address leads here; None where nothing tells.
        site: where the program is to be had, empty where that is not known.
    """

    setting: str
    words: tuple[str, ...]
    address: re.Pattern[str] | None = None
    is_json: bool = False
    ready: re.Pattern[str] | None = None
    site: str = ""

    @property
    def name(self) -> str:
        """What people call the program."""
        return PurePath(self.words[0]).stem

    def at(self, port: int) -> list[str]:
        """Returns the command for a port, its program by the path where it is.

        Raises:
            Unreachable: there is no such program.
        """
        program = shutil.which(self.words[0]) or shutil.which(self.words[0], path=os.pathsep.join(_USUAL_PLACES))
        if program is None:
            get = f"Install it ({self.site})" if self.site else "Correct the command"
            raise Unreachable(
                f"APIXO_MCP_TUNNEL is {clipped(self.setting, 80)!r}, and there is no program {self.words[0]!r} on this "
                "machine",
                f"{get}, or set APIXO_MCP_TUNNEL to its whole path, then start this server anew.",
            )
        return [program, *(word.replace("{port}", str(port)) for word in self.words[1:])]

    def addresses_in(self, line: str) -> Iterator[str]:
        """Yields the addresses in a line that the program printed."""
        for match in _URL.finditer(_fields_of(line).get("url", "") if self.is_json else line):
            url = match[0].rstrip(".,;:)]}/")
            if self.address is None or self.address.fullmatch(url):
                yield url


def command_of(setting: str) -> TunnelCommand:
    """Returns the command that `APIXO_MCP_TUNNEL` means."""
    program = setting if "{port}" not in setting else ""
    match PurePath(program).stem.lower():
        case "cloudflared":
            # Cloudflare's page "Quick Tunnels" (TryCloudflare) has the command; the page of its run parameters has
            # the flag. The address stands among the log lines on standard error. Before it, errors name
            # api.trycloudflare.com; that it can be reached only after "Registered tunnel connection" is inferred.
            words = (program, "tunnel", "--no-autoupdate", "--url", "http://127.0.0.1:{port}")
            address = re.compile(r"https://(?!api\.)[a-z0-9-]+\.trycloudflare\.com")
            site = "https://developers.cloudflare.com/cloudflare-one/connections/connect-networks/downloads/"
            return TunnelCommand(setting, words, address, False, re.compile(r"(?i)\bregistered\b"), site)
        case "ngrok":
            # APIXO's guide on webhooks names `ngrok http PORT`; the flags are those of ngrok's page of its agent's
            # command line: log lines as JSON, of which the one of the tunnel has the field `url`.
            words = (program, "http", "http://127.0.0.1:{port}", "--log", "stdout", "--log-format", "json")
            return TunnelCommand(setting, words, re.compile(r"https://\S+"), True, None, "https://ngrok.com/download")
        case _:
            return TunnelCommand(setting, _split(setting))


def last_words(lines: Sequence[str]) -> str:
    """Returns the last thing that a program printed, in a few words and without what looks like a secret."""
    for line in reversed(lines):
        record = _fields_of(line)
        told = next((record[name] for name in ("err", "msg") if record.get(name) not in (None, "", "<nil>")), line)
        if text := " ".join(str(told).split()).strip("-+| "):
            return clipped(_SECRET.sub("…", text), _TOLD)
    return ""


def _fields_of(line: str) -> dict[str, str]:
    """Returns the texts of a log line in JSON."""
    if not line.lstrip().startswith("{"):
        return {}
    try:
        record: Any = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    texts = cast("dict[str, Any]", record) if isinstance(record, dict) else {}
    return {name: value for name, value in texts.items() if isinstance(value, str)}


def _split(setting: str) -> tuple[str, ...]:
    """Returns the words of a command line; on Windows a backslash is part of a path."""
    words = shlex.split(setting, posix=os.name != "nt")
    return tuple(word.strip("\"'") for word in words) if os.name == "nt" else tuple(words)
