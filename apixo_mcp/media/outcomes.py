"""What became of saving a result's file: the result as it is afterwards, and words for its reader."""

import errno
import logging
from dataclasses import replace
from pathlib import Path

from anyio import to_thread

from apixo_mcp.errors import HostRefused, MediaError, SettingRefused
from apixo_mcp.generation import Modality
from apixo_mcp.media import kinds, local
from apixo_mcp.media.kinds import Kind
from apixo_mcp.media.probing import contents
from apixo_mcp.media.probing.facts import MediaFacts
from apixo_mcp.media.probing.probe import probe
from apixo_mcp.tasks.task import FileState, Result

log = logging.getLogger(__name__)

_ASKED: dict[Modality, str] = {"image": "a picture", "video": "a video", "audio": "a recording"}
_TOLD_ENDS = (kinds.PNG, kinds.JPEG, kinds.WEBP, kinds.BMP, kinds.MP4, kinds.MOV, kinds.M4A, kinds.WAV)
"""Kinds whose own structure tells where they end."""


def kind_of_download(path: Path, content_type: str, url: str) -> Kind:
    """Returns the kind of a file that came, as well as it can be told. Blocking."""
    try:
        return contents.kind_of_content(path, content_type, url if len(url) < 8192 else "")
    except OSError:
        raise
    except Exception:
        log.exception("the kind of %s could not be told", path)
        return kinds.OTHER


def _facts(path: Path, kind: Kind) -> MediaFacts:
    try:
        return probe(path, kind)
    except Exception:
        log.exception("the facts of %s could not be read", path)
        return MediaFacts()


def is_cut(path: Path) -> bool:
    """Tells whether a file's own structure says that its end is missing. Blocking."""
    return _facts(path, kind_of_download(path, "", "")).is_cut


def ends_well(path: Path) -> bool:
    """Tells whether a file's own structure says that its end is there. Blocking."""
    kind = kind_of_download(path, "", "")
    return kind in _TOLD_ENDS and not _facts(path, kind).is_cut


def note_of(result: Result, kind: Kind, doubt: str) -> str:
    """Tells what is odd about a file that is saved, empty where nothing is."""
    notes: list[str] = []
    if doubt:
        notes.append(
            f"It may be cut ({doubt.rstrip('.')}), also when fetched again. If it is, move it away; it is then "
            "fetched anew when it is asked for, while its url lives."
        )
    if kind.modality != result.kind:
        notes.append(f"It is {kind.words} where {_ASKED[result.kind]} was expected.")
    return " ".join(notes)


async def saved(result: Result, standing: local.Standing) -> Result:
    """Returns the result whose file stands in its place."""

    def look() -> tuple[Kind, MediaFacts]:
        kind = kind_of_download(standing.path, standing.mime_type, "")
        return kind, _facts(standing.path, kind)

    kind, facts = await to_thread.run_sync(look)
    return replace(
        result,
        file=FileState.SAVED,
        kind=kind.modality or result.kind,
        path=str(standing.path),
        mime_type=standing.mime_type,
        bytes=standing.size,
        sha256=standing.sha256,
        width=facts.width,
        height=facts.height,
        duration_seconds=facts.duration_seconds,
        problem=standing.note,
    )


def failed(result: Result, problem: str) -> Result:
    """Returns the result whose file is not saved."""
    return replace(result, file=FileState.FAILED, problem=problem)


def expired(result: Result, error: MediaError) -> Result:
    """Returns the result that the gateway says it no longer has."""
    said = str(error).rstrip(".")
    return replace(result, file=FileState.EXPIRED, problem=f"The gateway does not have this file ({said}).")


def unfetched(result: Result, error: MediaError) -> Result:
    """Returns the result that did not come, or not whole."""
    said = str(error).rstrip(".")
    if isinstance(error, HostRefused | SettingRefused):
        return failed(result, f"The file was not fetched: {said}.")
    return failed(result, f"The file could not be fetched: {said}. It can be tried again while its url lives.")


def unwritten(result: Result, error: OSError, folder: Path) -> Result:
    """Returns the result that the disk did not take."""
    return failed(result, f"The file could not be written: {local.in_words(error, folder)}")


def after_crash(result: Result, error: Exception) -> Result:
    """Returns the result whose saving met with a fault of our own."""
    return failed(
        result,
        f"The file could not be saved: apixo-mcp stumbled over it ({type(error).__name__}; its log has the details). "
        "It can be fetched from its url.",
    )


def no_space(path: Path, size: int) -> OSError:
    """Tells what a disk says that cannot take a file of that size."""
    return OSError(errno.ENOSPC, f"there is no room for {size:,} bytes", str(path))
