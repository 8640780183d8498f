"""What the headers of a file tell of it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFacts:
    """What is known of a file without decoding it; None where it is not known for certain.

    Attributes:
        width: as shown, so after the turn that the file asks for.
        is_cut: the file's own structure says that its end is missing.
        is_sound_alone: the tracks of a container are known, and none of them is a picture.
    """

    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None
    is_cut: bool = False
    is_sound_alone: bool = field(default=False, compare=False)


def seconds(count: float, rate: float) -> float | None:
    """Returns a duration, None for one that cannot be."""
    return round(count / rate, 3) if count > 0 and rate > 0 and count / rate < 1e6 else None
