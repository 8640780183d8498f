"""Files are told and shown rightly: types, sizes, durations, previews."""

import base64
import io
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.types import BlobResourceContents
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from support.amounts import here, in_time
from support.door import Door, Enter, content, holds, one_file, sample
from support.samples import huge_png, many_scans, picture, png_chunk, recorded, with_chunk
from support.scripted_gateway import Gateway, whole

pytestmark = pytest.mark.anyio

UNREADABLE = "cannot be read"


def _damaged() -> dict[str, bytes]:
    png, jpeg = picture("PNG", (300, 200)), picture("JPEG", (400, 300))
    text = PngInfo()
    text.add_text("prompt", "fox " * 600_000, zip=True)
    texts = PngInfo()
    for number in range(300):
        texts.add_itxt(f"workflow{number}", "node " * 4000, zip=True)
    idat = png.index(b"IDAT")
    size = int.from_bytes(png[idat - 4 : idat])
    return {
        "badcrc.png": sample("badcrc.png"),
        "bigtext.png": sample("bigtext.png"),
        "noeoi.jpg": sample("noeoi.jpg"),
        "a long text": picture("PNG", (300, 200), pnginfo=text),
        "many texts": picture("PNG", (300, 200), pnginfo=texts),
        "a wrong sum of a side chunk": with_chunk(png, png_chunk(b"tEXt", b"a\0b", crc=1)),
        "a wrong sum of the pixels": png[: idat + 4 + size] + b"\0\0\0\1" + png[idat + 8 + size :],
        "a broken colour profile": with_chunk(png, png_chunk(b"iCCP", b"icc\0\0nonsense")),
        "broken exif": jpeg[:2] + b"\xff\xe1\x00\x10Exif\0\0MM\0*\xff\xff\xff\xff" + jpeg[2:],
        "half a jpeg": jpeg[: len(jpeg) * 3 // 4],
        "half a png": png[: len(png) * 3 // 4],
        "a jpeg with a tail": jpeg + bytes(3000),
        "a png without its end": png[:-12],
    }


@pytest.mark.parametrize("name", _damaged())
async def test_a_damaged_picture_is_shown(gateway: Gateway, enter: Enter, name: str):
    data = _damaged()[name]
    one_file(gateway, "/out/a.png", whole(data))
    async with enter() as door:
        task = await door.made()
        assert content(task["results"][0]) == data
        told, seen = await door.pictures("view_result", task_id=task["task_id"])
        _, preview = await door.pictures("check_task", task_id=task["task_id"])
    assert seen, told
    for shown in [*seen, *preview]:
        Image.open(io.BytesIO(shown)).load()
    assert preview
    assert UNREADABLE not in told


@pytest.mark.parametrize(
    ("form", "size", "mode"),
    [
        ("JPEG", (8192, 8192), "L"),
        ("PNG1", (12000, 6000), "1"),
        ("JPEG", (16000, 4000), "L"),
        ("PNG1", (30000, 30000), "1"),
        ("WEBP", (9000, 9000), "L"),
        ("TIFF", (9000, 9000), "1"),
    ],
)
async def test_a_huge_picture(gateway: Gateway, enter: Enter, form: str, size: tuple[int, int], mode: str):
    if form == "PNG1":
        data = huge_png(*size)
    else:
        found = io.BytesIO()
        Image.new(mode, size, 1).save(found, form, **({"compression": "group4"} if form == "TIFF" else {}))
        data = found.getvalue()
    one_file(gateway, "/out/a.img", whole(data))
    async with enter() as door:
        task = await door.made()
        told, seen = await door.pictures("view_result", task_id=task["task_id"])
    (result,) = task["results"]
    assert content(result) == data
    assert (result.get("width"), result.get("height")) == size
    assert UNREADABLE not in told
    if seen:
        shown = Image.open(io.BytesIO(seen[0]))
        assert shown.width / shown.height == pytest.approx(size[0] / size[1], rel=0.05)
    else:
        assert "too large to view" in told
        assert "megapixels" in told


def _formats() -> dict[str, tuple[bytes, tuple[int, int] | None]]:
    return {
        "ok.heic": (sample("ok.heic"), None),
        "a.tiff": (picture("TIFF"), (96, 64)),
        "lzw.tiff": (picture("TIFF", compression="tiff_lzw"), (96, 64)),
        "a.bmp": (picture("BMP"), (96, 64)),
        "a.gif": (picture("GIF", mode="P"), (96, 64)),
        "a.webp": (picture("WEBP"), (96, 64)),
        "a.avif": (picture("AVIF"), (96, 64)),
    }


@pytest.mark.parametrize("name", _formats())
async def test_a_format_is_shown_or_said_not_to_be(gateway: Gateway, enter: Enter, name: str):
    data, size = _formats()[name]
    one_file(gateway, f"/out/{name}", whole(data))
    async with enter() as door:
        task = await door.made()
        told, seen = await door.pictures("view_result", task_id=task["task_id"])
    (result,) = task["results"]
    assert result["width"] > 0
    assert result["height"] > 0
    if size:
        assert (result["width"], result["height"]) == size
    assert seen or "cannot be shown" in told, told
    assert UNREADABLE not in told


@pytest.mark.parametrize("name", ["ok.svg", "ok.glb", "ok.avi", "a.zip"])
async def test_what_is_no_picture_is_said_not_to_be_shown(gateway: Gateway, enter: Enter, name: str):
    data = b"PK\x03\x04" + bytes(80) if name == "a.zip" else sample(name)
    one_file(gateway, f"/out/{name}", whole(data))
    async with enter() as door:
        task = await door.made()
        told, seen = await door.pictures("view_result", task_id=task["task_id"])
    assert told
    assert UNREADABLE not in told
    for shown in seen:
        Image.open(io.BytesIO(shown)).load()


@pytest.mark.parametrize("turn", range(1, 9))
async def test_a_turned_photograph(gateway: Gateway, enter: Enter, turn: int):
    image = Image.new("RGB", (90, 60), "blue")
    exif = Image.Exif()
    exif[0x0112] = turn
    saved = io.BytesIO()
    image.save(saved, "JPEG", exif=exif)
    one_file(gateway, "/out/a.jpg", whole(saved.getvalue()))
    async with enter() as door:
        task = await door.made()
        _, seen = await door.pictures("view_result", task_id=task["task_id"])
    upright = (90, 60) if turn < 5 else (60, 90)
    assert (task["results"][0]["width"], task["results"][0]["height"]) == upright
    assert Image.open(io.BytesIO(seen[0])).size == upright


async def test_the_photograph_of_the_field(gateway: Gateway, enter: Enter):
    stored = Image.open(io.BytesIO(sample("exif_rot6.jpg"))).size
    one_file(gateway, "/out/a.jpg", whole(sample("exif_rot6.jpg")))
    async with enter() as door:
        task = await door.made()
    assert (task["results"][0]["width"], task["results"][0]["height"]) == (stored[1], stored[0])


def _turned(data: bytes, matrix: tuple[int, ...]) -> bytes:
    """The track header's matrix replaced."""
    import struct

    straight = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    at = data.index(straight, data.index(b"tkhd"))
    return data[:at] + struct.pack(">9i", *matrix) + data[at + 36 :]


ONE = 1 << 16
# The way a player turns it, with the colours of its corners: the stored upper half is red.
TURNS = {
    "not": (ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30),
    "90": (0, ONE, 0, -ONE, 0, 0, 48 << 16, 0, 1 << 30),
    "180": (-ONE, 0, 0, 0, -ONE, 0, 64 << 16, 48 << 16, 1 << 30),
    "270": (0, -ONE, 0, ONE, 0, 0, 0, 64 << 16, 1 << 30),
}
RED_AT = {"not": (0.5, 0.1), "90": (0.9, 0.5), "180": (0.5, 0.9), "270": (0.1, 0.5)}


@pytest.mark.parametrize("turn", TURNS)
async def test_a_turned_video(gateway: Gateway, enter: Enter, turn: str):
    data = _turned(recorded("mp4", "mpeg4"), TURNS[turn])
    one_file(gateway, "/out/a.mp4", whole(data))
    async with enter() as door:
        task = await door.made("video")
        _, posters = await door.pictures("check_task", task_id=task["task_id"])
    upright = (48, 64) if turn in ("90", "270") else (64, 48)
    assert (task["results"][0]["width"], task["results"][0]["height"]) == upright
    poster = Image.open(io.BytesIO(posters[0])).convert("RGB")
    assert poster.size == upright
    pixel = poster.getpixel((int(poster.width * RED_AT[turn][0]), int(poster.height * RED_AT[turn][1])))
    assert isinstance(pixel, tuple)
    red, _, blue = pixel
    assert red > 150 > blue


# Container and codec by the libraries of av, what is told of them, and whether a duration must be.
RECORDINGS: tuple[tuple[str, str, str, tuple[str, ...], tuple[str, ...], bool], ...] = (
    ("webm", "libopus", "audio", ("audio/webm",), (".webm", ".weba"), True),
    ("matroska", "aac", "audio", ("audio/x-matroska", "audio/matroska"), (".mka", ".mkv"), True),
    ("matroska", "libmp3lame", "audio", ("audio/x-matroska", "audio/matroska"), (".mka", ".mkv"), True),
    ("mp4", "libx264", "video", ("video/mp4",), (".mp4",), True),
    ("mov", "mpeg4", "video", ("video/quicktime",), (".mov",), True),
    ("webm", "libvpx", "video", ("video/webm",), (".webm",), True),
    ("webm", "libvpx-vp9", "video", ("video/webm",), (".webm",), True),
    ("matroska", "libx264", "video", ("video/x-matroska", "video/matroska"), (".mkv",), True),
    ("avi", "mpeg4", "video", ("video/x-msvideo", "video/avi", "video/vnd.avi"), (".avi",), False),
    ("flv", "flv", "video", ("video/x-flv",), (".flv",), False),
    ("mpegts", "mpeg2video", "video", ("video/mp2t",), (".ts", ".mts"), False),
    ("mpeg", "mpeg2video", "video", ("video/mpeg", "video/mp2p"), (".mpg", ".mpeg"), False),
    ("3gp", "mpeg4", "video", ("video/3gpp", "video/mp4"), (".3gp", ".mp4"), True),
    ("ogg", "libopus", "audio", ("audio/ogg", "audio/opus"), (".ogg", ".opus", ".oga"), True),
    ("ogg", "flac", "audio", ("audio/ogg",), (".ogg", ".oga"), False),
    ("flac", "flac", "audio", ("audio/flac",), (".flac",), True),
    ("wav", "pcm_s16le", "audio", ("audio/wav", "audio/x-wav"), (".wav",), True),
    ("mp3", "libmp3lame", "audio", ("audio/mpeg",), (".mp3",), True),
    ("adts", "aac", "audio", ("audio/aac",), (".aac",), True),
    ("aiff", "pcm_s16be", "audio", ("audio/aiff", "audio/x-aiff"), (".aiff", ".aif"), False),
    ("caf", "pcm_s16le", "audio", ("audio/x-caf",), (".caf",), False),
    ("ipod", "aac", "audio", ("audio/mp4", "audio/x-m4a"), (".m4a",), True),
    ("au", "pcm_s16be", "audio", ("audio/basic",), (".au",), False),
    ("ac3", "ac3", "audio", ("audio/ac3",), (".ac3",), False),
)


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda one: f"{one[0]}-{one[1]}")
@pytest.mark.parametrize("named", [True, False])
async def test_recordings_of_every_container(gateway: Gateway, enter: Enter, recording: Any, named: bool):
    container, codec, modality, types, endings, timed = recording
    data = recorded(container, codec, 2.0)
    one_file(gateway, f"/out/a{endings[0]}" if named else "/out/a", whole(data))
    async with enter() as door:
        task = await door.made(modality)
        told = await resource(door, task)
    (result,) = task["results"]
    assert content(result) == data
    duration = result.get("duration_seconds")
    if duration is None:
        assert not timed, "the bytes tell it"
    else:
        assert duration == pytest.approx(2.0, abs=0.15)
    assert result["mime_type"] in types
    assert Path(result["path"]).suffix in endings
    assert told == result["mime_type"]


async def resource(door: Door, task: dict[str, Any]) -> str:
    """The type that reading a result as a resource tells, which its link tells too."""
    called = await door.call("check_task", task_id=task["task_id"])
    (link,) = [part for part in called.content if part.type == "resource_link"]
    (read,) = (await door.client.read_resource(link.uri)).contents
    assert read.mime_type == link.mime_type
    if isinstance(read, BlobResourceContents):
        assert base64.b64decode(read.blob) == Path(task["results"][0]["path"]).read_bytes()
    return str(read.mime_type)


SAMPLES = {
    "id3.aac": (("audio/aac",), (".aac",), None),
    "vbr_noxing.mp3": (("audio/mpeg",), (".mp3",), 20.0),
    "zeros.mp3": (("audio/mpeg",), (".mp3",), None),
    "frag.m4a": (("audio/mp4",), (".m4a",), None),
    "audio.webm": (("audio/webm",), (".webm", ".weba"), None),
    "wav_2e9.wav": (("audio/wav", "audio/x-wav"), (".wav",), None),
}


def real_seconds(data: bytes) -> float:
    """By decoding all of it."""
    import av

    with av.open(io.BytesIO(data), "r") as file:
        return sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))


@pytest.mark.parametrize("name", SAMPLES)
async def test_recordings_of_the_field(gateway: Gateway, enter: Enter, name: str):
    types, endings, _ = SAMPLES[name]
    one_file(gateway, f"/out/{name}", whole(sample(name)))
    async with enter() as door:
        task = await door.made("audio")
        told = await resource(door, task)
    (result,) = task["results"]
    assert result["mime_type"] in types
    assert told in types
    assert Path(result["path"]).suffix in endings
    if "duration_seconds" in result:
        assert result["duration_seconds"] == pytest.approx(real_seconds(sample(name)), abs=0.5)


def _tag(size: int = 4000) -> bytes:
    wide = bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x04\0\0" + wide + bytes(size)


@pytest.mark.parametrize(
    ("container", "codec", "types"),
    [("flac", "flac", ("audio/flac",)), ("adts", "aac", ("audio/aac",)), ("mp3", "libmp3lame", ("audio/mpeg",))],
)
@pytest.mark.parametrize(
    "tag", [_tag(), _tag(70_000), _tag() + _tag(), _tag(400_000)], ids=["one", "large", "two", "huge"]
)
async def test_behind_a_tag(
    gateway: Gateway, enter: Enter, container: str, codec: str, types: tuple[str, ...], tag: bytes
):
    data = tag + recorded(container, codec, 2.0)
    one_file(gateway, "/out/a", whole(data))
    async with enter() as door:
        task = await door.made("audio")
    (result,) = task["results"]
    assert content(result) == data
    assert result["mime_type"] in types
    assert result.get("duration_seconds", 2.0) == pytest.approx(2.0, abs=0.15)


async def test_a_fragmented_video_of_the_field(gateway: Gateway, enter: Enter):
    one_file(gateway, "/out/a.mp4", whole(sample("frag.mp4")))
    async with enter() as door:
        task = await door.made("video")
    (result,) = task["results"]
    assert result["duration_seconds"] == pytest.approx(2.0, abs=0.1)
    assert result["width"] > 0
    assert result["mime_type"] == "video/mp4"


@pytest.mark.parametrize(
    "options",
    [{"movflags": "frag_keyframe+empty_moov"}, {"movflags": "dash+frag_every_frame"}],
)
async def test_fragmented_videos(gateway: Gateway, enter: Enter, options: dict[str, Any]):
    one_file(gateway, "/out/a.mp4", whole(recorded("mp4", "mpeg4", 3.0, **options)))
    async with enter() as door:
        task = await door.made("video")
    (result,) = task["results"]
    assert result["duration_seconds"] == pytest.approx(3.0, abs=0.15)
    assert (result["width"], result["height"]) == (64, 48)


@pytest.mark.parametrize("made", ["field", "av"])
async def test_sound_in_webm_is_an_input_again(gateway: Gateway, enter: Enter, made: str):
    data = sample("audio.webm") if made == "field" else recorded("webm", "libopus", 3.0)
    one_file(gateway, "/out/a.webm", whole(data))
    async with enter() as door:
        song = await door.made("audio")
        assert song["results"][0]["mime_type"] == "audio/webm"
        one_file(gateway, "/out/b.mp4", whole(recorded("mp4", "mpeg4")))
        spoken = await door.made(
            "video",
            model="seedance-2-0",
            prompt="a fox that sings",
            audio_urls=[f"task:{song['task_id']}/0"],
            image_urls=["https://example.com/fox.png"],
        )
    assert spoken["state"] == "success"
    assert gateway.posts[-1].json["input"]["audio_urls"] == [f"{gateway.url}/out/a.webm"]


async def test_a_picture_that_is_costly_to_decode_holds_nobody_up(gateway: Gateway, enter: Enter):
    data = many_scans()
    gateway.results(gateway.serve("/out/a.jpg", whole(data)))
    async with enter() as door:
        task = await door.told("generate_image", model="nano-banana", prompt="grey", wait_seconds=0)
        async with holds() as held:
            with in_time(30):
                while task["state"] != "success" or task["results"][0]["file"] == "saving":
                    began = anyio.current_time()
                    task = await door.check(task, 0)
                    assert anyio.current_time() - began < here(2)
                    await anyio.sleep(0.02)
            began = anyio.current_time()
            called = await door.call("check_task", task_id=task["task_id"], wait_seconds=0)
            assert anyio.current_time() - began < here(2)
            # Another task beside it.
            one_file(gateway, "/out/b.png", whole(sample("ok.png")))
            began = anyio.current_time()
            other = await door.made(prompt="a fox beside it")
            assert anyio.current_time() - began < here(4)
            began = anyio.current_time()
            await door.call("view_result", task_id=task["task_id"])
            assert anyio.current_time() - began < here(5)
    assert not called.is_error
    assert content(task["results"][0]) == data
    assert content(other["results"][0]) == sample("ok.png")
    assert held.longest < here(0.3)
