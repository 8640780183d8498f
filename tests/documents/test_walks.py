"""The walks of the four newcomers, with nothing set up: what the pages have them type leads to a picture."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from documents.blocks import ROOT, Block, blocks
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from PIL import Image

pytestmark = pytest.mark.process

PROGRAM = Path(sys.executable).with_name("apixo-mcp")


@pytest.fixture
def newcomer(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who has never used it: an empty home, and nothing of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("APIXO_", "RUXA_", "XDG_"))}
    return {**kept, "HOME": str(tmp_path), "USERPROFILE": str(tmp_path), "LOCALAPPDATA": str(tmp_path / "local")}


def of(page: str, kind: str) -> list[Block]:
    return [block for block in blocks() if block.path == ROOT / "docs" / "start" / page and block.kind == kind]


def typed(line: str, environment: dict[str, str], folder: Path) -> str:
    """Runs a line of a page as it is typed, with the program of these tests."""
    words = shlex.split(line)
    while assigned := re.fullmatch(r"([A-Z_]+)=(.*)", words[0]):
        words.pop(0)
        if "…" not in assigned[2]:
            environment = {**environment, assigned[1]: assigned[2]}
    assert Path(words[0]).name == "apixo-mcp"
    command = [str(PROGRAM), *words[1:]]
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_picture(folder: Path) -> None:
    pictures = [path for path in folder.rglob("*") if path.suffix in (".png", ".jpg", ".webp")]
    assert pictures
    for path in pictures:
        Image.open(path).load()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_claude_desktop(newcomer: dict[str, str], tmp_path: Path, anyio_backend: str):
    (block,) = of("claude-desktop.md", "json")
    entry = json.loads(block.text)["mcpServers"]["apixo"]
    (arguments,) = re.findall(r'"args": (\["apixo-mcp", "serve".*?\])', block.path.read_text(encoding="utf-8"))
    words = json.loads(arguments)  # those that the page names for who has no key yet
    assert [entry["command"], *entry["args"]] == ["uvx", words.pop(0)]
    server = StdioServerParameters(command=str(PROGRAM), args=words, env=newcomer)
    async with Client(stdio_client(server)) as client:
        answer = await client.call_tool("generate_image", {"model": "nano-banana", "prompt": "a fox in the snow"})
        while not answer.is_error and answer.structured_content["state"] in ("submitting", "pending", "processing"):
            again = {"task_id": answer.structured_content["task_id"], "wait_seconds": 20}
            answer = await client.call_tool("check_task", again)
    assert answer.structured_content["state"] == "success"
    check_picture(tmp_path)


def test_python(newcomer: dict[str, str], tmp_path: Path):
    typed(of("python.md", "sh")[1].text, newcomer, tmp_path)
    check_picture(tmp_path / "demo-output")
    block, _ = of("python.md", "python")
    command = [sys.executable, "-c", block.text]
    done = subprocess.run(command, env=newcomer, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    saved = re.search(r"^Saved: (.+)$", done.stdout, re.MULTILINE)
    assert saved
    Image.open(saved[1]).load()


@contextmanager
def served(line: str, environment: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Starts the server of a page on a free port; yields its address, and the command for an owner that it prints."""
    command = [str(PROGRAM), *shlex.split(line.replace("8000", "0"), comments=True)[1:]]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, encoding="utf-8") as server:
        assert server.stderr is not None
        try:
            address, owner = "", ""
            for said in server.stderr:
                address = address or "".join(re.findall(r"http://127\.0\.0\.1:\d+", said)[:1])
                owner = owner or "".join(re.findall(r"(?:\S+=\S+ )?apixo-mcp owners add \S+", said)[:1])
                if address and owner:
                    break
            yield address, owner
        finally:
            server.terminate()


def test_a_python_program_with_a_team_s_server(newcomer: dict[str, str], tmp_path: Path):
    block = of("python.md", "python")[1]
    with served("apixo-mcp serve --transport http --sandbox --port 8000", newcomer) as (address, owner):
        token = re.findall(r"amt_\S+", typed(owner.replace("NAME", "alice"), newcomer, tmp_path))[0]
        command = [sys.executable, "-c", block.text.replace("https://team.example", address)]
        environment = {**newcomer, "TOKEN": token}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert "nano-banana" in done.stdout


def test_a_team(newcomer: dict[str, str], tmp_path: Path):
    install_and_serve, rehearse, trial, owners = (block.text for block in of("team.md", "sh"))
    with served(install_and_serve.splitlines()[1], newcomer) as (address, owner):
        assert owner
        token = ""
        for number in range(10):
            told = typed(owner.replace("NAME", f"colleague-{number}"), newcomer, tmp_path)
            token = re.findall(r"amt_\S+", told)[0]
        exported, *steps = rehearse.splitlines()
        home = re.findall(r"APIXO_MCP_HOME=(\S+)", owner)[0]  # as the server printed it
        assert exported.startswith("export APIXO_MCP_HOME=")
        for line in steps:
            typed(line.replace("http://127.0.0.1:8000", address), {**newcomer, "APIXO_MCP_HOME": home}, tmp_path)
        typed(trial.replace("http://127.0.0.1:8000", address), {**newcomer, "TOKEN": token}, tmp_path)
    for line in owners.splitlines():
        typed(line, {**newcomer, "APIXO_MCP_PUBLIC_URL": "https://team.example"}, tmp_path)


def test_from_the_guides(newcomer: dict[str, str], tmp_path: Path):
    (block,) = of("from-the-guides.md", "sh")
    told = typed(block.text.splitlines()[1], {**newcomer, "APIXO_API_KEY": "sk-none"}, tmp_path)
    assert "Nothing" in told or "nothing" in told, told
    assert not (tmp_path / "Pictures").exists() or not list((tmp_path / "Pictures").rglob("*.png"))
