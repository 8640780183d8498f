"""What the names of an answer's fields tell of the values under them. All in one spelling: without case and marks."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from apixo_mcp.generation import Modality

# In this order of choice: one track of Suno comes under several of them (inferred from a client's recursive reading).
AUDIO_KEYS = ("audiourl", "downloadurl", "sourceaudiourl", "streamaudiourl", "sourcestreamaudiourl")
TRACK = tuple(key for key in AUDIO_KEYS if "audio" in key)
ASSETS = {
    "voiceid": "voice",  # minimax-voice (APIXO minimax-voice page)
    "voiceids": "voice",
    "audioid": "audio",  # gemini-omni (APIXO gemini-omni page)
    "audioids": "audio",
    "characterid": "character",  # gemini-omni (APIXO gemini-omni page)
    "characterids": "character",
    "characteridlist": "character",  # sora-2 characters (Ruxa AI sora2 page)
}

_RESULT = re.compile(
    "result|output|image|img|video|audio|file|media|artifact|asset|generat|download|picture|photo|song|music|speech|"
    "clip|attachment|deliver|content|b64|base64|upscale|cover|thumb|poster"
)
_LINK = re.compile("(url|uri|link|href|src)s?$|^(data|item|value|entry|entries|original|list)s?$")
# Addresses of the interface, of the site, or of the caller. Inferred.
_ELSEWHERE = re.compile(
    "callback|webhook|notif|status|poll|docs|documentation|cancel|dashboard|homepage|pageurl|siteurl|website|endpoint|"
    "refer|selfurl|geturl|apiurl|pricing|license|licence|playground|privacy|termsof|support|share|permalink|manage|"
    "billing|^(page|site|home|help|doc|api|self|get|web|logs?|logo|icon|avatar|weburl|helpurl|docurl|homeurl|logourl|"
    "iconurl|avatarurl|logsurl|terms|termsurl|hook|hookurl|retry|delete|deleteurl|retryurl|previous|next|nexturl)$"
)
# What an answer may repeat of the request.
_ECHO = re.compile("^(input|param|request|reference|mask|initimage|sourceimage|sourcevideo)|^(options|settings)$")
_PROSE = re.compile("prompt|lyric|^(message|msg|title|tags|caption|description|style|error)|^(fail|err)")
_WRAPPER = re.compile("^(message|msg)s?$")  # around results, where a model answers in the shape of a chat
_PLAIN_LINK = re.compile("^(url|uri|link|href|src|data|item|value|entry|original|list)s?$")


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """Returns a name without case, underscores and the like: `audio_url` and `audioUrl` are one."""
    return re.sub(r"[^a-z0-9]", "", name[:100].lower())


def normal(fields: Mapping[Any, Any]) -> dict[str, Any]:
    """Returns fields under their plain names. Of two that are one, the one with a value counts."""
    found: dict[str, Any] = {}
    for key, value in fields.items():
        name = plain(str(key))
        if name not in found or found[name] in (None, "", [], {}):
            found[name] = value
    return found


@lru_cache(maxsize=4096)
def is_other(name: str) -> bool:
    """Tells whether what stands under a name is no result, whatever it is."""
    return _ELSEWHERE.search(name) is not None or (name not in AUDIO_KEYS and _ECHO.search(name) is not None)


@lru_cache(maxsize=4096)
def is_prose(name: str) -> bool:
    """Tells whether a name is that of words, which may speak of any address."""
    return _PROSE.search(name) is not None


@lru_cache(maxsize=4096)
def is_wrapper(name: str) -> bool:
    """Tells whether what stands under a name of words counts where it is not words but a structure."""
    return _WRAPPER.search(name) is not None


@lru_cache(maxsize=4096)
def is_qualified(name: str) -> bool:
    """Tells whether a link's name says whose it is (`response_url`), so that a result's own stands above it."""
    return is_link(name) and not is_strong(name) and _PLAIN_LINK.search(name) is None


@lru_cache(maxsize=4096)
def is_strong(name: str) -> bool:
    """Tells whether what stands under a name is a result."""
    return _RESULT.search(name) is not None


@lru_cache(maxsize=4096)
def is_link(name: str) -> bool:
    """Tells whether a name is that of an address."""
    return _LINK.search(name) is not None


def kind(name: str) -> Modality | None:
    """Tells what kind of file a name promises."""
    if any(word in name for word in ("audio", "song", "music", "speech")):
        return "audio"
    if "video" in name and not label(name):
        return "video"
    return "image" if any(word in name for word in ("image", "cover", "thumb", "poster", "picture", "photo")) else None


def label(name: str) -> str:
    """Tells what a file is beside the results proper: a cover or a thumbnail; empty for those."""
    if "thumb" in name or "poster" in name:
        return "thumbnail"
    return "cover" if "cover" in name else ""
