"""The README names what there is: every setting, every command and option, and nothing else."""

import re
from pathlib import Path

import click

from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.cli.program import program
from apixo_mcp.settings import variables

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    return README.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def leaves(group: click.Group, *path: str) -> dict[tuple[str, ...], click.Command]:
    found: dict[tuple[str, ...], click.Command] = {}
    for name, command in group.commands.items():
        found |= leaves(command, *path, name) if isinstance(command, click.Group) else {(*path, name): command}
    return found


def test_the_settings():
    table = "\n".join(line.split("|")[1] for line in section("Settings").splitlines() if line.startswith("| `"))
    assert set(re.findall(r"`([A-Z_]+)`", table)) == set(variables())
    assert set(re.findall(r"APIXO_MCP_[A-Z_]+", README)) <= set(variables())


def test_the_commands():
    told = {
        tuple(words.split()) for words in re.findall(r"^apixo-mcp ([a-z|]+(?: [a-z|]+)*)", section("Commands"), re.M)
    }
    spread = {(*head, leaf) for *head, last in told for leaf in last.split("|")}
    assert spread == set(leaves(program))


def test_the_options():
    told = set(re.findall(r"--[a-z-]+", section("Commands")))
    options = {
        name
        for command in leaves(program).values()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for name in parameter.opts
        if name.startswith("--")
    }
    assert told == options


def test_the_models():
    counts = re.search(r"(\d+) models of APIXO and (\d+) of Ruxa AI", section("Models"))
    assert counts
    models = list(Catalog())
    assert [int(count) for count in counts.groups()] == [
        sum(model.gateway == gateway for model in models) for gateway in ("apixo", "ruxa")
    ]
    assert f"{sum(model.facts == 'none' for model in models)} of them" in section("Models")


def test_the_links_lead_somewhere():
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lower()).replace(" ", "-") for line in re.findall(r"^#+ (.*)$", README, re.M)
    }
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if target.startswith("#"):
            assert target[1:] in headings
        elif "://" not in target:
            assert (Path(__file__).resolve().parent.parent / target).exists(), target
