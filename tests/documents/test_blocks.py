"""Every block of every document runs, is read by what it is for, or is of a kind that is listed with a reason."""

import json
import re
import tomllib
from pathlib import Path, PurePosixPath

import click
import pytest
import yaml
from documents.blocks import ELSEWHERE, NOT_TRIED, ROOT, Block, blocks, commands, parse

from apixo_mcp.catalog.custom import load_custom
from apixo_mcp.catalog.prices import load_prices
from apixo_mcp.settings import Settings, variables
from apixo_mcp.variables.environment import SETTINGS_PREFIX

BLOCKS = blocks()
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def of(*kinds: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("block", [block for block in BLOCKS if block.kind in kinds], ids=str)


def check_environment(environment: dict[str, str]) -> None:
    """Has the settings read what a document would have somebody set; a key may be left out by three dots."""
    ours = {name: value for name, value in environment.items() if name.startswith((SETTINGS_PREFIX, "APIXO_", "RUXA_"))}
    assert set(ours) <= {*variables(), "APIXO_MCP_COMMAND"}, "not a setting"
    whole = {name: value for name, value in ours.items() if "…" not in value and "${" not in value}
    Settings.model_validate(whole)


def check_server(entry: dict[str, object]) -> None:
    """Checks what a host would start, or reach."""
    if "url" in entry:
        assert str(entry["url"]).startswith("https://")
        return
    command, arguments = str(entry["command"]), [str(word) for word in entry.get("args", [])]  # type: ignore[union-attr]
    if PurePosixPath(command).name == "uvx":
        assert arguments.pop(0) == "apixo-mcp"
    else:
        assert PurePosixPath(command).name == "apixo-mcp"
    parse(arguments)
    check_environment(entry.get("env", {}))  # type: ignore[arg-type]


def test_each_kind_is_known():
    tried = {"json", "toml", "yaml", "ini", "sh", "console", "python"}
    assert [f"{block}: {block.kind or 'no kind'}" for block in BLOCKS if block.kind not in tried | set(NOT_TRIED)] == []


@of("json")
def test_json(block: Block):
    value = json.loads(block.text)
    for servers in ("mcpServers", "servers", "context_servers"):
        for entry in value.get(servers, {}).values():
            check_server(entry)


@of("toml")
def test_toml(block: Block, tmp_path: Path):
    path = tmp_path / "block.toml"
    path.write_text(block.text, encoding="utf-8")
    value = tomllib.loads(block.text)
    if "prices" in value:
        assert load_prices(path)
    elif "models" in value:
        assert load_custom(path)
    else:
        assert "mcp_servers" in value, "say in this test what reads it"
        for entry in value["mcp_servers"].values():
            check_server(entry)


@of("yaml")
def test_yaml(block: Block):
    assert isinstance(yaml.safe_load(block.text), dict)


@of("ini")
def test_environment(block: Block):
    check_environment(dict(line.split("=", 1) for line in block.text.splitlines()))


OURS = ("apixo-mcp", "server", "worker-1")
"""The image, and the services of the compose files that documents run commands in."""


def in_container(arguments: list[str]) -> list[str]:
    """Returns what `docker run` or `docker compose run` or `exec` has our image, or its service, do."""
    if not {"run", "exec"} & set(arguments[:2]):
        return []
    words = arguments[next(place for place, word in enumerate(arguments) if word in OURS) + 1 :]
    return words[1:] if words[:1] == ["apixo-mcp"] else words


@of("sh", "console")
def test_commands(block: Block):
    script = block.text
    if block.kind == "console":
        script = "\n".join(line.removeprefix("$ ") for line in script.splitlines() if line.startswith("$ "))
    seen = list(commands(script))
    assert seen
    for program, *arguments in seen:
        name = PurePosixPath(program).name
        if name == "uvx" and arguments[0] == "apixo-mcp":
            name, arguments = arguments[0], arguments[1:]
        if name == "apixo-mcp":
            try:
                parse(arguments)
            except click.UsageError as error:
                pytest.fail(f"{arguments}: {error.message}")
        elif name == "make":
            assert arguments[0] in TARGETS
        elif name == "docker":
            if inside := in_container(arguments):
                parse(inside)
        elif name == "python" and arguments[0].endswith(".py") and "/" in arguments[0]:
            assert all((ROOT / word).exists() for word in arguments if word.endswith(".py"))
        elif name in ("python", "node") and block.path.parent != ROOT / "docs":
            assert (block.path.parent / arguments[0]).exists()
        else:
            assert name in ELSEWHERE, f"say in documents/blocks.py why {name} is not tried"


@of("python")
def test_python(block: Block):
    compile(block.text, str(block), "exec")


def test_the_settings_on_a_line_of_a_command_are_read():
    for block in BLOCKS:
        if block.kind == "sh":
            check_environment(dict(re.findall(r"(?:^|\s)((?:APIXO|RUXA)_[A-Z_]+)=(\S+)", block.text)))
