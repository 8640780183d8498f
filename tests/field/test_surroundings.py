"""Surroundings as people have them: proxies, placeholders, encodings, look-alike names, planted links."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.amounts import in_time
from support.door import Enter, content, one_file, sample, words
from support.driver import server_env
from support.imitation import Imitation
from support.scripted_gateway import Gateway, chunked, polled, whole
from support.shell import COMMAND

PNG = sample("ok.png")
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="as POSIX systems have it")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def ran(
    variables: Mapping[str, str], *arguments: str, cwd: Path | None = None, timeout: float = 60
) -> subprocess.CompletedProcess[bytes]:
    """A command to its end, in surroundings without any proxy but those that are given."""
    dropped = {*PROXIES, *(name.upper() for name in PROXIES), "SSL_CERT_FILE", "SSL_CERT_DIR"}
    inherited = {name: value for name, value in os.environ.items() if name not in dropped}
    return subprocess.run(
        [*COMMAND, *arguments],
        env={**inherited, **variables},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout,
        check=False,
    )


def said(done: subprocess.CompletedProcess[bytes]) -> str:
    text = (done.stdout + done.stderr).decode(errors="replace")
    assert "Traceback" not in text, text
    return text


class Proxy:
    """Notes the first bytes that each connection brings, and says no."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(30)
                try:
                    self.heard.append(first := connection.recv(4000))
                    if first[:1] == b"\x05":
                        connection.sendall(b"\x05\0")
                        self.heard.append(connection.recv(4000))
                        connection.sendall(b"\x05\x02\0\x01\0\0\0\0\0\0")
                    else:
                        connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                except OSError:
                    pass


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    running = Proxy()
    yield running
    running.listener.close()


def far(folder: Path, **more: str) -> dict[str, str]:
    """Variables of somebody whose gateway is far away."""
    return {
        "APIXO_API_KEY": "sk-far",
        "APIXO_BASE_URL": "https://api.apixo.invalid",
        "APIXO_MCP_HOME": str(folder / "home"),
        "APIXO_MCP_DOWNLOAD_DIR": str(folder / "pictures"),
        "APIXO_MCP_LINGER": "0",
    } | more


# Proxies and certificates.

BESIDE_LOOPBACK = (
    {"all_proxy": "socks5://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"},
    {"all_proxy": "socks://127.0.0.1:9"},
    {"ALL_PROXY": "socks4://127.0.0.1:9"},
    {"https_proxy": "foo://", "http_proxy": "foo://"},
    {"http_proxy": "http://"},
    {"http_proxy": "nonsense"},
    {"http_proxy": "http://127.0.0.1:99999"},
    {"HTTP_PROXY": "127.0.0.1:9"},
    {"http_proxy": "http://user:pass@127.0.0.1:9", "no_proxy": ",,*.x"},
    {"SSL_CERT_FILE": "/no/such/file.pem"},
    {"SSL_CERT_DIR": "/no/such/dir", "SSL_CERT_FILE": "/no/such/file.pem"},
    {"http_proxy": "http://[::1", "no_proxy": "[::1"},
    {"no_proxy": "127.0.0.1/8,::1,fe80::/10"},
)


@pytest.mark.parametrize(
    "variables", BESIDE_LOOPBACK, ids=lambda one: " ".join(f"{name}={value}" for name, value in one.items())
)
def test_loopback_is_never_reached_by_a_proxy(tmp_path: Path, variables: dict[str, str]):
    with Imitation() as gateway:
        done = ran(server_env(gateway, tmp_path) | variables, "generate", "nano-banana", "a fox")
        assert done.returncode == 0, said(done)
        assert str(tmp_path) in said(done)
        assert len(gateway.posts()) == 1


NEVER = (
    ({"https_proxy": "foo://"}, "https_proxy"),
    ({"https_proxy": "foo://127.0.0.1:3128"}, "https_proxy"),
    ({"https_proxy": "ftp://127.0.0.1:3128"}, "https_proxy"),
    ({"https_proxy": "http://"}, "https_proxy"),
    ({"https_proxy": "http://127.0.0.1:notaport"}, "https_proxy"),
    ({"https_proxy": "http://127.0.0.1:99999"}, "https_proxy"),
    ({"all_proxy": "socks9://127.0.0.1:1"}, "all_proxy"),
    ({"ALL_PROXY": "foo://x"}, "all_proxy"),
    ({"SSL_CERT_FILE": "/no/such/file.pem"}, "ssl_cert_file"),
    ({"SSL_CERT_FILE": "/"}, "ssl_cert_file"),
    ({"SSL_CERT_FILE": __file__}, "ssl_cert_file"),
)


@pytest.mark.parametrize(("variables", "name"), NEVER, ids=lambda one: str(one)[:60])
@pytest.mark.parametrize("command", [("generate", "nano-banana", "a fox"), ("doctor",)], ids=["generate", "doctor"])
def test_what_can_never_work_is_refused_at_once_by_name(
    tmp_path: Path, variables: dict[str, str], name: str, command: tuple[str, ...]
):
    done = ran(far(tmp_path) | variables, *command, timeout=90)
    text = said(done)
    assert done.returncode != 0
    assert name in text.lower(), text
    assert "by itself" not in text, text


@pytest.mark.parametrize(("variables", "name"), NEVER[:7:3] + NEVER[8:9], ids=lambda one: str(one)[:60])
@pytest.mark.anyio
async def test_the_server_starts_all_the_same(
    gateway: Gateway, enter: Enter, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], name: str
):
    for variable in (*PROXIES, *map(str.upper, PROXIES), "SSL_CERT_FILE"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    async with enter(apixo_base_url="https://api.apixo.invalid") as door:
        assert not (await door.call("list_models")).is_error
        with in_time(60):
            called = await door.call("generate_image", model="nano-banana", prompt="a fox", wait_seconds=50)
    text = words(called)
    assert name in text.lower()
    assert "by itself" not in text
    assert called.is_error or (called.structured_content or {})["state"] in ("failed", "cancelled")


USED = (
    ({"https_proxy": "http://127.0.0.1:{port}", "all_proxy": "socks5://127.0.0.1:9"}, b"CONNECT api.apixo.invalid:443"),
    ({"HTTPS_PROXY": "http://127.0.0.1:{port}"}, b"CONNECT api.apixo.invalid:443"),
    ({"https_proxy": "127.0.0.1:{port}"}, b"CONNECT api.apixo.invalid:443"),
    ({"all_proxy": "http://127.0.0.1:{port}"}, b"CONNECT api.apixo.invalid:443"),
    ({"https_proxy": "http://user:p%40ss@127.0.0.1:{port}"}, b"CONNECT api.apixo.invalid:443"),
    ({"all_proxy": "socks5://127.0.0.1:{port}"}, b"\x05"),
    ({"all_proxy": "socks5h://127.0.0.1:{port}"}, b"\x05"),
    ({"all_proxy": "socks://127.0.0.1:{port}"}, b"\x05"),
    ({"https_proxy": "socks5://127.0.0.1:{port}"}, b"\x05"),
)


@pytest.mark.parametrize(("variables", "first"), USED, ids=lambda one: str(one)[:70])
def test_a_proxy_that_can_be_used_is_used(tmp_path: Path, proxy: Proxy, variables: dict[str, str], first: bytes):
    variables = {name: value.format(port=proxy.port) for name, value in variables.items()}
    done = ran(far(tmp_path) | variables, "doctor", timeout=90)
    text = said(done)
    if not proxy.heard:
        assert "socks://" in str(variables), "not used"
        assert "all_proxy" in text.lower()
    else:
        assert proxy.heard[0].startswith(first)
        assert any(b"api.apixo.invalid" in heard for heard in proxy.heard)


# Settings.

PLACEHOLDERS = (
    "${user_config.budget}",
    "${HOME}",
    "${env:APIXO}",
    " ${user_config.x} ",
    '"${user_config.x}"',
    "${input:key}",
)
SETTINGS = (
    "APIXO_API_KEY",
    "APIXO_BASE_URL",
    "RUXA_API_KEY",
    "RUXA_BASE_URL",
    "APIXO_MCP_HOME",
    "APIXO_MCP_DOWNLOAD_DIR",
    "APIXO_MCP_ALLOWED_ROOTS",
    "APIXO_MCP_MODELS",
    "APIXO_MCP_TOOLS",
    "APIXO_MCP_CLIENT_PROFILE",
    "APIXO_MCP_AUTO_RETRY",
    "APIXO_MCP_DAILY_BUDGET_USD",
    "APIXO_MCP_MONTHLY_BUDGET_USD",
    "APIXO_MCP_DAILY_TASK_LIMIT",
    "APIXO_MCP_CONFIRM_ABOVE_USD",
    "APIXO_MCP_PRICES",
    "APIXO_MCP_ALLOW_PRIVATE_HOSTS",
    "APIXO_MCP_DATA_URLS",
    "APIXO_MCP_LINGER",
    "APIXO_MCP_PUBLIC_URL",
    "APIXO_MCP_POLL_SCALE",
    "APIXO_MCP_LOG_LEVEL",
    "APIXO_MCP_LOG_FILE",
)


@pytest.mark.parametrize("variable", SETTINGS)
def test_a_placeholder_counts_as_not_set_and_is_warned_of(tmp_path: Path, variable: str):
    (tmp_path / "here").mkdir()
    with Imitation() as gateway:
        env = server_env(gateway, tmp_path, HOME=str(tmp_path / "user"))
        env[variable] = PLACEHOLDERS[SETTINGS.index(variable) % len(PLACEHOLDERS)]
        env.setdefault("XDG_DATA_HOME", str(tmp_path / "data"))
        command = ("generate", "nano-banana", "a fox")
        if variable in ("APIXO_API_KEY", "APIXO_BASE_URL", "APIXO_MCP_ALLOW_PRIVATE_HOSTS"):
            command = ("tasks", "list")  # the rest of the set-up would not reach this gateway
        done = ran(env, *command, cwd=tmp_path / "here")
    text = said(done)
    assert done.returncode == 0, text
    assert variable in done.stderr.decode(), "not warned of"
    assert list((tmp_path / "here").iterdir()) == [], "a folder relative to the working directory"


@pytest.mark.parametrize("value", PLACEHOLDERS)
@pytest.mark.parametrize(
    "variable", ["APIXO_MCP_DAILY_BUDGET_USD", "APIXO_MCP_DAILY_TASK_LIMIT", "APIXO_MCP_CONFIRM_ABOVE_USD"]
)
@pytest.mark.anyio
async def test_a_placeholder_about_money_is_told_in_the_first_paid_answer(
    gateway: Gateway, enter: Enter, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
):
    monkeypatch.setenv(variable, value)
    one_file(gateway, "/out/a.png", whole(PNG))
    async with enter() as door:
        first = await door.made(prompt="a fox")
        second = await door.made(prompt="a hare")
    assert first["state"] == "success"
    assert variable in " ".join(first.get("notes", ()))
    assert variable not in " ".join(second.get("notes", ()))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("APIXO_API_KEY", " sk-test "),
        ("APIXO_API_KEY", '"sk-test"'),
        ("APIXO_API_KEY", "'sk-test'"),
        ("APIXO_API_KEY", "sk-test\n"),
        ("APIXO_API_KEY", "sk-test\r"),
        ("APIXO_API_KEY", "\t“sk-test”"),
        ("APIXO_BASE_URL", ' "{url}" '),
        ("APIXO_BASE_URL", "'{url}/'"),
        ("APIXO_MCP_DOWNLOAD_DIR", ' "{folder}/quoted" '),
        ("APIXO_MCP_DOWNLOAD_DIR", "'{folder}/quoted'"),
        ("APIXO_MCP_HOME", '"{folder}/home"'),
        ("APIXO_MCP_POLL_SCALE", ' "0.02" '),
        ("APIXO_MCP_DAILY_TASK_LIMIT", "' 5 '"),
        ("APIXO_MCP_ALLOW_PRIVATE_HOSTS", '"1"'),
        ("APIXO_MCP_MODELS", '"nano-*"'),
        ("APIXO_MCP_LOG_LEVEL", " 'warning' "),
        ("APIXO_MCP_AUTO_RETRY", '"0"'),
        ("APIXO_MCP_TOOLS", " 'general'"),
        ("APIXO_MCP_DAILY_BUDGET_USD", " 5 "),
    ],
)
def test_values_are_trimmed_of_spaces_and_quotes(tmp_path: Path, variable: str, value: str):
    if "“" in value:
        pytest.skip("typographic quotes are no pair of quotes that a shell or a host writes")
    with Imitation(apixo_key="sk-test") as gateway:
        env = server_env(gateway, tmp_path, APIXO_API_KEY="sk-test", HOME=str(tmp_path / "user"))
        env[variable] = value.format(url=gateway.url, folder=tmp_path)
        done = ran(env, "generate", "nano-banana", "a fox")
        assert done.returncode == 0, said(done)
        assert len(gateway.posts()) == 1
    if "quoted" in value:
        assert list((tmp_path / "quoted").rglob("*.png"))


@pytest.mark.parametrize(
    "value", ["Pictures/out", "./out", "$HOME/Pictures", "%USERPROFILE%\\out", "out", "..", "~nobody_here/x"]
)
@pytest.mark.parametrize("variable", ["APIXO_MCP_DOWNLOAD_DIR", "APIXO_MCP_HOME", "APIXO_MCP_ALLOWED_ROOTS"])
def test_a_folder_is_never_taken_relative(tmp_path: Path, variable: str, value: str):
    here = tmp_path / "a" / "here"
    here.mkdir(parents=True)
    with Imitation() as gateway:
        env = server_env(
            gateway, tmp_path / "own", HOME=str(tmp_path / "user"), XDG_DATA_HOME=str(tmp_path / "data")
        ) | {variable: value}
        done = ran(env, "generate", "nano-banana", "a fox", cwd=here)
    text = said(done)
    assert list(here.iterdir()) == []
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["here"]
    assert done.returncode == 0 or variable in text


@pytest.mark.parametrize(
    ("near", "meant"),
    [
        ("APIXO_KEY", "APIXO_API_KEY"),
        ("APIXO_APIKEY", "APIXO_API_KEY"),
        ("APIXO_TOKEN", "APIXO_API_KEY"),
        ("APIXO_API_TOKEN", "APIXO_API_KEY"),
        ("APIXO_MCP_API_KEY", "APIXO_API_KEY"),
        ("RUXA_KEY", "RUXA_API_KEY"),
        ("RUXA_APIKEY", "RUXA_API_KEY"),
        ("APIXO_URL", "APIXO_BASE_URL"),
        ("RUXA_URL", "RUXA_BASE_URL"),
        ("APIXO_MCP_BUDGET", "APIXO_MCP_DAILY_BUDGET_USD"),
        ("APIXO_MCP_DAILY_BUDGET", "APIXO_MCP_DAILY_BUDGET_USD"),
        ("APIXO_DAILY_BUDGET_USD", "APIXO_MCP_DAILY_BUDGET_USD"),
        ("APIXO_MCP_DOWNLOADS_DIR", "APIXO_MCP_DOWNLOAD_DIR"),
        ("APIXO_DOWNLOAD_DIR", "APIXO_MCP_DOWNLOAD_DIR"),
        ("APIXO_MCP_OUTPUT_DIR", "APIXO_MCP_"),
        ("APIXO_MCP_LOGLEVEL", "APIXO_MCP_LOG_LEVEL"),
        ("APIXO_MCP_CONFIRM_ABOVE", "APIXO_MCP_CONFIRM_ABOVE_USD"),
        ("APIXO_MCP_TASK_LIMIT", "APIXO_MCP_DAILY_TASK_LIMIT"),
    ],
)
def test_a_near_miss_is_told(tmp_path: Path, near: str, meant: str):
    with Imitation() as gateway:
        done = ran(server_env(gateway, tmp_path) | {near: "sk-planted-near"}, "tasks", "list")
    text = done.stderr.decode()
    assert near in text
    assert meant in text
    assert "sk-planted-near" not in said(done)


# Encodings.

PROMPTS = ("a fox 🦊 at dawn", "ein Fuchs – „schön“", "雪の中の狐", "лиса", "fox\u202e\u0301")


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp437", "gbk", "latin-1", "shift_jis", "utf-16"])
def test_any_encoding_of_the_output(tmp_path: Path, prompt: str, encoding: str):
    with Imitation() as gateway:
        env = server_env(gateway, tmp_path, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
        done = ran(env, "generate", "nano-banana", prompt)
        assert done.returncode == 0, said(done)
        assert gateway.posts()[0].body["input"]["prompt"] == prompt
        (saved,) = (tmp_path / "downloads").rglob("*.png")
        told = done.stdout.decode(encoding, errors="replace")
        assert "Traceback" not in told
        assert str(saved.parent) in told.replace("\n", "")
        listed = ran(env, "tasks", "list")
        assert listed.returncode == 0, said(listed)


@POSIX
@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_file_system_that_is_ascii(tmp_path: Path, prompt: str):
    with Imitation() as gateway:
        env = server_env(gateway, tmp_path, LC_ALL="C", LANG="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
        done = ran(env, "generate", "nano-banana", prompt)
        assert done.returncode == 0, said(done)
        files = list((tmp_path / "downloads").rglob("*.png"))
        assert len(files) == 1
        assert files[0].read_bytes().startswith(b"\x89PNG")
        assert files[0].name.isascii()
        assert ran(env, "tasks", "download", task_id(env)).returncode == 0


def task_id(env: dict[str, str]) -> str:
    return ran(env, "tasks", "list").stdout.decode(errors="replace").split()[0]


# Look-alike names.

LOOK_ALIKES = (
    ("Screenshot 2026-11-27 at 9.41.05\u202fAM.png", "Screenshot 2026-11-27 at 9.41.05 AM.png"),
    ("Screen\u00a0Shot.png", "Screen Shot.png"),
    ("thin\u2009space.png", "thin space.png"),
    ("figure\u2007space.png", "figure space.png"),
    ("wide\u3000space.png", "wide space.png"),
    ("plain space.png", "plain\u00a0space.png"),
    (unicodedata.normalize("NFD", "Füchse bei Nacht.png"), unicodedata.normalize("NFC", "Füchse bei Nacht.png")),
    (unicodedata.normalize("NFC", "Füchse bei Tag.png"), unicodedata.normalize("NFD", "Füchse bei Tag.png")),
    (unicodedata.normalize("NFD", "が.png"), unicodedata.normalize("NFC", "が.png")),
    (unicodedata.normalize("NFD", "é\u202fè.png"), unicodedata.normalize("NFC", "é è.png")),
)
WRITTEN = {
    "as it is": lambda path: path,
    "in quotes": lambda path: f"'{path}'",
    "in double quotes": lambda path: f'"{path}"',
    "escaped": lambda path: path.replace(" ", "\\ "),
    "with spaces around": lambda path: f" {path} ",
}


@pytest.mark.anyio
@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize(("real", "typed"), [*LOOK_ALIKES, ("my fox.png", "my fox.png")])
async def test_a_file_is_found_as_people_type_it(
    gateway: Gateway, enter: Enter, tmp_path: Path, real: str, typed: str, written: str
):
    if written == "escaped" and sys.platform == "win32":
        pytest.skip("a backslash parts folders there")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / real).write_bytes(PNG)
    one_file(gateway, "/out/a.png", whole(PNG))
    async with enter(data_urls=True) as door:
        task = await door.made(image_urls=[WRITTEN[written](str(tmp_path / "pictures" / typed))])
    assert task["state"] == "success"
    assert gateway.posts[0].json["input"]["image_urls"][0].startswith("data:image/png;base64,")


@pytest.mark.anyio
@pytest.mark.skipif(sys.platform != "linux", reason="other file systems fold names themselves")
async def test_two_files_that_look_alike_are_not_guessed_between(gateway: Gateway, enter: Enter, tmp_path: Path):
    (tmp_path / "pictures").mkdir()
    for name in ("a\u202fb.png", "a\u00a0b.png"):
        (tmp_path / "pictures" / name).write_bytes(PNG)
    async with enter(data_urls=True) as door:
        called = await door.call(
            "generate_image", model="nano-banana", prompt="x", image_urls=[str(tmp_path / "pictures" / "a b.png")]
        )
    assert called.is_error
    assert not gateway.posts


@pytest.mark.anyio
async def test_look_alikes_lead_out_of_no_root(gateway: Gateway, enter: Enter, tmp_path: Path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "secret\u00a0plan.png").write_bytes(PNG)
    async with enter(data_urls=True) as door:
        for path in (
            tmp_path / "secret plan.png",
            tmp_path / "pictures" / ".." / "secret plan.png",
            f"'{tmp_path}/secret plan.png'",
        ):
            called = await door.call("generate_image", model="nano-banana", prompt="x", image_urls=[str(path)])
            assert called.is_error, path
    assert not gateway.posts


# Planted links.


def links(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_symlink()]


@pytest.mark.anyio
@POSIX
@pytest.mark.parametrize(
    "name", [".{id}-0.part", ".{id}-0.part.side", ".{id}-0.json.part", ".{id}-0.part.json", "{id}-0.part"]
)
@pytest.mark.parametrize("where", ["day", "top"])
@pytest.mark.parametrize("hard", [False, True])
async def test_a_planted_partial_is_never_followed(
    gateway: Gateway, enter: Enter, tmp_path: Path, name: str, where: str, hard: bool
):
    secret = tmp_path / "secret"
    secret.write_bytes(b"untouched")
    gateway.outcome = lambda task: polled(task, state="processing")
    async with enter() as door:
        task = await door.told("generate_image", model="nano-banana", prompt="a fox", wait_seconds=0)
        folder = tmp_path / "pictures" / (time.strftime("%Y-%m-%d", time.gmtime()) if where == "day" else "")
        folder.mkdir(parents=True, exist_ok=True)
        link = folder / name.format(id=task["task_id"])
        if hard:
            link.hardlink_to(secret)
        else:
            link.symlink_to(secret)
        one_file(gateway, "/out/a.png", chunked(PNG))
        gateway.outcome = None
        task = await door.ended(task)
    assert content(task["results"][0]) == PNG
    assert secret.read_bytes() == b"untouched"
    assert not Path(task["results"][0]["path"]).is_symlink()


@pytest.mark.anyio
@POSIX
@pytest.mark.parametrize("kind", ["outside", "dangling", "a loop"])
async def test_a_planted_day_folder_is_never_followed(gateway: Gateway, enter: Enter, tmp_path: Path, kind: str):
    outside = tmp_path / "outside"
    outside.mkdir()
    gateway.outcome = lambda task: polled(task, state="processing")
    async with enter() as door:
        task = await door.told("generate_image", model="nano-banana", prompt="a fox", wait_seconds=0)
        (tmp_path / "pictures").mkdir(exist_ok=True)
        day = tmp_path / "pictures" / time.strftime("%Y-%m-%d", time.gmtime())
        day.symlink_to({"outside": outside, "dangling": tmp_path / "nowhere", "a loop": day}[kind])
        one_file(gateway, "/out/a.png", whole(PNG))
        gateway.outcome = None
        task = await door.ended(task)
    assert list(outside.iterdir()) == []
    assert not (tmp_path / "nowhere").exists()
    (result,) = task["results"]
    if result["file"] == "saved":
        assert Path(result["path"]).resolve().is_relative_to((tmp_path / "pictures").resolve())
        assert content(result) == PNG
    else:
        assert result["problem"]


@pytest.mark.anyio
@POSIX
@pytest.mark.parametrize("kind", ["a file", "a folder", "a parent"])
async def test_a_planted_target_is_never_followed(gateway: Gateway, enter: Enter, tmp_path: Path, kind: str):
    secret, outside = tmp_path / "secret", tmp_path / "outside"
    secret.write_bytes(b"untouched")
    outside.mkdir()
    one_file(gateway, "/out/a.png", whole(PNG))
    async with enter() as door:
        task = await door.made()
        name = Path(task["results"][0]["path"]).name
        target = tmp_path / "pictures" / "target"
        if kind == "a file":
            target.mkdir()
            (target / name).symlink_to(secret)
            (target / f".{name}.part").symlink_to(secret)
            (target / f"{name}.json").symlink_to(secret)
        elif kind == "a folder":
            target.symlink_to(outside)
        else:
            (tmp_path / "pictures" / "up").symlink_to(outside)
            target = tmp_path / "pictures" / "up" / "target"
        called = await door.call("download_results", task_id=task["task_id"], directory=str(target))
    assert secret.read_bytes() == b"untouched"
    assert list(outside.iterdir()) == []
    if kind == "a file":
        assert not called.is_error
        assert any(path.read_bytes() == PNG and not path.is_symlink() for path in target.glob("*.png*"))


@pytest.mark.anyio
@POSIX
async def test_an_input_behind_a_link_out_of_the_roots_is_not_read(gateway: Gateway, enter: Enter, tmp_path: Path):
    (tmp_path / "secret.png").write_bytes(PNG)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").symlink_to(tmp_path / "secret.png")
    async with enter(data_urls=True) as door:
        called = await door.call(
            "generate_image", model="nano-banana", prompt="x", image_urls=[str(tmp_path / "pictures" / "a.png")]
        )
    assert called.is_error
    assert not gateway.posts


# Names and addresses.

FAKE = ("198.18.0.182", "198.19.255.1", "fdfe:dcba:9876::b4", "fc00::12", "2001:2::7")
TRANSLATED = ("64:ff9b:1::c612:b6", "64:ff9b:1::808:808")


@contextmanager
def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str, dialled: list[str]) -> Iterator[None]:
    """Lets every name resolve to these, and notes which of them is connected to, without connecting."""

    def entries(port: int) -> list[Any]:
        return [
            (
                socket.AF_INET6 if ":" in one else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (one, port, 0, 0) if ":" in one else (one, port),
            )
            for one in addresses
        ]

    real = socket.getaddrinfo

    def found(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        return entries(int(port or 0)) if name == "cdn.example.com" else real(host, port, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", found)
    real_connect = anyio.connect_tcp

    async def connect(remote_host: Any, remote_port: int, **named: Any) -> Any:
        if remote_port != 443 and str(remote_host) == "127.0.0.1":  # the gateway itself
            return await real_connect(remote_host, remote_port, **named)
        dialled.append(str(remote_host))
        raise OSError("nobody is there")

    monkeypatch.setattr(anyio, "connect_tcp", connect)
    yield


@pytest.mark.anyio
@pytest.mark.parametrize(
    "addresses",
    [(one,) for one in (*FAKE, *TRANSLATED[1:])]
    + [("fdfe:dcba:9876::b4", "198.18.0.182"), ("fc00::12", "198.18.0.182")],
)
async def test_addresses_of_vpn_clients_are_dialled_over_https(
    gateway: Gateway, enter: Enter, monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...]
):
    dialled: list[str] = []
    gateway.results("https://cdn.example.com/a.png")
    with resolving(monkeypatch, *addresses, dialled=dialled):
        async with enter(allow_private_hosts=False) as door:
            task = await door.made()
    assert set(dialled) == set(addresses)
    assert "private" not in json.dumps(task)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "address",
    [
        *FAKE,
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "::1",
        "fe80::1",
        "fd00::1",
        "64:ff9b:1::7f00:1",
    ],
)
async def test_private_addresses_are_refused_over_http(
    gateway: Gateway, enter: Enter, monkeypatch: pytest.MonkeyPatch, address: str
):
    dialled: list[str] = []
    gateway.results("http://cdn.example.com:443/a.png")
    with resolving(monkeypatch, address, dialled=dialled):
        async with enter(allow_private_hosts=False) as door:
            task = await door.made()
    assert dialled == []
    assert task["results"][0]["file"] == "failed"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "fdfe:dcba:9877::1", "fc40::1", "64:ff9b:1::a00:1"],
)
async def test_a_private_address_beside_one_that_passes(
    gateway: Gateway, enter: Enter, monkeypatch: pytest.MonkeyPatch, address: str
):
    """Never dialled; the one that passes is."""
    dialled: list[str] = []
    gateway.results("https://cdn.example.com/a.png")
    with resolving(monkeypatch, address, "198.18.0.182", dialled=dialled):
        async with enter(allow_private_hosts=False) as door:
            await door.made()
    assert address not in dialled
    assert dialled
