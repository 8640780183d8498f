"""How the files of an input are written: as earlier results, uploads, paths, or `data:` URLs."""

import re
from pathlib import Path

from apixo_mcp.media import kinds
from apixo_mcp.media.inputs.requirement import modality_of_field
from apixo_mcp.variables.written import trimmed

EARLIER_RESULT = re.compile(r"(?:task:|apixo://results/)([A-Za-z0-9_-]+)(?:/(\d{1,4}))?")
UPLOAD = re.compile(r"upload:([a-z2-7]{26})", re.IGNORECASE)
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{1,30}):")
_SEVERAL_URLS = re.compile(r"https?://.*,\s*https?://", re.IGNORECASE)
_PATH = re.compile(r"(?:file:|[/~\\]|\.{1,2}[/\\]|[A-Za-z]:[/\\])\S*", re.IGNORECASE)
DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)(?:;[\w=.+-]+)*;base64,")


def names_several(text: str) -> bool:
    """Tells whether a text is more than one URL, with commas between them."""
    return _SEVERAL_URLS.match(text) is not None


def means_file(field: str, value: str) -> bool:
    """Tells whether a text in a field that no page describes can only mean an earlier result or a local file."""
    text = trimmed(value)
    if EARLIER_RESULT.fullmatch(text) or UPLOAD.fullmatch(text):
        return True
    ending = kinds.for_extension(Path(text).suffix)
    named = ending is not None and ending.modality is not None and "://" not in text
    return modality_of_field(field) is not None and (named or _PATH.fullmatch(text) is not None)
