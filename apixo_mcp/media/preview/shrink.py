"""Makes one small picture of a picture. Blocking, and able to run as a script of its own: imports nothing of ours.

python shrink.py PATH MIME_TYPE LONGEST MAX_BYTES    writes the type, a line end and the picture to stdout; exits with
                                                     a code of `WHY` where there is none
"""

import contextlib
import importlib
import importlib.util
import io
import sys
import threading
import warnings
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image  # imported where it is used: a server that starts needs no pictures

MOST_PIXELS = 50_000_000
"""Larger pictures are not decoded: they would take more than 200 MB."""

MOST_DRAFTED = 200_000_000
"""The same for JPEG, which can be decoded at an eighth of its size."""

BROKEN, TOO_LARGE = 3, 4
"""Exit codes: it cannot be decoded; it has too many pixels."""

_PLUGINS = {
    "Png": "image/png",
    "Jpeg": "image/jpeg",
    "WebP": "image/webp",
    "Gif": "image/gif",
    "Bmp": "image/bmp",
    "Avif": "image/avif",
    "Tiff": "image/tiff",
    "Jpeg2K": "image/jp2 image/j2c",
    "Ico": "image/vnd.microsoft.icon",
    "Psd": "image/vnd.adobe.photoshop",
    "Ppm": "image/x-portable-bitmap image/x-portable-graymap image/x-portable-pixmap image/x-portable-floatmap",
    "Tga": "image/x-tga",
    "Sgi": "image/x-sgi",
    "Sun": "image/x-sun-raster",
    "Pcx": "image/vnd.zbrush.pcx",
    "Dds": "image/vnd-ms.dds",
    "Qoi": "image/qoi",
}
"""The modules of the library, and the MIME types that each decodes."""
FORMATS = {mime_type: plugin for plugin, types in _PLUGINS.items() for mime_type in types.split()}
_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # EXIF orientation to Image.Transpose
_QUALITIES = (85, 75, 60, 45)
_STRIP = 256
_MEMORY = 2 << 30
"""Bytes of memory that a decoder in a process of its own may ask for, where the system can hold it to that."""
_MEMORY_FOR_VIDEO = 6 << 30  # mostly address space: a decoder of videos starts a thread a core
_SECONDS = 30
_lenient = threading.Lock()  # the setting that lets a damaged picture pass is the library's own, for all threads


class TooLarge(Exception):
    """A picture has more pixels than are decoded."""


def shrink(
    path: Path, mime_type: str, longest: int, max_bytes: int, most: int = MOST_DRAFTED
) -> tuple[bytes, str] | None:
    """Returns the picture and its type; None for what is no picture, broken or unsupported.

    Args:
        most: pixels of the picture, where fewer are allowed than usual.

    Raises:
        TooLarge: it has too many pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # for odd metadata and large pictures: decided here, not by the library
            return fitted(small_picture(path, mime_type, longest, most), max_bytes)
    except TooLarge:
        raise
    except Exception:  # whatever a broken file makes the decoders raise: there is then no preview, and no harm
        return None


def has_decoder() -> bool:
    """Tells whether videos can be decoded (the extra `video`)."""
    return importlib.util.find_spec("av") is not None


def fitted(small: "Image.Image | None", max_bytes: int) -> tuple[bytes, str] | None:
    """Returns a picture in the best encoding that takes at most so many bytes, and its type; smaller if need be."""
    shown: Any = small
    while shown is not None and max(shown.size) >= 16:
        for data, kind in _encoded(shown):
            if len(data) <= max_bytes:
                return data, kind
        shown = shown.resize((max(1, shown.width * 7 // 10), max(1, shown.height * 7 // 10)))
    return None


def small_picture(path: Path, mime_type: str, longest: int, most: int) -> "Image.Image | None":
    """Returns a picture, or a video's first frame, with a longest side of so many pixels; None where there is none.

    Raises:
        TooLarge: it has too many pixels.
        Exception: it is broken, in whatever way the decoders say so.
    """
    form = FORMATS.get(mime_type)
    if form is None:
        return _poster(path, longest, is_picture=mime_type.startswith("image/"))
    try:
        return _decoded(path, form, longest, most)
    except TooLarge:
        raise
    except Exception:  # damaged: shown as far as it goes, as every viewer does
        from PIL import ImageFile

        source = io.BytesIO(_mended(path.read_bytes())) if form == "Png" else path
        with _lenient:
            ImageFile.LOAD_TRUNCATED_IMAGES = True
            try:
                small = _decoded(source, form, longest, most)
            finally:
                ImageFile.LOAD_TRUNCATED_IMAGES = False
        return None if small is None or _is_blank(small) else small


def _is_blank(small: "Image.Image") -> bool:
    """Tells whether nothing of a damaged picture could be decoded: what is missing is of one colour."""
    bands: Any = small.convert("RGBA").getextrema()
    return all(lowest == highest for lowest, highest in bands)


def _mended(body: bytes) -> bytes:
    """Returns a PNG file of its picture alone: other chunks may be damaged or huge, and checksums wrong."""
    parts, at = [body[:8]], 8
    while at + 8 <= len(body):
        length, name = int.from_bytes(body[at : at + 4], "big"), body[at + 4 : at + 8]
        data = body[at + 8 : at + 8 + length]
        if name in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"eXIf"):
            parts.append(len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big"))
        at += 12 + length
    return b"".join([*parts, b"\0\0\0\0IEND\xaeB`\x82"])


def _poster(path: Path, longest: int, *, is_picture: bool) -> "Image.Image | None":
    """Decodes the first frame of a video, upright and in its shown shape; None without a decoder."""
    try:
        import av  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    # A playlist in a video's clothes must not lead the decoder to other files, or out of this machine.
    opened: Any = av.open(str(path), options={"protocol_whitelist": "file"})  # pyright: ignore[reportUnknownMemberType]
    with opened as container:
        stream = container.streams.video[0]
        if is_picture and len(container.streams.video) > 1:
            return None  # stored in tiles, of which the decoder gives one at a time
        if stream.width * stream.height > MOST_PIXELS:
            raise TooLarge
        frame = next(container.decode(stream), None)
        if frame is None:
            return None
        picture: Any = frame.to_image()
        shape = float(stream.sample_aspect_ratio or 1)
        turns = round(getattr(frame, "rotation", 0) / 90) % 4
    if 0.1 < shape < 10 and shape != 1:
        picture = picture.resize((max(1, round(picture.width * shape)), picture.height))
    picture.thumbnail((longest, longest))
    return picture.transpose((2, 3, 4)[turns - 1]) if turns else picture


def _decoded(source: Path | io.BytesIO, form: str, longest: int, most: int) -> "Image.Image | None":
    """Decodes once and holds little beside that: converting or resizing a whole picture would take a second copy."""
    from PIL import Image

    for name in {form, "Jpeg", "Png"}:  # left to itself the library would import every plugin it has
        with contextlib.suppress(ImportError):
            importlib.import_module(f"PIL.{name}ImagePlugin")
    with Image.open(source, formats=["JPEG2000" if form == "Jpeg2K" else form.upper()]) as image:
        if image.width * image.height > min(most, MOST_DRAFTED if form == "Jpeg" else MOST_PIXELS):
            raise TooLarge
        image.draft("RGB", (longest, longest))
        if image.width * image.height > MOST_PIXELS:
            raise TooLarge
        # The library turns TIFF pictures by itself.
        orientation = 1 if form == "Tiff" else image.getexif().get(0x0112, 1)
        image.load()
        factor = max(1, max(image.size) // longest)
        size = (-(-image.width // factor), -(-image.height // factor))
        small = Image.new("RGBA" if image.has_transparency_data else "RGB", size)
        step = _STRIP // factor * factor or factor
        for top in range(0, image.height, step):
            strip = _eight_bit(image.crop((0, top, image.width, min(top + step, image.height))), small.mode)
            small.paste(strip.reduce(factor), (0, top // factor))
    small.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return small.transpose(Image.Transpose(_TURNS[orientation])) if orientation in _TURNS else small


def _eight_bit(strip: Any, mode: str) -> "Image.Image":
    if strip.mode.startswith("I"):  # 16-bit grey: a plain conversion would clip it to white
        strip = strip.convert("I").point(_high_byte).convert("L")
    return strip if strip.mode == mode else strip.convert(mode)


def _high_byte(value: Any) -> Any:
    return value * (1 / 256)


def _encoded(small: "Image.Image") -> Iterator[tuple[bytes, str]]:
    """Yields encodings, best first. Transparency stays where the picture has some and PNG is small enough for it."""
    if small.mode == "RGBA":
        lowest = small.getchannel("A").getextrema()[0]
        if isinstance(lowest, int | float) and lowest < 250:
            yield _saved(small, "PNG"), "image/png"
        backed = small.copy()  # on white from here on: WebP would keep the transparency, for 80 MB at its peak
        backed.paste((255, 255, 255, 255), (0, 0, *small.size))
        backed.alpha_composite(small)
        small = backed.convert("RGB")
    for quality in _QUALITIES:
        yield _saved(small, "JPEG", quality=quality), "image/jpeg"


def _saved(small: "Image.Image", form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    small.save(buffer, form, **options)
    return buffer.getvalue()


def _main(arguments: list[str]) -> int:
    path, mime_type, longest, max_bytes = arguments
    limit([mime_type])
    try:
        made = shrink(Path(path), mime_type, int(longest), int(max_bytes))
    except TooLarge:
        return TOO_LARGE
    if made is None:
        return BROKEN
    sys.stdout.buffer.write(made[1].encode() + b"\n" + made[0])
    return 0


def limit(mime_types: Iterable[str]) -> None:
    """Holds this process to what decoding takes in memory and time, also when nobody is left to end it.

    Not on Windows.
    """
    memory = _MEMORY if all(mime_type in FORMATS for mime_type in mime_types) else _MEMORY_FOR_VIDEO
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        for what, most in ((resource.RLIMIT_CPU, _SECONDS), (resource.RLIMIT_AS, memory)):
            _, hard = resource.getrlimit(what)
            resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
