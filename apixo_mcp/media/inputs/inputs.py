"""Turns the media that a caller gives (URLs, local files, earlier results) into URLs that a gateway can fetch."""

import base64
import binascii
import io
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from anyio import to_thread

from apixo_mcp.catalog.marks import Files
from apixo_mcp.catalog.shapes import PictureSize
from apixo_mcp.errors import HostRefused, InvalidInput, Problem, Unreachable
from apixo_mcp.generation import NextAction
from apixo_mcp.media import kinds
from apixo_mcp.media.files import PlaceTrouble, is_address
from apixo_mcp.media.folder import hash_of
from apixo_mcp.media.folder_threads import FolderHangs, RootThreads
from apixo_mcp.media.inline import is_inline
from apixo_mcp.media.inputs import ways
from apixo_mcp.media.inputs.measured import InputFacts, is_as_saved
from apixo_mcp.media.inputs.requirement import (
    ARTICLES,
    Requirement,
    added,
    check_kind,
    input_refused,
    modality_of_field,
)
from apixo_mcp.media.inputs.ways import Way
from apixo_mcp.media.inputs.written import DATA_URL, EARLIER_RESULT, SCHEME, UPLOAD, means_file, names_several
from apixo_mcp.media.roots import Roots
from apixo_mcp.net import guard
from apixo_mcp.tasks.asking.last import LAST
from apixo_mcp.tasks.asking.references import FindTask
from apixo_mcp.tasks.task import FileState, Result, State
from apixo_mcp.variables.written import trimmed

T = TypeVar("T")
Publish = Callable[[Path, kinds.Kind], str]

_READ_AT_ONCE = 4  # threads of a root


class Inputs:
    """Resolves what callers give. Nothing is uploaded anywhere.

    Attributes:
        way: the one that local files take.

    Args:
        data_urls: whether local files are sent inside the request.
        publish: gives a file a URL that gateways can fetch it from; comes before `data_urls`.
        answers: asks a URL whose date has passed; without it the date alone decides.
        way: of local files; left out: by the others.
        copy_of: brings a saved file onto this machine's disk that is kept elsewhere.
        answers_within: seconds after which a folder that is only looked into counts as hanging.
    """

    def __init__(
        self,
        roots: Roots,
        *,
        allow_private: bool,
        data_urls: bool,
        publish: Publish | None = None,
        answers: Callable[[str], Awaitable[bool | None]] | None = None,
        clock: Callable[[], float] = time.time,
        way: Way | None = None,
        copy_of: Callable[[str], Path | None] | None = None,
        answers_within: float = 10.0,
    ) -> None:
        self._roots = roots
        self._threads = RootThreads(roots.paths, _READ_AT_ONCE, answers_within)
        self._facts = InputFacts(roots, self._threads)
        self._allow_private = allow_private
        self._data_urls = data_urls
        self._publish = publish
        self._answers = answers
        self._clock = clock
        self._copy_of = copy_of
        self.way = way or (Way.PUBLIC_URL if publish else Way.INSIDE if data_urls else Way.NONE)

    def means_file(self, field: str, value: str) -> bool:
        """See `InputResolver.means_file`."""
        return means_file(field, value)

    async def resolve(
        self, field: str, values: list[str], find: FindTask, files: Files | None = None
    ) -> tuple[list[str], list[Problem]]:
        """Returns the URLs for the values of a field, in their order, and everything that is wrong with the others.

        Args:
            field: its name tells whether pictures, videos or recordings are wanted.
            values: http(s) and data URLs, local paths, `task:<task_id>/<n>`, `upload:<id>`.
            find: looks a task up for this owner.
            files: what the model's page says about them.
        """
        urls: list[str] = []
        problems: list[Problem] = []
        for number, value in enumerate(values):
            name = field if len(values) == 1 else f"{field}[{number}]"
            try:
                urls.append(
                    await self._one(name, trimmed(value), Requirement(modality_of_field(field), files or Files()), find)
                )
            except InvalidInput as error:
                problems.extend(error.problems)
        return urls, problems

    async def size_of(self, value: str, find: FindTask) -> PictureSize | None:
        """Returns the size of a picture as shown; None where it is not known here, or is no usable picture."""
        facts = await self._facts.of(value, find)
        return PictureSize(facts.width, facts.height) if facts.width and facts.height else None

    async def seconds_of(self, value: str, find: FindTask) -> float | None:
        """Returns the length of a recording or a video; None where it is not known here."""
        return (await self._facts.of(value, find)).duration_seconds

    async def _one(self, field: str, value: str, requirement: Requirement, find: FindTask) -> str:
        if earlier := EARLIER_RESULT.fullmatch(value):
            return await self._earlier(field, value, requirement, earlier, find)
        scheme = match[1].lower() if (match := SCHEME.match(value)) else ""
        match scheme:
            case "http" | "https":
                if names_several(value):
                    allowed = "several files are given as a list; in one URL, write a comma before http as %2C"
                    raise input_refused(field, value, allowed)
                try:
                    guard.check_url(value, allow_private=self._allow_private)
                except HostRefused as error:
                    raise input_refused(field, value, f"must be a public http(s) URL: {error}") from None
                return value
            case "upload":
                return await self._uploaded(field, value, requirement, find)
            case "data" if not self._data_urls and not find.is_here:
                raise input_refused(field, value, ways.refusal_from_afar(self.way), self._upload)
            case "data":
                return self._data(field, value, requirement)
            case "" | "file":
                return await self._path(field, value, requirement, find)
            case "s3" if find.is_here and (task := await find.saved_at(value)) is not None:
                result = next(one for one in task.results if one.path == value)
                return await self._result(field, value, requirement, result)
            case "task" | "apixo":
                raise input_refused(field, value, "an earlier result is written task:<task_id>/<n>, counting from 0")
            case _ if "://" not in value:  # a drive, or a file with a colon in its name
                return await self._path(field, value, requirement, find)
            case _:
                raise input_refused(field, value, "must be an http(s) URL, a local path or task:<task_id>/<n>")

    def _data(self, field: str, value: str, requirement: Requirement) -> str:
        if not self._data_urls:
            raise input_refused(field, value, ways.refusal(self.way, inside=True))
        start = DATA_URL.match(value)
        if not start:
            raise input_refused(
                field, value, "a data URL must be base64 with a media type, as data:image/png;base64,..."
            )
        largest = requirement.largest_inside
        if len(value) - start.end() > largest * 4 / 3 + 4:
            raise input_refused(field, value, f"must hold {largest:,} bytes at most")
        try:
            data = base64.b64decode(value[start.end() :], validate=True)
        except binascii.Error:
            raise input_refused(field, value, "its base64 is broken") from None
        check_kind(field, value, io.BytesIO(data), requirement)
        return value

    async def _path(self, field: str, value: str, requirement: Requirement, find: FindTask) -> str:
        """Returns the URL of what is at a path: where that is the saved file of a result, that of the result."""
        if not find.is_here:
            raise input_refused(field, value, ways.refusal_from_afar(self.way), self._upload)
        path = await self._aside(field, value, self._roots.real_path, value)
        task = await find.saved_at(str(path)) if path is not None else None
        result = next((result for result in task.results if result.path == str(path)), None) if task else None
        if result is not None and await self._aside(field, result.path, is_as_saved, result, patient=True):
            return await self._result(field, value, requirement, result)
        try:
            return await self._file(field, value, requirement)
        except InvalidInput as error:
            if task is None or result is None:
                raise
            earlier = (
                f"It was changed since it was saved as task:{task.task_id}/{result.index}, which is the file as it was"
            )
            raise InvalidInput(added(problem, earlier) for problem in error.problems) from None

    async def _file(self, field: str, value: str, requirement: Requirement, sha256: str = "") -> str:
        """Returns a local file as a URL. Where none can be had, that is told only of a file that could be sent.

        Args:
            sha256: of what it must hold still; empty: it is sent as it is.
        """
        path = await self._aside(field, value, self._readable, field, value)
        url = await self._aside(field, value, self._read, field, value, requirement, path, sha256, patient=True)
        if not url:
            raise input_refused(field, value, ways.refusal(self.way))
        return url

    async def _uploaded(self, field: str, value: str, requirement: Requirement, find: FindTask) -> str:
        """Returns a file that was uploaded as a URL."""
        match = UPLOAD.fullmatch(value)
        try:
            path = await to_thread.run_sync(find.uploaded, match[1].lower()) if match else None
        except PlaceTrouble:
            raise input_refused(field, value, _AWAY) from None
        if path is None:
            gone = "there is no such upload of yours; each is kept for a day. Upload the file anew"
            raise input_refused(field, value, gone, self._upload)
        url = await to_thread.run_sync(self._read, field, value, requirement, path)
        if not url:
            raise input_refused(field, value, ways.refusal_from_afar(self.way))
        return url

    async def _aside(self, field: str, value: str, work: Callable[..., T], *arguments: Any, patient: bool = False) -> T:
        """Has a file looked at, or read, where others need not wait for its folder.

        Raises:
            InvalidInput: the folder does not answer.
        """
        try:
            return await self._threads.of(Path(value)).run(work, *arguments, patient=patient)
        except FolderHangs as error:
            raise input_refused(field, value, f"cannot be read: {error}. Nothing was sent") from None

    @property
    def _upload(self) -> NextAction | None:
        return None if self.way is Way.NONE else NextAction.UPLOAD

    def _readable(self, field: str, value: str) -> Path:
        try:
            return self._roots.readable(value, field=field)
        except InvalidInput as error:
            if self.way is not Way.NONE or not self._roots.is_outside(value):
                raise
            # Told at once: else the next call is refused as well.
            raise InvalidInput(added(problem, f"And {ways.refusal(self.way)}") for problem in error.problems) from None

    def _read(self, field: str, value: str, requirement: Requirement, path: Path, sha256: str = "") -> str:
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                if sha256 and hash_of(file) != sha256:
                    raise input_refused(field, value, _CHANGED)
                kind = check_kind(field, value, file, requirement)
                largest = requirement.largest(kind) if self._publish is not None else requirement.largest_inside
                if largest is not None and size > largest:
                    raise input_refused(field, f"{value}, {size:,} bytes", f"must be {largest:,} bytes at most")
                if self._publish is not None:
                    return self._publish(path, kind)
                if not self._data_urls:
                    return ""
                data = file.read(largest or 0)
        except Unreachable as error:
            raise input_refused(field, value, f"{error}. {error.fix} Or {ways.CALLERS_WAYS}") from None
        except PlaceTrouble:
            raise input_refused(field, value, _AWAY) from None
        except OSError as error:
            reason = (error.strerror or "it cannot be opened").lower()
            raise input_refused(field, value, f"the file could not be read: {reason}") from None
        return f"data:{kind.mime_type};base64,{base64.b64encode(data).decode()}"

    async def _earlier(
        self, field: str, value: str, requirement: Requirement, match: re.Match[str], find: FindTask
    ) -> str:
        task = await find(match[1])
        if task is None and match[1].casefold() == LAST:
            raise input_refused(field, value, "none of your tasks has results yet", NextAction.SEE_TASKS)
        if task is None:
            raise input_refused(field, value, "there is no such task", NextAction.SEE_TASKS)
        if task.state is not State.SUCCESS:
            raise input_refused(
                field, value, f"that task is {task.state.value}; only a task that succeeded has results"
            )
        number = int(match[2]) if match[2] else 0
        result = next((result for result in task.results if result.index == number), None)
        if result is None or (match[2] is None and len(task.results) != 1):
            shown = ", ".join(f"task:{task.task_id}/{result.index}" for result in task.results[:8]) or "none"
            has = "1 result" if len(task.results) == 1 else f"{len(task.results)} results"
            raise input_refused(field, value, f"that task has {has}: {shown}")
        return await self._result(field, value, requirement, result)

    async def _result(self, field: str, value: str, requirement: Requirement, result: Result) -> str:
        """Returns the URL of an earlier result: the gateway's while it lives, else that of its saved file."""
        if result.asset_id and not result.url:
            raise input_refused(field, value, f"that result is no file but an id to use as it is: {result.asset_id}")
        if not result.url:  # its link went with the file
            gone = f"that result is gone ({result.problem.rstrip('.')}); give another one, or a copy of the file"
            raise input_refused(field, value, gone, NextAction.SEE_TASKS)
        if requirement.kind and result.kind != requirement.kind:
            raise input_refused(
                field, value, f"must be {ARTICLES[requirement.kind]}, and that result is {ARTICLES[result.kind]}"
            )
        can_be_sent = bool(result.path) and (self._data_urls or self._publish is not None)
        if await self._is_alive(result, otherwise=not can_be_sent):
            return result.url
        if can_be_sent and is_address(result.path):
            return await self._kept_elsewhere(field, value, requirement, result)
        if can_be_sent:
            return await self._file(field, result.path, requirement, result.sha256_on_disk)
        kept = f", though its file is kept at {result.path}" if result.path else ""
        why = " has no URL: it came inside the answer" if is_inline(result.url) else "'s URL has expired"
        raise input_refused(
            field, value, f"that result{why}{kept}; put it at a public https URL and give that. {ways.SETTINGS}"
        )

    async def _kept_elsewhere(self, field: str, value: str, requirement: Requirement, result: Result) -> str:
        """Returns the file of a result as a URL, which is brought here for that."""
        try:
            path = await to_thread.run_sync(self._copy_of, result.path) if self._copy_of else None
        except PlaceTrouble:
            raise input_refused(field, value, _AWAY) from None
        if path is None:
            gone = "is a result whose URL has expired and whose file is gone; give another one"
            raise input_refused(field, value, gone, NextAction.SEE_TASKS)
        return await to_thread.run_sync(self._read, field, value, requirement, path, result.sha256_on_disk)

    async def _is_alive(self, result: Result, *, otherwise: bool) -> bool:
        """Tells whether a result's URL still answers; `otherwise` where that cannot be told."""
        if is_inline(result.url):
            return False
        if result.file is not FileState.EXPIRED and (result.expires_at is None or result.expires_at > self._clock()):
            return True
        if self._answers is None:
            return False
        answer = await self._answers(result.url)
        return otherwise if answer is None else answer


_AWAY = "cannot be had just now: where files are kept does not answer. Nothing was sent; try again in a minute"

_CHANGED = (
    "is the file of a result whose URL has expired, and it was changed since it was saved, so that nothing has the "
    "result as it was; give this very path to have the file sent as it is now"
)
