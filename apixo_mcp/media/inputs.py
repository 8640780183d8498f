"""Turns the media that a caller gives (URLs, local files, earlier results) into URLs that a gateway can fetch."""

import base64
import binascii
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from anyio import to_thread

from apixo_mcp.errors import HostRefused, InvalidInput, Problem
from apixo_mcp.media import guard, kinds
from apixo_mcp.media.roots import Roots
from apixo_mcp.tasks.task import FileState, Modality, Result, State, Task

Find = Callable[[str], Awaitable[Task | None]]
Publish = Callable[[Path, kinds.Kind], str]

LARGEST = 10_000_000
"""Bytes of the largest picture, and of any file sent inside a request: the gateways refuse pictures above 10 MB."""

_EARLIER = re.compile(r"(?:task:|apixo://results/)([A-Za-z0-9_-]+)(?:/(\d{1,4}))?")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_DATA = re.compile(r"data:([\w.+-]+/[\w.+-]+)(?:;[\w=.+-]+)*;base64,")
_NO_UPLOAD = (
    "gateways fetch media from public URLs only, and none documents an upload. Give a public https URL or an earlier "
    "result as task:<task_id>/<n>; or have the server run over HTTP with APIXO_MCP_PUBLIC_URL, from where local files "
    "are fetched; or set APIXO_MCP_DATA_URLS=1 to send the file inside the request, which no gateway's document "
    "promises to work"
)


class Inputs:
    """Resolves what callers give. Nothing is uploaded anywhere.

    Args:
        data_urls: whether local files are sent inside the request.
        publish: gives a file a URL that gateways can fetch it from; comes before `data_urls`.
    """

    def __init__(
        self,
        roots: Roots,
        *,
        allow_private: bool,
        data_urls: bool,
        publish: Publish | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._roots = roots
        self._allow_private = allow_private
        self._data_urls = data_urls
        self._publish = publish
        self._clock = clock

    async def resolve(self, field: str, values: list[str], find: Find) -> tuple[list[str], list[Problem]]:
        """The URLs for the values of a field, in their order, and everything that is wrong with the others.

        Args:
            field: its name tells whether pictures, videos or recordings are wanted.
            values: http(s) and data URLs, local paths, `task:<task_id>/<n>`.
            find: looks a task up for this owner.
        """
        urls: list[str] = []
        problems: list[Problem] = []
        for number, value in enumerate(values):
            name = field if len(values) == 1 else f"{field}[{number}]"
            try:
                urls.append(await self._one(name, value.strip(), wanted(field), find))
            except InvalidInput as error:
                problems.extend(error.problems)
        return urls, problems

    async def _one(self, field: str, value: str, kind: Modality | None, find: Find) -> str:
        if earlier := _EARLIER.fullmatch(value):
            return await self._earlier(field, value, kind, earlier, find)
        scheme = found[1].lower() if (found := _SCHEME.match(value)) else ""
        match scheme:
            case "http" | "https":
                try:
                    guard.check_url(value, allow_private=self._allow_private)
                except HostRefused as error:
                    raise _refused(field, value, f"must be a public http(s) URL: {error}") from None
                return value
            case "data":
                return self._data(field, value, kind)
            case "" | "file":
                return await self._file(field, value, kind)
            case "task" | "apixo":
                raise _refused(field, value, "an earlier result is written task:<task_id>/<n>, counting from 0")
            case _ if "://" not in value:  # a drive, or a file with a colon in its name
                return await self._file(field, value, kind)
            case _:
                raise _refused(field, value, "must be an http(s) URL, a local path or task:<task_id>/<n>")

    def _data(self, field: str, value: str, kind: Modality | None) -> str:
        if not self._data_urls:
            raise _refused(field, value, _NO_UPLOAD)
        start = _DATA.match(value)
        if not start:
            raise _refused(field, value, "a data URL must be base64 with a media type, as data:image/png;base64,...")
        if len(value) - start.end() > LARGEST * 4 / 3 + 4:
            raise _refused(field, value, f"must hold {LARGEST:,} bytes at most")
        try:
            data = base64.b64decode(value[start.end() :], validate=True)
        except binascii.Error:
            raise _refused(field, value, "its base64 is broken") from None
        _check_kind(field, value, data[: kinds.HEAD], kind)
        return value

    async def _file(self, field: str, value: str, kind: Modality | None) -> str:
        """A local file as a URL. Where none can be had, that is told only of a file that could be sent."""
        url = await to_thread.run_sync(self._read, field, value, kind)
        if not url:
            raise _refused(field, value, _NO_UPLOAD)
        return url

    def _read(self, field: str, value: str, kind: Modality | None) -> str:
        path = self._roots.readable(value, field=field)
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                head = file.read(kinds.HEAD)
                found = _check_kind(field, value, head, kind)
                if size > LARGEST and (self._publish is None or found.modality == "image"):
                    raise _refused(field, f"{value}, {size:,} bytes", f"must be {LARGEST:,} bytes at most")
                if self._publish is not None:
                    return self._publish(path, found)
                if not self._data_urls:
                    return ""
                data = head + file.read(LARGEST)
        except OSError as error:
            said = (error.strerror or "it cannot be opened").lower()
            raise _refused(field, value, f"the file could not be read: {said}") from None
        return f"data:{found.mime_type};base64,{base64.b64encode(data).decode()}"

    async def _earlier(self, field: str, value: str, kind: Modality | None, match: re.Match[str], find: Find) -> str:
        task = await find(match[1])
        if task is None:
            raise _refused(field, value, "there is no such task; list_tasks shows those there are")
        if task.state is not State.SUCCESS:
            raise _refused(field, value, f"that task is {task.state.value}; only a task that succeeded has results")
        number = int(match[2]) if match[2] else 0
        result = next((result for result in task.results if result.index == number), None)
        if result is None or (match[2] is None and len(task.results) != 1):
            shown = ", ".join(f"task:{task.task_id}/{result.index}" for result in task.results[:8]) or "none"
            raise _refused(field, value, f"that task has {len(task.results)} results: {shown}")
        if not result.url:
            raise _refused(field, value, f"that result is no file but an id to use as it is: {result.asset_id}")
        if kind and result.kind != kind:
            raise _refused(field, value, f"must be {_ARTICLES[kind]}, and that result is {_ARTICLES[result.kind]}")
        if self._is_alive(result):
            return result.url
        if result.path and (self._data_urls or self._publish is not None):
            return await self._file(field, result.path, kind)
        kept = f", though its file is kept at {result.path}" if result.path else ""
        raise _refused(field, value, f"that result's URL has expired{kept}; put it at a public https URL and give that")

    def _is_alive(self, result: Result) -> bool:
        if result.file is FileState.EXPIRED:
            return False
        return result.expires_at is None or result.expires_at > self._clock()


_ARTICLES: dict[Modality, str] = {"image": "a picture", "video": "a video", "audio": "a recording"}
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


def wanted(field: str) -> Modality | None:
    """What a field's name says it takes, None where it does not say."""
    return next((kind for mark, kind in _MARKS if mark in field.lower()), None)


def _check_kind(field: str, value: str, head: bytes, kind: Modality | None) -> kinds.Kind:
    found = kinds.sniff(head)
    if found is None or (kind and found.modality != kind and not (kind == "audio" and found is kinds.MP4)):
        what = found.words if found else kinds.textual(head) or "no media file"
        raise _refused(field, value, f"must be {_ARTICLES[kind] if kind else 'a media file'}, and this is {what}")
    return found


def _refused(field: str, value: str, allowed: str) -> InvalidInput:
    return InvalidInput([Problem(field, _short(value), allowed)])


def _short(value: str) -> str:
    return value if len(value) <= 120 else f"{value[:80]}... ({len(value)} characters)"
