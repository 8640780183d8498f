"""What is told of a file that lies anywhere: by itself, or by the record that was saved beside it. Blocking."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from apixo_mcp.foreign import read_json
from apixo_mcp.media.folder import hash_of
from apixo_mcp.provenance.embedded import told_by
from apixo_mcp.provenance.provenance import Provenance

_LONGEST_RECORD = 4 << 20


@dataclass(frozen=True, slots=True)
class Told:
    """Where a file came from.

    Attributes:
        by: who says so: the file, which anybody may have written, or the record beside it.
    """

    provenance: Provenance
    by: Literal["file", "record"]


def told_of(path: Path) -> Told | None:
    """Returns where a file came from, None where nobody tells.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if (provenance := told_by(file)) is not None:
            return Told(provenance, "file")
        record = _record_of(path)
        is_its = bool(record) and hash_of(file) == (record.get("file_sha256") or record.get("sha256"))
    provenance = Provenance.read(record) if is_its else None
    return Told(provenance, "record") if provenance else None


def _record_of(path: Path) -> dict[str, Any]:
    """Returns what stands beside a file; nothing where that is not of a file as large."""
    side = path.with_name(f"{path.name}.json")
    try:
        if not side.is_file() or side.stat().st_size > _LONGEST_RECORD:
            return {}
        record = read_json(side.read_bytes())
        is_alike = isinstance(record, dict) and cast("dict[str, Any]", record).get("bytes") == path.stat().st_size
    except OSError:
        return {}
    return cast("dict[str, Any]", record) if is_alike else {}
