"""`install` and `uninstall` before a person at a terminal: what is asked, what shows, and what Ctrl-C leaves."""

import json
import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("terminals of Unix", allow_module_level=True)

from support.terminal import ENTER, Terminal, terminal

pytestmark = pytest.mark.process

KEY = "sk-mine-0123456789abcdef"
THEIRS = '{\n  // mine\n  "mcpServers": {}\n}\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / ".cursor" / "mcp.json"
    path.parent.mkdir()
    path.write_text(THEIRS)
    return path


def env_of(config: Path) -> dict[str, str]:
    text = config.read_text().replace("// mine", "")
    return json.loads(text)["mcpServers"]["apixo"]["env"]


def give(screen: Terminal, variable: str, typed: str) -> None:
    """Answers a question for a key, once nothing that is typed would show."""
    screen.see(f"{variable}, from ")
    screen.see("Enter for none): ")
    assert not screen.echoes
    screen.type(typed, ENTER)
    screen.see("\n")


def test_keys_are_asked_for_and_never_show(config: Path, tmp_path: Path):
    with terminal("install", "cursor", home=tmp_path) as screen:
        give(screen, "APIXO_API_KEY", "your-api-key")
        screen.see("That is no key. Paste the key itself.")
        give(screen, "APIXO_API_KEY", f"  {KEY} ")
        give(screen, "RUXA_API_KEY", "")
        screen.see('"APIXO_API_KEY": "********"')
        screen.see(f"Change {config}? [Y/n]: ")
        assert screen.echoes
        screen.type(ENTER)
        screen.see("was changed.")
        assert screen.end() == 0
    assert KEY not in screen.screen
    assert env_of(config) == {"APIXO_API_KEY": KEY}
    assert "// mine" in config.read_text()


def test_without_any_key_it_is_entered_and_told_what_is_missing(config: Path, tmp_path: Path):
    with terminal("install", "cursor", home=tmp_path) as screen:
        give(screen, "APIXO_API_KEY", "")
        give(screen, "RUXA_API_KEY", "")
        screen.see("[Y/n]: ")
        screen.type(ENTER)
        screen.see("There is no key in it yet: set APIXO_API_KEY or RUXA_API_KEY")
        assert screen.end() == 0
    assert env_of(config) == {}


@pytest.mark.parametrize("at", ["first key", "second key", "trial", "change"])
def test_ctrl_c_leaves_everything_as_it_was(config: Path, tmp_path: Path, at: str):
    with terminal("install", "cursor", home=tmp_path) as screen:
        if at == "first key":
            screen.see("Enter for none): ")
        else:
            give(screen, "APIXO_API_KEY", KEY)
        if at == "second key":
            screen.see("Enter for none): ")
        elif at != "first key":
            give(screen, "RUXA_API_KEY", "")
        if at == "change":
            screen.see("[Y/n]: ")
        screen.interrupt()
        assert screen.end() == 130
        assert screen.echoes
    assert KEY not in screen.screen
    assert "Traceback" not in screen.screen
    assert config.read_text() == THEIRS
    assert list(config.parent.iterdir()) == [config]
    assert not list(tmp_path.rglob("*.before*"))


def test_whoever_says_no_keeps_the_file(config: Path, tmp_path: Path):
    with terminal("install", "cursor", "--sandbox", home=tmp_path) as screen:
        screen.see("[Y/n]: ")
        screen.type("n", ENTER)
        screen.see("Cursor: left as it was.")
        assert screen.end() == 1
    assert config.read_text() == THEIRS


def test_a_key_that_is_there_already_is_not_asked_for(config: Path, tmp_path: Path):
    with terminal("install", "cursor", home=tmp_path, APIXO_API_KEY=KEY) as screen:
        screen.see("APIXO_API_KEY: from the environment")
        screen.see("[Y/n]: ")
        screen.type(ENTER)
        assert screen.end() == 0
    with terminal("install", "cursor", home=tmp_path) as screen:
        screen.see("has it already. Nothing was changed.")
        assert screen.end() == 0
    with terminal("uninstall", "cursor", home=tmp_path) as screen:
        screen.see("[Y/n]: ")
        screen.interrupt()
        assert screen.end() == 130
    assert env_of(config) == {"APIXO_API_KEY": KEY}
    with terminal("uninstall", "cursor", "--yes", home=tmp_path) as screen:
        assert screen.end() == 0
    assert config.read_text() == THEIRS
    assert KEY not in screen.screen
