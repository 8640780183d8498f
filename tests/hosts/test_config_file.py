"""A host's file on the disk: written in one step, and only while it is as it was read."""

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from apixo_mcp.hosts.config_file import LARGEST_CONFIG, confirm_writable, read_config, remove_config, write_config
from apixo_mcp.hosts.refusal import NotEditable

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes and links of Unix")


def test_a_file_is_written_and_its_folders_are_made_and_go_again(tmp_path: Path):
    before = read_config(tmp_path / "a" / "b" / "c.json")
    assert before.content is None
    made = write_config(before, b"{}")
    assert made == [tmp_path / "a", tmp_path / "a" / "b"]
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["c.json"]
    remove_config(read_config(before.path), made)
    assert not list(tmp_path.iterdir())


def test_a_folder_in_which_others_have_put_something_stays(tmp_path: Path):
    before = read_config(tmp_path / "a" / "c.json")
    made = write_config(before, b"{}")
    (tmp_path / "a" / "other").write_text("x")
    remove_config(read_config(before.path), made)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["other"]


@posix
def test_the_mode_stays_and_a_new_file_is_for_its_user_alone(tmp_path: Path):
    path = tmp_path / "c.json"
    write_config(read_config(path), b"{}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    write_config(read_config(path), b"[]")
    assert (stat.S_IMODE(path.stat().st_mode), path.read_bytes()) == (0o644, b"[]")


@posix
def test_a_link_is_written_through(tmp_path: Path):
    (tmp_path / "dotfiles").mkdir()
    target = tmp_path / "dotfiles" / "c.json"
    target.write_bytes(b"{}")
    link = tmp_path / "c.json"
    link.symlink_to(target)
    write_config(read_config(link), b"[]")
    assert link.is_symlink()
    assert target.read_bytes() == b"[]"


def test_a_file_that_was_changed_since_it_was_read_is_left(tmp_path: Path):
    path = tmp_path / "c.json"
    path.write_bytes(b"{}")
    before = read_config(path)
    path.write_bytes(b'{"theirs": 1}')
    for step in (lambda: write_config(before, b"[]"), lambda: remove_config(before, [])):
        with pytest.raises(NotEditable, match="changed by another program"):
            step()
    assert path.read_bytes() == b'{"theirs": 1}'
    assert [one.name for one in tmp_path.iterdir()] == ["c.json"]


def test_a_file_that_has_come_meanwhile_is_left(tmp_path: Path):
    before = read_config(tmp_path / "c.json")
    before.path.write_bytes(b"theirs")
    with pytest.raises(NotEditable, match="changed by another program"):
        write_config(before, b"{}")
    assert before.path.read_bytes() == b"theirs"


def test_two_installations_at_once_do_not_meet_and_a_dead_one_blocks_none(tmp_path: Path):
    path = tmp_path / "c.json"
    draft = tmp_path / ".c.json.apixo-mcp"
    draft.write_bytes(b"")
    with pytest.raises(NotEditable, match="another installation"):
        write_config(read_config(path), b"{}")
    assert not path.exists()
    os.utime(draft, (1, 1))
    write_config(read_config(path), b"{}")
    assert [one.name for one in tmp_path.iterdir()] == ["c.json"]


def _circle(path: Path) -> None:
    path.with_name("other").symlink_to(path)
    path.symlink_to(path.with_name("other"))


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(LARGEST_CONFIG + 1)


def _linked(path: Path) -> None:
    path.write_bytes(b"{}")
    path.with_name("other").hardlink_to(path)


@posix
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_circle, "circle|symbolic links"),
        (_huge, "too large"),
        (_linked, "hard links"),
        (Path.mkdir, "cannot be read|no file"),
        (os.mkfifo, "no file"),
    ],
    ids=["circle", "huge", "hard link", "folder", "pipe"],
)
def test_what_is_no_plain_file_is_refused(make: Callable[[Path], object], reason: str, tmp_path: Path):
    path = tmp_path / "c.json"
    make(path)
    with pytest.raises(NotEditable, match=reason):
        read_config(path)


def test_another_encoding_is_refused_and_a_mark_of_utf_8_stays(tmp_path: Path):
    path = tmp_path / "c.json"
    path.write_bytes("{}".encode("utf-16"))
    with pytest.raises(NotEditable, match="UTF-8"):
        _ = read_config(path).text
    path.write_bytes(b"\xef\xbb\xbf{}")
    file = read_config(path)
    assert (file.text, file.encoded("[]")) == ("{}", b"\xef\xbb\xbf[]")


@posix
def test_a_read_only_file_is_refused(tmp_path: Path):
    path = tmp_path / "c.json"
    path.write_bytes(b"{}")
    path.chmod(0o444)
    with pytest.raises(NotEditable, match="read-only"):
        confirm_writable(read_config(path))
    path.chmod(0o644)
    confirm_writable(read_config(path))
