"""What it takes to decode a picture, estimated from its headers."""

from dataclasses import dataclass
from pathlib import Path

from apixo_mcp.media import kinds
from apixo_mcp.media.preview import shrink
from apixo_mcp.media.probing.facts import MediaFacts
from apixo_mcp.media.probing.probe import probe

USUAL_SIDE = 768
"""Pixels of the longer side of a preview."""

_PEAK = {"image/png": 5, "image/jpeg": 4, "image/webp": 18, "image/gif": 10, "image/bmp": 8}
"""Bytes a pixel that decoding takes at its peak, measured. Other formats are never decoded here."""
_PACE = {"image/png": 20, "image/jpeg": 4, "image/webp": 25, "image/avif": 25, "image/gif": 15, "image/bmp": 5}
"""Nanoseconds a pixel (of JPEG: and a pass), measured."""
_MOST_HERE = 20_000_000
_SHORT = 0.2
_LOOKED_AT = 8 << 20


@dataclass(frozen=True, slots=True)
class Cost:
    """What it takes to decode a picture, estimated from its headers.

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
        return self.pixels > (shrink.MOST_DRAFTED if self.mime_type == "image/jpeg" else shrink.MOST_PIXELS)

    def is_small(self, longest: int) -> bool:
        """Tells whether decoding it in a long-lived process does that no harm."""
        peak = _PEAK.get(self.mime_type, 0)
        fits = 0 < self.pixels * peak <= _MOST_HERE * USUAL_SIDE // max(USUAL_SIDE, longest)
        return fits and self.seconds <= _SHORT


def cost_of(path: Path, mime_type: str) -> Cost:
    """Estimates from its headers what decoding a picture takes."""
    facts = facts_of_picture(path, mime_type)
    passes = _passes(path) if mime_type == "image/jpeg" else 1
    return Cost(mime_type, (facts.width or 0) * (facts.height or 0), passes)


def facts_of_picture(path: Path | None, mime_type: str) -> MediaFacts:
    """Reads the facts of a file; none where it is not here, or of no kind that is known."""
    kind = kinds.for_mime(mime_type)
    return probe(path, kind) if path and kind else MediaFacts()


def _passes(path: Path) -> int:
    """Returns the scans of a JPEG file, each of which goes over the whole picture where it is progressive."""
    try:
        with path.open("rb") as file:
            return max(1, file.read(_LOOKED_AT).count(b"\xff\xda"))
    except OSError:
        return 1
