"""Files of many kinds, made here; what only `av` can write is skipped where it is missing."""

import gzip
import io
import struct
import wave
import zipfile
import zlib
from fractions import Fraction
from typing import Any

from PIL import Image


def picture(form: str = "PNG", size: tuple[int, int] = (96, 64), mode: str = "RGB", **options: Any) -> bytes:
    found = io.BytesIO()
    noise = Image.effect_noise(size, 60)
    image = Image.merge("RGB", (noise, noise.rotate(90), noise)) if mode == "RGB" else noise.convert(mode)
    image.save(found, form, **options)
    return found.getvalue()


def wav(seconds: float = 1.0, rate: int = 8000) -> bytes:
    found = io.BytesIO()
    with wave.open(found, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(range(256)) * int(rate * seconds * 2 / 256))
    return found.getvalue()


def png_chunk(name: bytes, data: bytes, crc: int | None = None) -> bytes:
    return (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data) if crc is None else crc)
    )


def with_chunk(png: bytes, chunk: bytes) -> bytes:
    """A PNG with a chunk behind its header."""
    return png[:33] + chunk + png[33:]


def huge_png(width: int, height: int) -> bytes:
    """A grey picture of one bit a pixel."""
    row = b"\0" + b"\xaa" * ((width + 7) // 8)
    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")


def many_scans(size: int = 2200, scans: int = 2000) -> bytes:
    """A grey progressive JPEG one of whose scans comes again and again."""
    found = io.BytesIO()
    Image.new("L", (size, size), 120).save(found, "JPEG", progressive=True, optimize=True)
    data = found.getvalue()
    starts = [at for at in range(len(data) - 1) if data[at : at + 2] == b"\xff\xda"]
    last = data[starts[-1] : -2]
    return data[:-2] + last * scans + data[-2:]


def zipped(**files: bytes) -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return found.getvalue()


def stl() -> bytes:
    return b"made by nobody".ljust(80, b"\0") + struct.pack("<I", 1) + struct.pack("<12fH", *range(12), 0)


def midi() -> bytes:
    track = b"\0\x90\x40\x40\x60\x80\x40\x40\0\xff\x2f\0"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, 96) + b"MTrk" + struct.pack(">I", len(track)) + track


# Bytes that may be paid for, each with the ending of its link and what may be said of its type.
OTHERS: dict[str, tuple[bytes, str]] = {
    "gif": (picture("GIF", mode="P"), "image/gif"),
    "webp": (picture("WEBP"), "image/webp"),
    "bmp": (picture("BMP"), "image/"),
    "tiff": (picture("TIFF"), "image/tiff"),
    "ico": (picture("ICO"), "image/"),
    "jp2": (picture("JPEG2000"), ""),
    "ppm": (picture("PPM"), ""),
    "tga": (picture("TGA"), ""),
    "psd": (b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 8, 8, 8, 3) + bytes(300), ""),
    "exr": (b"v/1\x01\x02\0\0\0channels\0chlist\0" + bytes(200), ""),
    "pdf": (b"%PDF-1.7\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n", ""),
    "zip": (zipped(model=b"v 0 0 0"), ""),
    "usdz": (zipped(scene=b"#usda 1.0"), ""),
    "gz": (gzip.compress(b"v 0 0 0\n" * 50), ""),
    "obj": (b"# a cube\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", ""),
    "stl": (stl(), ""),
    "ply": (b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n0\n", ""),
    "fbx": (b"Kaydara FBX Binary  \0\x1a\0" + bytes(300), ""),
    "dae": (b'<?xml version="1.0"?><COLLADA version="1.4.1"><asset/></COLLADA>', ""),
    "gltf": (b'{"asset": {"version": "2.0"}, "scenes": [], "nodes": []}', ""),
    "srt": (b"1\n00:00:00,000 --> 00:00:02,000\nA fox.\n", ""),
    "vtt": (b"WEBVTT\n\n00:00.000 --> 00:02.000\nA fox.\n", ""),
    "txt": ("Ein Fuchs läuft über den Schnee.\n".encode(), ""),
    "json": (b'{"words": [{"text": "fox", "start": 0.1}]}', ""),
    "lottie.json": (b'{"v":"5.5.7","fr":60,"ip":0,"op":60,"w":8,"h":8,"layers":[]}', ""),
    "csv": (b"word,start\nfox,0.1\n", ""),
    "mid": (midi(), ""),
    "amr": (b"#!AMR\n" + b"\x3c" + bytes(31) * 20, ""),
    "aiff": (b"FORM" + struct.pack(">I", 46) + b"AIFFCOMM" + struct.pack(">IHIH", 18, 1, 0, 16) + bytes(10), ""),
    "au": (b".snd" + struct.pack(">IIIII", 24, 8, 1, 8000, 1) + bytes(8), ""),
    "woff2": (b"wOF2" + bytes(60), ""),
    "safetensors": (struct.pack("<Q", 2) + b"{}" + bytes(64), ""),
    "bin": (bytes(range(256)) * 9, ""),
    "onebyte": (b"x", ""),
    "spaces": (b" \n\t " * 40, ""),
    "nulls": (bytes(5000), ""),
}

# What ends a transfer of a result that is none.
PAGES: dict[str, bytes] = {
    "html": b"<!DOCTYPE html><html><body>Not found</body></html>",
    "html behind a mark": b"\xef\xbb\xbf\n\n  <html lang=en><body>Expired</body></html>",
    "html behind a comment": b"<!-- cdn node 7 -->\n<!doctype HTML>\n<title>Gone</title>",
    "html behind a declaration": b'<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"/>',
    "html in utf-16": "<!DOCTYPE html><html><body>Not found</body></html>".encode("utf-16"),
    "html that begins with its head": b"<head><title>502 Bad Gateway</title></head><body>nginx</body>",
    "json": b'{"error": "link expired"}',
    "json with an object": b'{"error": {"code": 403, "message": "SignatureDoesNotMatch"}}',
    "json with errors": b'{"success": false, "errors": [{"code": 10000, "message": "no"}]}',
    "json behind a mark": b'\xef\xbb\xbf {"error":"AccessDenied"}',
    "xml": b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>No</Message></Error>',
    "xml without a declaration": b"<Error><Code>ExpiredToken</Code></Error>",
    "empty": b"",
}


def recorded(
    container: str, codec: str, seconds: float = 2.0, *, rotate: int = 0, rate: int = 0, **options: str
) -> bytes:
    """Sound or a moving picture, by the libraries of `av`."""
    import av

    found = io.BytesIO()
    with av.open(found, "w", format=container, options=options) as file:
        if codec in SOUND:
            _sound(file, codec, seconds, rate or (8000 if codec.startswith("libopencore") else 48000))
        else:
            _film(file, codec, seconds, rotate)
    return found.getvalue()


SOUND = {
    "aac",
    "libmp3lame",
    "mp3",
    "flac",
    "libopus",
    "opus",
    "vorbis",
    "libvorbis",
    "pcm_s16le",
    "pcm_s16be",
    "ac3",
    "wmav2",
}


def _sound(file: Any, codec: str, seconds: float, rate: int) -> None:
    import av

    stream = file.add_stream(codec, rate=rate)
    stream.layout = "stereo" if codec == "vorbis" else "mono"
    form = stream.codec_context.format.name if stream.codec_context.format else "s16"
    resampler = av.AudioResampler(
        format=form, layout=stream.layout, rate=rate, frame_size=stream.codec_context.frame_size or 0
    )
    step = 960
    for number in range(int(rate * seconds) // step):
        frame = av.AudioFrame(format="s16", layout="mono", samples=step)
        frame.planes[0].update(
            bytes((number * 7 + at) % 251 for at in range(step * 2)).ljust(frame.planes[0].buffer_size, b"\0")
        )
        frame.rate, frame.pts, frame.time_base = rate, number * step, Fraction(1, rate)
        for piece in resampler.resample(frame):
            file.mux(stream.encode(piece))
    for piece in resampler.resample(None):
        file.mux(stream.encode(piece))
    file.mux(stream.encode(None))


def _film(file: Any, codec: str, seconds: float, rotate: int) -> None:
    import av

    stream = file.add_stream(codec, rate=10)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    if codec == "mjpeg":
        stream.pix_fmt = "yuvj420p"
    image = Image.new("RGB", (64, 48), "blue")
    image.paste("red", (0, 0, 64, 24))  # the upper half
    for number in range(int(10 * seconds)):
        frame = av.VideoFrame.from_image(image).reformat(format=stream.pix_fmt)
        frame.pts, frame.time_base = number, Fraction(1, 10)
        file.mux(stream.encode(frame))
    file.mux(stream.encode(None))
