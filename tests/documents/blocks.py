"""The fenced blocks of all documents, and how each is tried: by its kind, and a command by what it runs."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from apixo_mcp.cli.program import program

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
FENCE = re.compile(r"^(?P<indent> *)```(?P<kind>\S*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)

NOT_TRIED = {
    "text": "a drawing, or what a program says",
}
"""Kinds of blocks that nothing can try, each with its reason."""

ELSEWHERE = {
    "pip": "installs from a registry; `make examples` does",
    "pip3": "as pip",
    "npm": "as pip",
    "uv": "as pip",
    "python3": "makes an environment",
    "python": "a program of the example beside it, run by `make examples`",
    "node": "as python",
    "claude": "the command of another program",
    "useradd": "needs root, and changes the machine",
    "chown": "as useradd",
    "chmod": "as useradd",
    "systemctl": "as useradd",
    "apt-get": "as useradd",
    "createuser": "as useradd",
    "createdb": "as useradd",
    "sqlite3": "reads a server's own file",
    "export": "sets a variable for the commands that follow",
}
"""Programs that are not ours: a command of them is not tried, for this reason."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    Attributes:
        path: of its document.
        line: of its fence.
        kind: the word after the fence; without one it holds commands.
    """

    path: Path
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT).as_posix()}:{self.line}"


def blocks() -> list[Block]:
    """Returns every block of every document."""
    return [
        Block(
            path,
            text.count("\n", 0, match.start()) + 1,
            match["kind"] or "sh",
            unindented(match["text"], match["indent"]),
        )
        for path, text in ((path, path.read_text(encoding="utf-8")) for path in DOCUMENTS)
        for match in FENCE.finditer(text)
    ]


def unindented(text: str, indent: str) -> str:
    return "\n".join(line.removeprefix(indent) for line in text.splitlines()) + "\n"


def commands(script: str) -> Iterator[list[str]]:
    """Yields the words of each command of a script, without what stands before them (`sudo -u NAME`, `NAME=value`)."""
    defined: dict[str, list[str]] = {}
    for line in script.replace("\\\n", " ").splitlines():
        if function := re.match(r"(\w+)\(\) \{ .*?(\S*apixo-mcp) \"\$@\"", line):
            defined[function[1]] = [function[2]]
            continue
        for part in re.split(r"\s(?:&&|\|)\s", line):
            words = shlex.split(part, comments=True)
            while words and (words[0] == "sudo" or re.fullmatch(r"[A-Z_]+=.*", words[0])):
                words = words[3:] if words[:2] == ["sudo", "-u"] else words[1:]
            if words:
                yield [*defined.get(words[0], [words[0]]), *words[1:]]


def parse(arguments: list[str]) -> None:
    """Has click read a command line of ours, without running it.

    Raises:
        click.UsageError: there is no such command or option, or an option does not take that.
    """
    command: click.Command = program
    words = list(arguments)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        inner = command.get_command(click.Context(command), name)
        if inner is None:
            raise click.UsageError(f"no command {name!r}")
        command = inner
    command.make_context("apixo-mcp", words, help_option_names=["-h", "--help"])
