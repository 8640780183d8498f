"""Input files that the gateways fetch from a bucket, or that any machine hands out from there. Blocking.

    inputs/<token>/image.png     a copy of the file as it was when it was asked for; the token is made of its content

What stands in a task is no signed address: one is made right before the POST (`outside.bucket_reach`), since it dies
with the key that signed it. As the token is made of the content, an equal request is known again on whichever machine.
"""

import contextlib
import hashlib
import hmac
import re
import time
from pathlib import Path

from apixo_mcp.media.bucket.space import BucketSpace
from apixo_mcp.media.files import PlaceTrouble
from apixo_mcp.media.folder import hash_of
from apixo_mcp.media.inputs.input_links import GRANT_LASTS, InputLinks, OpenedInput, Standing, input_name
from apixo_mcp.media.kinds import Kind
from apixo_mcp.media.outcomes import kind_of_download
from apixo_mcp.media.served import OpenedFile, disposition

_FOLDER = "inputs"
_PUT_AGAIN_AFTER = 7 * 24 * 3600.0
"""Seconds after which a file that is given again is put again: its time in the bucket starts anew."""
_TOKEN = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z]{4,8}\.[a-z0-9]{1,8}")


class BucketInputs:
    """Gives files addresses, and finds them again by these; see `InputFiles`.

    Args:
        space: keeps the copies.
        secret: stays with the task store.
        url: what the addresses begin with, without a slash at its end.
        local: has those that were given an address before there was a bucket.
        lasts: seconds that a copy is kept after it was last put.
    """

    def __init__(
        self, space: BucketSpace, secret: bytes, url: str, local: InputLinks, *, lasts: float = GRANT_LASTS
    ) -> None:
        self._space = space
        self._secret = secret
        self._url = url
        self._local = local
        self._lasts = lasts

    def url_of(self, path: Path, kind: Kind) -> str:
        """See `InputFiles.url_of`.

        Raises:
            PlaceTrouble: the bucket does not take it.
            OSError: the file is gone.
        """
        with path.open("rb") as file:
            content = b"input\0" + hash_of(file).encode()
        token = hmac.new(self._secret, content, hashlib.sha256).hexdigest()
        name = input_name(kind)
        key, bucket = self.key(token, name), self._space.bucket
        stored = bucket.head(key)
        if stored is None or time.time() > stored.modified.timestamp() + _PUT_AGAIN_AFTER:
            bucket.put(key, path, mime_type=kind.mime_type, disposition=disposition(name, is_shown=True))
        return f"{self._url}/inputs/{token}/{name}"

    def open(self, token: str, name: str) -> OpenedInput | None:
        """See `InputFiles.open`."""
        with contextlib.suppress(OSError):
            stored = self._space.bucket.head(self.key(token, name)) if is_input(token, name) else None
            if stored is None:
                return self._local.open(token, name)
            content = self._space.bucket.open(stored)
            kind = kind_of_download(content)
            file = OpenedFile(content, stored.size, kind.mime_type, f'"{token[:16]}"')
            return OpenedInput(file, stored.modified.timestamp())
        return None

    def standing(self, token: str, name: str) -> Standing:
        """See `InputFiles.standing`. While the bucket is away, nothing is known to be wrong."""
        try:
            stored = self._space.bucket.head(self.key(token, name)) if is_input(token, name) else None
        except PlaceTrouble:
            return Standing.HERE
        return self._local.standing(token, name) if stored is None else Standing.HERE

    def token_of(self, path: Path) -> str:
        """See `InputFiles.token_of`."""
        return self._local.token_of(path)

    def key(self, token: str, name: str) -> str:
        """Returns the key of a file."""
        return self._space.key(_FOLDER, token, name)

    def clear(self) -> None:
        """Removes what was last given out so long ago that no task needs it.

        Raises:
            PlaceTrouble: the bucket refuses.
        """
        for stored in self._space.bucket.list(self._space.key(_FOLDER)):
            if time.time() > stored.modified.timestamp() + self._lasts:
                self._space.bucket.delete(stored.key)


def is_input(token: str, name: str) -> bool:
    """Tells whether a token and a name are such as are given."""
    return bool(_TOKEN.fullmatch(token) and _NAME.fullmatch(name))
