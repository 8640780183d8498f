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
from typing import Any

from apixo_mcp.hosts.config_file import digest
from apixo_mcp.hosts.host import Host
from apixo_mcp.hosts.refusal import NotEditable

_FOLDER = "hosts"


@dataclass(frozen=True, slots=True)
class InstallRecord:
    """What was done to a file.

    Attributes:
        path: of the file.
        before: the digest of what stood there without the server's entry; empty where there was no file.
        after: the digest of what was written.
        folders: that were made for it, from the outside.
        keyring: the variables whose keys stand in the system's store.
    """

    path: str
    before: str
    after: str
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
            return InstallRecord(str(fields["path"]), str(fields["before"]), str(fields["after"]), **lists)
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def copy_of(self, host: Host, config: Path) -> Path:
        """Returns where the copy of what stood in a host's file is kept."""
        return self.folder / f"{host.name}.before{config.suffix}"

    def content_before(self, host: Host, record: InstallRecord) -> bytes | None:
        """Returns the copy, None where it is gone or another."""
        try:
            content = self.copy_of(host, Path(record.path)).read_bytes()
        except OSError:
            return None
        return content if digest(content) == record.before else None

    def keep_copy(self, host: Host, config: Path, content: bytes | None) -> Path | None:
        """Keeps what stands in a file before it is changed; None where there is no file.

        Raises:
            NotEditable: the copy cannot be made, so that nothing may be changed.
        """
        if content is None:
            return None
        path = self.copy_of(host, config)
        self._write(path, content)
        return path

    def write(self, host: Host, record: InstallRecord) -> None:
        """Keeps what was done to a host's file.

        Raises:
            NotEditable: it cannot be kept.
        """
        self._write(self.folder / f"{host.name}.json", json.dumps(asdict(record), indent=2).encode())

    def forget(self, host: Host, config: Path, *, copy_too: bool) -> None:
        """Removes a record once it is undone, the copy where it holds nothing more than the file, and empty folders."""
        paths = [self.folder / f"{host.name}.json", *([self.copy_of(host, config)] if copy_too else [])]
        steps: list[Callable[[], None]] = [*(path.unlink for path in paths), self.folder.rmdir]
        for step in steps:
            with suppress(OSError):
                step()

    def _write(self, path: Path, content: bytes) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, draft = tempfile.mkstemp(dir=self.folder)  # which its user alone reads
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(draft).replace(path)
        except OSError as error:
            raise NotEditable(f"was left: no copy of it can be kept in {self.folder} ({error.strerror})") from None
