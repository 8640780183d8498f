"""Sound made from a prompt: a gentle phrase as WAV, or a silent MP3 where MP3 was asked for."""

from __future__ import annotations

import array
import io
import math
import struct
import sys
import wave
from collections.abc import Mapping
from typing import Any

from apixo_mcp.sandbox.tasks import digest, prompt_of

RATE = 16_000
SECONDS = 3.0
_SCALE = (0, 2, 4, 7, 9, 12, 14, 16)

_MP3_FRAME = bytes((0xFF, 0xFB, 0x10, 0xC4)) + bytes(100)
"""MPEG-1 Layer III, 32 kbit/s, 44.1 kHz, mono, with side information that says: nothing to hear."""

_MP3_FRAME_SECONDS = 1152 / 44_100


def play(given: Mapping[str, Any], index: int, suffix: str) -> bytes:
    """Returns one encoded track; ``suffix`` is mp3 or wav."""
    if suffix == "mp3":
        title = f"apixo-mcp sandbox: {prompt_of(given)}"[:120]
        return _id3(title) + _MP3_FRAME * math.ceil(SECONDS / _MP3_FRAME_SECONDS)
    notes = [_SCALE[byte % len(_SCALE)] for byte in digest(prompt_of(given), index)[:6]]
    out = io.BytesIO()
    with wave.open(out, "wb") as track:
        track.setnchannels(1)
        track.setsampwidth(2)
        track.setframerate(RATE)
        track.writeframes(_phrase(notes))
    return out.getvalue()


def _phrase(notes: list[int]) -> bytes:
    each = int(RATE * SECONDS / len(notes))
    samples = array.array("h")
    for note in notes:
        step = 2 * math.pi * 220.0 * 2 ** (note / 12) / RATE
        for n in range(each):
            fade = min(1.0, n / 400, (each - n) / 2400)
            samples.append(int(7000 * fade * (math.sin(step * n) + 0.4 * math.sin(step * n * 1.5))))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


def _id3(title: str) -> bytes:
    text = b"\x03" + title.encode("utf-8", "replace")
    frame = b"TIT2" + _synchsafe(len(text)) + b"\0\0" + text
    return b"ID3\x04\0\0" + _synchsafe(len(frame)) + frame


def _synchsafe(number: int) -> bytes:
    return struct.pack("4B", *((number >> shift) & 0x7F for shift in (21, 14, 7, 0)))
