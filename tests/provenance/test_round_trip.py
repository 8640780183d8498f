"""What is written into a file is read out of it, and what people see and hear stays as it was."""

import io
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from support.described import FILMS, FOX, PICTURES, described, pixels, why_left
from support.samples import png_chunk, recorded, with_chunk

from apixo_mcp.provenance.embedded import told_by
from apixo_mcp.provenance.packet import provenance_in
from apixo_mcp.provenance.pieces import LeftAlone
from apixo_mcp.provenance.provenance import Provenance

ALL = {**PICTURES, **FILMS}

characters = st.characters()  # halves of pairs and control characters too
words = st.text(characters, max_size=60)
names = st.text(characters, min_size=1, max_size=60)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)
provenances = st.builds(
    Provenance,
    prompt=st.text(characters, max_size=400),
    model=names,
    task_id=names,
    index=st.integers(0, 30),
    gateway=words,
    created_at=words,
    app=words,
    inputs=st.dictionaries(words, values, max_size=5),
)


@pytest.mark.parametrize("form", ["png", "jpeg", "webp", "mp4"])
@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(provenance=provenances)
def test_whatever_is_told_is_read_as_it_was(form: str, provenance: Provenance):
    assert told_by(described(ALL[form](), provenance)) == provenance


@pytest.mark.parametrize("name", PICTURES)
def test_the_pixels_of_a_picture_are_the_same(name: str):
    data = PICTURES[name]()
    new = described(data)
    assert told_by(new) == FOX
    assert pixels(new) == pixels(data)
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(new)) as after:
        assert after.info.get("exif") == before.info.get("exif")
        assert after.info.get("xmp"), "Pillow finds the packet too"


@pytest.mark.parametrize("name", FILMS)
def test_the_boxes_of_a_video_are_the_same(name: str):
    data = FILMS[name]()
    new = described(data)
    assert told_by(new) == FOX
    at = data.index(b"mdat") - 4
    assert new[:at] == data[:at]
    assert new[at + 4 : len(data)] == data[at + 4 :]


@pytest.mark.parametrize("name", ["mp4", "mp4, open"])
def test_the_packets_of_a_video_are_the_same(name: str):
    av = pytest.importorskip("av", reason="the extra `video` is not installed")

    def packets(data: bytes) -> list[Any]:
        with av.open(io.BytesIO(data)) as file:
            return [(packet.stream_index, packet.pts, packet.dts, bytes(packet)) for packet in file.demux()]

    data = FILMS[name]()
    assert packets(described(data)) == packets(data)
    assert len(packets(data)) > 5


@pytest.mark.parametrize(("container", "codec"), [("mp4", "mpeg4"), ("mov", "mpeg4"), ("ipod", "aac")])
@pytest.mark.parametrize("flags", ["", "frag_keyframe+empty_moov+skip_trailer"])
def test_the_packets_of_what_ffmpeg_writes_are_the_same(container: str, codec: str, flags: str):
    av = pytest.importorskip("av", reason="the extra `video` is not installed")
    data = recorded(container, codec, movflags=flags) if flags else recorded(container, codec)
    new = described(data)
    assert told_by(new) == FOX
    read: list[list[bytes]] = []
    for one in (data, new):
        with av.open(io.BytesIO(one)) as file:
            read.append([bytes(packet) for packet in file.demux()])
    assert read[0] == read[1]


@pytest.mark.parametrize("name", ALL)
def test_a_file_that_tells_already_is_left_alone(name: str):
    assert why_left(described(ALL[name]())) == "another program has described it already"


@pytest.mark.parametrize("name", ["png", "jpeg", "webp", "mp4"])
def test_what_has_no_room_is_told_without_its_inputs(name: str):
    long = replace(FOX, prompt="狐" * 5000, inputs={"words": "x" * 90_000, "seed": 7})
    told = told_by(described(ALL[name](), long))
    assert told == (replace(long, inputs={}) if name == "jpeg" else long)
    endless = replace(FOX, prompt="狐" * 100_000)
    with pytest.raises(LeftAlone, match="no room for as long a prompt"):
        described(ALL[name](), endless)


def test_it_is_read_however_another_program_writes_the_packet_anew():
    """As an attribute, under another prefix, and with a declaration in front."""
    plain = described(PICTURES["png"]())
    start, stop = plain.index(b"<?xpacket begin"), plain.index(b'<?xpacket end="w"?>')
    text = plain[start:stop].decode()
    whole = text[text.index("<apixo:Provenance>") + 18 : text.index("</apixo:Provenance>")]
    packet = (
        '<?xml version="1.0"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        f"xmlns:ours='urn:apixo-mcp:provenance:1/' ours:Provenance='{whole}'/></rdf:RDF></x:xmpmeta>"
    )
    assert provenance_in(packet.encode()) == FOX
    chunk = png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0en\0Title\0" + packet.encode())
    assert told_by(with_chunk(PICTURES["png"](), chunk)) == FOX
