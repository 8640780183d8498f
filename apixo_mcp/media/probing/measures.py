"""Which reader knows the headers of which format."""

from collections.abc import Callable
from typing import BinaryIO

from apixo_mcp.media.kinds import Kind
from apixo_mcp.media.probing import boxes, chunks, frames, matroska, pictures, streams
from apixo_mcp.media.probing.facts import MediaFacts

_MEASURES: dict[str, Callable[[BinaryIO, int], MediaFacts]] = {
    **dict.fromkeys(("mp4", "quicktime", "3gpp", "3gpp2"), boxes.measure_boxes),
    **dict.fromkeys(("heic", "heif", "avif"), boxes.measure_picture),
    **dict.fromkeys(("webm", "x-matroska"), matroska.measure_matroska),
    **dict.fromkeys(("mpeg", "aac"), frames.measure_frames),
    **dict.fromkeys(("x-ms-asf", "x-ms-wmv", "x-ms-wma"), streams.measure_asf),
    "ogg": streams.measure_ogg,
    "flac": streams.measure_flac,
    "x-flv": streams.measure_flv,
    "wav": chunks.measure_wav,
    "x-w64": chunks.measure_wave64,
    "aiff": chunks.measure_aiff,
    "basic": chunks.measure_au,
    "x-caf": chunks.measure_caf,
    "x-msvideo": chunks.measure_avi,
}
"""The reader of each type, by what its MIME type says behind the slash."""


def measure(file: BinaryIO, size: int, kind: Kind) -> MediaFacts:
    """Returns the facts of a file of this kind, by the reader of its format.

    Raises:
        OSError: it cannot be read.
        ValueError: its headers make no sense; so do `struct.error`, `IndexError` and `ArithmeticError`.
    """
    subtype = kind.mime_type.partition("/")[2]
    if subtype == "mpeg" and kind.modality != "audio":
        return _sequence(file.read(65_536))
    if reader := _MEASURES.get(subtype):
        return reader(file, size)
    return pictures.measure_bitmap(file, size, kind) if kind.modality == "image" else MediaFacts()


def _sequence(head: bytes) -> MediaFacts:
    """Returns the size of an MPEG video by its first sequence header."""
    at = head.find(b"\0\0\x01\xb3")
    packed = int.from_bytes(head[at + 4 : at + 7], "big") if at >= 0 else 0
    return MediaFacts(width=packed >> 12, height=packed & 0xFFF) if packed >> 12 and packed & 0xFFF else MediaFacts()
