"""Result files that open, and downloads that go wrong."""

import io
import struct
import wave

import httpx2
import pytest
from PIL import Image

from apixo_mcp.sandbox import Sandbox
from apixo_mcp.sandbox.files.pictures import draw, picture_size
from apixo_mcp.sandbox.files.video import film

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("model", "given", "suffix", "kind", "size"),
    [
        ("nano-banana", {"aspect_ratio": "16:9", "output_format": "png"}, "png", "PNG", (1024, 576)),
        ("nano-banana", {"aspect_ratio": "auto"}, "jpeg", "JPEG", (1024, 1024)),
        ("nano-banana-pro", {"resolution": "4K", "aspect_ratio": "9:16"}, "png", "PNG", (864, 1536)),
        (
            "nano-banana-2",
            {"resolution": "1k", "aspect_ratio": "3:4", "output_format": "jpg"},
            "jpg",
            "JPEG",
            (768, 1024),
        ),
        ("minimax-image-01", {"size": "640*480"}, "png", "PNG", (640, 480)),
        (
            "image-upscaler",
            {"mode": "image-to-image", "output_format": "webp", "prompt": None, "image_urls": ["https://e.com/a"]},
            "webp",
            "WEBP",
            (1024, 1024),
        ),
    ],
)
async def test_pictures_open_in_the_size_and_format_asked_for(
    box: Sandbox, client: httpx2.AsyncClient, submit, look, model, given, suffix, kind, size
):
    box.scenario({"route": "submit", "do": "took:0"})
    answer = await submit(model=model, **given)
    assert answer.status_code == 200, answer.text
    result = (await look(answer.json()["data"]["taskId"], model)).json()["data"]["resultJson"]
    assert result.endswith(f'0.{suffix}"]}}')
    answer = await client.get(result.split('"')[3])
    with Image.open(io.BytesIO(answer.content)) as picture:
        picture.load()
        assert (picture.format, picture.size) == (kind, size)
    assert answer.headers["content-type"] == {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}[kind]


async def test_the_same_prompt_draws_the_same_picture():
    one, same = (draw({"prompt": "a fox"}, 0, "png") for _ in range(2))
    assert one == same
    assert draw({"prompt": "a cat"}, 0, "png") != one
    assert draw({"prompt": "a fox"}, 1, "png") != one


@pytest.mark.parametrize("prompt", ["", "狐狸在雪地里", "word " * 900, "x" * 5000, "[cut] only a mark \n\n\t"])
async def test_any_prompt_can_be_drawn(prompt: str):
    with Image.open(io.BytesIO(draw({"prompt": prompt, "aspect_ratio": "8:1"}, 0, "png"))) as picture:
        picture.load()


async def test_sizes():
    assert picture_size({"size": "720x1280"}) == (720, 1280)
    assert picture_size({"aspect_ratio": "portrait"}) == (576, 1024)
    assert picture_size({"image_size": "21:9", "resolution": "8k"}) == (1536, 658)
    assert picture_size({"aspect_ratio": "nonsense", "size": "0x0"}) == (1024, 1024)


def boxes(data: bytes) -> dict[str, bytes]:
    found, at = {}, 0
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        assert 8 <= length <= len(data) - at
        found[kind.decode("latin-1")] = data[at + 8 : at + length]
        at += length
    return found


async def test_a_film_is_an_mp4_whose_index_finds_its_frames(client: httpx2.AsyncClient, made):
    urls = await made(model="kling-2-6", mode="text-to-video", duration=10, sound=False, aspect_ratio="9:16")
    answer = await client.get(urls[0])
    assert answer.headers["content-type"] == "video/mp4"
    data = answer.content
    top = boxes(data)
    assert list(top) == ["ftyp", "moov", "mdat"]
    movie = boxes(top["moov"])
    assert struct.unpack_from(">II", movie["mvhd"], 12) == (1000, pytest.approx(10_000, abs=12))
    track = boxes(movie["trak"])
    assert struct.unpack_from(">II", track["tkhd"], 76) == (144 << 16, 256 << 16)
    table = boxes(boxes(boxes(track["mdia"])["minf"])["stbl"])
    assert table["stsd"][12:16] == b"avc1"
    count = struct.unpack_from(">I", table["stsz"], 8)[0]
    sizes = struct.unpack_from(f">{count}I", table["stsz"], 12)
    at = struct.unpack_from(">I", table["stco"], 8)[0]
    assert sum(sizes) == len(top["mdat"])
    for size in sizes:
        assert struct.unpack_from(">IB", data, at) == (size - 4, 0x65)
        at += size
    assert at == len(data)


async def test_a_film_has_no_start_code_within_a_unit():
    table = boxes(boxes(boxes(boxes(boxes(film({"prompt": "a"}, 0))["moov"])["trak"])["mdia"])["minf"])
    assert "stbl" in table
    frames = boxes(film({"prompt": "a"}, 0))["mdat"]
    at = 0
    while at < len(frames):
        size = struct.unpack_from(">I", frames, at)[0]
        unit = frames[at + 4 : at + 4 + size]
        assert not any(bytes((0, 0, n)) in unit for n in range(3))
        at += 4 + size


async def test_sound_is_a_wav_that_can_be_heard(client: httpx2.AsyncClient, made):
    urls = await made("a song", "suno", mode="V5", customMode=False, instrumental=True)
    answer = await client.get(urls[0])
    assert answer.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(answer.content)) as track:
        assert track.getnframes() / track.getframerate() == pytest.approx(3, abs=0.1)
        assert len(set(track.readframes(2000))) > 50


async def test_speech_in_mp3_has_whole_frames(client: httpx2.AsyncClient, made):
    urls = await made("hello", "minimax-speech-2-8", mode="speech-hd", voice_id="v", format="mp3")
    answer = await client.get(urls[0])
    assert answer.headers["content-type"] == "audio/mpeg"
    data = answer.content
    assert data[:3] == b"ID3"
    length = sum(byte << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))
    frames = data[10 + length :]
    assert len(frames) % 104 == 0
    assert all(frames[at : at + 2] == b"\xff\xfb" for at in range(0, len(frames), 104))


async def test_head_and_ranges(client: httpx2.AsyncClient, made):
    url = (await made())[0]
    whole = await client.get(url)
    head = await client.head(url)
    assert head.headers["content-length"] == whole.headers["content-length"] == str(len(whole.content))
    assert head.headers["accept-ranges"] == "bytes"
    assert head.content == b""
    size = len(whole.content)

    async def part(wanted: str, **more: str) -> httpx2.Response:
        return await client.get(url, headers={"Range": wanted, **more})

    first = await part("bytes=0-99")
    assert (first.status_code, first.headers["content-range"]) == (206, f"bytes 0-99/{size}")
    rest = await part(f"bytes=100-{size * 2}")
    assert first.content + rest.content == whole.content
    assert (await part("bytes=-7")).content == whole.content[-7:]
    assert (await part("bytes=5-")).content == whole.content[5:]
    assert (await part(f"bytes={size}-")).status_code == 416
    assert (await part("lines=1-2")).status_code == 200
    tag = whole.headers["etag"]
    assert (await part("bytes=0-9", **{"If-Range": tag})).status_code == 206
    assert (await part("bytes=0-9", **{"If-Range": '"other"'})).status_code == 200
    assert (await client.get(url, headers={"If-None-Match": tag})).status_code == 304


async def test_files_need_no_key_and_a_right_name(box: Sandbox, made):
    url = (await made())[0]
    async with httpx2.AsyncClient(timeout=60) as stranger:
        assert (await stranger.get(url)).status_code == 200
        assert (await stranger.get(url.replace("0.jpeg", "1.jpeg"))).status_code == 404
        assert (await stranger.get(f"{box.url}/files/nothing/0.png")).status_code == 404


async def test_a_file_is_not_there_before_its_task_ends(box: Sandbox, client: httpx2.AsyncClient, submit):
    remote_id = (await submit("x [never]")).json()["data"]["taskId"]
    assert (await client.get(f"{box.url}/files/{remote_id}/0.jpeg")).status_code == 404


async def test_urls_expire(client: httpx2.AsyncClient, made):
    assert (await client.get((await made("x [expired]"))[0])).status_code == 403
    async with (
        Sandbox(speed=1000, expiry_seconds=0) as short,
        httpx2.AsyncClient(base_url=short.url, headers={"Authorization": "Bearer sk-1"}, timeout=60) as other,
    ):
        body = {"input": {"mode": "text-to-image", "prompt": "x [took:0]"}}
        remote_id = (await other.post("/api/v1/generateTask/nano-banana", json=body)).json()["data"]["taskId"]
        assert (await other.get(f"/files/{remote_id}/0.jpeg")).status_code == 403


async def test_spoilt_files(client: httpx2.AsyncClient, made):
    async def get(mark: str) -> httpx2.Response:
        return await client.get((await made(f"x [file:{mark}]"))[0])

    assert (await get("404")).status_code == 404
    html = await get("html")
    assert (html.status_code, html.headers["content-type"].split(";")[0]) == (200, "text/html")
    assert (await get("html-as-file")).headers["content-type"] == "image/jpeg"
    wrong = await get("wrong-type")
    assert wrong.headers["content-type"].startswith("text/plain")
    assert wrong.content[:2] == b"\xff\xd8"
    bad = await get("wrong-bytes")
    assert bad.headers["content-type"] == "image/jpeg"
    assert bad.content[:2] == b"MZ"
    assert (await get("empty")).content == b""
    private = await get("redirect-private")
    assert (private.status_code, private.headers["location"].split("/")[2]) == (302, "169.254.169.254")


async def test_a_redirect_leads_to_the_file(client: httpx2.AsyncClient, made):
    url = (await made("x [file:redirect]"))[0]
    answer = await client.get(url, follow_redirects=True)
    assert answer.history[0].status_code == 302
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")


async def test_a_file_that_fails_a_few_times(box: Sandbox, client: httpx2.AsyncClient, made):
    url = (await made("x [file:503x2]"))[0]
    assert [(await client.get(url)).status_code for _ in range(3)] == [503, 503, 200]
    entries = [entry for entry in box.log() if entry["route"] == "file"]
    assert [(entry["status"], entry["outcome"]) for entry in entries] == [
        (503, "fault"),
        (503, "fault"),
        (200, "served"),
    ]


async def test_a_file_cut_half_way(client: httpx2.AsyncClient, made):
    url = (await made("x [file:cutx1]"))[0]
    got = bytearray()

    async def read() -> None:
        async with client.stream("GET", url) as answer:
            async for chunk in answer.aiter_bytes():
                got.extend(chunk)

    with pytest.raises(httpx2.RemoteProtocolError):
        await read()
    whole = (await client.get(url)).content
    assert len(got) == len(whole) // 2
    assert whole.startswith(got)


async def test_a_slow_file_is_whole(client: httpx2.AsyncClient, made):
    url = (await made("x [file:slow:0.1]"))[0]
    answer = await client.get(url)
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.elapsed.total_seconds() >= 0.1


@pytest.mark.parametrize(("mark", "declared"), [("endless", None), ("huge", "100000000000")])
async def test_files_without_end(client: httpx2.AsyncClient, made, mark: str, declared: str | None):
    url = (await made(f"x [file:{mark}]"))[0]
    got = 0
    async with client.stream("GET", url) as answer:
        assert answer.headers.get("content-length") == declared
        async for chunk in answer.aiter_bytes():
            got += len(chunk)
            if got > 1_000_000:
                break
    assert got > 1_000_000
    assert (await client.get("/_sandbox/health")).json()["ok"] is True


async def test_a_public_url_stands_in_results():
    async with (
        Sandbox(speed=1000, public_url="https://files.example.com/box/") as box,
        httpx2.AsyncClient(base_url=box.url, headers={"Authorization": "Bearer sk-1"}, timeout=60) as client,
    ):
        body = {"input": {"mode": "text-to-image", "prompt": "x [took:0]"}}
        remote_id = (await client.post("/api/v1/generateTask/nano-banana", json=body)).json()["data"]["taskId"]
        answer = await client.get("/api/v1/statusTask/nano-banana", params={"taskId": remote_id})
    assert '"https://files.example.com/box/files/' in answer.json()["data"]["resultJson"]
