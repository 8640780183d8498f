"""Consoles and file systems of other encodings than UTF-8: in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from anyio.to_thread import run_sync
from support.amounts import in_time
from support.shell import COMMAND, alone

pytestmark = [pytest.mark.anyio, pytest.mark.process]

PROMPT = "ein Fuchs 狐 🦊 über den Wolken"


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "gbk", "utf-16"])
async def test_every_console_gets_the_path(environment: dict[str, str], encoding: str):
    variables = {**environment, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    with in_time(90):
        done = await run_sync(lambda: printed("generate", "nano-banana", PROMPT, **variables))
        listed = await run_sync(lambda: printed("tasks", "list", **variables))
    for code, told, complaint in (done, listed):
        assert code == 0, complaint
        assert b"ein" in told.replace(b"\0", b"")
        assert b"Traceback" not in complaint.replace(b"\0", b"")


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="file names are Unicode there")
async def test_a_file_system_that_is_ascii(environment: dict[str, str]):
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with in_time(90):
        words = ("generate", "nano-banana", "Über 狐")
        code, told, complaint = await run_sync(lambda: printed(*words, **environment, **ascii_only))
    assert code == 0, complaint
    path = Path(os.fsdecode(told.strip()))
    assert path.is_file()
    assert path.name.startswith("uber-")
    side = json.loads(path.with_name(f"{path.name}.json").read_text(encoding="utf-8"))
    assert side["prompt"] == "Über 狐"


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="file names are Unicode there")
def test_a_folder_that_the_locale_cannot_read_is_refused_by_name(folders: dict[str, str], tmp_path: Path):
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = alone("tasks", "list", **{**folders, **ascii_only, "APIXO_MCP_DOWNLOAD_DIR": str(tmp_path / "büro")})
    assert done.returncode == 1
    assert "APIXO_MCP_DOWNLOAD_DIR: holds characters that cannot be read in this locale" in done.stderr
    assert "PYTHONUTF8=1" in done.stderr


def printed(*words: str, **variables: str) -> tuple[int, bytes, bytes]:
    """Runs a command to its end: how it ended, and the bytes that it printed."""
    done = subprocess.run(
        [*COMMAND, *words],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr
