"""`demo` in surroundings of every kind: it works, or ends in a sentence."""

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image
from support.driver import COMMAND

# Each is a server and a sandbox: not all at once.
pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.process]

POSIX = pytest.mark.skipif(os.name != "posix", reason="done as POSIX does it")

HOSTILE = {
    "APIXO_API_KEY": "no key at all",
    "RUXA_API_KEY": "sk-mine",
    "APIXO_BASE_URL": "ftp://nowhere",
    "APIXO_MCP_HOME": "/proc/nowhere",
    "APIXO_MCP_DOWNLOAD_DIR": "~nobody-at-all/pictures",
    "APIXO_MCP_MODELS": "sora-2",
    "APIXO_MCP_TOOLS": "models",
    "APIXO_MCP_CLIENT_PROFILE": "odd",
    "APIXO_MCP_AUTO_RETRY": "often",
    "APIXO_MCP_POLL_SCALE": "50",
    "APIXO_MCP_DAILY_BUDGET_USD": "0.000001",
    "APIXO_MCP_CONFIRM_ABOVE_USD": "0",
    "APIXO_MCP_DAILY_TASK_LIMIT": "0",
    "APIXO_MCP_PRICES": "/nowhere/prices.toml",
    "APIXO_MCP_LOG_LEVEL": "loud",
    "APIXO_MCP_NOT_A_SETTING": "1",
    "apixo_mcp_allowed_roots": "${HOME}",
    "https_proxy": "foo://proxy",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "all_proxy": "socks://127.0.0.1:9",
    "SSL_CERT_FILE": "/nowhere/certificates.pem",
    "HOME": "/proc/nowhere",
}


def demo(
    *words: str | Path, at: Path, variables: Mapping[str, str] = {}, limit: int | None = None
) -> subprocess.CompletedProcess[bytes]:
    def limited() -> None:
        import resource

        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [*COMMAND, "demo", *map(str, words)],
        cwd=at,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
        preexec_fn=limited if limit is not None else None,
    )


def started(*words: str, at: Path, variables: Mapping[str, str] = {}) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, "demo", *words],
        cwd=at,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def sentence(said: bytes) -> str:
    """The one line that is said besides what the bar says."""
    assert b"Traceback" not in said, said.decode()
    lines = [line for line in said.decode().splitlines() if not line.lstrip()[:1].isdigit()]
    assert len(lines) == 1, said.decode()
    return lines[0]


def test_none_of_the_users_settings_count(tmp_path: Path):
    done = demo("  a fox ", at=tmp_path, variables=HOSTILE)
    assert done.returncode == 0, done.stderr.decode()
    first, saved = done.stdout.decode().splitlines()[:2]
    assert first == "Asking nano-banana (sandbox: no key, no cost) for: a fox"
    path = Path(saved.removeprefix("Saved: "))
    assert path.is_relative_to(tmp_path / "demo-output")
    Image.open(path).load()
    assert b"apixo-mcp" not in done.stderr


@POSIX
def test_an_emoji_where_the_terminal_has_none_from_a_folder_that_is_gone(tmp_path: Path):
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f'rmdir "{gone}"; exec "$@"'
    out = tmp_path / "out"
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *COMMAND, "demo", "a \U0001f98a", "--output", str(out)],
        cwd=gone,
        env={**os.environ, "PYTHONIOENCODING": "gbk", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode("gbk").splitlines()[0].endswith("for: a ?")
    Image.open(Path(done.stdout.decode("gbk").splitlines()[1].removeprefix("Saved: "))).load()


@POSIX
def test_a_folder_that_is_gone_is_told(tmp_path: Path):
    gone = tmp_path / "gone"
    gone.mkdir()
    command = ["/bin/sh", "-c", f'rmdir "{gone}"; exec "$@"', "sh", *COMMAND, "demo"]
    done = subprocess.run(command, cwd=gone, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "The folder demo-output cannot be used" in sentence(done.stderr)


@pytest.mark.parametrize("output", ["file", "file/below", "/proc/nowhere"])
def test_an_output_folder_that_cannot_be_had(output: str, tmp_path: Path):
    (tmp_path / "file").touch()
    done = demo("--output", output, at=tmp_path)
    assert (done.returncode, done.stdout) == (1, b"")
    assert "cannot be written to" in sentence(done.stderr)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_an_output_folder_that_is_somebody_elses(tmp_path: Path):
    (tmp_path / "closed").mkdir(mode=0o500)
    done = demo("--output", "closed", at=tmp_path)
    assert done.returncode == 1
    assert "cannot be written to: permission denied" in sentence(done.stderr)


@POSIX
@pytest.mark.parametrize("limit", [0, 4096])
def test_a_disk_that_takes_no_more(limit: int, tmp_path: Path):
    done = demo(at=tmp_path, limit=limit)
    assert done.returncode == 1
    assert sentence(done.stderr).startswith("apixo-mcp: ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_an_output_that_takes_no_more(tmp_path: Path):
    with Path("/dev/full").open("wb") as full:
        command = [*COMMAND, "demo"]
        done = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, timeout=120, check=False)
    assert done.returncode == 1
    assert "No space left on device" in sentence(done.stderr)


def test_a_reader_that_leaves(tmp_path: Path):
    process = started(at=tmp_path)
    assert process.stdout
    assert process.stderr
    assert process.stdout.readline().startswith(b"Asking nano-banana")
    process.stdout.close()
    with process.stderr as told:
        said = told.read()
    assert process.wait(60) == 1
    assert [line for line in said.splitlines() if not line.lstrip()[:1].isdigit()] == []
    assert list(tmp_path.rglob("*.jpg"))


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)])
def test_it_is_told_to_end(number: int, tmp_path: Path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = started("a fox [never]", at=tmp_path, variables={"TMPDIR": str(temporary)})
    assert process.stderr
    while b"processing" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(number)
    _, said = process.communicate(timeout=90)
    assert process.returncode == 130
    assert sentence(said) == "The demo was stopped. Nothing was sent to a gateway, and nothing is charged."
    assert not list(temporary.iterdir())


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks into /proc")
def test_its_server_dies(tmp_path: Path):
    process = started("a fox [never]", at=tmp_path)
    assert process.stderr
    while b"processing" not in process.stderr.readline():
        assert process.poll() is None
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "The demo's own server ended before the picture was there" in sentence(said)


def test_no_port_is_to_be_had(tmp_path: Path):
    """A module that Python loads first refuses every address, as a machine without a loopback device does."""
    (tmp_path / "sitecustomize.py").write_text(
        "import errno, socket\n"
        "def bind(self, address):\n"
        "    raise OSError(errno.EADDRNOTAVAIL, 'Cannot assign requested address')\n"
        "socket.socket.bind = bind\n",
        encoding="utf-8",
    )
    done = demo(at=tmp_path, variables={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1
    assert "cannot be started" in sentence(done.stderr)
    assert "Cannot assign requested address" in sentence(done.stderr)


def test_a_mistake_is_told_in_a_sentence(tmp_path: Path):
    assert sentence(demo(" ", at=tmp_path).stderr) == "apixo-mcp: The prompt must not be empty."
    said = demo("--model", "nano-banan", at=tmp_path).stderr
    assert b"Did you mean nano-banana" in said
    assert b"Traceback" not in said


def test_there_is_no_folder_for_what_goes_away(tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text(
        "import errno, tempfile\n"
        "def mkdtemp(*_, **__):\n"
        "    raise FileNotFoundError(errno.ENOENT, 'No usable temporary directory found')\n"
        "tempfile.mkdtemp = mkdtemp\n",
        encoding="utf-8",
    )
    done = demo(at=tmp_path, variables={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1
    assert "There is no folder for temporary files" in sentence(done.stderr)
