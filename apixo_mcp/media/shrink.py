"""Makes one small picture of a picture. Blocking, and able to run as a script of its own: imports nothing of ours.

python shrink.py PATH MIME_TYPE LONGEST MAX_BYTES    writes the type, a line end and the picture to stdout
"""

import contextlib
import importlib
import importlib.util
import io
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image  # imported where it is used: a server that starts needs no pictures

MOST_PIXELS = 50_000_000
"""Larger pictures get no preview: decoded, they would take more than 200 MB."""

FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/bmp": "BMP",
    "image/avif": "AVIF",
}
_PLUGINS = {"PNG": "Png", "JPEG": "Jpeg", "WEBP": "WebP", "GIF": "Gif", "BMP": "Bmp", "AVIF": "Avif"}
_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # EXIF orientation to Image.Transpose
_QUALITIES = (85, 75, 60, 45)
_STRIP = 256


def shrink(path: Path, mime_type: str, longest: int, max_bytes: int) -> tuple[bytes, str] | None:
    """The picture and its type; None for what is no picture, broken, too large or unsupported."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # for odd metadata and large pictures: decided here, not by the library
            is_video = mime_type.startswith("video/")
            small: Any = _poster(path, longest) if is_video else _decoded(path, FORMATS[mime_type], longest)
            while small is not None and max(small.size) >= 16:
                for data, kind in _encoded(small):
                    if len(data) <= max_bytes:
                        return data, kind
                small = small.resize((max(1, small.width * 7 // 10), max(1, small.height * 7 // 10)))
    except Exception:  # whatever a broken file makes the decoders raise: there is then no preview, and no harm
        return None
    return None


def has_decoder() -> bool:
    """Whether videos can be decoded (the extra `video`)."""
    return importlib.util.find_spec("av") is not None


def _poster(path: Path, longest: int) -> "Image.Image | None":
    """The first frame of a video; None where no decoder is installed."""
    try:
        import av  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    opened: Any = av.open(str(path))  # pyright: ignore[reportUnknownMemberType]
    with opened as container:
        frame = next(container.decode(video=0), None)
        if frame is None or frame.width * frame.height > MOST_PIXELS:
            return None
        picture: Image.Image = frame.to_image()
        picture.thumbnail((longest, longest))
        return picture


def _decoded(path: Path, form: str, longest: int) -> "Image.Image | None":
    """Decodes once and holds little beside that: converting or resizing a whole picture would take a second copy."""
    from PIL import Image

    for name in {form, "JPEG", "PNG"}:  # left to itself the library would import every plugin it has
        with contextlib.suppress(ImportError):
            importlib.import_module(f"PIL.{_PLUGINS[name]}ImagePlugin")
    with Image.open(path, formats=[form]) as image:
        if image.width * image.height > MOST_PIXELS:
            return None
        image.draft("RGB", (longest, longest))
        orientation = image.getexif().get(0x0112, 1)
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
    """Encodings, the best first. Transparency stays where the picture has some and PNG is small enough for it."""
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
    made = shrink(Path(path), mime_type, int(longest), int(max_bytes))
    if made is None:
        return 1
    sys.stdout.buffer.write(made[1].encode() + b"\n" + made[0])
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
