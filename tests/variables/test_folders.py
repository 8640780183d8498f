"""The folders of this system, told without the library that knows them all wherever that is certain."""

import os
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from apixo_mcp.variables.folders import data_folder, pictures_folder

VARIABLES = ("XDG_PICTURES_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "ANDROID_DATA")
posix = pytest.mark.skipif(sys.platform not in ("linux", "darwin"), reason="of systems where these are certain")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def assert_as_the_library_says() -> None:
    assert Path(pictures_folder()) == Path(platformdirs.user_pictures_dir()) / "apixo-mcp"
    assert Path(data_folder()) == Path(platformdirs.user_data_dir("apixo-mcp", appauthor=False))


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"HOME": "/"},
        {"HOME": "elsewhere"},
        {"HOME": ""},
        {"HOME": '"/srv/home"'},
        {"XDG_PICTURES_DIR": "/srv/pictures"},
        {"XDG_PICTURES_DIR": "pictures"},
        {"XDG_DATA_HOME": "/srv/data"},
        {"XDG_DATA_HOME": ""},
        {"XDG_CONFIG_HOME": "/srv/config"},
    ],
    ids=str,
)
def test_they_are_those_of_the_library(changes: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    assert_as_the_library_says()


def test_a_desktop_may_name_another_folder_for_pictures(home: Path) -> None:
    (home / ".config").mkdir()
    (home / ".config" / "user-dirs.dirs").write_text('XDG_PICTURES_DIR="$HOME/Bilder"\n', encoding="utf-8")
    assert_as_the_library_says()


@posix
def test_the_library_is_not_loaded_where_nothing_is_set(home: Path) -> None:
    code = (
        "import sys; from apixo_mcp.variables.folders import data_folder, pictures_folder;"
        "print(pictures_folder(), data_folder(), 'platformdirs' in sys.modules)"
    )
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(home / "Pictures"))
    assert done.stdout.endswith(" False\n")
