"""The kind of a file by its inside: of sound behind a tag, of sound alone in a container of videos. Blocking."""

from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from apixo_mcp.media import kinds
from apixo_mcp.media.kinds import HEAD, Kind
from apixo_mcp.media.probing import frames
from apixo_mcp.media.probing.probe import read_facts

_SOUND = {
    kinds.MP4: kinds.M4A,
    kinds.WEBM: kinds.WEBM_AUDIO,
    kinds.MKV: kinds.MKA,
    kinds.THREE_GP: kinds.THREE_GP_AUDIO,
    kinds.THREE_G2: kinds.THREE_G2_AUDIO,
    kinds.ASF: kinds.WMA,
}
"""What a container of videos is called where it holds sound alone; others keep their type."""


def kind_of_content(path: Path, declared_type: str = "", url: str = "") -> Kind:
    """Tells the kind of a whole file; `declared_type` and `url` count where the bytes say nothing.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return kind_in(file, declared_type, url)


def kind_in(file: BinaryIO, declared_type: str = "", url: str = "") -> Kind:
    """Returns the kind of an open file, as `kind_of` tells it."""
    file.seek(0)
    head = file.read(HEAD)
    kind = _behind(file) or kinds.best_kind(head, declared_type, url)
    if kind.extension == kinds.OTHER.extension or (kind.modality == "audio" and kinds.sniff(head) is None):
        kind = _searched(file) or kind
    if kind.modality == "video":
        facts = read_facts(file, kind)
        if facts.is_sound_alone:
            return _SOUND.get(kind) or replace(kind, modality="audio")
        if kind == kinds.ASF and facts.width:
            return kinds.WMV
    return kind


def _behind(file: BinaryIO) -> Kind | None:
    """Returns the kind of the sound behind a tag or zero bytes, None where the file begins with neither."""
    begin = frames.start(file)
    if not begin:
        return None
    file.seek(begin)
    kind = kinds.sniff(file.read(HEAD))
    return kind if kind and kind.modality == "audio" else None


def _searched(file: BinaryIO) -> Kind | None:
    """Returns the kind of the frames of sound that begin somewhere behind other bytes."""
    found = frames.first(file, frames.start(file))
    if found is None:
        return None
    file.seek(found[0])
    return kinds.sniff(file.read(HEAD))
