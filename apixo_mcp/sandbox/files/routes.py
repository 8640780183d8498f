"""The result files over HTTP: ranges, entity tags, expiry, and everything that can go wrong with a download."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from apixo_mcp.sandbox.answers import PAGE, Hang, close_connection, faulty, linger, page, word_for
from apixo_mcp.sandbox.backend import Backend
from apixo_mcp.sandbox.files.results import ResultFile, Shelf, covers_of, files_of
from apixo_mcp.sandbox.marks import Mark
from apixo_mcp.sandbox.tasks import RemoteTask, prompt_of

HUGE = 100 * 1000**3
CHUNK = 64 * 1024
PRIVATE_ADDRESS = "http://169.254.169.254/latest/meta-data/"


def routes(backend: Backend, shelf: Shelf) -> list[Route]:
    """Returns the file routes."""

    async def fetch(request: Request) -> Response:
        return await _fetch(backend, shelf, request)

    # A second path to the same files, for redirects that must end somewhere.
    return [
        Route("/files/{task_id}/{name}", fetch, methods=["GET", "HEAD"]),
        Route("/moved/{task_id}/{name}", fetch, methods=["GET", "HEAD"]),
    ]


class Stream(Response):
    """A body of chosen length, sent in pieces at a chosen pace, and possibly never whole.

    Args:
        content: The bytes; repeated for as long as the body goes on.
        mime_type: Its Content-Type.
        declared: The Content-Length; None for a chunked body.
        length: How much is really sent; None for no end.
        pause: Seconds between pieces.
        chunk: The size of a piece.
    """

    def __init__(
        self, content: bytes, mime_type: str, declared: int | None, length: int | None, pause: float, chunk: int
    ) -> None:
        super().__init__(media_type=mime_type)
        del self.headers["content-length"]
        if declared is not None:
            self.headers["content-length"] = str(declared)
        self._content, self._declared, self._length = content or b"\0", declared, length
        self._pause, self._chunk = pause, chunk

    async def _pieces(self, receive: Receive) -> AsyncIterator[bytes]:
        sent = 0
        while self._length is None or sent < self._length:
            start = sent % len(self._content)
            piece = self._content[start : start + self._chunk]
            if self._length is not None:
                piece = piece[: self._length - sent]
            yield piece
            sent += len(piece)
            if not await linger(receive, self._pause):
                return

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the pieces, then ends the body or the connection."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if scope["method"] != "HEAD":
            async for piece in self._pieces(receive):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            short = self._declared is not None and self._length is not None and self._length < self._declared
            if short and await close_connection(scope, receive):
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _fetch(backend: Backend, shelf: Shelf, request: Request) -> Response:
    remote_id, name = request.path_params["task_id"], request.path_params["name"]
    task = backend.store.get(remote_id)
    file = next((one for one in (*files_of(task), *covers_of(task)) if one.name == name), None) if task else None
    outcome = "unknown"
    answer: Response = page(404)
    if task is not None and file is not None:
        now, expires = backend.now(), task.expires(backend.settings.expiry_seconds)
        if task.phase(now) != "success":
            outcome = "early"
        elif expires is None or now >= expires:
            answer, outcome = page(403), "expired"
        else:
            answer, outcome = await _answer(backend, shelf, request, task, file)
    backend.note(
        "file",
        word_for(answer),
        outcome,
        gateway=task.gateway if task else "",
        key=task.key if task else "",
        model=task.model if task else "",
        remote_id=remote_id,
        name=name,
        method=request.method,
        range=request.headers.get("range", ""),
    )
    return answer


async def _answer(
    backend: Backend, shelf: Shelf, request: Request, task: RemoteTask, file: ResultFile
) -> tuple[Response, str]:
    about = {**task.names, "prompt": prompt_of(task.input)}
    moved = request.url.path.rpartition("/moved/")[1] != ""
    marks = [mark for mark in task.marks if mark.place == "file" and not (moved and mark.name == "redirect")]
    struck = backend.faults.strikes("file", about, marks, f"{task.remote_id}/{file.name}")
    content = await shelf.get(task, file)
    for mark in struck:
        spoilt = _spoilt(mark, task, file, content)
        if spoilt is not None:
            return spoilt, "fault"
    return whole(content, file.mime_type, request), "served"


def whole(content: bytes, mime_type: str, request: Request) -> Response:
    """Returns a file, or the range of it that was asked for."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"Accept-Ranges": "bytes", "ETag": tag, "Cache-Control": "private, max-age=60"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    asked = request.headers.get("range", "")
    if request.headers.get("if-range", tag) != tag:
        asked = ""
    parts = re.fullmatch(r"bytes=(\d*)-(\d*)", asked.strip())
    if parts is None or not (parts[1] or parts[2]):
        return Response(content, media_type=mime_type, headers=headers)
    size = len(content)
    if parts[1]:
        first, last = int(parts[1]), min(int(parts[2]) if parts[2] else size - 1, size - 1)
    else:
        first, last = max(0, size - int(parts[2])), size - 1
    if first >= size or first > last:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Response(content[first : last + 1], status_code=206, media_type=mime_type, headers=headers)


def _spoilt(mark: Mark, task: RemoteTask, file: ResultFile, content: bytes) -> Response | None:
    size, mime_type = len(content), file.mime_type
    match mark.name:
        case "cut":
            return Stream(content, mime_type, size, size // 2, 0, CHUNK)
        case "slow":
            pieces = 10
            return Stream(content, mime_type, size, size, mark.number(5.0) / pieces, max(1, -(-size // pieces)))
        case "endless":
            return Stream(content, mime_type, None, None, 0.001, CHUNK)
        case "huge":
            return Stream(content, mime_type, HUGE, None, 0.001, CHUNK)
        case "empty":
            return Response(b"", media_type=mime_type)
        case "wrong-type":
            return Response(content, media_type="text/plain")
        case "wrong-bytes":
            return Response(b"MZ\x90\0 this is not what its type says\n" * 64, media_type=mime_type)
        case "html-as-file":
            return Response(PAGE.format("Sign in").encode(), media_type=mime_type)
        case "html":
            return HTMLResponse(PAGE.format("Sign in"))
        case "hang":
            return Hang()
        case "redirect":
            return RedirectResponse(f"../../moved/{task.remote_id}/{file.name}", 302)
        case "redirect-private":
            return RedirectResponse(PRIVATE_ADDRESS, 302)
        case "http":
            return page(int(mark.number(500)))
        case _:
            return faulty(mark)
