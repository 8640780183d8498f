"""What a long file tells is found in its beginning and its end alone, and what is not here harms nobody."""

import io

import pytest
from PIL import Image
from support.described import FOX, described
from support.media_wire import a_box, an_mp4

from apixo_mcp.provenance.embedded import told_by
from apixo_mcp.provenance.ends import Ends

HALF = 300_000
NOISE = Image.effect_noise((1200, 1200), 90)


def noise(form: str, **options: object) -> bytes:
    file = io.BytesIO()
    NOISE.save(file, form, **options)
    return file.getvalue()


LONG = {
    "png": lambda: noise("PNG"),
    "jpeg": lambda: noise("JPEG", quality=95),
    "webp": lambda: noise("WebP", lossless=True),
    "mp4": lambda: an_mp4() + a_box(b"mdat", bytes(3_000_000)),
}


@pytest.mark.parametrize("form", LONG)
def test_a_long_file_tells_the_same_by_its_ends(form: str):
    data = described(LONG[form]())
    assert len(data) > 2 * HALF
    assert told_by(data) == FOX
    assert told_by(Ends(len(data), data[:HALF], data[-HALF:])) == FOX


@pytest.mark.parametrize("form", LONG)
def test_a_file_whose_parts_do_not_fit_tells_nothing_and_harms_nobody(form: str):
    data = described(LONG[form]())
    for size in (0, 1, HALF, 10**11):
        for head, tail in ((b"", b""), (data[:40], data[:40]), (data[:HALF], b""), (b"", data[-HALF:])):
            assert told_by(Ends(size, head, tail)) in (None, FOX)


def test_it_reads_as_the_file_does_where_it_is_whole():
    ends = Ends(10, b"01234", b"56789")
    assert ends.seek(0, io.SEEK_END) == 10
    ends.seek(3)
    assert (ends.read(2), ends.read(3), ends.tell(), ends.read(9), ends.read()) == (b"34", b"567", 8, b"89", b"")
