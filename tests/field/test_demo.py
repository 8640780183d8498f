"""`demo` works whatever the surroundings, and ends in a sentence."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.shell import COMMAND

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="as POSIX systems have it")


def demo(cwd: Path, *words: str, timeout: float = 90, **variables: str) -> tuple[int, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("APIXO_", "RUXA_"))}
    done = subprocess.run(
        [*COMMAND, "demo", *words],
        env=inherited | variables,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    text = (done.stdout + done.stderr).decode(errors="replace")
    assert "Traceback" not in text, text
    return done.returncode, text


WHATEVER = (
    {"APIXO_MCP_TOOLS": "models"},
    {"APIXO_MCP_DAILY_BUDGET_USD": "0.000001"},
    {"APIXO_MCP_DAILY_BUDGET_USD": "0"},
    {"APIXO_MCP_DAILY_TASK_LIMIT": "0"},
    {"APIXO_MCP_CONFIRM_ABOVE_USD": "0"},
    {"APIXO_MCP_MODELS": "sora-2"},
    {"APIXO_MCP_MODELS": "no-such-model"},
    {"APIXO_MCP_AUTO_RETRY": "x"},
    {"APIXO_MCP_POLL_SCALE": "100"},
    {"APIXO_MCP_HOME": "/proc/nothing"},
    {"APIXO_MCP_PRICES": "/no/such/prices.toml"},
    {"APIXO_MCP_PUBLIC_URL": "https://example.com"},
    {"APIXO_MCP_LOG_LEVEL": "DEBUG"},
    {"APIXO_MCP_LOG_FILE": "/proc/nothing/log"},
    {"APIXO_MCP_CLIENT_PROFILE": "nobody"},
    {"APIXO_API_KEY": "sk-real", "APIXO_BASE_URL": "https://api.apixo.invalid"},
    {"APIXO_BASE_URL": "nonsense"},
    {"all_proxy": "socks5://127.0.0.1:9", "https_proxy": "foo://", "http_proxy": "foo://"},
    {"SSL_CERT_FILE": "/no/such/file"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"COLUMNS": "40"},
    {"TERM": "dumb"},
)


@pytest.mark.parametrize(
    "variables", WHATEVER, ids=lambda one: " ".join(f"{name}={value}" for name, value in one.items())
)
def test_whatever_is_set(tmp_path: Path, variables: dict[str, str]):
    code, text = demo(tmp_path, "--output", str(tmp_path / "out"), timeout=90, **variables)
    assert code == 0, text
    assert list((tmp_path / "out").rglob("*.*g")), text


@pytest.mark.parametrize("encoding", ["gbk", "cp1252", "ascii", "cp437"])
def test_an_emoji_where_it_cannot_be_printed(tmp_path: Path, encoding: str):
    code, text = demo(
        tmp_path, "a fox 🦊", "--output", str(tmp_path / "out"), PYTHONIOENCODING=encoding, PYTHONUTF8="0"
    )
    assert code == 0, text


@pytest.mark.parametrize("kind", ["a file", "read-only", "no such drive", "too long"])
def test_an_output_folder_that_cannot_be_written(tmp_path: Path, kind: str):
    target = tmp_path / "out"
    if kind == "a file":
        target.write_text("in the way")
    elif kind == "read-only":
        target = Path("/proc/out")
        if sys.platform != "linux":
            pytest.skip("another way there")
    elif kind == "no such drive":
        target = tmp_path / "file" / "out"
        (tmp_path / "file").write_text("")
    else:
        target = tmp_path / ("x" * 300)
    code, text = demo(tmp_path, "--output", str(target))
    assert code != 0
    assert str(target)[:40] in text.replace("\n", "")
    assert len(text.strip().splitlines()) < 15, text


@POSIX
def test_a_deleted_folder(tmp_path: Path):
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"cd '{gone}' && rmdir '{gone}' && exec '{sys.executable}' -m apixo_mcp demo"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("APIXO_", "RUXA_"))}
    done = subprocess.run(
        ["/bin/sh", "-c", script], env=inherited, stdin=subprocess.DEVNULL, capture_output=True, timeout=90, check=False
    )
    text = (done.stdout + done.stderr).decode(errors="replace")
    assert "Traceback" not in text, text
    assert done.returncode == 0 or text.strip()


@POSIX
@pytest.mark.parametrize("after", [0.3, 1.5, None], ids=["early", "later", "once it has spoken"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal(tmp_path: Path, after: float | None, number: int):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("APIXO_", "RUXA_"))}
    with subprocess.Popen(
        [*COMMAND, "demo", "a fox [took:30]", "--output", str(tmp_path / "out")],
        env=inherited,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        assert process.stdout
        first = b""
        if after is None:
            first = process.stdout.readline()
        else:
            time.sleep(after)  # where in its life it falls is left to chance
        process.send_signal(number)
        out, _ = process.communicate(timeout=90)
    text = (first + out).decode(errors="replace")
    assert "Traceback" not in text, text
    if after is None:
        assert first.strip()
