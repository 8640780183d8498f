"""An object is read in parts that are worth a request."""

import os

import pytest
from obstore.store import MemoryStore

from apixo_mcp.media.bucket.bucket import Bucket, Stored

CONTENT = os.urandom(3_500_000)


class Counted(Bucket):
    """A bucket that counts what is asked of it."""

    asked = 0

    def part(self, stored: Stored, start: int, stop: int) -> bytes:
        self.asked += 1
        return super().part(stored, start, stop)


@pytest.fixture
def bucket() -> Counted:
    bucket = Counted("results", MemoryStore())
    bucket.put("key", CONTENT, mime_type="image/png")
    return bucket


@pytest.mark.parametrize(("pieces", "most"), [(-1, 1), (1 << 18, 4), (1 << 20, 4), (100_000, 5)])
def test_few_requests_bring_a_whole_object(bucket: Counted, pieces: int, most: int) -> None:
    stored = bucket.head("key")
    assert stored is not None
    with bucket.open(stored) as file:
        read = bytearray()
        while piece := file.read(pieces):
            read += piece
    assert read == CONTENT
    assert bucket.asked <= most


def test_a_look_at_the_beginning_and_the_end_brings_no_more_than_these(bucket: Counted) -> None:
    stored = bucket.head("key")
    assert stored is not None
    with bucket.open(stored) as file:
        assert file.read(16) == CONTENT[:16]
        file.seek(-16, os.SEEK_END)
        assert file.read() == CONTENT[-16:]
        assert file.seek(10_000_000) == 10_000_000
        assert file.read() == b""
    assert bucket.asked == 2


def test_an_object_that_was_replaced_meanwhile_is_not_read_half_and_half(bucket: Counted) -> None:
    stored = bucket.head("key")
    assert stored is not None
    with bucket.open(stored) as file:
        file.read(16)
        bucket.put("key", CONTENT[::-1], mime_type="image/png")
        file.seek(-16, os.SEEK_END)
        with pytest.raises(FileNotFoundError):
            file.read()
