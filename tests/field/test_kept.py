"""Every byte that was paid for is kept; only a page, an error document and nothing at all are refused."""

import gzip
import json
import struct
import zlib
from pathlib import Path

import anyio
import pytest
from support.amounts import here, in_time
from support.door import Enter, content, one_file, remarks, sample
from support.samples import OTHERS, PAGES, picture, recorded, wav
from support.scripted_gateway import Gateway, chunked, head, open_ended, whole

from apixo_mcp.assembly.limits import Limits
from apixo_mcp.tasks.running.parts import StepLimits

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("name", "types", "endings"),
    [
        ("zeros.mp3", ("audio/mpeg",), (".mp3",)),
        ("ok.svg", ("image/svg+xml",), (".svg",)),
        ("ok.avi", ("video/x-msvideo", "video/avi", "video/vnd.avi", "video/msvideo"), (".avi",)),
        ("ok.glb", ("model/gltf-binary",), (".glb",)),
        ("ok.heic", ("image/heic", "image/heif"), (".heic", ".heif")),
    ],
)
@pytest.mark.parametrize("named", [True, False])
async def test_kinds_of_the_field(
    gateway: Gateway, enter: Enter, name: str, types: tuple[str, ...], endings: tuple[str, ...], named: bool
):
    one_file(gateway, f"/out/{name}" if named else "/out/download", whole(sample(name)))
    async with enter() as door:
        task = await door.made("audio" if name.endswith("mp3") else "video" if name.endswith("avi") else "image")
    (result,) = task["results"]
    assert content(result) == sample(name)
    assert result["mime_type"] in types
    assert Path(result["path"]).suffix in endings
    assert task["state"] == "success"


@pytest.mark.parametrize("ending", OTHERS)
@pytest.mark.parametrize("way", ["whole", "chunked", "open-ended"])
async def test_other_kinds_of_bytes(gateway: Gateway, enter: Enter, ending: str, way: str):
    data, kind = OTHERS[ending]
    send = {"whole": whole, "chunked": chunked, "open-ended": open_ended}[way]
    one_file(gateway, f"/out/result.{ending}", send(data))
    async with enter() as door:
        task = await door.made()
    (result,) = task["results"]
    assert content(result) == data
    assert result["mime_type"].startswith(kind)
    assert Path(result["path"]).suffix not in ("", ".part")


@pytest.mark.parametrize("declared", ["text/html", "image/png", "application/json", "text/plain", "nonsense", ""])
async def test_what_is_declared_decides_nothing(gateway: Gateway, enter: Enter, declared: str):
    data = OTHERS["fbx"][0]
    one_file(gateway, "/out/a.fbx", whole(data, declared))
    async with enter() as door:
        task = await door.made()
    assert content(task["results"][0]) == data


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("send", [whole, chunked])
async def test_a_page_or_an_error_is_no_result(gateway: Gateway, enter: Enter, page: str, send):
    gateway.results(
        gateway.serve("/out/0.png", send(PAGES[page], "image/png")),
        gateway.serve("/out/1.png", whole(sample("ok.png"), "image/png")),
    )
    async with enter() as door:
        task = await door.made()
    assert [result["file"] for result in task["results"]] == ["failed", "saved"]
    assert task["results"][0]["problem"]
    assert content(task["results"][1]) == sample("ok.png")


@pytest.mark.parametrize(
    "data",
    [
        json.dumps({"error": "none", "frames": list(range(30_000))}).encode(),
        b"<r><error/>" + b"<p>1</p>" * 10_000 + b"</r>",
    ],
    ids=["json", "xml"],
)
async def test_a_long_document_is_a_result(gateway: Gateway, enter: Enter, data: bytes):
    assert len(data) > 65_536
    one_file(gateway, "/out/a.bin", whole(data))
    async with enter() as door:
        task = await door.made()
    assert content(task["results"][0]) == data


def _odd() -> dict[str, bytes]:
    png, jpeg = sample("ok.png"), picture("JPEG", (400, 300))
    gif, webp, mp4 = picture("GIF", mode="P"), picture("WEBP"), sample("frag.mp4")
    sound = wav()
    return {
        "noeoi.jpg": sample("noeoi.jpg"),
        "wav_2e9.wav": sample("wav_2e9.wav"),
        "wav with sizes of a stream": sound[:4] + b"\xff" * 4 + sound[8:40] + b"\xff" * 4 + sound[44:],
        "wav with sizes of zero": sound[:4] + bytes(4) + sound[8:40] + bytes(4) + sound[44:],
        "wav with an odd tail": sound + b"LIST\x04\0\0\0INFO!",
        "jpeg with data behind": jpeg + b"\0" * 5000 + b"trailer",
        "jpeg with a second picture behind": jpeg + jpeg,
        "png with data behind": png + b"appended by a camera" * 50,
        "png without its end": png[:-12],
        "gif without its end": gif[:-1],
        "webp one byte too long": webp + b"\0",
        "webp that says it is shorter": webp[:4] + struct.pack("<I", len(webp) - 20) + webp[8:],
        "mp4 with data behind": mp4 + b"free text" * 30,
        "mp4 whose last box has no size": mp4 + b"\0\0\0\0free" + bytes(100),
        "mp3 with a tag behind": sample("vbr_noxing.mp3")[:60_000] + b"TAG" + bytes(125),
    }


@pytest.mark.parametrize("name", _odd())
@pytest.mark.parametrize("way", ["chunked", "whole", "open-ended"])
async def test_odd_ends_are_saved(gateway: Gateway, enter: Enter, name: str, way: str):
    data = _odd()[name]
    send = {"whole": whole, "chunked": chunked, "open-ended": open_ended}[way]
    path = "/out/a." + ("wav" if "wav" in name else "mp3" if "mp3" in name else "mp4" if "mp4" in name else "jpg")
    one_file(gateway, path, send(data))
    async with enter() as door:
        task = await door.made("audio" if path.endswith(("wav", "mp3")) else "image")
    (result,) = task["results"]
    assert content(result) == data
    assert task["state"] == "success"
    assert len(gateway.asked_for(path)) <= 6, "fetched again for ever"


def _cut() -> dict[str, tuple[bytes, bytes]]:
    mp4, jpeg, gif, webp = (
        recorded("mp4", "mpeg4"),
        picture("JPEG", (400, 300)),
        picture("GIF", mode="P"),
        picture("WEBP"),
    )
    return {
        "png": (sample("cut.png"), sample("ok.png")),
        "jpg": (jpeg[: len(jpeg) // 2], jpeg),
        "gif": (gif[: len(gif) // 2], gif),
        "webp": (webp[: len(webp) // 2], webp),
        "mp4": (mp4[: len(mp4) // 2], mp4),
        "wav": (wav()[:6000], wav()),
        "webm": (recorded("webm", "libvpx", 8.0)[:1500], recorded("webm", "libvpx", 8.0)),
    }


CUT = ("png", "jpg", "gif", "webp", "mp4", "wav")


@pytest.mark.parametrize("kind", CUT)
@pytest.mark.parametrize("send", [whole, chunked, open_ended])
async def test_a_cut_file_is_fetched_again(gateway: Gateway, enter: Enter, kind: str, send):
    cut, good = _cut()[kind]
    one_file(gateway, f"/out/a.{kind}", send(cut), send(good))
    async with enter() as door:
        task = await door.made("audio" if kind == "wav" else "video" if kind == "mp4" else "image")
    assert content(task["results"][0]) == good


@pytest.mark.parametrize("kind", CUT)
@pytest.mark.parametrize("send", [whole, chunked])
async def test_a_file_that_stays_cut_is_saved_and_told(gateway: Gateway, enter: Enter, kind: str, send):
    cut, _ = _cut()[kind]
    one_file(gateway, f"/out/a.{kind}", send(cut))
    async with enter() as door:
        task = await door.made("audio" if kind == "wav" else "video" if kind == "mp4" else "image")
    assert content(task["results"][0]) == cut
    assert remarks(task), "nothing said"
    assert 2 <= len(gateway.asked_for(f"/out/a.{kind}")) <= 6


def _deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PNG = sample("ok.png")
CORNERS: dict[str, bytes] = {
    "chunked with a length too": head(
        "Content-Type: image/png", "Content-Length: 7", "Transfer-Encoding: chunked", "Connection: close"
    )
    + b"%x\r\n%s\r\n0\r\n\r\n" % (len(PNG), PNG),
    "chunked with the length of the file": head(
        "Transfer-Encoding: chunked", f"Content-Length: {len(PNG)}", "Connection: close"
    )
    + b"%x\r\n%s\r\n0\r\n\r\n" % (len(PNG), PNG),
    "x-gzip": whole(gzip.compress(PNG), content_encoding="x-gzip"),
    "gzip": whole(gzip.compress(PNG), content_encoding="gzip"),
    "GZIP in capitals": whole(gzip.compress(PNG), content_encoding="GZIP"),
    "gzip, chunked": chunked(gzip.compress(PNG), content_encoding="gzip", size=100),
    "deflate": whole(zlib.compress(PNG), content_encoding="deflate"),
    "deflate without its head": whole(_deflated(PNG), content_encoding="deflate"),
    "plain, declared gzip": whole(PNG, content_encoding="gzip"),
    "plain, declared x-gzip": whole(PNG, content_encoding="x-gzip"),
    "plain, declared deflate": whole(PNG, content_encoding="deflate"),
    "plain, declared br": whole(PNG, content_encoding="br"),
    "plain, declared zstd": whole(PNG, content_encoding="zstd"),
    "plain, declared gzip, chunked": chunked(PNG, content_encoding="gzip"),
    "identity": whole(PNG, content_encoding="identity"),
    "an encoding of nobody": whole(PNG, content_encoding="none"),
    "aws-chunked": whole(PNG, content_encoding="aws-chunked"),
    "utf-8 as an encoding": whole(PNG, content_encoding="utf-8"),
    "201": head("Content-Type: image/png", f"Content-Length: {len(PNG)}", "Connection: close", status="201 Created")
    + PNG,
    "203": head(f"Content-Length: {len(PNG)}", "Connection: close", status="203 Non-Authoritative Information") + PNG,
    "206 without a range": head(f"Content-Length: {len(PNG)}", "Connection: close", status="206 Partial Content") + PNG,
    "206 of the whole": head(
        f"Content-Range: bytes 0-{len(PNG) - 1}/{len(PNG)}",
        f"Content-Length: {len(PNG)}",
        "Connection: close",
        status="206 Partial Content",
    )
    + PNG,
    "206 of an unknown whole": head(
        f"Content-Range: bytes 0-{len(PNG) - 1}/*",
        f"Content-Length: {len(PNG)}",
        "Connection: close",
        status="206 Partial Content",
    )
    + PNG,
    "200 with a range": whole(PNG, content_range=f"bytes 0-{len(PNG) - 1}/{len(PNG)}"),
    "a bare LF": b"HTTP/1.1 200 OK\nContent-Type: image/png\nConnection: close\n\n" + PNG,
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Type: image/png\r\n\r\n" + PNG,
    "hints before it": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + whole(PNG),
    "continue before it": b"HTTP/1.1 100 Continue\r\n\r\n" + whole(PNG),
}


@pytest.mark.parametrize("corner", CORNERS)
async def test_corners_of_http(gateway: Gateway, enter: Enter, corner: str):
    one_file(gateway, "/out/a.png", CORNERS[corner])
    async with enter() as door:
        task = await door.made()
    assert content(task["results"][0]) == PNG


NINES = "9" * 5000
WILD: dict[str, tuple[str, ...]] = {
    "a range of 5,000 nines": (f"Content-Range: bytes 0-1/{NINES}",),
    "a range that starts in 5,000 nines": (f"Content-Range: bytes {NINES}-{NINES}/1",),
    "a range of nothing": ("Content-Range: bytes */0",),
    "a range of words": ("Content-Range: bytes all-of/it",),
    "a range of other digits": ("Content-Range: bytes ٣-٤/٥".encode().decode("latin-1"),),
    "a length of 5,000 nines": (f"Content-Length: {NINES}",),
    "a length below zero": ("Content-Length: -1",),
    "a length in words": ("Content-Length: some",),
    "two lengths": ("Content-Length: 5", "Content-Length: 6"),
    "a length with a plus": ("Content-Length: +1592",),
    "a tag of 60 KB": ('ETag: "' + "e" * 60_000 + '"',),
    "a type of 60 KB": ("Content-Type: image/" + "p" * 60_000,),
    "a type in no letters": ("Content-Type: \xff\xfe; charset=\xff",),
    "an unknown transfer": ("Transfer-Encoding: gzip, unknown",),
    "twenty encodings": ("Content-Encoding: " + ", ".join(["gzip"] * 20),),
    "a date of nowhere": ("Last-Modified: yesterday", "Retry-After: 1e999", "Date: ?"),
    "a name in pieces": ("Content-Disposition: attachment; filename*=UTF-8''%ff%fe; filename=\"../../x\"",),
}


@pytest.mark.parametrize("wild", WILD)
@pytest.mark.parametrize("status", ["206 Partial Content", "200 OK"])
async def test_a_wild_header_touches_no_sibling(gateway: Gateway, enter: Enter, wild: str, status: str):
    png = sample("ok.png")
    lines = WILD[wild]
    if not any(line.startswith(("Content-Length", "Transfer")) for line in lines):
        lines = (*lines, f"Content-Length: {len(png)}")
    gateway.results(
        gateway.serve("/out/0.png", whole(png)),
        gateway.serve("/out/1.png", head(*lines, "Connection: close", status=status) + png),
        gateway.serve("/out/2.png", whole(png)),
    )
    async with enter() as door:
        task = await door.made()
    assert task["state"] == "success"
    assert [task["results"][at]["file"] for at in (0, 2)] == ["saved", "saved"]
    middle = task["results"][1]
    assert middle["file"] == "saved" or middle["problem"]
    for result in task["results"]:
        if result["file"] == "saved":
            assert content(result) == png


async def test_no_file_leaves_its_folder_by_its_name(gateway: Gateway, enter: Enter, tmp_path: Path):
    png = sample("ok.png")
    urls = []
    for at, name in enumerate(
        ("..%2f..%2fescaped.png", "%00.png", "con.png", "a" * 400 + ".png", "%2e%2e", "a%0ab.png")
    ):
        urls.append(f"{gateway.url}/out/{at}/{name}")
    gateway.outcome = None
    gateway.results(*urls)
    from urllib.parse import unquote, urlsplit

    for url in urls:
        gateway.files[unquote(urlsplit(url).path)] = [whole(png)]
    async with enter() as door:
        task = await door.made()
    for result in task["results"]:
        assert content(result) == png
        assert Path(result["path"]).is_relative_to(tmp_path / "pictures")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "pictures"]


async def test_asking_hurries_a_file_that_waits_for_its_next_try(gateway: Gateway, enter: Enter):
    broken = head("Content-Length: 10") + b"abc"
    one_file(gateway, "/out/a.png", broken)
    async with enter() as door:
        task = await door.made()
        for _ in range(3):
            if task["results"][0]["file"] == "saved":
                break
            before = len(gateway.asked_for("/out/a.png"))
            task = await door.ended(task)
            assert len(gateway.asked_for("/out/a.png")) > before
    assert content(task["results"][0]) == b"abc"
    assert "It may be cut" in remarks(task)


async def test_asking_waits_for_a_try_that_is_under_way(gateway: Gateway, enter: Enter):
    limits = Limits(steps=StepLimits(save_again_after=(here(1.0), 30.0)))
    asked, go_on = anyio.Event(), anyio.Event()

    async def late(_, send):
        asked.set()
        await go_on.wait()
        await send(whole(sample("ok.png")))

    one_file(gateway, "/out/a.png", *[head("Content-Length: 10") + b"abc"] * 3, late)
    async with enter(limits=limits) as door, anyio.create_task_group() as group:
        task = await door.made()
        assert task["results"][0]["file"] == "failed"
        with in_time(20):
            await asked.wait()
        assert (await door.check(task, 0))["results"][0]["file"] == "saving"
        group.start_soon(_after_a_moment, go_on)
        task = await door.ended(task)
        assert content(task["results"][0]) == sample("ok.png")


async def _after_a_moment(event: anyio.Event) -> None:
    await anyio.wait_all_tasks_blocked()
    event.set()
