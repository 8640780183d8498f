"""Copies of what stood in a host's file: each content once, and no more of them than there is use for."""

from pathlib import Path

from apixo_mcp.hosts.records import COPIES, InstallRecords
from apixo_mcp.hosts.table import HOSTS

CURSOR = HOSTS["cursor"]
CONFIG = Path("mcp.json")


def test_the_first_content_and_the_newest_are_kept(tmp_path: Path):
    records = InstallRecords(tmp_path)
    contents = [f"{number}".encode() for number in range(COPIES + 5)]
    for content in contents:
        path = records.keep_copy(CURSOR, CONFIG, content)
        assert path is not None
        assert path.read_bytes() == content
        assert len(records.copies(CURSOR)) <= COPIES
    kept = [path.read_bytes() for path in records.copies(CURSOR)]
    assert kept == [contents[0], *contents[1 - COPIES :]]


def test_a_content_is_kept_once_and_those_of_other_hosts_are_theirs(tmp_path: Path):
    records = InstallRecords(tmp_path)
    first = records.keep_copy(CURSOR, CONFIG, b"one")
    records.keep_copy(HOSTS["codex"], Path("config.toml"), b"one")
    assert records.keep_copy(CURSOR, CONFIG, b"two") != first
    assert records.keep_copy(CURSOR, CONFIG, b"one") == first
    assert len(records.copies(CURSOR)) == 2
    records.forget(CURSOR, b"one")
    assert [path.read_bytes() for path in records.copies(CURSOR)] == [b"two"]
    assert len(records.copies(HOSTS["codex"])) == 1
