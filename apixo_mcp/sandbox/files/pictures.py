"""Pictures drawn from a prompt: the same prompt gives the same picture, marked as the sandbox's own."""

from __future__ import annotations

import contextlib
import io
import math
import random
import re
from collections.abc import Mapping
from typing import Any

from PIL import Image, ImageDraw, ImageFont, ImageOps

from apixo_mcp.sandbox.marks import without_marks
from apixo_mcp.sandbox.tasks import digest, prompt_of

LONGEST = 1536
"""The cap on the longest side, whatever resolution was asked for: quick to draw, and still a picture."""

MARK = "apixo-mcp sandbox"
_SIDES = {"1k": 1024, "2k": 1536, "3k": 1536, "4k": 1536, "8k": 1536}
_FORMATS = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}


def picture_size(given: Mapping[str, Any], longest: int = LONGEST) -> tuple[int, int]:
    """Returns width and height for an input's size, or its aspect ratio and resolution."""
    explicit = re.fullmatch(r"(\d{1,9})[xX*](\d{1,9})", str(given.get("size") or ""))
    if explicit and int(explicit[1]) and int(explicit[2]):
        width, height = float(explicit[1]), float(explicit[2])
    else:
        ratio = next((str(given[name]) for name in ("aspect_ratio", "ratio", "image_size") if given.get(name)), "1:1")
        ratio = {"landscape": "16:9", "portrait": "9:16"}.get(ratio, ratio)
        parts = re.fullmatch(r"(\d{1,9}):(\d{1,9})", ratio)
        across, down = (int(parts[1]), int(parts[2])) if parts and int(parts[1]) and int(parts[2]) else (1, 1)
        side = _SIDES.get(str(given.get("resolution") or given.get("size") or "").lower(), 1024)
        scale = side / max(across, down)
        width, height = across * scale, down * scale
    shrink = min(1.0, longest / max(width, height))
    return max(16, round(width * shrink)), max(16, round(height * shrink))


def canvas(seed: bytes, size: tuple[int, int], turn: float = 0.0) -> Image.Image:
    """Returns a soft colour field with a few shapes, derived from a seed; ``turn`` moves the shapes (0 to 1)."""
    dice = random.Random(seed)
    hue = dice.random()
    grid = Image.new("HSV", (4, 4))
    for x in range(4):
        for y in range(4):
            tone = (hue + 0.22 * dice.random()) % 1
            grid.putpixel((x, y), (int(tone * 255), 90 + dice.randrange(90), 130 + dice.randrange(110)))
    picture = grid.convert("RGB").resize(size, Image.Resampling.BICUBIC)  # pyright: ignore[reportUnknownMemberType]
    pen = ImageDraw.Draw(picture, "RGBA")
    reach = min(size)
    for _ in range(7):
        colour = (255, 255, 255) if dice.random() < 0.6 else (20, 20, 40)
        radius = reach * (0.05 + 0.22 * dice.random())
        angle = 2 * math.pi * (turn + dice.random())
        x = size[0] * dice.random() + radius * 0.5 * math.cos(angle)
        y = size[1] * dice.random() * 0.8 + radius * 0.5 * math.sin(angle)
        box = (x - radius, y - radius, x + radius, y + radius)
        if dice.random() < 0.7:
            pen.ellipse(box, fill=(*colour, 20 + dice.randrange(50)))
        else:
            pen.regular_polygon((x, y, radius), 3 + dice.randrange(4), int(angle * 57), fill=(*colour, 40))
    return picture


def draw(given: Mapping[str, Any], index: int, picture_format: str, edited: bytes = b"") -> bytes:
    """Returns one encoded picture.

    Args:
        given: The input of the task.
        index: Which of the task's pictures.
        picture_format: png, jpg, jpeg or webp; anything else is taken as png.
        edited: The picture that the task was given, where it was fetched: it shines through, and `auto` is its shape.
    """
    prompt = prompt_of(given)
    original: Image.Image | None = None
    with contextlib.suppress(OSError, ValueError):
        original = Image.open(io.BytesIO(edited)).convert("RGB") if edited else None
    if original is not None and given.get("aspect_ratio") == "auto":
        given = {**given, "aspect_ratio": f"{original.width}:{original.height}"}
    size = picture_size(given)
    seed = digest(prompt, given.get("seed"), given.get("image_urls"), index)
    picture = canvas(seed, size)
    if original is not None:
        picture = ImageOps.fit(original, size)
    caption(picture, prompt)
    out = io.BytesIO()
    kind = _FORMATS.get(picture_format.lower(), "PNG")
    options: dict[str, Any] = {"PNG": {"compress_level": 1}, "JPEG": {"quality": 88}, "WEBP": {"quality": 85}}[kind]
    picture.save(out, kind, **options)
    return out.getvalue()


def caption(picture: Image.Image, prompt: str) -> None:
    """Writes the prompt along the foot of a picture and the sandbox's mark into its corner."""
    width, height = picture.size
    pen = ImageDraw.Draw(picture, "RGBA")
    margin = max(4, min(width, height) // 32)
    small = ImageFont.load_default(size=max(8, min(width, height) // 40))
    box = pen.textbbox((0, 0), MARK, font=small)
    pen.rectangle((0, 0, box[2] + 2 * margin, box[3] + 2 * margin), fill=(0, 0, 0, 110))
    pen.text((margin, margin), MARK, font=small, fill=(255, 255, 255, 230))
    letter = max(9, min(width, height) // 24)
    font = ImageFont.load_default(size=letter)
    lines = _wrapped(pen, prompt, font, width - 2 * margin)
    if lines:
        line_height = int(letter * 1.3)
        top = height - margin * 2 - line_height * len(lines)
        pen.rectangle((0, top, width, height), fill=(0, 0, 0, 120))
        for number, line in enumerate(lines):
            pen.text((margin, top + margin + number * line_height), line, font=font, fill=(255, 255, 255, 240))


def _wrapped(pen: ImageDraw.ImageDraw, text: str, font: Any, width: int, most: int = 4) -> list[str]:
    # What the built-in font has no shapes for would come out as boxes; the limit keeps long prompts quick.
    words = without_marks(text[:600]).encode("latin-1", "replace").decode("latin-1").split(" ")
    lines: list[str] = []
    line = ""
    for word in words:
        longer = f"{line} {word}".strip()
        if line and pen.textlength(longer, font=font) > width:
            lines.append(line)
            line = word
        else:
            line = longer
        if len(lines) == most:
            return [*lines[:-1], f"{lines[-1][:-2]}..."]
    return [*lines, line] if line else lines
