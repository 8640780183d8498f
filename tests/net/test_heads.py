"""Heads and packed bodies as servers send them, beneath the HTTP library."""

import gzip
import zlib

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apixo_mcp.errors import MediaError
from apixo_mcp.net.heads import Chunks, cleaned
from apixo_mcp.net.unpacking import Unpacker, encodings

NAMES = st.sampled_from(
    [b"Content-Length", b"content-length", b"Transfer-Encoding", b"X Y", b"", b"ETag", b"X-A ", b"\xff", b"Set-Cookie"]
)
VALUES = st.one_of(
    st.sampled_from(
        [b"5", b"-1", b"5, 5", b"9" * 5000, b"chunked", b"gzip, chunked", b"identity", b"", b"\0", b"\xe9"]
    ),
    st.binary(max_size=40).map(lambda value: value.replace(b"\n", b"").replace(b"\r", b"")),
)
LINES = st.one_of(st.builds(lambda name, value: name + b":" + value, NAMES, VALUES), st.binary(max_size=30))
STARTS = st.sampled_from(
    [b"HTTP/1.1 200 OK", b"HTTP/1.0 206", b"ICY 200 OK", b"HTTP/2 404 ", b"HTTP/1.1  200 \xff", b"http/1.1 200"]
)


@given(STARTS, st.lists(LINES, max_size=12), st.sampled_from([b"\r\n", b"\n"]), st.binary(max_size=40))
def test_a_clean_head_is_one_that_a_strict_parser_takes(start, lines, end, body):
    lines = [line for line in lines if line.strip(b"\r\n") and b"\n" not in line]
    head = end.join([start, *lines, b"", b""])
    parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    parser.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    parser.send(h11.EndOfMessage())
    parser.receive_data(cleaned(head, body))
    assert isinstance(parser.next_event(), h11.Response)


@given(st.binary(max_size=300), st.binary(max_size=50))
def test_no_head_raises(head, body):
    assert isinstance(cleaned(head, body), bytes)


@given(
    st.lists(st.binary(min_size=1, max_size=90), max_size=9),
    st.sampled_from([b"\r\n", b"\n"]),
    st.sampled_from([b"", b";name=value", b" "]),
    st.integers(1, 50),
)
def test_chunks_are_written_anew_whatever_their_lines_end_in(pieces, end, more, size):
    body = b"".join(b"%x%s%s%s%s" % (len(piece), more, end, piece, end) for piece in pieces)
    body += b"0" + end + b"A-Trailer: x" + end + end
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    parser.send(h11.EndOfMessage())
    parser.receive_data(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert isinstance(parser.next_event(), h11.Response)
    chunks, came = Chunks(), b""
    for at in range(0, len(body), size):
        if fine := chunks.feed(body[at : at + size]):
            parser.receive_data(fine)
    while isinstance(event := parser.next_event(), h11.Data):
        came += event.data
    assert came == b"".join(pieces)
    assert isinstance(event, h11.EndOfMessage)


@pytest.mark.parametrize(
    "body", [b"5\nhello7\nabcdefg\n0\n\n", b"zz\r\nab", b"1" * 5000, b"5\r\nhelloworld\r\n0\r\n\r\n"]
)
def test_chunks_that_are_none_are_told(body):
    assert Chunks().feed(body).endswith(b"!\r\n")


def fed(encoding: str, body: bytes, size: int) -> bytes:
    unpacker = Unpacker(encoding)
    found = b"".join(piece for at in range(0, len(body), size) for piece in unpacker.feed(body[at : at + size]))
    return found + unpacker.end()


@given(st.binary(max_size=3000), st.integers(1, 700), st.sampled_from(["gzip", "x-gzip"]))
def test_what_is_packed_is_unpacked_whatever_the_pieces(body, size, encoding):
    assert fed(encoding, gzip.compress(body), size) == body
    assert fed("deflate", zlib.compress(body), size) == body


@given(st.binary(max_size=3000).filter(lambda body: body[:2] != b"\x1f\x8b"), st.integers(1, 700))
def test_what_is_plain_stays_as_it_came(body, size):
    for encoding in ("gzip", "x-gzip", "br", "zstd", "no-such"):
        assert fed(encoding, body, size) == body


@pytest.mark.parametrize("at", [20, 60, -9, -1])
def test_what_is_packed_and_cut_is_told(at):
    body = gzip.compress(bytes(range(256)) * 40)
    with pytest.raises(MediaError):
        fed("gzip", body[:at], 50)


def test_a_little_that_holds_a_lot_comes_in_pieces():
    unpacker = Unpacker("gzip")
    sizes = [len(piece) for piece in unpacker.feed(gzip.compress(bytes(50_000_000)))]
    assert sum(sizes) == 50_000_000
    assert max(sizes) <= 256 * 1024


def test_encodings_are_undone_last_first():
    assert encodings("gzip, identity, BR ,") == ["br", "gzip"]
    assert encodings("") == []
    assert len(encodings("gzip," * 50)) == 3
