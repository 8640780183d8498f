"""Results in a bucket behind a real server of S3: what several machines, other programs and strangers see of it."""

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread
from support.amounts import here, in_time
from support.buckets import Answering, bucket_files
from support.media_wire import Wire, a_png, a_result, a_task, refusal, whole
from support.s3 import S3, fetched

from apixo_mcp.errors import MediaError
from apixo_mcp.media.bucket.bucket import SINGLE, Bucket
from apixo_mcp.media.bucket.results import BucketFiles
from apixo_mcp.media.files import PlaceTrouble, record_of
from apixo_mcp.media.places import TransferLimits
from apixo_mcp.media.saver import Saver
from apixo_mcp.net.http import Http
from apixo_mcp.tasks.task import FileState

pytestmark = pytest.mark.anyio

HTML = b"<!doctype html><script>alert(1)</script>"
LIMITS = TransferLimits(pauses=(0.0, 0.0))


@pytest.fixture
def name(s3: S3) -> str:
    return s3.bucket(f"results-{uuid.uuid4().hex}")


@pytest.fixture
def files(name: str, tmp_path: Path) -> BucketFiles:
    return bucket_files(tmp_path / "one", Bucket(name))


@pytest.fixture
def other(name: str, tmp_path: Path) -> BucketFiles:
    """The same place, as another machine has it."""
    return bucket_files(tmp_path / "two", Bucket(name))


def put(files: BucketFiles, body: bytes, *, mime_type: str = "image/png", ending: str = ".png", **changes: Any) -> str:
    """The path of a result that was put."""
    task, result = a_task(**changes), a_result("u")
    with closing(files.arrival(task, result)) as arrival:
        arrival.part.begin("", None)
        arrival.part.write(body)
        sha256 = arrival.part.finish()
        kept = arrival.put(ending, record_of(task, result, sha256=sha256, size=len(body), mime_type=mime_type))
        arrival.part.drop()
        return kept.path


def read(files: BucketFiles, path: str) -> bytes:
    with files.open(path) as file:
        return file.read()


def test_a_result_has_its_task_and_index_as_its_key_and_a_record_beside_it(
    files: BucketFiles, s3: S3, name: str
) -> None:
    png = a_png()
    path = put(files, png)
    key = "team/one/2023-11-14/tsk_abcdefghijklmnopqrstuvwxyz/image-0.png"
    assert path == f"s3://{name}/{key}"
    assert sorted(s3.keys(name)) == [key, f"{key}.json"]
    assert s3.body(name, key) == png
    record = json.loads(s3.body(name, f"{key}.json"))
    assert (record["prompt"], record["index"], record["bytes"]) == ("A red fox, at dawn", 0, len(png))
    assert not any(word in json.dumps(record) for word in ("kp-secret-print", "planted"))


def test_a_signed_address_gives_the_file_and_a_part_of_it_under_the_name_of_its_prompt(files: BucketFiles) -> None:
    png = a_png(padding=10_000)
    address = files.link(put(files, png, prompt="Ein Füchslein; im Schnee"), 60.0)
    status, body, headers = fetched(address)
    assert (status, body, headers["content-type"]) == (200, png, "image/png")
    assert headers["content-disposition"].startswith('inline; filename="ein-f_chslein-im-schnee')
    status, body, _ = fetched(address, range="bytes=5-9")
    assert (status, body) == (206, png[5:10])
    assert fetched(address.partition("?")[0].replace("image-0", "image-1"))[0] in (403, 404)


def test_an_address_is_good_for_as_long_as_was_said(files: BucketFiles) -> None:
    path = put(files, a_png())
    one = files.link(path, 60.0)
    assert "X-Amz-Expires=60&" in one
    assert files.link(path, 61.0) != one


@pytest.mark.parametrize(
    ("body", "mime_type", "ending"),
    [(HTML, "text/html", ".html"), (b"<svg onload='x'/>", "image/svg+xml", ".svg"), (HTML, "application/pdf", ".pdf")],
)
def test_nothing_is_handed_out_as_a_page(files: BucketFiles, body: bytes, mime_type: str, ending: str) -> None:
    _, _, headers = fetched(files.link(put(files, body, mime_type=mime_type, ending=ending), 60.0))
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment;")


def test_a_file_of_several_parts_is_put_whole_with_what_is_noted_of_it(files: BucketFiles, other: BucketFiles) -> None:
    body = b"\x89PNG" + bytes(range(256)) * (SINGLE // 256 * 2)
    path = put(files, body)
    assert read(other, path) == body
    assert fetched(files.link(path, 60.0))[2]["content-type"] == "image/png"
    copy = other.on_disk(path)
    assert copy is not None
    assert copy.read_bytes() == body
    with closing(other.arrival(a_task(), a_result("u"))) as arrival:
        kept = arrival.find()
    assert kept is not None
    assert (kept.path, kept.size) == (path, len(body))


def test_of_two_machines_that_save_one_result_both_have_the_one_object(
    files: BucketFiles, other: BucketFiles, s3: S3, name: str
) -> None:
    for number in range(6):
        task_id = f"tsk_{number:020}uvwxyz"
        with ThreadPoolExecutor(2) as pool:
            tries = [pool.submit(put, place, a_png(8 + at), task_id=task_id) for at, place in enumerate((files, other))]
        paths = {one.result() for one in tries}
        assert len(paths) == 1
        assert read(files, paths.pop()) in (a_png(8), a_png(9))
    assert sum(key.endswith(".png") for key in s3.keys(name)) == 6


def test_an_object_of_somebody_else_is_not_touched(files: BucketFiles, s3: S3, name: str) -> None:
    taken = "team/one/2023-11-14/tsk_abcdefghijklmnopqrstuvwxyz/image-0.png"
    s3.client().put_object(Bucket=name, Key=taken, Body=b"theirs")
    path = put(files, a_png())
    assert path.endswith("/image-0-2.png")
    assert s3.body(name, taken) == b"theirs"


async def test_a_crash_after_the_file_was_put_costs_nothing(
    files: BucketFiles, other: BucketFiles, s3: S3, name: str, wire: Wire, http: Http
) -> None:
    path = await to_thread.run_sync(put, files, a_png())
    s3.client().delete_object(Bucket=name, Key=f"{path.removeprefix(f's3://{name}/')}.json")  # it never came to that
    saved = await Saver(http, other, LIMITS).save(a_task(), a_result(wire.answers(whole(a_png()))))
    assert (saved.file, saved.path, saved.width) == (FileState.SAVED, path, 8)
    assert not wire.asked


async def test_while_the_bucket_is_away_the_file_is_fetched_and_kept_here_until_it_is_back(
    name: str, wire: Wire, http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3: S3
) -> None:
    png, folder = a_png(), tmp_path / "one"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    away = Saver(http, bucket_files(folder, Bucket(name)), LIMITS)
    failed = await away.save(a_task(), a_result(wire.answers(whole(png), refusal(410), refusal(410))))
    assert (failed.file, failed.url) == (FileState.FAILED, failed.url)
    assert failed.url
    assert "the object store does not answer" in failed.problem
    again = await away.save(a_task(), failed)
    assert again.file is FileState.FAILED
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
    saved = await Saver(http, bucket_files(folder, Bucket(name)), LIMITS).save(a_task(), again)
    assert saved.file is FileState.SAVED
    assert s3.body(name, saved.path.removeprefix(f"s3://{name}/")) == png
    assert len(wire.asked) == 1
    assert not [*(folder / "arriving").iterdir()]


async def test_what_cannot_be_asked_about_is_not_gone(
    files: BucketFiles, name: str, http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await to_thread.run_sync(put, files, a_png())
    saved = a_result("u", path=path, bytes=len(a_png()), file=FileState.SAVED)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    away = bucket_files(tmp_path / "two", Bucket(name))
    assert await Saver(http, away, LIMITS).is_there(saved)
    with pytest.raises(PlaceTrouble):
        await to_thread.run_sync(away.size, path)
    with pytest.raises(MediaError, match="does not answer"):
        await Saver(http, away, LIMITS).copy(a_task(), saved, tmp_path / "copies")


async def test_what_somebody_deleted_is_fetched_anew_once_it_was_missed(
    files: BucketFiles, s3: S3, name: str, wire: Wire, http: Http, tmp_path: Path
) -> None:
    saver, png = Saver(http, files, LIMITS), a_png()
    saved = await saver.save(a_task(), a_result(wire.answers(whole(png), whole(png))))
    s3.client().delete_object(Bucket=name, Key=saved.path.removeprefix(f"s3://{name}/"))
    assert await saver.is_there(saved), "nobody has asked"
    with pytest.raises(MediaError, match="no longer there"):
        await saver.copy(a_task(), saved, tmp_path / "copies")
    assert not await saver.is_there(saved)
    again = await saver.save(a_task(), saved)
    assert again.path == saved.path
    assert await saver.is_there(again)
    assert len(wire.asked) == 2


def test_a_bucket_that_is_gone_is_not_an_object_that_is(s3: S3, tmp_path: Path) -> None:
    with pytest.raises(PlaceTrouble, match="there is no such bucket"):
        bucket_files(tmp_path, Bucket("nowhere")).size("s3://nowhere/team/one/x.png")


def test_another_bucket_is_not_read(files: BucketFiles) -> None:
    with pytest.raises(PlaceTrouble, match="Set APIXO_MCP_RESULTS to that"):
        files.size("s3://elsewhere/team/one/x.png")


def test_a_copy_goes_when_others_need_its_room_and_is_made_again(name: str, files: BucketFiles, tmp_path: Path) -> None:
    paths = [put(files, a_png(padding=20_000), task_id=f"tsk_{number:020}uvwxyz") for number in range(3)]
    small = bucket_files(tmp_path / "two", Bucket(name), most=55_000)
    copies = [small.on_disk(path) for path in paths]
    assert [copy is not None and copy.exists() for copy in copies] == [False, True, True]
    again = small.on_disk(paths[0])
    assert again is not None
    assert again.read_bytes() == read(files, paths[0])


def test_an_object_that_was_replaced_is_read_as_it_is_now(
    files: BucketFiles, other: BucketFiles, s3: S3, name: str
) -> None:
    path = put(files, a_png())
    assert other.on_disk(path) is not None
    s3.client().put_object(Bucket=name, Key=path.removeprefix(f"s3://{name}/"), Body=b"another")
    assert read(other, path) == b"another"
    saved = a_result("u", path=path, bytes=7, file=FileState.SAVED)
    assert not other.delete(a_task(), saved)


@pytest.fixture
def silent() -> Iterator[Answering]:
    """A store that takes a request and never answers."""
    with Answering(None) as store:
        yield store


async def test_a_put_that_nobody_waits_for_any_more_ends_at_once(
    silent: Answering, s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", silent.url)
    big = tmp_path / "big"
    big.write_bytes(bytes(3 * SINGLE))
    bucket, ended, began = Bucket("results"), anyio.Event(), 0.0

    async def putting() -> None:
        try:
            await to_thread.run_sync(lambda: bucket.put("x", big, mime_type="image/png"))
        finally:
            ended.set()

    with in_time(20):
        async with anyio.create_task_group() as group:
            group.start_soon(putting)
            await to_thread.run_sync(silent.asked.wait)
            began = anyio.current_time()
            group.cancel_scope.cancel()
    assert ended.is_set()
    assert anyio.current_time() - began < here(4.0)
