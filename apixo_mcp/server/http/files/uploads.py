"""Uploads: a one-time link takes one file, which its owner then names in place of a URL.

refusal of a local path ──► a link, for 15 minutes ──► PUT (the file itself) or POST (that too, or a form)
│ too large, no media, nothing, silent: the link still waits
▼
the link is spent, in one step; of several who come one is taken
▼
`upload:<id>`, for a day; a browser that comes again with the link is told it again
"""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress

import anyio
from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apixo_mcp.app import App
from apixo_mcp.media.inputs.uploads import Upload, UploadArrival
from apixo_mcp.owners.entrance import Entrance
from apixo_mcp.owners.store import EntryKind, SignInEntry
from apixo_mcp.owners.tokens import secret_hash
from apixo_mcp.server.http.files.multipart import BrokenForm, file_in_form
from apixo_mcp.server.http.files.upload_page import Words, done_page, form_page, refusal_page, used_page
from apixo_mcp.server.links import UPLOADS
from apixo_mcp.views.words import given

_PIECE = 1 << 18
_AROUND = 10_000  # bytes that a form has besides its file
_AGAIN = (400, 408, 413, 415, 429)  # the link still waits for a file
_GIVEN_UP_WITHIN = 5.0  # seconds
_PASSED_OVER_FOR = 20.0  # seconds

_NO_LINK = Words(
    "There is no such link, or it was used or has run out. Ask the assistant for another one.",
    "链接不存在、已使用或已过期。请让助手再给一个链接。",
)
_BUSY = Words("A file is being uploaded to this link just now.", "正有一个文件通过此链接上传。")
_TOO_MANY = Words(
    "Several files of yours are being uploaded already. Try again when one of them is there.",
    "您已有多个文件正在上传。请等其中一个完成后再试。",
)
_NOTHING = Words("No file came. Choose one and try again.", "没有收到文件。请选择文件后重试。")
_NO_MEDIA = Words(
    "This is no picture, no video and no recording. Nothing was kept.", "这不是图片、视频或音频文件。没有保存任何内容。"
)
_SLOW = Words("The file did not come to its end in time. Try again.", "文件未能及时传完。请重试。")
_NO_ROOM = Words(
    "The server cannot keep the file just now. Tell whoever runs it.", "服务器暂时无法保存此文件。请告知管理员。"
)


class UploadRefusal(Exception):
    """A file that is not taken."""

    def __init__(self, status: int, words: Words) -> None:
        super().__init__(words.english)
        self.status = status
        self.words = words


def upload_routes(app: App, entrance: Entrance) -> list[Route]:
    """Returns the route of uploads.

    Args:
        app: keeps them.
        entrance: knows for whom links are good no longer.
    """
    busy: dict[str, anyio.Event] = {}  # the links that take a file just now
    arriving: Counter[str] = Counter()
    keeping = anyio.Lock()

    async def upload(request: Request) -> Response:
        key = secret_hash(request.path_params["secret"])
        is_browser = "text/html" in request.headers.get("accept", "")
        try:
            if request.method == "POST" and is_browser and (others := busy.get(key)):
                with anyio.move_on_after(_GIVEN_UP_WITHIN):
                    await others.wait()  # its form was sent twice, and the first is given up
            entry = await app.sign_ins.get(EntryKind.UPLOAD, key)
            if entry is None or await entrance.is_gone(entry.owner):
                if is_browser and (used := await app.sign_ins.get(EntryKind.UPLOADED, key)):
                    return used_page(request, used.value)
                raise UploadRefusal(404, _NO_LINK)
            if request.method in ("GET", "HEAD"):
                return form_page(request, app.uploads.limits.largest)
            if key in busy:
                raise UploadRefusal(409, _BUSY)
            if arriving[entry.owner] >= app.uploads.limits.at_once:
                raise UploadRefusal(429, _TOO_MANY)
            busy[key] = anyio.Event()
            arriving[entry.owner] += 1
            try:
                upload = await _taken(app, request, entry, keeping)
            finally:
                busy.pop(key).set()
                arriving[entry.owner] -= 1
            return done_page(request, upload.reference) if is_browser else _told(app, upload)
        except UploadRefusal as refused:
            if not is_browser:
                wait = {"retry-after": "5"} if refused.status == 429 else {}
                told = {"error": refused.words.english}
                return JSONResponse(told, refused.status, {"cache-control": "no-store", **wait})
            if refused.status in _AGAIN:
                await _passed_over(request)
                return form_page(request, app.uploads.limits.largest, refused.words, refused.status)
            return refusal_page(request, refused.words, refused.status)

    return [Route(f"{UPLOADS}{{secret}}", upload, methods=["GET", "PUT", "POST"])]


async def _passed_over(request: Request) -> None:
    """Lets the rest of a body come, for a while: a browser reads no answer before it has sent all."""
    with anyio.move_on_after(_PASSED_OVER_FOR), suppress(ClientDisconnect, RuntimeError):
        async for _ in request.stream():
            pass


async def _taken(app: App, request: Request, entry: SignInEntry, keeping: anyio.Lock) -> Upload:
    limits = app.uploads.limits
    room = await to_thread.run_sync(app.uploads.room, entry.owner)
    largest = min(limits.largest, room)
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and len(declared) < 20 and int(declared) > largest + _AROUND:
        raise _too_large(largest, limits.largest)
    try:
        arrival = await to_thread.run_sync(app.uploads.arrival, entry.owner)
    except OSError:
        raise UploadRefusal(507, _NO_ROOM) from None
    try:
        with anyio.fail_after(limits.arrives_within):
            await _receive(request, arrival, largest, limits.largest, limits.silent_for)
        upload = await to_thread.run_sync(arrival.look)
        if not upload.size:
            raise UploadRefusal(400, _NOTHING)
        if upload.kind.modality is None:
            raise UploadRefusal(415, _NO_MEDIA)
        await to_thread.run_sync(arrival.settle)
        used = SignInEntry(EntryKind.UPLOADED, entry.key, upload.reference, entry.owner)
        async with keeping:
            if not await to_thread.run_sync(app.uploads.has_place, entry.owner, upload.size):
                raise _too_large(0, limits.largest)
            if await app.sign_ins.exchange(EntryKind.UPLOAD, entry.key, [(used, limits.lasts)]) is None:
                raise UploadRefusal(404, _NO_LINK)
            await to_thread.run_sync(arrival.keep)
    except (BrokenForm, ClientDisconnect):
        raise UploadRefusal(400, _NOTHING) from None
    except TimeoutError:
        raise UploadRefusal(408, _SLOW) from None
    except OSError:
        raise UploadRefusal(507, _NO_ROOM) from None
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(arrival.close)
    return upload


async def _receive(request: Request, arrival: UploadArrival, room: int, largest: int, silent_for: float) -> None:
    """Writes a body as it comes, and no more of it than may come."""
    content_type = request.headers.get("content-type", "")
    body = _pieces(request, silent_for)
    if content_type.lower().startswith("multipart/form-data"):
        body = file_in_form(content_type, body)
    waiting = bytearray()
    async for piece in body:
        waiting += piece
        if arrival.size + len(waiting) > room:
            raise _too_large(room, largest)
        if len(waiting) >= _PIECE:
            await to_thread.run_sync(arrival.write, bytes(waiting))
            waiting.clear()
    await to_thread.run_sync(arrival.write, bytes(waiting))


async def _pieces(request: Request, silent_for: float) -> AsyncIterator[bytes]:
    stream = aiter(request.stream())
    with suppress(StopAsyncIteration):
        while True:
            with anyio.fail_after(silent_for):
                piece = await anext(stream)
            yield piece


def _too_large(room: int, largest: int) -> UploadRefusal:
    if room < largest:
        words = Words(
            f"Your uploads of the last day leave room for {room:,} bytes more. Try again later.",
            f"你在过去一天内的上传只剩 {room:,} 字节的空间。请稍后再试。",
        )
    else:
        words = Words(f"A file may have {largest:,} bytes at most.", f"文件最大为 {largest:,} 字节。")
    return UploadRefusal(413, words)


def _told(app: App, upload: Upload) -> Response:
    facts = upload.facts
    told = {
        "url": upload.reference,
        "mime_type": upload.kind.mime_type,
        "bytes": upload.size,
        "width": facts.width,
        "height": facts.height,
        "duration_seconds": facts.duration_seconds,
        "lasts_seconds": round(app.uploads.limits.lasts),
        "next_step": "Give this url where the file was given.",
    }
    return JSONResponse(given(told), 201, {"cache-control": "no-store"})
