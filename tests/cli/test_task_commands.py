"""`tasks export`, `import` and `resolve`, as a person types them."""

import json
import os
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest
from anyio.to_thread import run_sync
from click.testing import CliRunner, Result

from apixo_mcp.cli.commands import commands
from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio

Type = Callable[..., Result]


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=1000) as box:
        yield box


@pytest.fixture
def typed(box: Sandbox, tmp_path: Path) -> Type:
    """Runs a command on a data folder, beside the sandbox."""

    def run(*words: object, home: str = "home", key: str = "sk-mine", **environment: str) -> Result:
        values = {
            "APIXO_MCP_HOME": str(tmp_path / home),
            "APIXO_MCP_DOWNLOAD_DIR": str(tmp_path / "pictures"),
            "APIXO_API_KEY": key,
            "APIXO_BASE_URL": box.url,
            "APIXO_MCP_ALLOW_PRIVATE_HOSTS": "1",
            "APIXO_MCP_POLL_SCALE": "0.01",
        }
        return CliRunner().invoke(commands, [str(word) for word in words], env=values | environment)

    return run


async def run(typed: Type, *words: object, **given: str) -> Result:
    with anyio.fail_after(60):
        return await run_sync(lambda: typed(*words, **given))


async def made(typed: Type, prompt: str = "a fox", **given: str) -> str:
    """The id of a task that `generate` made."""
    await run(typed, "generate", "nano-banana", prompt, **given)
    return (await run(typed, "tasks", "list", **given)).stdout.split()[0]


async def shown(typed: Type, task_id: str, **given: str) -> dict[str, object]:
    return json.loads((await run(typed, "tasks", "show", task_id, **given)).stdout)


async def test_an_export_is_imported_into_another_folder(typed: Type, tmp_path: Path):
    task_id = await made(typed)
    file = tmp_path / "tasks.jsonl"
    done = await run(typed, "tasks", "export", file)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "1 tasks exported\n")
    assert len(file.read_bytes().splitlines()) == 2
    assert (await run(typed, "tasks", "export")).stdout.encode().splitlines()[1:] == file.read_bytes().splitlines()[1:]
    came = await run(typed, "tasks", "import", file, home="other")
    assert (came.exit_code, came.stdout) == (0, "1 tasks imported, 0 were there already\n")
    assert await shown(typed, task_id, home="other") == await shown(typed, task_id)
    again = await run(typed, "tasks", "import", file, home="other")
    assert again.stdout == "0 tasks imported, 1 were there already\n"


async def test_an_export_overwrites_nothing(typed: Type, tmp_path: Path):
    file = tmp_path / "precious.txt"
    file.write_text("precious", encoding="utf-8")
    done = await run(typed, "tasks", "export", file)
    assert done.exit_code == 1
    assert "exists already" in done.stderr
    assert file.read_text(encoding="utf-8") == "precious"


async def test_a_broken_line_imports_nothing(typed: Type, tmp_path: Path):
    await made(typed)
    file = tmp_path / "tasks.jsonl"
    await run(typed, "tasks", "export", file)
    with file.open("a", encoding="utf-8") as out:
        out.write('{"task_id": "half')
    done = await run(typed, "tasks", "import", file, home="other")
    assert done.exit_code == 1
    assert "line 3: is no JSON" in done.stderr
    assert (await run(typed, "tasks", "list", home="other")).stdout == ""


async def test_an_open_task_without_its_key_is_listed(typed: Type, tmp_path: Path):
    await run(typed, "generate", "nano-banana", "a fox [never]", "--no-wait")
    file = tmp_path / "tasks.jsonl"
    await run(typed, "tasks", "export", file)
    done = await run(typed, "tasks", "import", file, home="other", key="")
    assert done.exit_code == 0
    assert "1 are still open and cannot be followed" in done.stdout
    assert re.search(r"tsk_\w+  (pending|processing)  apixo at http://127", done.stdout)


async def test_an_unknown_task_is_resolved_and_followed(typed: Type, box: Sandbox):
    task_id = await made(typed, "a fox [cut]")
    unknown = await shown(typed, task_id)
    assert unknown["state"] == "unknown"
    assert f"apixo-mcp tasks resolve {task_id}" in str(unknown["next_step"])
    done = await run(typed, "tasks", "resolve", task_id, "--remote-id", box.submits()[0]["remote_id"])
    assert done.exit_code == 0, done.output
    assert Path(done.stdout.strip()).is_file()
    again = await run(typed, "tasks", "resolve", task_id, "--never-ran")
    assert again.exit_code == 1
    assert "only a task in state unknown can be resolved, and this one's is success" in again.stderr


async def test_an_unknown_task_is_resolved_and_left_to_the_next_server(typed: Type, box: Sandbox):
    task_id = await made(typed, "a fox [cut]")
    remote_id = box.submits()[0]["remote_id"]
    done = await run(typed, "tasks", "resolve", task_id, "--remote-id", remote_id, "--no-wait")
    assert done.exit_code == 0, done.output
    assert done.stdout == f"apixo-mcp tasks wait {task_id}\n"
    assert (await run(typed, "tasks", "wait", task_id)).exit_code == 0


async def test_one_that_never_ran_is_settled(typed: Type):
    task_id = await made(typed, "a fox [cut-early]")
    done = await run(typed, "tasks", "resolve", task_id, "--never-ran")
    assert (done.exit_code, "never ran" in done.stdout) == (0, True)
    settled = await shown(typed, task_id)
    assert settled["state"] == "failed"
    assert "cost" not in settled


@pytest.mark.parametrize("words", [[], ["--never-ran", "--remote-id", "x"]])
async def test_resolve_wants_one_of_two(typed: Type, words: list[str]):
    done = await run(typed, "tasks", "resolve", "tsk_x", *words)
    assert done.exit_code == 2
    assert "either --remote-id ID or --never-ran" in done.stderr


async def test_a_damaged_store_is_told_by_every_command(typed: Type, tmp_path: Path):
    task_id = await made(typed)
    path = tmp_path / "home" / "tasks.sqlite3"
    path.write_bytes(os.urandom(100) + path.read_bytes()[100:])
    for _ in range(2):
        listed = await run(typed, "tasks", "list")
        assert task_id in listed.stdout
        assert "The task store was damaged; 1 tasks were recovered" in listed.stderr
    assert "The task store was damaged" in (await run(typed, "doctor")).stdout
