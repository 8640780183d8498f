"""What a file may tell of the task that made it, to whoever gets it: never a key, an owner, a path or a signed URL."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlsplit

from apixo_mcp import __version__
from apixo_mcp.media.inline import is_inline
from apixo_mcp.provenance.provenance import Provenance
from apixo_mcp.tasks.task import TUNNELLED, Result, Task

_URL = re.compile(r"https?://[^\s<>\"']+", re.IGNORECASE)
_INPUT_FILE = re.compile(r"/inputs/[0-9a-f]{64}/")
"""In the path of a URL by which a file of this machine is handed out; whoever knows it may fetch the file."""
_PATH = re.compile(r"(?<![\w/:.~\\-])(?:file:|~|\\|[A-Za-z]:)?[/\\][^\s<>\"'|?*]+")
_WHOLE_PATH = re.compile(r"(?:file:|~|[A-Za-z]:|\\)?[/\\][^\r\n]*[/\\]")
_SECRET = re.compile(r"\b(?:sk-|amt_|whsec_)[A-Za-z0-9_+/=-]{12,}")
_UNTOLD = re.compile(
    r"call_?back|web_?hook|api_?key|token|secret|passw|authori[sz]|cookie|owner|e_?mail|^user", re.IGNORECASE
)
"""Inputs that are about whoever asked, and not about what was made."""


def provenance_of(task: Task, result: Result) -> Provenance:
    """Returns what the file of a result tells."""
    created = datetime.fromtimestamp(task.created_at, UTC).isoformat(timespec="seconds")
    inputs = {name: value for name, value in task.inputs.items() if value != task.prompt}
    return Provenance(
        prompt=_text(task.prompt),
        model=task.model,
        task_id=task.task_id,
        index=result.index,
        gateway=task.gateway,
        created_at=created.replace("+00:00", "Z"),
        app=f"apixo-mcp {__version__}",
        inputs=_told(inputs),
    )


def _told(value: Any) -> Any:
    if isinstance(value, str):
        return _value(value)
    if isinstance(value, Mapping):
        entries = cast("Mapping[Any, Any]", value).items()
        return {str(name): _told(entry) for name, entry in entries if not _UNTOLD.search(str(name)[:200])}
    if isinstance(value, list | tuple):
        return [_told(entry) for entry in cast("list[Any]", value)]
    return value


def _value(text: str) -> str:
    """Returns an input: a file by its type or its name, anything else as a text."""
    if is_inline(text):
        return f"a file of type {text.lstrip()[5:85].partition(',')[0].partition(';')[0] or 'text/plain'}"
    return _name_of(text) if len(text) < 4096 and _WHOLE_PATH.match(text) else _text(text)


def _text(text: str) -> str:
    """Returns a text with its URLs bare, paths by the names of their files, and without what looks like a key."""
    text = _URL.sub(lambda match: _bare(match[0]), text)
    text = _PATH.sub(lambda match: _name_of(match[0]) if _WHOLE_PATH.match(match[0]) else match[0], text)
    return _SECRET.sub("…", text)


def _name_of(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1]


def _bare(url: str) -> str:
    """Returns a URL without credentials, query and fragment; of a file of this machine its name."""
    try:
        parts = urlsplit(url)
        place, port = parts.hostname or "", parts.port
    except ValueError:
        return "…"
    if url.startswith(TUNNELLED) or _INPUT_FILE.search(parts.path):
        return _name_of(parts.path)
    place = f"[{place}]" if ":" in place else place
    return f"{parts.scheme}://{place}{f':{port}' if port else ''}{parts.path}"
