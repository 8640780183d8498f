"""What every place for the files of results must do, whatever it is built on."""

import hashlib
import uuid
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from anyio import to_thread
from obstore.store import MemoryStore
from support.buckets import bucket_files
from support.media_wire import Wire, a_png, a_result, a_task, cut, ranged, refusal, serving, whole
from support.memory_files import MemoryFiles
from support.s3 import needs_s3

from apixo_mcp.errors import MediaError
from apixo_mcp.media.bucket.bucket import Bucket
from apixo_mcp.media.files import KeptFile, ResultFiles, record_of
from apixo_mcp.media.local import LocalFiles
from apixo_mcp.media.places import TransferLimits
from apixo_mcp.media.saver import Saver
from apixo_mcp.net.http import Http
from apixo_mcp.tasks.task import FileState, Result, Task

pytestmark = pytest.mark.anyio


def in_bucket(folder: Path) -> Callable[[], ResultFiles]:
    """A bucket that is in this process alone."""
    store = MemoryStore()
    return lambda: bucket_files(folder, Bucket("results", store))


PLACES: dict[str, Callable[[Path], Callable[[], ResultFiles]]] = {
    "folder": lambda folder: partial(LocalFiles, folder),
    "memory": lambda folder: partial(MemoryFiles, folder, {}),
    "bucket": in_bucket,
}
"""Every place that keeps the contract: one line each, which says how to open one and the same place again and again."""
BODY = b"any bytes at all" * 1000
ALIKE = "tsk_zzzzzzzzzzzzzzzzzzzzuvwxyz"  # ends as the usual task does: their files would have one name


@pytest.fixture(params=[*sorted(PLACES), pytest.param("s3", marks=[pytest.mark.s3, needs_s3])])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], ResultFiles]:
    if request.param == "s3":
        name = request.getfixturevalue("s3").bucket(f"results-{uuid.uuid4().hex}")
        return lambda: bucket_files(tmp_path / "results", Bucket(name))
    return PLACES[request.param](tmp_path / "results")


@pytest.fixture
def files(place: Callable[[], ResultFiles]) -> ResultFiles:
    return place()


@pytest.fixture
def other(files: ResultFiles, place: Callable[[], ResultFiles]) -> ResultFiles:
    """The same place, as another process has it."""
    return place()


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with serving() as wire:
        yield wire


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    async with Http(allow_private_hosts=True) as http:
        yield http


def put(files: ResultFiles, task: Task, result: Result, body: bytes = BODY, note: str = "") -> KeptFile:
    with closing(files.arrival(task, result)) as arrival:
        arrival.part.begin("", None)
        arrival.part.write(body)
        sha256 = arrival.part.finish()
        kept = arrival.put(".bin", record_of(task, result, sha256=sha256, size=len(body), mime_type="a/b", note=note))
        arrival.part.drop()
        return kept


def found(files: ResultFiles, task: Task, result: Result) -> KeptFile | None:
    with closing(files.arrival(task, result)) as arrival:
        return arrival.find()


def content(files: ResultFiles, path: str) -> bytes:
    with files.open(path) as file:
        return file.read()


def test_what_is_put_is_found_again_from_anywhere(files: ResultFiles, other: ResultFiles) -> None:
    kept = put(files, a_task(), a_result("u"), note="odd")
    assert (kept.mime_type, kept.size, kept.note) == ("a/b", len(BODY), "odd")
    assert kept.sha256 == hashlib.sha256(BODY).hexdigest()
    for place in (files, other):
        assert found(place, a_task(), a_result("u")) == kept
        assert content(place, kept.path) == BODY
        assert place.size(kept.path) == len(BODY)


def test_a_file_is_read_from_any_offset(files: ResultFiles) -> None:
    with files.open(put(files, a_task(), a_result("u")).path) as file:
        assert file.seek(0, 2) == len(BODY)
        file.seek(-7, 2)
        assert file.read() == BODY[-7:]
        file.seek(3)
        assert file.read(5) == BODY[3:8]


def test_programs_of_this_machine_can_read_it(files: ResultFiles) -> None:
    path = files.on_disk(put(files, a_task(), a_result("u")).path)
    assert path is not None
    assert path.read_bytes() == BODY


@pytest.mark.parametrize("path", ["", "gone", "results/2023-11-14/gone.png"])
def test_what_was_never_put_is_not_there(files: ResultFiles, path: str) -> None:
    assert files.size(path) is None
    assert files.on_disk(path) is None
    with pytest.raises(OSError):
        files.open(path)


def test_nothing_is_found_of_a_result_that_was_not_put(files: ResultFiles) -> None:
    put(files, a_task(), a_result("u"))
    assert found(files, a_task(), a_result("u", index=1)) is None
    assert found(files, a_task(task_id=ALIKE), a_result("u")) is None


def test_no_file_takes_the_place_of_another(files: ResultFiles, other: ResultFiles) -> None:
    one = put(files, a_task(), a_result("u"), b"one")
    two = put(other, a_task(task_id=ALIKE), a_result("u"), b"two")
    again = put(files, a_task(task_id=ALIKE), a_result("u", index=1), b"three")
    assert len({one.path, two.path, again.path}) == 3
    assert [content(files, kept.path) for kept in (one, two, again)] == [b"one", b"two", b"three"]


def test_of_many_that_are_put_at_once_each_has_its_own(files: ResultFiles, other: ResultFiles) -> None:
    ends = [f"tsk_{number:020}uvwxyz" for number in range(12)]

    def one(number: int) -> KeptFile:
        return put((files, other)[number % 2], a_task(task_id=ends[number]), a_result("u"), ends[number].encode())

    with ThreadPoolExecutor(6) as pool:
        kept = list(pool.map(one, range(len(ends))))
    assert len({entry.path for entry in kept}) == len(ends)
    assert [content(files, entry.path) for entry in kept] == [end.encode() for end in ends]


def test_what_has_come_waits_for_a_later_try(files: ResultFiles, other: ResultFiles) -> None:
    with closing(files.arrival(a_task(), a_result("u"))) as arrival:
        arrival.part.begin('"one"', 100)
        arrival.part.write(b"x" * 40)
    with closing(other.arrival(a_task(), a_result("u", index=1))) as arrival:
        assert arrival.part.left() is None
    with closing(other.arrival(a_task(), a_result("u"))) as arrival:
        left = arrival.part.left()
        assert left is not None
        assert (left.size, left.etag, left.total) == (40, '"one"', 100)
        assert arrival.find() is None
        arrival.part.drop()
        assert arrival.part.left() is None


async def test_a_result_is_saved_through_it(files: ResultFiles, wire: Wire, http: Http, tmp_path: Path) -> None:
    png = a_png(padding=400_000)
    saver = Saver(http, files, TransferLimits(pauses=(0.0, 0.0)))
    unfetched = await saver.save(a_task(), a_result(wire.answers(cut(png, 150_000), refusal(503))))
    assert unfetched.file is FileState.FAILED
    saved = await saver.save(a_task(), a_result(wire.answers(ranged(png))))
    assert wire.asked[-1].offset == 150_000
    assert (saved.file, saved.bytes, saved.mime_type, saved.width) == (FileState.SAVED, len(png), "image/png", 8)
    assert await to_thread.run_sync(content, files, saved.path) == png
    assert await saver.is_there(saved)
    asked = len(wire.asked)
    assert await saver.save(a_task(), a_result(saved.url)) == saved
    assert len(wire.asked) == asked
    copied = await saver.copy(a_task(), saved, tmp_path / "copies")
    assert copied.read_bytes() == png
    assert await saver.copy(a_task(), saved, tmp_path / "copies") == copied


async def test_what_is_gone_is_fetched_anew(files: ResultFiles, wire: Wire, http: Http, tmp_path: Path) -> None:
    saver = Saver(http, files, TransferLimits(pauses=(0.0, 0.0)))
    gone = a_result(wire.answers(whole(a_png())), path="gone", bytes=5, file=FileState.SAVED)
    assert not await saver.is_there(gone)
    with pytest.raises(MediaError, match="no longer there"):
        await saver.copy(a_task(), gone, tmp_path / "copies")
    fetched = await saver.save(a_task(), gone)
    assert await to_thread.run_sync(content, files, fetched.path) == a_png()


def test_a_file_is_deleted_for_its_own_result_alone(files: ResultFiles, other: ResultFiles) -> None:
    task, result = a_task(), a_result("u")
    kept = put(files, task, result)
    saved = replace(result, file=FileState.SAVED, path=kept.path, bytes=kept.size, sha256=kept.sha256)
    for strange in (replace(saved, index=1), replace(saved, sha256="0" * 64), replace(saved, path=f"{kept.path}.x")):
        assert not files.delete(task, strange)
    assert not files.delete(a_task(task_id=ALIKE), saved)
    assert content(files, kept.path) == BODY
    assert other.delete(task, saved)
    other.forget(task, saved)
    assert files.size(kept.path) is None
    assert found(files, task, result) is None
