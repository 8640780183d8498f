"""Files that came inside an answer, as `data:` URLs."""

import base64
import binascii
import string
from collections.abc import AsyncIterator
from urllib.parse import unquote_to_bytes

from anyio import to_thread

from apixo_mcp.errors import MediaError
from apixo_mcp.net.fetcher import Download

_WEB_SAFE = bytes.maketrans(b"-_", b"+/")
_ALPHABET = (string.ascii_letters + string.digits + "+/-_").encode()
_NOT_BASE64 = bytes(code for code in range(256) if code not in _ALPHABET)


def is_inline(url: str) -> bool:
    """Tells whether a URL holds its file itself."""
    return url[:20].lstrip()[:5].lower() == "data:"


def decode_data_url(url: str) -> tuple[str, bytes]:
    """Returns the declared type and the bytes of a `data:` URL, written by the letter or not.

    Raises:
        MediaError: it holds nothing that can be read.
    """
    head, comma, body = url.lstrip()[5:].partition(",")
    if not comma:
        raise MediaError("the data: URL is broken: it has no comma")
    mime_type, *parameters = (part.strip().lower() for part in head.split(";"))
    try:
        data = unquote_to_bytes(body.encode(errors="replace"))
        if "base64" in parameters:
            data = _decoded(data)
    except (binascii.Error, ValueError):
        raise MediaError("the data: URL is broken: it is not base64") from None
    return mime_type, data


def _decoded(text: bytes) -> bytes:
    """Decodes Base64, of one that is damaged what there is: what is wrong with the file is told with it."""
    plain = text.translate(_WEB_SAFE, _NOT_BASE64)
    plain = plain[: len(plain) - (len(plain) % 4 == 1)]
    data = base64.b64decode(plain + b"=" * (-len(plain) % 4))
    if text and len(plain) < len(text) / 2:
        raise ValueError("most of it is something else")
    return data


async def opened(url: str) -> Download:
    """Returns the file of a `data:` URL, as if it had been fetched.

    Raises:
        MediaError: it holds nothing that can be read.
    """
    mime_type, data = await to_thread.run_sync(decode_data_url, url)

    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(data), 1 << 20):
            yield data[at : at + (1 << 20)]

    return Download(
        status=200,
        content_type=mime_type,
        length=len(data),
        total=len(data),
        etag="",
        resumable=False,
        chunks=chunks(),
    )
