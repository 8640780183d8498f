"""Local input files under unguessable public URLs: gateways fetch media from URLs only."""

import hashlib
import hmac
import os
import re
import secrets
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from apixo_mcp.errors import InvalidInput
from apixo_mcp.media.folder import Folder
from apixo_mcp.media.kinds import Kind
from apixo_mcp.media.probing import contents
from apixo_mcp.media.roots import Roots
from apixo_mcp.media.served import OpenedFile

GRANT_LASTS = 30 * 24 * 3600.0
"""Seconds that a URL is known after it was last given out: longer than any task goes on that may need it."""

_TOKEN = re.compile(r"[0-9a-f]{64}")


class Standing(StrEnum):
    """How a file stands that a URL was given to."""

    HERE = "here"
    """It can be fetched."""
    GONE = "gone"
    """It was changed or removed since."""
    OUTSIDE = "outside"
    """It is under no root of this process; another one may have it."""
    UNKNOWN = "unknown"
    """Nothing here leads to it: the URL is another server's, or what led to it was removed."""


@dataclass(frozen=True, slots=True)
class OpenedInput:
    """A file behind a URL, open; whoever sends it closes it.

    Attributes:
        given_at: when its URL was last given out.
    """

    file: OpenedFile
    given_at: float


class InputFiles(Protocol):
    """Gives files addresses that lead to them, and finds them again by these. Blocking."""

    def url_of(self, path: Path, kind: Kind) -> str:
        """Returns the address of a file that was checked; it tells neither the path nor the name.

        Raises:
            OSError: the file is gone, or none can be given.
        """
        ...

    def open(self, token: str, name: str) -> OpenedInput | None:
        """Opens the file behind an address; None where it never was one, or the file has changed since."""
        ...

    def standing(self, token: str, name: str) -> Standing:
        """Tells how the file behind an address stands."""
        ...

    def token_of(self, path: Path) -> str:
        """Returns the token of a file of this machine as it is now.

        Raises:
            OSError: it is gone.
        """
        ...


class InputLinks:
    """Gives files URLs, and finds them again by these.

    The path stands in a small file of the data folder, named as the token. The token has no expiry in it: the same file
    keeps its URL, else idempotency keys and adoption would not know an equal request again. For how long it answers
    is not decided here (`outside.public`).

    Args:
        url: what the gateways reach this server by, without a trailing slash.
        secret: stays with the task store.
        folder: where the paths are kept.
        roots: checked again each time a file is fetched.
    """

    def __init__(self, url: str, secret: bytes, folder: Path, roots: Roots) -> None:
        self._url = url
        self._secret = secret
        self._folder = folder
        self._roots = roots

    def url_of(self, path: Path, kind: Kind) -> str:
        """Returns the public URL of a file that was checked; it tells neither the path nor the name.

        Raises:
            OSError: the file is gone, or the data folder cannot be written.
        """
        token = self._token(path, path.stat())
        self._folder.mkdir(parents=True, exist_ok=True)
        self._clear()
        # Renamed into place: whoever fetches it meanwhile finds the old grant or the new one.
        with Folder(self._folder.parent.resolve() / self._folder.name) as folder:
            partial = folder.write(f"{token}.{secrets.token_hex(4)}", os.fsencode(path))
            (folder.path / partial).replace(folder.path / token)
        return f"{self._url}/inputs/{token}/{input_name(kind)}"

    def given_token(self, path: Path) -> str:
        """Returns the token by which a file was given a URL, empty where it never was."""
        try:
            token = self.token_of(path)
        except OSError:
            return ""
        return token if (self._folder / token).is_file() else ""

    def open(self, token: str, name: str) -> OpenedInput | None:
        """Opens the file behind a URL; None where it never was one, or the file has changed since.

        What is opened is looked at, not what stands at its path: a link that was put there meanwhile leads nowhere.
        """
        grant = self._folder / token
        try:
            if not _TOKEN.fullmatch(token):
                return None
            given_at = grant.stat().st_mtime
            path = self._roots.readable(os.fsdecode(grant.read_bytes()))
            with Folder(path.parent) as folder:
                content = folder.open(path.name)
        except (OSError, InvalidInput):
            return None
        try:
            status = os.fstat(content.fileno())
            kind = contents.kind_in(content)
            is_it = hmac.compare_digest(self._token(path, status), token) and name == input_name(kind)
        except BaseException:
            content.close()
            raise
        if not is_it:
            content.close()
            return None
        file = OpenedFile(content, status.st_size, kind.mime_type, f'"{token[:16]}"')
        return OpenedInput(file, given_at)

    def standing(self, token: str, name: str) -> Standing:
        """Tells how the file behind a URL stands."""
        try:
            path = Path(os.fsdecode((self._folder / token).read_bytes()))
        except OSError:
            return Standing.UNKNOWN
        if not self._roots.covers(path):
            return Standing.OUTSIDE
        opened = self.open(token, name)
        if opened is None:
            return Standing.GONE
        opened.file.content.close()
        return Standing.HERE

    def token_of(self, path: Path) -> str:
        """Returns the token of a file as it is now.

        Raises:
            OSError: it is gone.
        """
        return self._token(path, path.stat())

    def _token(self, path: Path, status: os.stat_result) -> str:
        content = b"\0".join((b"input", os.fsencode(path), b"%d" % status.st_size, b"%d" % status.st_mtime_ns))
        return hmac.new(self._secret, content, hashlib.sha256).hexdigest()

    def _clear(self) -> None:
        for entry in self._folder.iterdir():
            try:
                if time.time() > entry.stat().st_mtime + GRANT_LASTS:
                    entry.unlink()
            except OSError:
                continue  # another process was faster


def input_name(kind: Kind) -> str:
    """Returns the last part of an address: it tells what the file is, and not what it is called."""
    return f"{kind.modality or 'file'}{kind.extension}"
