"""Results as servers really send them: saved whatever the way, each for itself."""

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from support.amounts import here, in_time
from support.media_wire import (
    a_png,
    a_result,
    a_saver,
    a_task,
    content,
    cut,
    files,
    head,
    open_ended,
    ranged,
    refusal,
    whole,
)
from support.program import happens

from apixo_mcp.net.http import Http
from apixo_mcp.net.timeouts import Timeouts
from apixo_mcp.tasks.task import FileState

pytestmark = pytest.mark.anyio

SAMPLES = Path(__file__).with_name("files")
PNG = a_png(padding=40_000)
NINES = "9" * 5000


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def raw(data: bytes, *, after: bytes = b""):
    """Sends exactly these bytes, and closes."""

    async def handler(_, send):
        await send(data)
        if after:
            await anyio.sleep(0.05)  # two packets
            await send(after)

    return handler


def chunks(body: bytes, size: int = 700, end: bytes = b"0\r\n\r\n") -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + end


def chunked(body: bytes):
    return raw(head(transfer_encoding="chunked") + chunks(body))


WAYS: dict[str, Callable[[bytes], object]] = {"length": whole, "chunked": chunked, "open end": open_ended}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.iterdir()))
async def test_a_file_of_the_field_is_saved_in_every_way_of_transfer(wire, http, tmp_path, name, way):
    url = wire.answers(WAYS[way](sample(name)))
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert saved.file is FileState.SAVED
    assert content(saved) == sample(name)
    assert len(wire.asked) <= 3
    if name.startswith("ok."):
        assert len(wire.asked) == 1


@pytest.mark.parametrize("body", [b"\x01\x02\x03" * 900, b"x", b"\0" * 5000, b"1\n00:00:01,000 --> 00:00:02,000\nHi\n"])
async def test_bytes_of_an_unknown_kind_are_saved_with_a_note(wire, http, tmp_path, body):
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(wire.answers(whole(body)).replace(".png", "")))
    assert saved.file is FileState.SAVED
    assert content(saved) == body
    assert "where a picture was expected" in saved.problem
    again = await a_saver(http, tmp_path).save(a_task(), a_result(saved.url))
    assert again == saved


@pytest.mark.parametrize("way", WAYS)
async def test_a_file_that_is_cut_is_fetched_again(wire, http, tmp_path, way):
    url = wire.answers(WAYS[way](sample("cut.png")), WAYS[way](sample("ok.png")))
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert (saved.file, saved.problem) == (FileState.SAVED, "")
    assert content(saved) == sample("ok.png")
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize("then", [None, refusal(503), refusal(404), whole(b"<html></html>"), whole(b"")])
@pytest.mark.parametrize("way", WAYS)
async def test_a_file_that_stays_cut_is_saved_and_said_to_be(wire, http, tmp_path, way, then):
    cut_one = WAYS[way](sample("cut.png"))
    url = wire.answers(cut_one, then or cut_one)
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert saved.file is FileState.SAVED
    assert content(saved) == sample("cut.png")
    assert "It may be cut" in saved.problem
    assert len(wire.asked) <= 3
    assert len(files(tmp_path)) == 2
    assert await a_saver(http, tmp_path).save(a_task(), a_result(url)) == saved


async def test_a_file_that_is_whole_is_saved_where_more_was_declared(wire, http, tmp_path):
    url = wire.answers(raw(head(content_length=len(PNG) + 100) + PNG))
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert saved.file is FileState.SAVED
    assert content(saved) == PNG


async def test_a_line_that_always_breaks_is_left_for_later_and_kept_in_the_end(wire, http, tmp_path):
    url = wire.answers(cut(PNG, 9000, ""))
    result = a_result(url)
    for tries in (0, 1):
        result = await a_saver(http, tmp_path).save(a_task(), a_result(url, tries=tries))
        assert result.file is FileState.FAILED
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(url, tries=2))
    assert (saved.file, saved.bytes) == (FileState.SAVED, 9000)
    assert "It may be cut" in saved.problem
    assert content(saved) == PNG[:9000]


def packed(body: bytes, how: str) -> bytes:
    match how:
        case "gzip":
            return gzip.compress(body)
        case "members":
            return gzip.compress(body[:999]) + gzip.compress(body[999:])
        case "padded":
            return gzip.compress(body) + bytes(64)
        case "zlib":
            return zlib.compress(body)
        case _:
            raw_deflate = zlib.compressobj(wbits=-15)
            return raw_deflate.compress(body) + raw_deflate.flush()


OK = b"HTTP/1.1 200 OK"
LENGTH = b"Content-Length: %d\r\n" % len(PNG)
CLOSE = b"Connection: close\r\n"
CORNERS = {
    "chunked with a Content-Length too": OK
    + b"\r\nTransfer-Encoding: chunked\r\nContent-Length: 7\r\n\r\n"
    + chunks(PNG),
    "a Content-Length before chunks": OK
    + b"\r\nContent-Length: 99999999\r\ntransfer-encoding: CHUNKED\r\n\r\n"
    + chunks(PNG),
    "identity as transfer encoding": OK + b"\r\nTransfer-Encoding: identity\r\n" + LENGTH + b"\r\n" + PNG,
    "plain bytes declared chunked": OK + b"\r\nTransfer-Encoding: chunked\r\n" + CLOSE + b"\r\n" + PNG,
    "chunks with extensions and a trailer": OK
    + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    + chunks(PNG, end=b"0;last\r\nX-Sum: 1\r\n\r\n"),
    "packed inside chunks": OK + b"\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + chunks(gzip.compress(PNG)),
    "HTTP/1.0 without a length": b"HTTP/1.0 200 OK\r\n\r\n" + PNG,
    "HTTP/1.0 with chunks": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(PNG),
    "HTTP/2 on a line of its own": b"HTTP/2 200\r\n" + LENGTH + b"\r\n" + PNG,
    "ICY": b"ICY 200 OK\r\n" + LENGTH + b"\r\n" + PNG,
    "no reason": b"HTTP/1.1 200\r\n" + LENGTH + b"\r\n" + PNG,
    "bare line feeds": OK + b"\n" + LENGTH.replace(b"\r", b"") + b"\n" + PNG,
    "empty lines before": b"\r\n\r\nHTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n" + PNG,
    "a line without a colon": OK + b"\r\ngarbage\r\n" + LENGTH + b"\r\n" + PNG,
    "a name with spaces": OK + b"\r\nX Y: 1\r\nX-Z : 2\r\n: 3\r\n" + LENGTH + b"\r\n" + PNG,
    "a value with a NUL": OK + b"\r\nX: a\0b\x01\r\n" + LENGTH + b"\r\n" + PNG,
    "values in latin-1 and UTF-8": OK + b"\r\nX: \xe9\r\nY: \xc3\xa9\r\nETag: \xff\r\n" + LENGTH + b"\r\n" + PNG,
    "a folded value": OK + b"\r\nX: a\r\n b\r\n" + LENGTH + b"\r\n" + PNG,
    "a value of 100 KB": OK + b"\r\nX: " + b"a" * 100_000 + b"\r\n" + LENGTH + b"\r\n" + PNG,
    "1,000 headers": OK + b"\r\n" + b"X: 1\r\n" * 1000 + LENGTH + b"\r\n" + PNG,
    "the length twice": OK + b"\r\n" + LENGTH + LENGTH + b"\r\n" + PNG,
    "two lengths": OK + b"\r\nContent-Length: 5\r\n" + LENGTH + CLOSE + b"\r\n" + PNG,
    "a length that is none": OK + b"\r\nContent-Length: many\r\n" + CLOSE + b"\r\n" + PNG,
    "a negative length": OK + b"\r\nContent-Length: -1\r\n" + CLOSE + b"\r\n" + PNG,
    "a length of 5,000 digits": OK + b"\r\nContent-Length: " + NINES.encode() + b"\r\n" + CLOSE + b"\r\n" + PNG,
    "an empty length": OK + b"\r\nContent-Length:\r\n" + CLOSE + b"\r\n" + PNG,
    "heads that announce another": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
    + OK
    + b"\r\n"
    + LENGTH
    + b"\r\n"
    + PNG,
    "203": head(203, content_length=len(PNG)) + PNG,
    "206 without Content-Range": head(206, content_length=len(PNG)) + PNG,
    "206 with a Content-Range that says nothing": head(206, content_range="garbage", content_length=len(PNG)) + PNG,
    "206 of unknown size": head(206, content_range=f"bytes 0-{len(PNG) - 1}/*", content_length=len(PNG)) + PNG,
    "206 of the whole": head(206, content_range=f"bytes 0-{len(PNG) - 1}/{len(PNG)}", content_length=len(PNG)) + PNG,
    "200 with a Content-Range": head(200, content_range="bytes 5-6/7", content_length=len(PNG)) + PNG,
    "no type": head(content_length=len(PNG)) + PNG,
    "a type that is none": head(content_type=";;;", content_length=len(PNG)) + PNG,
    "the type of a page": head(content_type="text/html; charset=x", content_length=len(PNG)) + PNG,
    "1,500 headers": head(200, **{f"X{number}": "a" * 90 for number in range(1500)}, content_length=len(PNG)) + PNG,
    "8 long headers": head(200, **{f"X{number}": "a" * 15_000 for number in range(8)}, content_length=len(PNG)) + PNG,
    "8 long headers that are read": head(content_length=len(PNG))[:-2]
    + b"ETag: %s\r\n" % (b"a" * 15_000) * 8
    + b"\r\n"
    + PNG,
    "chunks that end in a bare LF": head(transfer_encoding="chunked")
    + b"".join(b"%x\n%s\n" % (len(PNG[at : at + 9000]), PNG[at : at + 9000]) for at in range(0, len(PNG), 9000))
    + b"0\n\n",
    "chunks whose last line is missing": head(transfer_encoding="chunked") + chunks(PNG, end=b"0\r\n"),
    "odd etags": head(etag='"' + "e" * 9000, content_length=len(PNG)) + PNG,
    **{
        f"plain bytes declared {name}": head(content_encoding=name, content_length=len(PNG)) + PNG
        for name in ("gzip", "x-gzip", "deflate", "br", "zstd", "gzip, br", "aws-chunked", "utf-8")
    },
    **{
        f"{how} declared {name}": head(content_encoding=name, content_length=len(packed(PNG, how))) + packed(PNG, how)
        for how, name in (
            ("gzip", "gzip"),
            ("gzip", "x-gzip"),
            ("gzip", "GZip"),
            ("gzip", "deflate"),
            ("members", "gzip"),
            ("padded", "gzip"),
            ("zlib", "deflate"),
            ("raw", "deflate"),
        )
    },
}


@pytest.mark.parametrize("broken", ["cut", "cut at once", "changed"])
async def test_what_cannot_be_unpacked_is_kept_as_it_came(wire, http, tmp_path, broken):
    packed = gzip.compress(PNG)
    body = {"cut": packed[:-30], "cut at once": packed[:18], "changed": packed[:40] + bytes(40) + packed[80:]}[broken]
    head = OK + b"\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    url = wire.answers(*[raw(head + body)] * 8)
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert saved.file is FileState.SAVED
    assert content(saved) == body
    assert "kept as it came" in saved.problem


@pytest.mark.parametrize("corner", CORNERS)
async def test_a_corner_of_http_is_saved(wire, http, tmp_path, corner):
    url = wire.answers(raw(CORNERS[corner]))
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert (saved.file, saved.problem) == (FileState.SAVED, "")
    assert content(saved) == PNG
    assert len(wire.asked) == 1


@pytest.mark.parametrize("at", [1, 10, 16, 17, 60])
async def test_a_head_in_two_pieces_is_one_head(wire, http, tmp_path, at):
    data = CORNERS["a line without a colon"]
    url = wire.answers(raw(data[:at], after=data[at:]))
    assert content(await a_saver(http, tmp_path).save(a_task(), a_result(url))) == PNG


@pytest.mark.parametrize("status", [200, 206])
@pytest.mark.parametrize("spans", [f"bytes 0-1/{NINES}", f"bytes {NINES}-1/2", f"bytes 0-{NINES}/2"])
async def test_a_range_that_no_file_has_loses_no_file(wire, http, tmp_path, status, spans):
    url = wire.answers(raw(head(status, content_range=spans, content_length=len(PNG)) + PNG))
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert content(saved) == PNG
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize(
    "spans",
    ["bytes 5-99/100", f"bytes 0-9/{len(PNG)}", "bytes 0-40/7", "bytes 9-3/40"],
)
async def test_an_unasked_part_that_fits_nothing_is_kept_with_a_note(wire, http, tmp_path, spans):
    url = wire.answers(raw(head(206, content_range=spans, content_length=len(PNG), etag='"a"') + PNG))
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert content(saved) == PNG
    assert "It may be cut" in saved.problem
    assert len(wire.asked) == 3


def handed_out(body: bytes, size: int, first: int, etag: str = '"one"', *, unasked: bool = False, spread: str = ""):
    """Hands out no more than `size` bytes at once; a plain request gets 200 and `first` of them, or a part too."""

    async def handler(asked, send):
        start = asked.offset
        if "range" not in asked.headers and not unasked:
            await send(head(content_length=len(body), etag=etag) + body[:first])
            return
        piece = body[start : start + size]
        total = spread or len(body)
        spans = f"bytes {start}-{start + len(piece) - 1}/{total}"
        await send(head(206, content_length=len(piece), content_range=spans, etag=etag) + piece)

    return handler


@pytest.mark.parametrize("unasked", [False, True])
@pytest.mark.parametrize("size", [700, 6000, 39_999])
async def test_a_file_that_is_handed_out_in_parts_is_saved_whole(wire, http, tmp_path, size, unasked):
    url = wire.answers(handed_out(PNG, size, 9000, unasked=unasked))
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert (saved.file, saved.problem) == (FileState.SAVED, "")
    assert content(saved) == PNG
    assert saved.sha256 == hashlib.sha256(PNG).hexdigest()
    offsets = [asked.offset for asked in wire.asked]
    assert offsets == sorted(set(offsets))


async def test_a_part_that_does_not_say_of_how_many_bytes_is_no_end(wire, http, tmp_path):
    url = wire.answers(handed_out(PNG, 6000, 9000, spread="*"))
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert (content(saved), saved.problem) == (PNG, "")


async def test_parts_that_bring_next_to_nothing_are_bounded(wire, http, tmp_path):
    url = wire.answers(handed_out(PNG, 1, 9000))
    failed = await a_saver(http, tmp_path, parts=5).save(a_task(), a_result(url))
    assert failed.file is FileState.FAILED
    assert len(wire.asked) <= 8
    wire.answers(handed_out(PNG, 40_000, 9000))
    wire.asked.clear()
    saved = await a_saver(http, tmp_path).save(a_task(), failed)
    assert content(saved) == PNG
    assert wire.asked[0].offset > 9000


@pytest.mark.parametrize("second", ["", 'W/"one"', '"two"'])
async def test_the_rest_of_a_file_is_of_that_file_or_nothing(wire, http, tmp_path, second):
    """The answer ignores `If-Range`: it goes on with another file of the same size."""
    other = a_png(9, 9, padding=40_000)[: len(PNG)]
    first = cut(PNG, 20_000)
    changed = True

    async def handler(asked, send):
        nonlocal changed
        if asked.offset:
            spans = f"bytes {asked.offset}-{len(other) - 1}/{len(other)}"
            rest = other[asked.offset :]
            await send(head(206, content_length=len(rest), content_range=spans, etag=second) + rest)
        elif changed:
            changed = False
            await first(asked, send)
        else:
            await whole(other)(asked, send)

    saved = await a_saver(http, tmp_path).save(a_task(), a_result(wire.answers(handler)))
    assert content(saved) == other


@pytest.mark.parametrize("weak", ['W/"one"', 'w/"one"', '"' + "e" * 600 + '"'])
async def test_what_proves_nothing_is_not_asked_with(wire, http, tmp_path, weak):
    url = wire.answers(cut(PNG, 20_000, weak), whole(PNG))
    assert content(await a_saver(http, tmp_path).save(a_task(), a_result(url))) == PNG
    assert not any("if-range" in asked.headers for asked in wire.asked)


def test_all_small_headers_together_are_no_reason_to_lose_a_file():
    assert len(CORNERS["1,500 headers"]) > 140_000


async def test_bytes_behind_a_length_of_zero_are_kept_with_a_note(wire, http, tmp_path):
    for number, after in enumerate((b"", PNG)):
        start = head(content_length=0, etag='"a"') + (b"" if after else PNG)
        url = wire.answers(raw(start, after=after))
        wire.asked.clear()
        saved = await a_saver(http, tmp_path).save(a_task(), a_result(url, index=number))
        assert content(saved) == PNG
        assert "nothing follows" in saved.problem
        assert len(wire.asked) == 3


async def test_a_picture_without_a_head_is_kept_with_a_note(wire, http, tmp_path):
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(wire.answers(raw(PNG))))
    assert content(saved) == PNG
    assert "without the head" in saved.problem


@pytest.mark.parametrize("noise", [b"SSH-2.0-OpenSSH_9.6\r\n", b"\0" * 3000, bytes(range(128, 256)) * 30])
async def test_noise_without_a_head_is_no_file(wire, http, tmp_path, noise):
    failed = await a_saver(http, tmp_path).save(a_task(), a_result(wire.answers(raw(noise)), tries=9))
    assert failed.file is FileState.FAILED
    assert files(tmp_path) == []


async def test_a_page_in_parts_is_a_page(wire, http, tmp_path):
    page = json.dumps({"error": {"message": "this link has expired"}}).encode()
    failed = await a_saver(http, tmp_path).save(a_task(), a_result(wire.answers(handed_out(page, 9, 9, unasked=True))))
    assert failed.file is FileState.FAILED
    assert failed.problem.startswith("A json document")
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "location",
    [
        "/other.png",
        "other.png",
        "./a/../other.png",
        "?sig=2",
        "/other.png#there",
        "/a b.png",
        "/ü/文.png",
        "/%zz.png",
        "//{host}/x",
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed(wire, http, tmp_path, status, location):
    where = location.replace("{host}", wire.url.removeprefix("http://")).encode()
    there = raw(b"HTTP/1.1 %d Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, where))
    url = wire.answers(there, whole(PNG))
    assert content(await a_saver(http, tmp_path).save(a_task(), a_result(url))) == PNG


@pytest.mark.parametrize(
    "location", ["", "gopher://x/", "http://", "http://[::1", "data:image/png,x", "file:///etc/passwd", "\\\\x"]
)
async def test_a_redirect_to_nowhere_is_that_results_problem(wire, http, tmp_path, location):
    url = wire.answers(raw(b"HTTP/1.1 302 Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % location.encode()))
    failed = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert failed.file is FileState.FAILED
    assert failed.problem


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_asks_for_a_moment_gets_it(wire, http, tmp_path, status):
    busy = raw(head(status, retry_after=1, content_length=0))
    url = wire.answers(busy, whole(PNG))
    began = anyio.current_time()
    assert content(await a_saver(http, tmp_path).save(a_task(), a_result(url))) == PNG
    assert anyio.current_time() - began >= 1
    url = wire.answers(raw(head(status, retry_after=3600, content_length=0)))
    wire.asked.clear()
    failed = await a_saver(http, tmp_path / "later").save(a_task(), a_result(url))
    assert failed.file is FileState.FAILED
    assert len(wire.asked) == 1


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("data:image/png;base64,{base64}", sample("ok.png")),
        ("DATA:image/png;charset=x;BASE64,{base64}", sample("ok.png")),
        ("data:;base64,{base64}", sample("ok.png")),
        ("data:application/octet-stream;base64,{unpadded}", sample("ok.png")),
        ("data:image/png;base64,{wrapped}", sample("ok.png")),
        ("data:image/png;base64,{escaped}", sample("ok.png")),
        ("data:image/png;base64,{websafe}", sample("ok.png")),
        ("data:image/svg+xml,{percent}", sample("ok.svg")),
        ("data:,{percent}", sample("ok.svg")),
        ("data:image/png,{percent}", sample("ok.png")),
    ],
)
async def test_a_file_inside_the_answer_is_saved(http, tmp_path, url, body):
    import base64
    from urllib.parse import quote

    text = base64.b64encode(body).decode()
    forms = {
        "base64": text,
        "unpadded": text.rstrip("="),
        "wrapped": "\n".join(text[at : at + 76] for at in range(0, len(text), 76)),
        "escaped": quote(text, safe=""),
        "websafe": base64.urlsafe_b64encode(body).decode(),
        "percent": quote(body),
    }
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(url.format(**forms)))
    assert (saved.file, saved.problem) == (FileState.SAVED, "")
    assert content(saved) == body
    assert saved.mime_type == ("image/png" if body == sample("ok.png") else "image/svg+xml")
    assert len((Path(saved.path).with_name(Path(saved.path).name + ".json")).read_bytes()) < 2000


@pytest.mark.parametrize(
    "url",
    ["data:", "data:image/png", "data:image/png;base64,", "data:image/png;base64,!!!", "data:,", "data:;base64,a"],
)
async def test_a_broken_data_url_is_that_results_problem(http, tmp_path, url):
    failed = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert failed.file is FileState.FAILED
    assert failed.problem


QUICK = {"stalled_after": 0.3, "looked_every": 0.02}


async def drip(send, data: bytes, every: float) -> None:
    while True:
        for at in range(len(data)):
            await send(data[at : at + 1])
            await anyio.sleep(every)


async def trickled_head(_, send):
    await drip(send, OK + b"\r\n" + b"X-A: 1\r\n" * 10_000, 0.05)


async def continues(_, send):
    while True:
        await send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await anyio.sleep(0.01)


async def silent(_, send):
    await anyio.sleep_forever()


async def stalled_body(_, send):
    await send(head(content_length=len(PNG)) + PNG[:20_000])
    await anyio.sleep_forever()


async def trickled_body(_, send):
    await send(head(content_length=10**9))
    await drip(send, b"\0", 0.02)


async def trickled_trailer(_, send):
    await send(head(transfer_encoding="chunked") + b"5\r\nhello\r\n0\r\n")
    await drip(send, b"X-A: 1\r\n", 0.05)


async def redirected(_, send):
    await send(head(302, location="/again", content_length=0))


@pytest.mark.parametrize(
    "bad",
    [trickled_head, continues, silent, stalled_body, trickled_body, trickled_trailer, redirected],
    ids=lambda it: it.__name__,
)
async def test_a_healthy_result_is_saved_beside_many_that_stall(wire, http, tmp_path, bad):
    async def choose(asked, send):
        await (whole(PNG) if asked.path.startswith("/healthy") else bad)(asked, send)

    wire.answers(choose)
    keeper = a_saver(http, tmp_path, **QUICK)
    async with anyio.create_task_group() as group:
        for index in range(1, 33):
            group.start_soon(keeper.save, a_task(), a_result(f"{wire.url}/stalls/{index}", index=index))
        with in_time(10):
            while len(wire.asked) < 32:
                await anyio.sleep(0.01)
        with in_time(30):
            saved = await keeper.save(a_task(), a_result(f"{wire.url}/healthy.png"))
        assert saved.file is FileState.SAVED
        group.cancel_scope.cancel()


async def test_a_transfer_that_stalled_is_saved_when_its_bytes_come(wire, http, tmp_path):
    body = a_png(padding=200_000)
    go_on = anyio.Event()

    async def resumes(asked, send):
        if asked.path.startswith("/healthy"):
            await whole(PNG)(asked, send)
            return
        await send(head(content_length=len(body)) + body[:100_000])
        await go_on.wait()
        await send(body[100_000:])

    wire.answers(resumes)
    keeper = a_saver(http, tmp_path, **QUICK)
    saved = []

    async def save(index: int) -> None:
        saved.append(await keeper.save(a_task(), a_result(f"{wire.url}/slow/{index}", index=index)))

    async with anyio.create_task_group() as group:
        for index in range(1, 25):
            group.start_soon(save, index)
        with in_time(10):
            healthy = await keeper.save(a_task(), a_result(f"{wire.url}/healthy.png"))
        assert healthy.file is FileState.SAVED
        go_on.set()
    assert [result.file for result in saved] == [FileState.SAVED] * 24
    assert len(wire.asked) == 25


async def test_no_more_begin_than_are_read_at_once(wire, http, tmp_path):
    """With more connections than are read, what the line can bring would lie in the buffers of those that wait."""
    go_on, begun = anyio.Event(), anyio.Event()

    async def half(_, send):
        await send(head(content_length=len(PNG)) + PNG[:20_000])
        if len(wire.asked) == 3:
            begun.set()
        await go_on.wait()
        await send(PNG[20_000:])

    wire.answers(half)
    looked_every = here(0.25)  # what has begun brings something before it is looked at
    keeper = a_saver(http, tmp_path, flowing=3, looked_every=looked_every)
    async with anyio.create_task_group() as group:
        for index in range(9):
            group.start_soon(keeper.save, a_task(task_id=f"tsk_{index}"), a_result(f"{wire.url}/{index}"))
        with in_time(5):
            await begun.wait()
        await anyio.sleep(2.5 * looked_every)  # some looks
        assert len(wire.asked) == 3
        go_on.set()
    assert len(wire.asked) == 9


async def test_those_that_bring_nothing_yet_keep_nobody_from_beginning(wire, http, tmp_path):
    go_on = anyio.Event()

    async def late(_, send):
        await send(head(content_length=len(PNG)) + PNG[:2_000])
        if len(wire.asked) == 9:
            go_on.set()
        await go_on.wait()
        await send(PNG[2_000:])

    wire.answers(late)
    keeper = a_saver(http, tmp_path, flowing=3, looked_every=0.02)
    with in_time(5):
        async with anyio.create_task_group() as group:
            for index in range(9):
                group.start_soon(keeper.save, a_task(task_id=f"tsk_{index}"), a_result(f"{wire.url}/{index}"))
    assert len(wire.asked) == 9


async def test_what_came_of_a_slow_file_is_written_before_its_line_breaks(wire, http, tmp_path):
    sent = anyio.Event()

    async def stalls(_, send):
        for at in range(0, 30_000, 10_000):
            await send((b"" if at else head(content_length=len(PNG), etag='"one"')) + PNG[at : at + 10_000])
            await anyio.sleep(0.05)  # two pieces
        sent.set()
        await anyio.sleep_forever()

    url = wire.answers(stalls, ranged(PNG))
    async with anyio.create_task_group() as group:
        group.start_soon(a_saver(http, tmp_path, written_after=0.0).save, a_task(), a_result(url))
        await sent.wait()
        await happens(lambda: any(path.stat().st_size >= 20_000 for path in tmp_path.rglob("*") if path.is_file()))
        group.cancel_scope.cancel()
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert content(saved) == PNG
    assert wire.asked[1].offset >= 20_000


async def test_a_connection_that_brings_nothing_is_taken_by_those_that_wait(wire, http, tmp_path):
    async def choose(asked, send):
        await (whole(PNG) if asked.path.startswith("/healthy") else silent)(asked, send)

    wire.answers(choose)
    keeper = a_saver(http, tmp_path, **QUICK, flowing=2, connections=4)
    async with anyio.create_task_group() as group:
        for index in range(1, 9):
            group.start_soon(keeper.save, a_task(), a_result(f"{wire.url}/stalls/{index}", index=index))
        await anyio.wait_all_tasks_blocked()
        with in_time(5):
            assert (await keeper.save(a_task(), a_result(f"{wire.url}/healthy.png"))).file is FileState.SAVED
        group.cancel_scope.cancel()


async def test_a_head_without_end_is_left(wire, tmp_path):
    flood = raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000)
    async with Http(allow_private_hosts=True, timeouts=Timeouts(until_body=0.2)) as http:
        for bad in (trickled_head, continues, silent, flood):
            with in_time(5):
                failed = await a_saver(http, tmp_path).save(a_task(), a_result(wire.answers(bad)))
            assert failed.file is FileState.FAILED


async def test_a_trailer_without_end_is_no_progress(wire, tmp_path):
    async def handler(_, send):
        await send(head(transfer_encoding="chunked") + chunks(PNG, end=b"0\r\n"))
        await drip(send, b"X-A: 1\r\n", 0.05)

    async with Http(allow_private_hosts=True, timeouts=Timeouts(idle=here(0.3))) as http:
        with in_time(10):
            saved = await a_saver(http, tmp_path).save(a_task(), a_result(wire.answers(handler)))
    assert content(saved) == PNG


@pytest.mark.parametrize(
    "error", [ValueError, RecursionError, UnicodeError, OverflowError, MemoryError, KeyError, AssertionError]
)
@pytest.mark.parametrize("where", ["kind_in", "read_facts"])
async def test_a_reader_that_stumbles_loses_no_file(wire, http, tmp_path, monkeypatch, error, where):
    from apixo_mcp.media import outcomes

    def stumbles(*_):
        raise error("no")

    monkeypatch.setattr(outcomes.contents if where == "kind_in" else outcomes, where, stumbles)
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(wire.answers(whole(PNG))))
    assert saved.file is FileState.SAVED
    assert content(saved) == PNG
