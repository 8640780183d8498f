"""`install` and `uninstall` as a person types them, in a home folder of their own."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.shell import COMMAND

from apixo_mcp.hosts.machine import Machine, platform_named
from apixo_mcp.hosts.table import HOSTS

pytestmark = pytest.mark.process
posix = pytest.mark.skipif(sys.platform == "win32", reason="modes and links of Unix")

KEY = "sk-mine-0123456789abcdef"
Typed = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """One as people have them: with spaces, and with letters beyond ASCII."""
    folder = tmp_path / "Zoë Müller 中"
    folder.mkdir()
    return folder


@pytest.fixture
def typed(home: Path) -> Typed:
    """Runs a command without a terminal; keyword arguments are variables."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP") if name in os.environ}
    own = {"HOME": str(home), "USERPROFILE": str(home), "APIXO_API_KEY": KEY}

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in {**kept, **own, **variables}.items() if value}
        return subprocess.run(
            [*COMMAND, *words],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=90,
            check=False,
        )

    return run


def config(home: Path, name: str) -> Path:
    return HOSTS[name].config_path(Machine(platform_named(sys.platform), home, {}))


def put(home: Path, name: str, content: str) -> Path:
    path = config(home, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode())
    return path


def left(home: Path) -> set[str]:
    """The files of a home folder, but for those of the tasks."""
    files = {path.relative_to(home).as_posix() for path in home.rglob("*")}
    return {name for name in files if "apixo-mcp" not in name and name not in (".local", ".local/share")}


def test_every_host_gets_its_file_and_all_of_it_goes_again(typed: Typed, home: Path):
    done = typed("install", *HOSTS)
    assert done.returncode == 0, done.stderr
    assert KEY not in done.stdout + done.stderr
    for name in HOSTS:
        assert KEY in config(home, name).read_text(encoding="utf-8")
    assert "has it already. Nothing was changed." in typed("install", "--all").stdout
    undone = typed("uninstall", "--all")
    assert (undone.returncode, KEY in undone.stdout) == (0, False)
    assert not left(home)
    assert not list(home.rglob("hosts"))


def test_what_stood_there_is_kept_and_comes_back_to_the_byte(typed: Typed, home: Path):
    texts = {
        "cursor": '\ufeff{\r\n\t// mine\r\n\t"mcpServers": {"b": {"env": {"PIN": "1234-theirs"}},},\r\n}',
        "codex": 'model = "o3"   # mine\n\n[mcp_servers.b]\ncommand = "x"',
        "goose": "# mine\nextensions: {}\nGOOSE_MODE:   auto\n",
        "claude-code": '{"numStartups":7,"mcpServers":{}}',
    }
    paths = {name: put(home, name, text) for name, text in texts.items()}
    done = typed("install", *texts)
    assert done.returncode == 0, done.stderr
    assert "1234-theirs" not in done.stdout + done.stderr
    for name, path in paths.items():
        assert path.read_bytes() != texts[name].encode()
        assert str(path) in done.stdout
    # A second change of ours does not make the first copy worthless.
    assert typed("install", "cursor", "--env", "APIXO_MCP_DAILY_BUDGET_USD=5").returncode == 0
    assert typed("uninstall", *texts).returncode == 0
    for name, path in paths.items():
        assert path.read_bytes() == texts[name].encode()


def test_what_was_changed_meanwhile_stays(typed: Typed, home: Path):
    path = put(home, "cursor", '{\n  "mcpServers": {\n    "b": {}\n  }\n}\n')
    assert typed("install", "cursor").returncode == 0
    path.write_text(path.read_text().replace('"b": {}', '"b": {"command": "new"}'))
    undone = typed("uninstall", "cursor")
    assert undone.returncode == 0
    assert path.read_text() == '{\n  "mcpServers": {\n    "b": {"command": "new"}\n  }\n}\n'


OTHERS_CHANGE = (b"dark", b"light")
OURS_CHANGED = b"sk-another-0123456789abcdef"


@pytest.mark.parametrize(
    "texts",
    [
        {
            "cursor": '{\n  "theme": "dark"\n}\n',
            "zed": '// mine\r\n{\r\n\t"theme": "dark", // x\r\n}',
            "opencode": '{\n  "theme": "dark"\n}',
            "goose": "GOOSE_MODE: dark\n",
            "codex": 'model = "dark"\n',
        },
        {"cursor": '{"theme":"dark"}', "codex": 'model = "o3"\n\n[tui]\ntheme = "dark"\n'},
    ],
    ids=["a line each", "dense"],
)
def test_nothing_of_ours_is_left_where_others_have_changed_the_file_since(
    texts: dict[str, str], typed: Typed, home: Path
):
    paths = {name: put(home, name, text) for name, text in texts.items()}
    assert typed("install", *texts).returncode == 0
    # What was entered is changed too, entered again, and changed again.
    for path in paths.values():
        path.write_bytes(path.read_bytes().replace(*OTHERS_CHANGE).replace(KEY.encode(), OURS_CHANGED))
    assert typed("install", *texts).returncode == 0
    for path in paths.values():
        path.write_bytes(path.read_bytes().replace(KEY.encode(), OURS_CHANGED))
    assert typed("uninstall", *texts).returncode == 0
    for name, path in paths.items():
        assert path.read_bytes() == texts[name].encode().replace(*OTHERS_CHANGE)


def test_a_file_that_was_made_goes_once_nothing_is_left_in_it(typed: Typed, home: Path):
    assert typed("install", *HOSTS).returncode == 0
    for name in HOSTS:
        path = config(home, name)
        path.write_bytes(path.read_bytes().replace(KEY.encode(), OURS_CHANGED))
    done = typed("uninstall", "--all")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("was removed") == len(HOSTS)
    assert not left(home)


def test_a_list_that_was_there_before_stays(typed: Typed, home: Path):
    path = put(home, "cursor", '{"mcpServers": {}, "theme": "dark"}')
    assert typed("install", "cursor").returncode == 0
    path.write_text(path.read_text().replace("dark", "light"))
    assert typed("uninstall", "cursor").returncode == 0
    assert path.read_text() == '{"mcpServers": {}, "theme": "light"}'


def test_what_others_have_put_beside_it_stays(typed: Typed, home: Path):
    path = put(home, "cursor", "{}")
    assert typed("install", "cursor").returncode == 0
    text = path.read_text()
    path.write_text(text.replace('"mcpServers": {', '"mcpServers": { // all of mine', 1))
    assert typed("uninstall", "cursor").returncode == 0
    assert "// all of mine" in path.read_text()


def test_each_former_content_is_kept_and_told_of(typed: Typed, home: Path):
    path = put(home, "cursor", '{"theme": 0}')
    contents: list[bytes] = []
    for number in range(1, 4):
        contents.append(path.read_bytes())
        done = typed("install", "cursor", "--env", f"APIXO_MCP_DAILY_BUDGET_USD={number}")
        (told,) = [line.split(" kept in ")[1] for line in done.stdout.splitlines() if " kept in " in line]
        assert Path(told).read_bytes() == contents[-1]
        path.write_text(path.read_text().replace(f'"theme": {number - 1}', f'"theme": {number}'))
    undone = typed("uninstall", "cursor")
    copies = [Path(line.strip()) for line in undone.stdout.splitlines() if ".before-" in line]
    assert [copy.read_bytes() for copy in copies] == contents
    assert path.read_text() == '{"theme": 3}'


def test_an_entry_keeps_the_lines_of_its_user(typed: Typed, home: Path):
    entry = {"command": "uvx", "args": ["apixo-mcp"], "env": {"APIXO_MCP_TOOLS": "models"}, "disabled": True}
    path = put(home, "cursor", json.dumps({"mcpServers": {"apixo": entry}}))
    done = typed("install", "cursor")
    assert done.returncode == 0, done.stderr
    now = json.loads(path.read_text())["mcpServers"]["apixo"]
    assert now["env"] == {"APIXO_MCP_TOOLS": "models", "APIXO_API_KEY": KEY}
    assert now["disabled"] is True
    assert now["command"] != "uvx"
    assert typed("uninstall", "cursor").returncode == 0
    assert json.loads(path.read_text()) == {"mcpServers": {}}


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("cursor", '{"mcpServers": {', "is not valid JSON (line 1"),
        ("claude-desktop", '{ "a": 1, // mine\n}', "Claude Desktop does not read"),
        ("codex", "mcp_servers = 1\n", "It was left as it was"),
        ("goose", "extensions: [", "is not valid YAML"),
    ],
)
def test_a_file_that_cannot_be_edited_is_left_and_told_what_goes_into_it(
    name: str, text: str, reason: str, typed: Typed, home: Path
):
    path = put(home, name, text)
    done = typed("install", name)
    assert done.returncode == 1
    assert reason in done.stderr
    assert "By hand, this goes into it, with your key in place of ********:" in done.stderr
    assert "apixo" in done.stderr
    assert KEY not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert path.read_bytes() == text.encode()


def test_what_goes_into_a_broken_file_by_hand_is_what_was_asked_for(typed: Typed, home: Path):
    asked = ("install", "cursor", "--sandbox", "--env", "APIXO_MCP_TOOLS=models")
    put(home, "cursor", "{")
    _, by_hand = typed(*asked).stderr.split("By hand, this goes into it:")
    path = put(home, "cursor", by_hand)
    before = json.loads(by_hand)["mcpServers"]["apixo"]
    assert before["args"][-2:] == ["serve", "--sandbox"]
    assert before["env"] == {"APIXO_MCP_TOOLS": "models"}
    assert Path(before["command"]).is_absolute()
    assert typed(*asked).stdout == f"Cursor: {path} has it already. Nothing was changed.\n"


def test_one_host_that_cannot_be_changed_keeps_no_other_from_it(typed: Typed, home: Path):
    broken = put(home, "cursor", "{")
    done = typed("install", "cursor", "zed")
    assert done.returncode == 1
    assert broken.read_text() == "{"
    assert "apixo" in config(home, "zed").read_text()


def test_nothing_is_touched_where_the_server_does_not_start(typed: Typed, home: Path):
    path = put(home, "cursor", "{}")
    done = typed("install", "cursor", "--env", "APIXO_MCP_AUTO_RETRY=99")
    assert done.returncode == 1
    assert "Nothing was touched, for the server does not start" in done.stderr
    assert "APIXO_MCP_AUTO_RETRY" in done.stderr
    assert path.read_text() == "{}"


@posix
def test_a_key_in_a_file_that_others_can_read_is_told_of(typed: Typed):
    # Not in pytest's own folder, which it closes to others whenever a run of it begins.
    with tempfile.TemporaryDirectory() as name:
        home = Path(name).resolve()
        home.chmod(0o755)
        if any(not folder.stat().st_mode & 0o001 for folder in home.parents):
            pytest.skip("nobody else gets into the folder for temporary files")
        path = put(home, "cursor", "{}")
        path.chmod(0o644)
        told = f"Others on this machine can read {path}, and with it your key: `chmod 600 {path}` ends that."
        assert told not in typed("install", "cursor", "--sandbox", HOME=name, APIXO_API_KEY="").stderr
        assert told in typed("install", "cursor", "zed", HOME=name).stderr
        assert path.stat().st_mode & 0o777 == 0o644
        assert config(home, "zed").stat().st_mode & 0o777 == 0o600
        path.chmod(0o600)
        assert "can read" not in typed("install", "cursor", "--env", "APIXO_MCP_TOOLS=models", HOME=name).stderr
        path.chmod(0o644)
        path.parent.chmod(0o700)
        assert "can read" not in typed("install", "cursor", "--env", "APIXO_MCP_TOOLS=all", HOME=name).stderr


@posix
def test_a_link_into_a_checkout_stays_one_and_is_told_of(typed: Typed, home: Path):
    dotfiles = home / "dotfiles"
    (dotfiles / ".git").mkdir(parents=True)
    kept = dotfiles / "mcp.json"
    kept.write_text("{}")
    link = config(home, "cursor")
    link.parent.mkdir()
    link.symlink_to(kept)
    done = typed("install", "cursor")
    assert done.returncode == 0, done.stderr
    assert f"Cursor: {link} (a link to {kept})" in done.stdout
    assert f"{kept} lies in a checkout of git, {dotfiles}: see that your key is not committed" in done.stderr
    assert link.is_symlink()
    assert KEY in kept.read_text()
    assert typed("uninstall", "cursor").returncode == 0
    assert (link.is_symlink(), kept.read_text()) == (True, "{}")


@posix
def test_a_link_that_leads_nowhere_yet_is_written_through(typed: Typed, home: Path):
    link = config(home, "cursor")
    link.parent.mkdir()
    link.symlink_to(home / "dotfiles" / "mcp.json")
    assert typed("install", "cursor").returncode == 0
    assert KEY in (home / "dotfiles" / "mcp.json").read_text()
    assert typed("uninstall", "cursor").returncode == 0
    assert link.is_symlink()
    assert not (home / "dotfiles").exists()


@posix
def test_a_read_only_file_is_left_and_told_of(typed: Typed, home: Path):
    path = put(home, "cursor", "{}")
    path.chmod(0o444)
    done = typed("install", "cursor")
    assert done.returncode == 1
    assert "is read-only. It was left as it was." in done.stderr
    assert path.read_text() == "{}"


def test_several_at_once_leave_one_whole_entry(typed: Typed, home: Path):
    path = put(home, "cursor", '{"theme": "dark"}')
    with ThreadPoolExecutor(3) as pool:
        budgets = [f"APIXO_MCP_DAILY_BUDGET_USD={number}" for number in range(3)]
        done = list(pool.map(lambda budget: typed("install", "cursor", "--env", budget), budgets))
    assert 0 in [one.returncode for one in done]
    for one in done:
        assert "Traceback" not in one.stderr
        assert one.returncode == 0 or "run this again" in one.stderr, one.stderr
    assert json.loads(path.read_text())["mcpServers"]["apixo"]["env"]["APIXO_API_KEY"] == KEY
    assert [one.name for one in path.parent.iterdir()] == ["mcp.json"]
    assert typed("uninstall", "cursor").returncode == 0
    assert path.read_text() == '{"theme": "dark"}'


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for uvx is a shell script")
def test_who_came_by_uvx_and_cannot_come_again_by_the_name_is_told_to_install(home: Path):
    uvx = put(home, "cursor", "{}").parent / "bin" / "uvx"
    uvx.parent.mkdir()
    uvx.write_text("#!/bin/sh\necho no such package >&2\nexit 1\n")
    uvx.chmod(0o755)
    cache = home / "archive-v0"
    cache.symlink_to(sys.prefix)
    env = {"HOME": str(home), "PATH": f"{uvx.parent}:/usr/bin:/bin", "APIXO_API_KEY": KEY}
    words = [str(cache / "bin" / "python"), "-m", "apixo_mcp", "install", "cursor"]
    done = subprocess.run(words, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{uvx} apixo-mcp does not start" in done.stderr
    assert "uv tool install apixo-mcp" in done.stderr
    assert config(home, "cursor").read_text() == "{}"


def test_print_touches_nothing(typed: Typed, home: Path):
    done = typed("install", "cursor", "goose", "--print", "--sandbox")
    assert done.returncode == 0, done.stderr
    assert '+      "args": [' in done.stdout
    assert "--sandbox" in done.stdout
    assert not list(home.iterdir())


def test_print_shows_no_address_that_is_told_of_ends(typed: Typed, home: Path):
    hook = "https://hooks.example/T0/B0/xyz"
    done = typed("install", "cursor", "codex", "--print", "--sandbox", "--env", f"APIXO_MCP_NOTIFY_URL={hook}")
    assert done.returncode == 0, done.stderr
    assert "APIXO_MCP_NOTIFY_URL" in done.stdout
    assert hook not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("install",), 2, "say either HOST or --all"),
        (("install", "cursor", "--all"), 2, "say either HOST or --all"),
        (("install", "word"), 2, "'word' is not one of"),
        (("install", "--all"), 1, "None was found of claude-desktop"),
        (("uninstall", "--all"), 1, "None was found of claude-desktop"),
        (("uninstall", "cursor"), 0, ""),
        (("install", "cursor", "--env", "APIXO_MCP_NONE=1"), 2, "no setting"),
        (("install", "cursor", "--env", "APIXO_API_KEY=sk-1"), 2, "everybody on this machine sees it"),
    ],
)
def test_mistakes(words: tuple[str, ...], code: int, told: str, typed: Typed, home: Path):
    done = typed(*words)
    assert (done.returncode, told in done.stderr) == (code, True)
    assert not left(home)


def test_without_a_key_it_says_how_to_set_one(typed: Typed, home: Path):
    done = typed("install", "cursor", APIXO_API_KEY="")
    assert done.returncode == 0
    assert "There is no key in it yet: set APIXO_API_KEY or RUXA_API_KEY" in done.stderr


FILE_KEYRING = """
import json, pathlib
from keyring.backend import KeyringBackend

PATH = pathlib.Path(__file__).with_name("keys.json")

class FileKeyring(KeyringBackend):
    priority = 1
    def _all(self):
        return json.loads(PATH.read_text()) if PATH.exists() else {}
    def get_password(self, service, username):
        return self._all().get(username)
    def set_password(self, service, username, password):
        PATH.write_text(json.dumps({**self._all(), username: password}))
    def delete_password(self, service, username):
        PATH.write_text(json.dumps({k: v for k, v in self._all().items() if k != username}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="where the library looks for its configuration")
def test_keys_are_kept_in_the_systems_store(typed: Typed, home: Path):
    store = home / "store"
    store.mkdir()
    (store / "file_keyring.py").write_text(FILE_KEYRING)
    rc = home / ".config/python_keyring/keyringrc.cfg"
    rc.parent.mkdir(parents=True)
    rc.write_text(f"[backend]\ndefault-keyring=file_keyring.FileKeyring\nkeyring-path={store}\n")
    path = put(home, "cursor", "{}")
    done = typed("install", "cursor", "--keyring")
    assert done.returncode == 0, done.stderr
    assert KEY not in path.read_text() + done.stdout + done.stderr
    env = json.loads(path.read_text())["mcpServers"]["apixo"]["env"]
    assert env == {"APIXO_MCP_KEYRING": "1"}
    assert json.loads((store / "keys.json").read_text()) == {"APIXO_API_KEY": KEY}
    found = typed("doctor", "--json", APIXO_API_KEY="", **env, APIXO_BASE_URL="http://127.0.0.1:9")
    assert "no key" not in found.stdout.lower().split("ruxa")[0]
    assert typed("uninstall", "cursor").returncode == 0
    assert path.read_text() == "{}"
    assert json.loads((store / "keys.json").read_text()) == {}


def test_a_store_that_cannot_be_used_keeps_everything_as_it_is(typed: Typed, home: Path):
    path = put(home, "cursor", "{}")
    done = typed("install", "cursor", "--keyring", PYTHON_KEYRING_BACKEND="keyring.backends.fail.Keyring")
    assert done.returncode == 1
    assert "APIXO_MCP_KEYRING" in done.stderr
    assert "Traceback" not in done.stderr
    assert path.read_text() == "{}"
