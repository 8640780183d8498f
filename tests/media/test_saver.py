import hashlib
import json

import anyio
import pytest
from support.amounts import in_time
from support.media_wire import (
    a_png,
    a_result,
    a_saver,
    a_task,
    a_wav,
    an_mp4,
    content,
    cut,
    endless,
    files,
    head,
    ranged,
    refusal,
    whole,
)

from apixo_mcp.tasks.task import FileState

pytestmark = pytest.mark.anyio

PNG = a_png(padding=400_000)
DAY = "2023-11-14"


async def test_a_file_is_saved_with_its_facts_and_a_side_file(wire, http, tmp_path):
    url = wire.answers(whole(PNG, content_type="image/jpeg"))
    saver = a_saver(http, tmp_path)
    saved = await saver.save(a_task(), a_result(url))
    path = tmp_path / DAY / "a-red-fox-at-dawn-uvwxyz.png"
    assert saved == a_result(
        url,
        file=FileState.SAVED,
        path=str(path),
        mime_type="image/png",
        bytes=len(PNG),
        width=8,
        height=6,
        sha256=hashlib.sha256(PNG).hexdigest(),
    )
    assert path.read_bytes() == PNG
    assert files(tmp_path) == [path.name, f"{path.name}.json"]
    side = json.loads(path.with_name(f"{path.name}.json").read_text(encoding="utf-8"))
    assert side.pop("inputs")["image_urls"][0].endswith("(522 characters)")
    assert side == {
        "task_id": a_task().task_id,
        "index": 0,
        "remote_id": "r-1",
        "gateway": "apixo",
        "model": "nano-banana-pro",
        "prompt": "A red fox, at dawn",
        "created_at": "2023-11-14T22:13:20Z",
        "url": url,
        "sha256": saved.sha256,
        "bytes": len(PNG),
        "mime_type": "image/png",
    }
    assert await saver.is_there(saved)
    path.write_bytes(b"")
    assert not await saver.is_there(saved)
    assert not await saver.is_there(a_result(url))


async def test_a_broken_line_is_taken_up_where_it_broke(wire, http, tmp_path):
    url = wire.answers(cut(PNG, 150_000), cut(PNG, 100_000), ranged(PNG))
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert saved.file is FileState.SAVED
    assert saved.sha256 == hashlib.sha256(content(saved)).hexdigest() == hashlib.sha256(PNG).hexdigest()
    assert [asked.offset for asked in wire.asked] == [0, 150_000, 250_000]
    assert wire.asked[2].headers["if-range"] == '"one"'


async def test_a_later_try_goes_on_where_the_last_one_stopped(wire, http, tmp_path):
    url = wire.answers(cut(PNG, 150_000), refusal(503))
    failed = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert failed.file is FileState.FAILED
    assert "503" in failed.problem
    assert "tried again" in failed.problem
    wire.asked.clear()
    url = wire.answers(ranged(PNG))
    saved = await a_saver(http, tmp_path).save(a_task(), failed)
    assert (saved.file, saved.problem, saved.bytes) == (FileState.SAVED, "", len(PNG))
    assert content(saved) == PNG
    assert [asked.offset for asked in wire.asked] == [150_000]
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize("second", ["another etag", "no ranges", "wrong range"])
async def test_a_file_that_changed_is_fetched_from_its_start(wire, http, tmp_path, second):
    other = a_png(16, 16, padding=300_000)

    async def wrong_range(asked, send):
        if not asked.offset:
            await whole(other)(asked, send)
        else:
            await send(head(206, content_length=10, content_range=f"bytes 5-14/{len(other)}") + other[5:15])

    answer = {"another etag": ranged(other, '"two"'), "no ranges": whole(other), "wrong range": wrong_range}[second]
    url = wire.answers(cut(PNG, 150_000), answer)
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert content(saved) == other
    assert saved.sha256 == hashlib.sha256(other).hexdigest()


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
async def test_without_a_strong_etag_nothing_is_gone_on_with(wire, http, tmp_path, etag):
    url = wire.answers(cut(PNG, 150_000, etag))
    failed = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert failed.file is FileState.FAILED
    assert len(wire.asked) == 3
    assert files(tmp_path) == []


async def test_a_line_that_breaks_once_is_no_failure(wire, http, tmp_path):
    for status in (404, 429, 503):
        url = wire.answers(refusal(status), cut(PNG, 150_000, ""), whole(PNG))
        saved = await a_saver(http, tmp_path / str(status)).save(a_task(), a_result(url))
        assert (saved.file, saved.problem) == (FileState.SAVED, "")


async def test_a_trickle_is_left_for_later(wire, http, tmp_path):
    failed = await a_saver(http, tmp_path, least_every=0.0).save(a_task(), a_result(wire.answers(whole(PNG[:2000]))))
    assert failed.file is FileState.FAILED
    assert "came in" in failed.problem
    assert len(wire.asked) == 1


async def test_a_server_that_cuts_without_end_is_left_when_it_brings_nothing(wire, http, tmp_path):
    url = wire.answers(cut(PNG, 150_000), cut(PNG, 0))
    failed = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert failed.file is FileState.FAILED
    assert len(wire.asked) <= 4


async def test_all_bytes_are_there_but_the_last_steps(wire, http, tmp_path):
    url = wire.answers(cut(PNG, len(PNG)))
    task = a_task()
    part = tmp_path / DAY / f".{task.task_id}-0.part"
    part.parent.mkdir()
    part.write_bytes(PNG)
    part.with_name(f"{part.name}.json").write_text(json.dumps({"etag": '"one"', "total": len(PNG)}))
    saved = await a_saver(http, tmp_path).save(task, a_result(url))
    assert saved.sha256 == hashlib.sha256(PNG).hexdigest()
    assert wire.asked == []
    assert len(files(tmp_path)) == 2


async def test_all_bytes_are_there_but_their_number_was_never_told(wire, http, tmp_path):
    """The range is refused (416): fetched again from its start."""
    url = wire.answers(ranged(PNG))
    part = tmp_path / DAY / f".{a_task().task_id}-0.part"
    part.parent.mkdir()
    part.write_bytes(PNG)
    part.with_name(f"{part.name}.json").write_text(json.dumps({"etag": '"one"', "total": None}))
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert content(saved) == PNG


@pytest.mark.parametrize(
    "note", [b"", b"[]", b'{"etag": 1}', b'{"etag": "x", "total": "y"}', b'{"etag":"x","total":3}']
)
async def test_a_broken_note_means_starting_again(wire, http, tmp_path, note):
    url = wire.answers(ranged(PNG))
    part = tmp_path / DAY / f".{a_task().task_id}-0.part"
    part.parent.mkdir()
    part.write_bytes(b"garbage")
    part.with_name(f"{part.name}.json").write_bytes(note)
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert content(saved) == PNG


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "A web page came"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "An xml document came"),
        (b'{"code": 500, "message": "busy"}', "A json document came"),
        (b"", "An empty file came"),
    ],
)
async def test_a_page_and_an_error_are_never_stored(wire, http, tmp_path, body, words):
    url = wire.answers(whole(body, content_type="image/png"))
    failed = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert failed.file is FileState.FAILED
    assert failed.problem.startswith(words)
    assert files(tmp_path) == []


async def test_a_refused_document_is_told(wire, http, tmp_path):
    url = wire.answers(whole(b'{"error":\n "' + b"x" * 5000 + b'"}'))
    failed = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert 'expected: {"error": "xxx' in failed.problem
    assert len(failed.problem) < 1200


async def test_an_endless_page_is_left_at_its_first_bytes(wire, http, tmp_path):
    url = wire.answers(endless(b"<html>" + b" " * 2000))
    failed = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert failed.problem.startswith("A web page")


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_what_is_gone_has_expired(wire, http, tmp_path, status):
    url = wire.answers(cut(PNG, 150_000), refusal(status))
    expired = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert expired.file is FileState.EXPIRED
    assert str(status) in expired.problem
    assert files(tmp_path) == []


async def test_a_declared_size_above_the_cap_is_refused_at_once(wire, http, tmp_path):
    url = wire.answers(whole(PNG))
    failed = await a_saver(http, tmp_path, caps={"image": 100_000}).save(a_task(), a_result(url))
    assert failed.file is FileState.FAILED
    assert "too large" in failed.problem
    assert files(tmp_path) == []


async def test_each_kind_has_its_own_cap(wire, http, tmp_path):
    url = wire.answers(whole(PNG))
    failed = await a_saver(http, tmp_path, caps={"image": 100_000, "video": 10**9}).save(a_task(), a_result(url))
    assert "100,000 at most for image" in failed.problem


async def test_an_endless_body_ends_at_the_cap(wire, http, tmp_path):
    url = wire.answers(endless(PNG))
    failed = await a_saver(http, tmp_path, caps={"image": 3_000_000}).save(a_task(), a_result(url))
    assert "more than 3,000,000 bytes" in failed.problem
    assert files(tmp_path) == []


async def test_no_server_is_a_failure_that_may_be_tried_again(http, tmp_path):
    failed = await a_saver(http, tmp_path).save(a_task(), a_result("http://127.0.0.1:9/x.png"))
    assert failed.file is FileState.FAILED
    assert "tried again" in failed.problem
    assert (await a_saver(http, tmp_path).save(a_task(), a_result("not a url"))).file is FileState.FAILED


async def test_a_cancelled_try_leaves_what_a_later_one_goes_on_with(wire, http, tmp_path):
    body = a_png(padding=3_000_000)
    sent = anyio.Event()

    async def stalls(_, send):
        await send(head(content_length=len(body), etag='"one"') + body[:2_500_000])
        sent.set()
        await anyio.sleep_forever()

    url = wire.answers(stalls, ranged(body))
    part = tmp_path / DAY / f".{a_task().task_id}-0.part"
    async with anyio.create_task_group() as group:
        group.start_soon(a_saver(http, tmp_path).save, a_task(), a_result(url))
        await sent.wait()
        with in_time(5):
            while not (part.exists() and part.stat().st_size >= 1 << 20):
                await anyio.sleep(0.005)
        group.cancel_scope.cancel()
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(url))
    assert saved.sha256 == hashlib.sha256(body).hexdigest()
    assert wire.asked[1].offset >= 1 << 20


async def test_an_mp4_without_a_picture_is_a_recording_where_one_was_asked_for(wire, http, tmp_path):
    url = wire.answers(whole(an_mp4(0, 0, 7.25)))
    saved = await a_saver(http, tmp_path).save(a_task(modality="audio"), a_result(url, kind="audio"))
    assert (saved.mime_type, saved.kind, saved.duration_seconds) == ("audio/mp4", "audio", 7.25)
    assert saved.path.endswith(".m4a")
    again = await a_saver(http, tmp_path).save(a_task(modality="audio"), a_result(url, kind="audio"))
    assert again == saved


async def test_the_kind_is_what_came(wire, http, tmp_path):
    url = wire.answers(whole(a_wav(1.5)))
    saved = await a_saver(http, tmp_path).save(a_task(), a_result(url, kind="image"))
    assert (saved.kind, saved.mime_type, saved.duration_seconds) == ("audio", "audio/wav", 1.5)


async def test_an_id_has_no_file(http, tmp_path):
    assert (await a_saver(http, tmp_path).save(a_task(), a_result("", asset_id="voice-1"))).file is None
