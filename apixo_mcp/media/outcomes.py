"""What became of saving a result's file: the result as it is afterwards, and words for its reader."""

import logging
from dataclasses import replace
from typing import BinaryIO

from apixo_mcp.errors import HostRefused, MediaError, SettingRefused
from apixo_mcp.generation import Modality
from apixo_mcp.media import kinds
from apixo_mcp.media.files import KeptFile
from apixo_mcp.media.kinds import Kind
from apixo_mcp.media.local import in_words
from apixo_mcp.media.probing import contents
from apixo_mcp.media.probing.facts import MediaFacts
from apixo_mcp.media.probing.probe import read_facts
from apixo_mcp.tasks.task import FileState, Result

log = logging.getLogger(__name__)

_ASKED: dict[Modality, str] = {"image": "a picture", "video": "a video", "audio": "a recording"}
_SELF_ENDING = (kinds.PNG, kinds.JPEG, kinds.WEBP, kinds.BMP, kinds.MP4, kinds.MOV, kinds.M4A, kinds.WAV)
"""Kinds whose own structure tells where they end."""


def kind_of_download(file: BinaryIO, content_type: str = "", url: str = "") -> Kind:
    """Returns the kind of a file that came, as well as it can be told. Blocking.

    Raises:
        OSError: it cannot be read.
    """
    try:
        return contents.kind_in(file, content_type, url if len(url) < 8192 else "")
    except OSError:
        raise
    except Exception:
        log.exception("the kind of %s could not be told", _name(file))
        return kinds.OTHER


def _facts(file: BinaryIO, kind: Kind) -> MediaFacts:
    try:
        return read_facts(file, kind)
    except Exception:
        log.exception("the facts of %s could not be read", _name(file))
        return MediaFacts()


def _name(file: BinaryIO) -> str:
    return str(getattr(file, "name", "a file"))


def is_cut(file: BinaryIO) -> bool:
    """Tells whether a file's own structure says that its end is missing. Blocking."""
    return _facts(file, kind_of_download(file)).is_cut


def ends_well(file: BinaryIO) -> bool:
    """Tells whether a file's own structure says that its end is there. Blocking."""
    kind = kind_of_download(file)
    return kind in _SELF_ENDING and not _facts(file, kind).is_cut


def note_of(result: Result, kind: Kind, doubt: str) -> str:
    """Says what is odd about a file that is saved, empty where nothing is."""
    notes: list[str] = []
    if doubt:
        notes.append(
            f"It may be cut ({doubt.rstrip('.')}), also when fetched again. If it is, move it away; it is then "
            "fetched anew when it is asked for, while its url lives."
        )
    if kind.modality != result.kind:
        notes.append(f"It is {kind.words} where {_ASKED[result.kind]} was expected.")
    return " ".join(notes)


def saved(result: Result, kept: KeptFile, file: BinaryIO) -> Result:
    """Returns the result whose file is in its place, with what the file tells of itself. Blocking."""
    kind = kind_of_download(file, kept.mime_type)
    facts = _facts(file, kind)
    return replace(
        result,
        file=FileState.SAVED,
        kind=kind.modality or result.kind,
        path=kept.path,
        mime_type=kept.mime_type,
        bytes=kept.size,
        sha256=kept.sha256,
        file_sha256=kept.file_sha256,
        width=facts.width,
        height=facts.height,
        duration_seconds=facts.duration_seconds,
        problem=kept.note,
    )


def failed(result: Result, problem: str) -> Result:
    """Returns the result whose file is not saved."""
    return replace(result, file=FileState.FAILED, problem=problem)


def expired(result: Result, error: MediaError) -> Result:
    """Returns the result that the gateway says it no longer has."""
    problem = f"The gateway does not have this file ({str(error).rstrip('.')})."
    return replace(result, file=FileState.EXPIRED, problem=problem)


def unfetched(result: Result, error: MediaError) -> Result:
    """Returns the result that did not come, or not whole."""
    reason = str(error).rstrip(".")
    if isinstance(error, HostRefused | SettingRefused):
        return failed(result, f"The file was not fetched: {reason}.")
    return failed(result, f"The file could not be fetched: {reason}. It can be tried again while its url lives.")


def unwritten(result: Result, error: OSError, where: str) -> Result:
    """Returns the result that the disk did not take."""
    return failed(result, f"The file could not be written: {in_words(error, where)}")


def after_crash(result: Result, error: Exception) -> Result:
    """Returns the result whose saving met with a fault of our own."""
    return failed(
        result,
        f"The file could not be saved: apixo-mcp stumbled over it ({type(error).__name__}; its log has the details). "
        "It can be fetched from its url.",
    )
