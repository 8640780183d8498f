"""A file as it is served over HTTP: open, and with a type by which no browser makes a page of it."""

import os
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO
from urllib.parse import quote

from apixo_mcp.media import kinds, names
from apixo_mcp.media.files import ResultFiles
from apixo_mcp.media.kinds import Kind
from apixo_mcp.media.outcomes import kind_of_download

_SHOWN = ("image/", "video/", "audio/")
_LONGEST = 100  # characters of a name


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file to be sent, open; whoever sends it closes it.

    Attributes:
        etag: of this very content, in its quotes.
        name: that it is saved under, empty where it is told none.
        is_shown: whether a browser may show it in its place, and need not save it.
    """

    content: BinaryIO
    size: int
    mime_type: str
    etag: str
    name: str = ""
    is_shown: bool = True


def opened_result(files: ResultFiles, path: str) -> OpenedFile:
    """Opens the file of a result. What it holds by now tells its type; what is no picture or recording is told as none.

    Raises:
        PlaceTrouble: where it is kept cannot be asked.
        OSError: it is gone, or something else stands in its place.
    """
    content = files.open(path)
    try:
        size = content.seek(0, os.SEEK_END)
        kind = kind_of_download(content)
    except BaseException:
        content.close()
        raise
    is_shown = may_be_shown(kind)
    return OpenedFile(
        content,
        size,
        kind.mime_type if is_shown else kinds.OTHER.mime_type,
        f'"{files.etag(content)}"',
        safe_name(path, kind),
        is_shown,
    )


def may_be_shown(kind: Kind) -> bool:
    """Tells whether a browser may show files of a kind: nothing in one of those runs, or draws a page."""
    return kind.modality is not None and kind.mime_type.startswith(_SHOWN) and not kind.mime_type.endswith("+xml")


def safe_name(path: str, kind: Kind) -> str:
    """Returns the name that a file is saved under: its own, legal everywhere, with an ending that opens no page."""
    name = PurePath(path.replace("\\", "/").rsplit("/", 1)[-1])
    ending = name.suffix if kinds.for_extension(name.suffix) else kind.extension
    return names.legal(f"{name.stem[:_LONGEST]}{ending}")


def disposition(name: str, *, is_shown: bool) -> str:
    """Returns what is done with a file, and its name: in ASCII, and as it is (RFC 6266)."""
    plain = "".join(char if " " <= char <= "~" and char not in '"\\%' else "_" for char in name)
    how = "inline" if is_shown else "attachment"
    exact = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'{how}; filename="{plain}"{exact}'
