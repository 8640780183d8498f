"""Finding what a task produced in whatever shape a gateway answers it. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlsplit

from apixo_mcp.gateways.envelope import parse_json
from apixo_mcp.tasks.task import Modality, Produced

_MOST = 100
_DEEPEST = 20
_LONGEST_URL = 8192

# In this order of choice: one track of Suno comes under several of them (inferred from a client's recursive reading).
_AUDIO_KEYS = ("audiourl", "downloadurl", "sourceaudiourl", "streamaudiourl", "sourcestreamaudiourl")
_TRACK_KEYS = tuple(key for key in _AUDIO_KEYS if "audio" in key)
_ASSET_KEYS = {
    "voiceid": "voice",  # minimax-voice (APIXO minimax-voice page)
    "voiceids": "voice",
    "audioid": "audio",  # gemini-omni (APIXO gemini-omni page)
    "audioids": "audio",
    "characterid": "character",  # gemini-omni (APIXO gemini-omni page)
    "characterids": "character",
    "characteridlist": "character",  # sora-2 characters (Ruxa AI sora2 page)
}
# What an answer may repeat of the request.
_ECHOES = frozenset({"input", "inputs", "param", "params", "request", "callbackurl", "webhook"})

_EXTENSIONS: Mapping[str, Modality] = {
    **dict.fromkeys(("png", "jpg", "jpeg", "webp", "gif", "avif", "bmp"), "image"),
    **dict.fromkeys(("mp4", "webm", "mov", "m4v", "mkv"), "video"),
    **dict.fromkeys(("mp3", "wav", "flac", "ogg", "m4a", "aac", "opus"), "audio"),
}


def products_of(data: Mapping[str, Any]) -> tuple[Produced, ...]:
    """Everything that a finished task's `data` names, in the gateway's order: URLs first, then asset ids.

    `resultJson` is a string that holds JSON (APIXO model pages), or already an object. `resultUrls` (there, or beside
    it) leads; without one every URL under a telling key counts. Covers of tracks come last.
    """
    raw = data.get("resultJson")
    result: Any = parse_json(raw) if isinstance(raw, str) else raw
    if isinstance(result, str):
        result = parse_json(result) or result  # encoded twice
    if result is None and isinstance(raw, str):
        # Not JSON, or cut: what stands whole between quotes can still be saved. A bare URL is one too.
        result = re.findall(r'https?://[^\s"\'\\<>]+(?=["\'])', raw) or raw.strip()
    beside = {key: value for key, value in data.items() if key != "resultJson"}
    listed = _listed(result) or _listed(beside)
    found = list(_walk(result, "url", 0)) or list(_walk(beside, "", 0))
    files = [one for one in found if one.url]
    if listed:
        known = {one.url: one for one in files}
        covers = [one for one in files if one.label == "cover"]
        files = [*(known.get(url) or Produced(url=url, kind=kind_of(url)) for url in listed), *covers]
    files.sort(key=lambda one: one.label == "cover")
    unique: dict[str, Produced] = {}
    for one in files:
        unique.setdefault(one.url, one)
    return (*unique.values(), *asset_ids([result, beside]))[:_MOST]


def asset_ids(value: Any) -> tuple[Produced, ...]:
    """The ids that a next request can use: a voice, a character, an audio asset."""
    found = {one.asset_id: one for one in _assets(value, 0)}
    return tuple(found.values())


def kind_of(url: str) -> Modality | None:
    """What a file holds, by its name's ending; None where that tells nothing."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return None
    return _EXTENSIONS.get(path.rpartition(".")[2].lower())


def clean_url(value: Any) -> str:
    """A web address as it can be used and stored, empty for anything else."""
    if not isinstance(value, str) or len(value) > _LONGEST_URL:
        return ""
    url = value.strip()
    if not url.lower().startswith(("http://", "https://")) or re.search(r"[\s\x00-\x1f\x7f\ud800-\udfff]", url):
        return ""
    return url


def clean_id(value: Any) -> str:
    """An id as it can be used and stored, empty for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**20:
        return str(value)
    if not isinstance(value, str) or len(value) > 512:
        return ""
    text = value.strip()
    return text if text.isprintable() and not re.search(r"[\ud800-\udfff]", text) else ""


def _listed(value: Any) -> list[str]:
    """The URLs of `resultUrls`, in order."""
    if not isinstance(value, dict):
        return []
    found = _normal(cast("dict[Any, Any]", value)).get("resulturls")
    return [one.url for one in _walk(found, "url", 0) if one.url]


def _walk(value: Any, key: str, depth: int) -> Iterator[Produced]:
    if depth > _DEEPEST:
        return
    if isinstance(value, str):
        url = clean_url(value) if key.endswith(("url", "urls")) else ""
        if url:
            yield Produced(url=url, kind=kind_of(url) or _kind_by_key(key), label="cover" if "cover" in key else "")
    elif isinstance(value, list | tuple):
        for one in cast("list[Any]", value):
            yield from _walk(one, key, depth + 1)
    elif isinstance(value, dict):
        fields = _normal(cast("dict[Any, Any]", value))
        track = next((url for name in _TRACK_KEYS if (url := clean_url(fields.get(name)))), "")
        if track:
            yield from _track(fields)
            fields = {name: one for name, one in fields.items() if not isinstance(one, str)}
        for name, one in fields.items():
            if name not in _ECHOES:
                yield from _walk(one, name, depth + 1)


def _track(fields: Mapping[str, Any]) -> Iterator[Produced]:
    """One track: its audio once, whatever number of URLs it has, under its title; and its cover."""
    title = fields.get("title")
    label = "".join(char for char in title if char.isprintable())[:120].strip() if isinstance(title, str) else ""
    url = next(url for name in _AUDIO_KEYS if (url := clean_url(fields.get(name))))
    yield Produced(url=url, kind="audio", label=label)
    for name in ("imageurl", "coverurl", "imagelargeurl", "sourceimageurl"):
        if cover := clean_url(fields.get(name)):
            yield Produced(url=cover, kind="image", label="cover")
            break
    if video := clean_url(fields.get("videourl")):
        yield replace(Produced(url=video, kind="video"), label=label)


def _assets(value: Any, depth: int) -> Iterator[Produced]:
    if depth > _DEEPEST or not isinstance(value, dict | list | tuple):
        return
    if not isinstance(value, dict):
        for one in cast("list[Any]", value):
            yield from _assets(one, depth + 1)
        return
    fields = _normal(cast("dict[Any, Any]", value))
    if any(clean_url(fields.get(name)) for name in _AUDIO_KEYS):
        return  # a track's own ids are of no use in any request
    for name, one in fields.items():
        if name in _ASSET_KEYS:
            for entry in cast("list[Any]", one) if isinstance(one, list | tuple) else [one]:
                if asset := clean_id(entry):
                    yield Produced(asset_id=asset, label=_ASSET_KEYS[name])
        elif name not in _ECHOES:
            yield from _assets(one, depth + 1)


def _normal(fields: Mapping[Any, Any]) -> dict[str, Any]:
    """Keys without case and underscores: both `audio_url` and `audioUrl` are seen."""
    return {re.sub(r"[^a-z0-9]", "", str(key).lower()): value for key, value in fields.items()}


def _kind_by_key(key: str) -> Modality | None:
    if "audio" in key:
        return "audio"
    if "video" in key:
        return "video"
    return "image" if "image" in key or "cover" in key else None
