"""What `install` did to a host's file, kept in the data folder until `uninstall` has undone it.

Copies stand there and not beside the file: a folder of configuration is often under version control, and a copy holds
every key that the file does.
"""

import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from apixo_mcp.hosts.config_file import digest
from apixo_mcp.hosts.host import Host
from apixo_mcp.hosts.refusal import NotEditable

COPIES = 10
"""How many former contents of a host's file are kept: the first, and the newest."""

_FOLDER = "hosts"

Made = Literal["nothing", "list", "file"]
"""What was not there before the server was entered: `list` is the mapping that servers stand in."""


@dataclass(frozen=True, slots=True)
class InstallRecord:
    """What was done to a file.

    Attributes:
        path: of the file.
        before: the digest of what stood there without the server's entry; empty where there was no file.
        after: the digest of what was written.
        made: what of it the server was entered in did not stand there before.
        folders: that were made for it, from the outside.
        keyring: the variables whose keys stand in the system's store.
    """

    path: str
    before: str
    after: str
    made: Made = "nothing"
    folders: tuple[str, ...] = ()
    keyring: tuple[str, ...] = ()


class InstallRecords:
    """Those of one data folder."""

    def __init__(self, home: Path) -> None:
        self.folder = home / _FOLDER

    def read(self, host: Host) -> InstallRecord | None:
        """Returns what was done to a host's file; None where nothing is known of it."""
        try:
            fields: Any = json.loads((self.folder / f"{host.name}.json").read_bytes())
            lists = {name: tuple(map(str, fields[name])) for name in ("folders", "keyring")}
            made = fields["made"] if fields["made"] in get_args(Made) else "nothing"
            return InstallRecord(str(fields["path"]), str(fields["before"]), str(fields["after"]), made, **lists)
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def copies(self, host: Host) -> list[Path]:
        """Returns where former contents of a host's file are kept, the oldest first."""
        numbered = [(number, path) for path in self._files() if (number := _number(host, path))]
        return [path for _, path in sorted(numbered)]

    def copy_with(self, host: Host, content_digest: str) -> Path | None:
        """Returns the copy whose content has a digest; None where there is none."""
        return next((path for path in self.copies(host) if digest(_content(path)) == content_digest), None)

    def content_before(self, host: Host, record: InstallRecord) -> bytes | None:
        """Returns what stood in a file before; None where no copy has it any more."""
        copy = self.copy_with(host, record.before)
        content = _content(copy) if copy else None
        return content if digest(content) == record.before else None

    def keep_copy(self, host: Host, config: Path, content: bytes | None) -> Path | None:
        """Keeps what stands in a file before it is changed, once; returns where, None where there is no file.

        Raises:
            NotEditable: the copy cannot be made, so that nothing may be changed.
        """
        if content is None:
            return None
        if there := self.copy_with(host, digest(content)):
            return there
        copies = self.copies(host)
        path = self.folder / f"{_start(host)}{_number(host, copies[-1]) + 1 if copies else 1}{config.suffix}"
        self._write(path, content)
        for old in copies[1 : max(len(copies) + 2 - COPIES, 1)]:
            with suppress(OSError):
                old.unlink()
        return path

    def write(self, host: Host, record: InstallRecord) -> None:
        """Keeps what was done to a host's file.

        Raises:
            NotEditable: it cannot be kept.
        """
        self._write(self.folder / f"{host.name}.json", json.dumps(asdict(record), indent=2).encode())

    def forget(self, host: Host, content: bytes | None) -> None:
        """Removes a record once it is undone, the copy of what stands in the file now, and empty folders."""
        copy = None if content is None else self.copy_with(host, digest(content))
        paths = [self.folder / f"{host.name}.json", *([copy] if copy else [])]
        steps: list[Callable[[], None]] = [*(path.unlink for path in paths), self.folder.rmdir]
        for step in steps:
            with suppress(OSError):
                step()

    def _files(self) -> list[Path]:
        try:
            return list(self.folder.iterdir())
        except OSError:
            return []

    def _write(self, path: Path, content: bytes) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, draft = tempfile.mkstemp(dir=self.folder)  # which its user alone reads
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(draft).replace(path)
        except OSError as error:
            raise NotEditable(f"was left: no copy of it can be kept in {self.folder} ({error.strerror})") from None


def _start(host: Host) -> str:
    return f"{host.name}.before-"


def _number(host: Host, path: Path) -> int:
    """Returns which copy of a host's file a path is, from 1; 0 where it is none."""
    start, number = _start(host), path.name.removeprefix(_start(host)).partition(".")[0]
    return int(number) if path.name.startswith(start) and number.isascii() and number.isdecimal() else 0


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
