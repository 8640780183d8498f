"""What is never written into: files that are signed, described, cut or odd. And what others made is read in peace."""

import io
import struct
import zlib
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.described import FILMS, FOX, PICTURES, described, why_left
from support.media_wire import a_box, a_wav, an_mp4
from support.others_files import EXTENDED, JPEG, MP4, OF_OTHERS, PNG, WEBP, XMP_BOX, chunk, riff
from support.samples import OTHERS, png_chunk, with_chunk

from apixo_mcp.provenance.embedded import pieces_with, told_by
from apixo_mcp.provenance.packet import LONGEST_READ, packet_of
from apixo_mcp.provenance.pieces import LeftAlone, assemble


@pytest.mark.parametrize("name", OF_OTHERS)
def test_what_others_signed_or_described_stays_as_it_is(name: str):
    data, reason = OF_OTHERS[name]
    assert why_left(data) == reason
    assert told_by(data) is None


ODD = {
    "png, more behind it": PNG + b"more",
    "png, of a phone": PNG[:8] + png_chunk(b"CgBI", bytes(4)) + PNG[8:],
    "png, header damaged": PNG[:20] + b"\xff" + PNG[21:],
    "png, a chunk beyond all": with_chunk(PNG, b"\xff\xff\xff\xfffake"),
    "jpeg, more behind it": JPEG + b"more",
    "jpeg, another behind it": JPEG + JPEG,
    "jpeg, no end": JPEG[:-2],
    "jpeg, filled": JPEG[:2] + b"\xff\xff" + JPEG[2:],
    "webp, more behind it": WEBP + b"more",
    "webp, more inside": riff(WEBP, chunk(b"EXIF", b"x")),
    "webp, says it has a packet": EXTENDED[:20] + bytes([EXTENDED[20] | 4]) + EXTENDED[21:],
    "webp, of nothing": b"RIFF\4\0\0\0WEBP",
    "mp4, index at the end": MP4 + a_box(b"mfra", bytes(8)),
    "mp4, more behind it": MP4 + b"more",
    "mp4, no frames": MP4[: MP4.index(b"mdat") - 4],
    "mp4, last fragment empty": MP4 + a_box(b"moof", b""),
    "mp4, a box of no length": MP4 + struct.pack(">I", 5) + b"free",
    "mp4, a box beyond all": MP4 + struct.pack(">I4sQ", 1, b"free", (1 << 64) - 1),
    "mp4, a long box of no length": MP4 + struct.pack(">I4sQ", 1, b"free", 3),
    "a picture in boxes": a_box(b"ftyp", b"avif\0\0\0\0") + a_box(b"meta", bytes(4)) + a_box(b"mdat", b"x"),
    "old QuickTime": an_mp4()[20:],
    "wav": a_wav(),
    "nothing": b"",
    **{f"other: {name}": data for name, (data, _) in OTHERS.items() if name != "webp"},
    **{f"file: {path.name}": path.read_bytes() for path in (Path(__file__).parents[1] / "media/files").glob("*cut*")},
}


@pytest.mark.parametrize("name", ODD)
def test_odd_files_stay_as_they_are(name: str):
    assert why_left(ODD[name])
    assert told_by(ODD[name]) is None


@pytest.mark.parametrize("name", [name for name in (*PICTURES, *FILMS) if name != "mp4, open"])
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_cut_file_stays_as_it_is(name: str, share: float):
    data = {**PICTURES, **FILMS}[name]()
    assert why_left(data[: int(len(data) * share)])


@pytest.mark.parametrize("name", ["png", "jpeg", "webp", "webp, exif", "mp4"])
def test_it_stays_as_it_is_wherever_it_is_cut(name: str):
    """Every end there is, but for those within the body of a picture, which are all alike."""
    data = {**PICTURES, **FILMS}[name]()
    for end in chain(range(min(700, len(data))), range(700, len(data), 97), range(max(0, len(data) - 60), len(data))):
        assert why_left(data[:end]), end


@pytest.mark.parametrize("name", ["png", "jpeg", "webp", "webp, exif", "mp4", "mp4, open"])
@given(where=st.floats(0, 1), new=st.binary(min_size=1, max_size=12), inserts=st.booleans(), told=st.booleans())
def test_damage_is_survived(name: str, where: float, new: bytes, inserts: bool, told: bool):
    """Whatever is damaged, in the first bytes for the most part: nothing raises, and nothing is lost."""
    data = {**PICTURES, **FILMS}[name]()
    data = described(data) if told else data
    at = int(min(len(data), 1500) * where)
    damaged = data[:at] + new + data[at if inserts else at + len(new) :]
    told_by(damaged)
    try:
        pieces = pieces_with(io.BytesIO(damaged), FOX)
    except LeftAlone:
        return
    spans = [piece for piece in pieces if not isinstance(piece, bytes)]
    copied = sum(span.stop - span.start for span in spans)
    assert copied >= len(damaged) - 30, "all is copied but a changed head"
    assert told_by(described(damaged)) is not None


class Counted(io.BytesIO):
    """Counts what is read of it."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


def bomb() -> bytes:
    return with_chunk(PNG, png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(1 << 25), 9)))


def laughs(depth: int = 12) -> bytes:
    entities = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(depth))
    text = (
        f'<!DOCTYPE x [<!ENTITY l0 "ha">{entities}]><x:xmpmeta xmlns:x="adobe:ns:meta/" '
        f'xmlns:o="urn:apixo-mcp:provenance:1/"><o:Provenance>&l{depth};</o:Provenance></x:xmpmeta>'
    )
    return with_chunk(PNG, png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + text.encode()))


def deep() -> bytes:
    text = b'<a xmlns:o="urn:apixo-mcp:provenance:1/">' * 20_000
    return with_chunk(PNG, png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + text))


def nested_json() -> bytes:
    start = packet_of(FOX).decode()
    whole = "[" * 200_000
    at, stop = start.index("<apixo:Provenance>") + 18, start.index("</apixo:Provenance>")
    return MP4 + a_box(b"uuid", XMP_BOX + (start[:at] + whole + start[stop:]).encode())


HOSTILE = {
    "a bomb": bomb,
    "a billion laughs": laughs,
    "deep elements": deep,
    "deep JSON": nested_json,
    "millions of chunks": lambda: PNG[:33] + png_chunk(b"tEXt", b"") * 300_000 + PNG[33:],
    "millions of boxes": lambda: MP4 + a_box(b"free", b"") * 500_000,
    "a packet beyond all": lambda: MP4 + a_box(b"uuid", XMP_BOX + bytes(LONGEST_READ + 1)),
    "thousands of packets": lambda: (
        MP4 + a_box(b"uuid", XMP_BOX + b"urn:apixo-mcp:provenance:1/" + bytes(9_000)) * 2000
    ),
    "a webp of nothings": lambda: riff(EXTENDED, chunk(b"xxxx", b"") * 300_000),
    "no JSON": lambda: MP4 + a_box(b"uuid", XMP_BOX + packet_of(FOX).replace(b"{", b"[")),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_read_in_bounds(name: str):
    file = Counted(HOSTILE[name]())
    assert told_by(file) is None
    assert file.count < 6_000_000
    assert why_left(file.getvalue())


def test_of_a_large_file_only_heads_are_read():
    padding = 40_000_000
    for data in (
        with_chunk(PNG, png_chunk(b"noIs", bytes(padding))),
        riff(EXTENDED, chunk(b"xxxx", bytes(padding))),
        MP4 + a_box(b"free", bytes(padding)),
    ):
        for whole in (data, described(data)):
            file = Counted(whole)
            told_by(file)
            assert file.count < 20_000


def test_a_file_larger_than_memory_is_written_piece_by_piece(tmp_path: Path):
    """Sparse, so that it takes no disk: three gigabytes of a chunk that readers skip."""
    length = (1 << 31) - 1
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.write(PNG[:33] + struct.pack(">I", length) + b"noIs")
        file.seek(length + 4, io.SEEK_CUR)
        file.write(PNG[33:])
    with path.open("rb") as file:
        assert told_by(file) is None
        pieces = pieces_with(file, FOX)
    assert [len(piece) if isinstance(piece, bytes) else piece.stop - piece.start for piece in pieces][::2] == [
        33,
        path.stat().st_size - 33,
    ]


def test_a_file_that_shrinks_meanwhile_is_no_file():
    pieces = pieces_with(io.BytesIO(PNG), FOX)
    with pytest.raises(OSError, match="became shorter"):
        assemble(io.BytesIO(PNG[:-1]), pieces, io.BytesIO())
