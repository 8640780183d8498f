"""Files that tell where they came from, and what others make of them."""

import io
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageSequence
from support.media_wire import an_mp4
from support.samples import picture, png_chunk, with_chunk

from apixo_mcp.provenance.embedded import pieces_with
from apixo_mcp.provenance.pieces import LeftAlone, assemble
from apixo_mcp.provenance.provenance import Provenance
from apixo_mcp.sandbox.files.video import film

FOX = Provenance(
    prompt='A red <fox> & "its" den,\n狐狸 🦊',
    model="nano-banana-pro",
    task_id="tsk_abcdefghijklmnopqrstuvwxyz",
    gateway="apixo",
    created_at="2026-11-28T01:02:03Z",
    app="apixo-mcp 0.1.0",
    inputs={"seed": 7, "image_urls": ["https://a.example/x.png"]},
)


def described(data: bytes, provenance: Provenance = FOX) -> bytes:
    """The file with that in it.

    Raises:
        LeftAlone: it stays as it is.
    """
    source, target = io.BytesIO(data), io.BytesIO()
    assemble(source, pieces_with(source, provenance), target)
    assert source.getvalue() == data
    return target.getvalue()


def why_left(data: bytes) -> str:
    """Why a file is left alone; empty where it is not."""
    try:
        described(data)
    except LeftAlone as reason:
        return str(reason)
    return ""


def pixels(data: bytes) -> list[tuple[str, tuple[int, int], bytes]]:
    """Every frame of a picture, decoded."""
    with Image.open(io.BytesIO(data)) as image:
        return [(frame.mode, frame.size, frame.tobytes()) for frame in ImageSequence.Iterator(image)]


@cache
def _film() -> bytes:
    return film({"duration": 1, "resolution": "480p", "prompt": "a fox"}, 0)


def _saved(form: str, mode: str = "RGB", **options: Any) -> bytes:
    found = io.BytesIO()
    Image.effect_noise((40, 30), 60).convert(mode).save(found, form, **options)
    return found.getvalue()


def _moving(form: str) -> bytes:
    found = io.BytesIO()
    first, *rest = (Image.new("RGBA", (20, 10), (level, 9, 9, 90)) for level in (10, 90, 200))
    first.save(found, form, save_all=True, append_images=rest, duration=100)
    return found.getvalue()


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x010E] = "a camera's own words"
    return exif.tobytes()


PICTURES: dict[str, Callable[[], bytes]] = {
    "png": lambda: picture("PNG"),
    "png, alpha": lambda: _saved("PNG", "RGBA"),
    "png, palette": lambda: _saved("PNG", "P"),
    "png, 16 bit": lambda: _saved("PNG", "I;16"),
    "png, moving": lambda: _moving("PNG"),
    "png, with words": lambda: with_chunk(picture("PNG"), png_chunk(b"tEXt", b"Title\0a fox")),
    "jpeg": lambda: picture("JPEG"),
    "jpeg, progressive": lambda: picture("JPEG", progressive=True),
    "jpeg, exif": lambda: picture("JPEG", exif=_exif()),
    "jpeg, cmyk": lambda: _saved("JPEG", "CMYK"),
    "jpeg, restarts": lambda: picture("JPEG", restart_marker_blocks=2),
    "webp": lambda: picture("WEBP"),
    "webp, lossless": lambda: picture("WEBP", lossless=True),
    "webp, alpha": lambda: _saved("WEBP", "RGBA"),
    "webp, alpha, lossless": lambda: _saved("WEBP", "RGBA", lossless=True),
    "webp, exif": lambda: picture("WEBP", exif=_exif()),
    "webp, moving": lambda: _moving("WEBP"),
}
"""Pictures of each kind, as different as they come."""

FILMS: dict[str, Callable[[], bytes]] = {
    "mp4": _film,
    "mp4, without sound or picture": an_mp4,
    "mp4, open": lambda: _open_ended(_film()),
}


def _open_ended(data: bytes) -> bytes:
    """The film with its last box, the frames, of a size that is not told."""
    at = data.index(b"mdat") - 4
    return data[:at] + bytes(4) + data[at + 4 :]


def exiftool(path: Path, *options: str) -> dict[str, Any]:
    """What exiftool reads in a file; the test is left out where it is missing, unless it must be here."""
    program = shutil.which("exiftool")
    if program is None and os.environ.get("NEED_EXIFTOOL"):
        pytest.fail("exiftool is missing, and NEED_EXIFTOOL says that it must be here")
    if program is None:
        pytest.skip("exiftool is not installed; on Debian: apt-get install libimage-exiftool-perl")
    command = [program, "-json", "-G1", "-struct", "-a", "-validate", "-warning", "-all", *options, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, encoding="utf-8")
    return json.loads(done.stdout)[0]
