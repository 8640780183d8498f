"""What it takes to decode a picture, estimated from its headers before anything is decoded."""

from dataclasses import dataclass
from pathlib import Path

from apixo_mcp.media.preview.shrink import MOST_DRAFTED, MOST_PIXELS

_PEAK = {"image/png": 5, "image/jpeg": 4, "image/webp": 18, "image/gif": 10, "image/bmp": 8}
"""Bytes a pixel that decoding takes at its peak, measured. Other formats are never decoded here."""
_PACE = {"image/png": 20, "image/jpeg": 4, "image/webp": 25, "image/avif": 25, "image/gif": 15, "image/bmp": 5}
"""Nanoseconds a pixel (of JPEG: and a pass), measured."""
_USUAL = 768
_MOST_HERE = 20_000_000
_SHORT = 0.2
_LOOKED_AT = 8 << 20


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one picture.

    Attributes:
        pixels: 0 where the headers do not tell.
        passes: how often each pixel is gone over.
    """

    mime_type: str
    pixels: int
    passes: int = 1

    @property
    def seconds(self) -> float:
        """About how long decoding takes."""
        return self.pixels * self.passes * _PACE.get(self.mime_type, 25) / 1e9

    @property
    def is_too_large(self) -> bool:
        """Whether it has more pixels than are decoded anywhere."""
        return self.pixels > (MOST_DRAFTED if self.mime_type == "image/jpeg" else MOST_PIXELS)

    def is_small(self, longest: int) -> bool:
        """Tells whether decoding it in a long-lived process does that no harm."""
        peak = _PEAK.get(self.mime_type, 0)
        fits = 0 < self.pixels * peak <= _MOST_HERE * _USUAL // max(_USUAL, longest)
        return fits and self.seconds <= _SHORT


def passes(path: Path) -> int:
    """Returns the scans of a JPEG file, each of which goes over the whole picture where it is progressive."""
    try:
        with path.open("rb") as file:
            return max(1, file.read(_LOOKED_AT).count(b"\xff\xda"))
    except OSError:
        return 1
