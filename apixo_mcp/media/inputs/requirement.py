"""What the files of a field must be, and how one that is not is refused."""

from dataclasses import dataclass, replace
from typing import BinaryIO

from apixo_mcp.catalog.marks import Files
from apixo_mcp.errors import InvalidInput, Problem
from apixo_mcp.generation import Modality, NextAction
from apixo_mcp.media import kinds
from apixo_mcp.media.probing import contents

MEGABYTE = 1_000_000
LARGEST_PICTURE = 10 * MEGABYTE
"""Bytes of the largest picture, and of any file sent inside a request, where a model's page names no other limit."""
_LARGEST_INSIDE = 2 * LARGEST_PICTURE  # the most that any page takes of a picture

ARTICLES: dict[Modality, str] = {"image": "a picture", "video": "a video", "audio": "a recording"}
_MARKS: tuple[tuple[str, Modality], ...] = (
    ("video", "video"),
    ("audio", "audio"),
    ("voice", "audio"),
    ("music", "audio"),
    ("image", "image"),
    ("frame", "image"),
    ("mask", "image"),
    ("photo", "image"),
)


def modality_of_field(field: str) -> Modality | None:
    """Tells what a field's name says it takes, None where it does not say."""
    return next((kind for mark, kind in _MARKS if mark in field.lower()), None)


@dataclass(frozen=True, slots=True)
class Requirement:
    """What the files of a field must be: by the field's name, and by what the model's page says."""

    kind: Modality | None
    files: Files

    def largest(self, kind: kinds.Kind) -> int | None:
        """Returns the most bytes of a file that is fetched from here, None where no document says."""
        if self.files.max_mb is not None:
            return self.files.max_mb * MEGABYTE
        return LARGEST_PICTURE if kind.modality == "image" else None

    @property
    def largest_inside(self) -> int:
        """The most bytes of a file that goes inside the request."""
        return LARGEST_PICTURE if self.files.max_mb is None else min(self.files.max_mb * MEGABYTE, _LARGEST_INSIDE)

    def takes(self, kind: kinds.Kind) -> bool:
        """Tells whether the page names this format; a container of video may hold a recording alone."""
        known = [named for name in self.files.formats if (named := kinds.for_extension(f".{name}"))]
        return not known or any(kinds.are_alike(kind, named) for named in known)


def check_kind(field: str, value: str, file: BinaryIO, requirement: Requirement) -> kinds.Kind:
    """Returns the kind of a file, if it is one that the field takes.

    Raises:
        InvalidInput: it is not.
    """
    kind, wanted = contents.kind_in(file), requirement.kind
    file.seek(0)
    is_film = wanted == "audio" and kind == kinds.MP4  # whose sound is taken
    if kind.modality is None or (wanted and kind.modality != wanted and not is_film):
        what = kind.words if kind != kinds.OTHER else "no media file"
        raise input_refused(
            field, value, f"must be {ARTICLES[wanted] if wanted else 'a media file'}, and this is {what}"
        )
    if not requirement.takes(kind):
        names = ", ".join(name.upper() for name in requirement.files.formats)
        raise input_refused(field, value, f"this model takes {names}, and this is {kind.words}")
    return kind


def input_refused(field: str, value: str, allowed: str, next_action: NextAction | None = None) -> InvalidInput:
    """Returns the error about one value of a field."""
    return InvalidInput([Problem(field, _short(value), allowed, next_action=next_action)])


def added(problem: Problem, sentence: str) -> Problem:
    """Returns a problem with one more sentence."""
    return replace(problem, allowed=f"{problem.allowed}. {sentence}")


def _short(value: str) -> str:
    return value if len(value) <= 120 else f"{value[:80]}... ({len(value)} characters)"
