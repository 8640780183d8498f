"""Local input files under unguessable public URLs: gateways fetch media from URLs only."""

import hashlib
import hmac
import os
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from apixo_mcp.errors import InvalidInput
from apixo_mcp.media.folder import Folder
from apixo_mcp.media.kinds import Kind
from apixo_mcp.media.probing import contents
from apixo_mcp.media.roots import Roots

LINK_LASTS = 24 * 3600.0
"""Seconds that a URL lives after it was last given out."""

_TOKEN = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class LinkedFile:
    """A file to be sent, every link in its path resolved."""

    path: Path
    mime_type: str


class InputLinks:
    """Gives files URLs, and finds them again by these.

    The path stands in a small file of the data folder, named as the token. The token has no expiry in it: the same file
    keeps its URL, else idempotency keys and adoption would not know an equal request again.

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
        token = self._token(path)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._clear()
        # Renamed into place: whoever fetches it meanwhile finds the old grant or the new one.
        with Folder(self._folder.parent.resolve() / self._folder.name) as folder:
            partial = folder.write(f"{token}.{secrets.token_hex(4)}", os.fsencode(path))
            (folder.path / partial).replace(folder.path / token)
        return f"{self._url}/inputs/{token}/{_name(kind)}"

    def find(self, token: str, name: str) -> LinkedFile | None:
        """Returns the file behind a URL; None where it never was one, has expired, or the file has changed since."""
        grant = self._folder / token
        try:
            if not _TOKEN.fullmatch(token) or not _is_alive(grant):
                return None
            path = self._roots.readable(os.fsdecode(grant.read_bytes()))
            if self._token(path) != token:
                return None
            kind = contents.kind_of_content(path)
        except (OSError, InvalidInput):
            return None
        return LinkedFile(path, kind.mime_type) if name == _name(kind) else None

    def _token(self, path: Path) -> str:
        now = path.stat()
        content = b"\0".join((b"input", os.fsencode(path), b"%d" % now.st_size, b"%d" % now.st_mtime_ns))
        return hmac.new(self._secret, content, hashlib.sha256).hexdigest()

    def _clear(self) -> None:
        for entry in self._folder.iterdir():
            try:
                if not _is_alive(entry):
                    entry.unlink()
            except OSError:
                continue  # another process was faster


def _is_alive(grant: Path) -> bool:
    return time.time() < grant.stat().st_mtime + LINK_LASTS


def _name(kind: Kind) -> str:
    return f"{kind.modality or 'file'}{kind.extension}"
