"""The result files of a task: their names and addresses, and the bytes behind them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import anyio
import anyio.to_thread

from apixo_mcp.sandbox.facts import Kind, find
from apixo_mcp.sandbox.tasks import RemoteTask, digest

MIME = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "mp4": "video/mp4",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
}
COVER = "cover-"


@dataclass(frozen=True)
class ResultFile:
    """One file of a task, by its name in the URL."""

    name: str
    kind: Kind
    index: int
    suffix: str

    @property
    def mime_type(self) -> str:
        """The Content-Type it is served with."""
        return MIME[self.suffix]


def files_of(task: RemoteTask) -> list[ResultFile]:
    """Returns the result files of a task, in order."""
    suffix = _suffix(task)
    return [ResultFile(f"{index}.{suffix}", task.kind, index, suffix) for index in range(task.files)]


def covers_of(task: RemoteTask) -> list[ResultFile]:
    """Returns the cover pictures that go with the tracks of a song."""
    if task.model != "suno":
        return []
    return [ResultFile(f"{COVER}{index}.jpeg", "image", index, "jpeg") for index in range(task.files)]


def _suffix(task: RemoteTask) -> str:
    if task.kind == "video":
        return "mp4"
    if task.kind == "audio":
        return "mp3" if str(task.input.get("format", "")).lower() == "mp3" else "wav"
    model = find(task.gateway, task.model)
    wanted = task.input.get("output_format") or (model.format if model else "")
    suffix = str(wanted or "png").lower()
    return suffix if suffix in ("png", "jpg", "jpeg", "webp") else "png"


def url_of(task: RemoteTask, file: ResultFile) -> str:
    """Returns the address of a result file."""
    return f"{task.base_url}/files/{task.remote_id}/{file.name}"


def result_of(task: RemoteTask) -> dict[str, Any]:
    """Returns what ``resultJson`` holds."""
    files = [] if task.mark("empty-result") else files_of(task)
    urls = [url_of(task, file) for file in files]
    result: dict[str, Any] = {"resultUrls": urls}
    if task.model == "suno":
        covers = [url_of(task, cover) for cover in covers_of(task)]
        result["data"] = [
            {
                "id": digest(task.remote_id, index).hex()[:16],
                "title": str(task.input.get("title") or "Untitled"),
                "audio_url": url,
                "image_url": covers[index],
            }
            for index, url in enumerate(urls)
        ]
    if task.model == "minimax-voice":
        result["voice_id"] = voice_id(task)
    return result


def voice_id(task: RemoteTask) -> str:
    """Returns the id of a made voice: the wanted prefix and a suffix of the platform's."""
    return f"{task.input.get('voice_id_prefix', 'voice')}-{task.remote_id[-6:]}"


def _make(task: RemoteTask, file: ResultFile, edited: bytes) -> bytes:
    match file.kind:
        case "image":
            from apixo_mcp.sandbox.files.pictures import draw

            return draw(task.input, file.index, file.suffix, edited)
        case "video":
            from apixo_mcp.sandbox.files.video import film

            return film(task.input, file.index)
        case "audio":
            from apixo_mcp.sandbox.files.sound import play

            return play(task.input, file.index, file.suffix)


def pictures_given(given: Mapping[str, Any]) -> list[str]:
    """Returns the URLs of the pictures in a task's input."""
    urls = given.get("image_urls")
    listed = cast("list[Any]", urls) if isinstance(urls, list) else [urls]
    return [url for url in listed if isinstance(url, str)]


@dataclass
class Shelf:
    """Made files, kept while there is room: each can be made again, byte for byte.

    Args:
        inputs: files that tasks were given, by their URL: an edit shows the first of them.
        find_task: looks up whose result a URL of the sandbox itself is.
    """

    inputs: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    find_task: Callable[[str], RemoteTask | None] = lambda _: None
    room: int = 96 * 1024 * 1024
    _kept: OrderedDict[str, bytes] = field(default_factory=OrderedDict[str, bytes])
    _making: dict[str, anyio.Event] = field(default_factory=dict[str, anyio.Event])
    _size: int = 0

    async def get(self, task: RemoteTask, file: ResultFile) -> bytes:
        """Returns the bytes of a file, made in a worker thread once however many ask."""
        place = f"{task.remote_id}/{file.name}"
        while place in self._making:
            await self._making[place].wait()
        if place in self._kept:
            self._kept.move_to_end(place)
            return self._kept[place]
        done = self._making[place] = anyio.Event()
        try:
            content = await anyio.to_thread.run_sync(_make, task, file, await self._picture_given(task))
        finally:
            del self._making[place]
            done.set()
        self._kept[place] = content
        self._size += len(content)
        while self._size > self.room and len(self._kept) > 1:
            self._size -= len(self._kept.popitem(last=False)[1])
        return content

    async def _picture_given(self, task: RemoteTask) -> bytes:
        """Returns the first picture that a task was given and that is known here, empty where none is."""
        for url in pictures_given(task.input):
            if url in self.inputs:
                return self.inputs[url]
            start, _, name = url.rpartition("/")
            start, _, remote_id = start.rpartition("/")
            earlier = self.find_task(remote_id) if start == f"{task.base_url}/files" else None
            for file in files_of(earlier) if earlier else ():
                if earlier and file.name == name and file.kind == "image":
                    return await self.get(earlier, file)
        return b""

    def clear(self) -> None:
        """Throws everything away."""
        self._kept.clear()
        self._size = 0
