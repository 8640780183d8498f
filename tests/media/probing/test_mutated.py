"""Real files with damage: reading them never raises, never takes long, and never tells a wrong duration."""

import io
import tempfile
import time
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st
from support.amounts import examples
from support.media_wire import a_box

from apixo_mcp.media import kinds
from apixo_mcp.media.probing.contents import kind_in
from apixo_mcp.media.probing.probe import read_facts

muxers = pytest.importorskip("support.muxers", reason="the extra `video` is not installed")
av = pytest.importorskip("av")

FILES = Path(__file__).parents[1] / "files"
SOUND = (
    "mp4",
    "mov",
    "ismv",
    "matroska",
    "webm",
    "ogg",
    "flac",
    "mp3",
    "mp2",
    "adts",
    "wav",
    "aiff",
    "au",
    "caf",
    "avi",
)


SECONDS = 3.0


@cache
def real(container: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        assert muxers.write(Path(folder, "a"), container, audio="default", seconds=SECONDS)
        return Path(folder, "a").read_bytes()


@st.composite
def damage(draw: st.DrawFn) -> list[tuple[str, float, bytes]]:
    places = st.floats(0, 1) | st.floats(0, 0.02)
    one = st.tuples(st.sampled_from(["change", "insert", "cut", "remove"]), places, st.binary(min_size=1, max_size=12))
    return draw(st.lists(one, min_size=1, max_size=4))


def damaged(body: bytes, harm: list[tuple[str, float, bytes]]) -> bytes:
    for what, place, new in harm:
        at = int(len(body) * place)
        if what == "cut":
            body = body[:at]
        else:
            body = body[:at] + (b"" if what == "remove" else new) + body[at + (0 if what == "insert" else len(new)) :]
    return body


def played(body: bytes) -> tuple[float, float]:
    """The seconds of sound that a decoder makes of a file, and those that it expects; zero where it balks."""
    try:
        with av.open(io.BytesIO(body)) as file:
            expected = (file.duration or 0) / 1e6
            return sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0)), expected
    except (av.FFmpegError, IndexError, ValueError):
        return 0.0, 0.0


@settings(max_examples=examples(80), suppress_health_check=[HealthCheck.filter_too_much])
@given(container=st.sampled_from(SOUND), harm=damage())
def test_a_damaged_recording_tells_a_duration_that_it_has_or_none(container, harm) -> None:
    body = damaged(real(container), harm)
    began = time.process_time()
    kind = kind_in(io.BytesIO(body))
    told = read_facts(io.BytesIO(body), kind).duration_seconds
    assert time.process_time() - began < 1
    if told is None:
        reject()
    heard, expected = played(body)
    assume(heard > 0)
    left = SECONDS * min((place for what, place, _ in harm if what == "cut"), default=1.0)
    if left < SECONDS or abs(told - expected) > 0.6:  # what a decoder drops leaves a gap, and the rest in its place
        assert heard - 0.6 <= told <= max(heard, left) + 0.6, kind.mime_type


@settings(max_examples=examples(100))
@given(name=st.sampled_from(sorted(path.name for path in FILES.iterdir())), harm=damage(), other=st.integers(0, 200))
def test_no_damage_makes_reading_raise_or_hang(name, harm, other) -> None:
    body = damaged((FILES / name).read_bytes(), harm)
    began = time.process_time()
    read_facts(io.BytesIO(body), kind_in(io.BytesIO(body), "video/mp4", "https://host/a.mp3"))
    read_facts(io.BytesIO(body), kinds.KINDS[other % len(kinds.KINDS)])
    assert time.process_time() - began < 1


def hostile() -> dict[str, bytes]:
    """Files that are small, and made of as many or as deep parts as fit."""
    deep = b""
    for _ in range(3000):
        deep = a_box(b"mdia", deep)
    fragment = a_box(b"moof", a_box(b"traf", a_box(b"tfhd", bytes(8)) + a_box(b"trun", bytes(8))))
    film = a_box(b"ftyp", b"isom")
    matroska = b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01" + b"\xff" * 7
    return {
        "boxes without a body": film + a_box(b"free", b"") * 200_000,
        "boxes in boxes": film + a_box(b"moov", a_box(b"trak", deep)),
        "as many tracks": film + a_box(b"moov", a_box(b"trak", a_box(b"tkhd", bytes(92))) * 20_000),
        "as many fragments": film + a_box(b"moov", a_box(b"mvex", b"")) + fragment * 30_000,
        "sizes beyond the end": film + b"\x7f\xff\xff\xffmoov" * 50_000,
        "elements without a body": matroska + b"\xec\x80" * 500_000,
        "clusters": matroska + b"\x1f\x43\xb6\x75\xff\xe7\x81\x01\xa3\x84\x81\0\0\0" * 100_000,
        "frames that break off": (b"\xff\xfb\x90\0" + bytes(413) + b"\xff\xfb") * 5_000,
        "nothing but marks": b"\xff" * 500_000,
        "tags": b"ID3\4\0\0\0\0\0\0" * 100_000,
        "pages": b"OggS\0\2" + bytes(20) + b"\1\x13OpusHead\1\1" + bytes(9) + b"OggS" * 200_000,
        "frames of FLAC": b"fLaC\0\0\0\x22" + bytes(34) + b"\xff\xf8" * 200_000,
        "chunks": b"RIFF\0\0\0\0WAVE" + b"abcd\0\0\0\0" * 200_000,
        "attributes": b"<svg " + b'width= "' * 50_000,
        "tags of drawings": b"<!--" + b"<a:svg " * 50_000,
        "comments of a picture": b"P6" + b"#a\n" * 50_000,
    }


@pytest.mark.parametrize("name", hostile())
def test_a_file_made_to_be_slow_is_read_in_bounded_time(name: str) -> None:
    body = hostile()[name]
    began = time.process_time()
    read_facts(io.BytesIO(body), kind_in(io.BytesIO(body)))
    assert time.process_time() - began < 5
