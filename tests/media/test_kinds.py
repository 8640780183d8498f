import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.media_wire import a_box, a_png, a_wav, an_mp4

from apixo_mcp.media import kinds
from apixo_mcp.media.probing.contents import textual
from apixo_mcp.media.probing.probe import MediaFacts, probe
from apixo_mcp.media.probing.signatures import HEAD, sniff


def drawn(form: str, size: tuple[int, int] = (33, 17), **options) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, form, **options)
    return buffer.getvalue()


def an_mp3(frames: int = 100, *, xing: bool = False, id3: bool = False) -> bytes:
    header = b"\xff\xfb\x90\x00"  # MPEG 1 layer III, 128 kbit/s, 44.1 kHz: 417 bytes a frame
    first = header + bytes(32) + b"Xing" + struct.pack(">II", 1, 500) + bytes(369) if xing else b""
    tag = b"ID3\x04\0\0" + bytes([0, 0, 1, 72]) + bytes(200) if id3 else b""
    return tag + first + (header + bytes(413)) * frames


def an_ogg(seconds: float) -> bytes:
    page = b"OggS\0\2" + bytes(8) + bytes(12) + b"\1\x13" + b"OpusHead\1\1" + struct.pack("<H", 312) + bytes(7)
    last = b"OggS\0\4" + struct.pack("<q", int(seconds * 48_000) + 312) + bytes(14)
    return page + last


FLAC = b"fLaC\0\0\0\x22" + bytes(10) + ((44_100 << 44) | (44_100 * 3)).to_bytes(8, "big") + bytes(16)

CASES = [
    (a_png(8, 6), kinds.PNG, MediaFacts(width=8, height=6)),
    (drawn("JPEG"), kinds.JPEG, MediaFacts(width=33, height=17)),
    (drawn("JPEG", progressive=True), kinds.JPEG, MediaFacts(width=33, height=17)),
    (drawn("WEBP"), kinds.WEBP, MediaFacts(width=33, height=17)),
    (drawn("WEBP", lossless=True), kinds.WEBP, MediaFacts(width=33, height=17)),
    (drawn("WEBP", exif=b"Exif\0\0" + bytes(20)), kinds.WEBP, MediaFacts(width=33, height=17)),
    (drawn("GIF"), kinds.GIF, MediaFacts(width=33, height=17)),
    (drawn("BMP"), kinds.BMP, MediaFacts(width=33, height=17)),
    (drawn("TIFF"), kinds.TIFF, MediaFacts(width=33, height=17)),
    (an_mp4(1280, 720, 5.0), kinds.MP4, MediaFacts(width=1280, height=720, duration_seconds=5.0)),
    (an_mp4(1280, 720, 5.0, turned=True), kinds.MP4, MediaFacts(width=720, height=1280, duration_seconds=5.0)),
    (an_mp4(8, 8, 1.0, brand=b"qt  "), kinds.MOV, MediaFacts(width=8, height=8, duration_seconds=1.0)),
    (an_mp4(0, 0, 2.5, brand=b"M4A "), kinds.M4A, MediaFacts(duration_seconds=2.5)),
    (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm", kinds.WEBM, MediaFacts()),
    (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska", kinds.MKV, MediaFacts()),
    (a_wav(1.5), kinds.WAV, MediaFacts(duration_seconds=1.5)),
    (a_wav(1.5)[:40] + b"\xff\xff\xff\xff" + a_wav(1.5)[44:], kinds.WAV, MediaFacts(duration_seconds=1.5)),
    (an_mp3(), kinds.MP3, MediaFacts(duration_seconds=2.606)),
    (an_mp3(id3=True), kinds.MP3, MediaFacts(duration_seconds=2.606)),
    (an_mp3(xing=True), kinds.MP3, MediaFacts(duration_seconds=2.606)),
    (FLAC, kinds.FLAC, MediaFacts(duration_seconds=3.0)),
    (an_ogg(4.0), kinds.OGG, MediaFacts(duration_seconds=4.0)),
    (b"\xff\xf1\x50\x80" + bytes(50), kinds.AAC, MediaFacts()),
    (a_box(b"ftyp", b"avif\0\0\0\0avifmif1"), kinds.AVIF, MediaFacts()),
    (
        a_box(b"ftyp", b"mif1\0\0\0\0mif1avif") + a_box(b"ispe", struct.pack(">III", 0, 9, 7)),
        kinds.AVIF,
        MediaFacts(width=9, height=7),
    ),
    (a_box(b"ftyp", b"mif1\0\0\0\0mif1heic"), kinds.HEIC, MediaFacts()),
    (a_box(b"ftyp", b"heic\0\0\0\0"), kinds.HEIC, MediaFacts()),
]


@pytest.mark.parametrize(("data", "kind", "facts"), CASES, ids=lambda value: getattr(value, "extension", ""))
def test_kinds_and_facts(tmp_path, data, kind, facts):
    assert sniff(data[:HEAD]) is kind
    assert textual(data[:HEAD]) == ""
    path = tmp_path / "file"
    path.write_bytes(data)
    assert probe(path, kind) == facts


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_types_and_extensions_lead_to_each_other(kind):
    assert kinds.for_mime(f"{kind.mime_type.upper()}; charset=x") is kind
    assert kinds.for_extension(kind.extension) is kind
    assert kind.mime_type.startswith((f"{kind.modality}/", "video/", "audio/"))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"\xef\xbb\xbf \n<!DOCTYPE html>", "a web page"),
        (b"<?xml version='1.0'?><!DOCTYPE x><html>", "a web page"),
        (b"<Error>", "an XML document"),
        (b"[1]", "a JSON document"),
        ("größe".encode(), "text"),
        (("ö" * 600).encode()[: HEAD - 1], "text"),
        ("<html>".encode("utf-16"), "text"),
        (b"\x80abc", ""),
        (b"abc\0", ""),
    ],
)
def test_text_is_told_apart(body, words):
    assert sniff(body) is None
    assert textual(body) == words


@pytest.mark.parametrize(
    "data",
    [a_png(padding=3000), drawn("JPEG"), drawn("WEBP", (200, 200), lossless=True), drawn("BMP"), an_mp4(), a_wav()],
    ids=["png", "jpeg", "webp", "bmp", "mp4", "wav"],
)
def test_a_missing_end_is_seen(tmp_path, data):
    path, kind = tmp_path / "file", sniff(data)
    assert kind
    path.write_bytes(data[: len(data) - 14])
    assert probe(path, kind).is_cut
    path.write_bytes(data)
    assert not probe(path, kind).is_cut


@given(st.binary(max_size=200), st.sampled_from([case[0][:60] for case in CASES]), st.sampled_from(kinds.KINDS))
def test_no_bytes_make_the_readers_raise(tmp_path_factory, data, start, kind):
    path = tmp_path_factory.getbasetemp() / "any"
    for body in (data, start + data):
        sniff(body)
        textual(body)
        path.write_bytes(body)
        probe(path, kind)
