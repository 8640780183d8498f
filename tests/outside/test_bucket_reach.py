"""Input files in a bucket: signed at the last moment, and nothing is paid for one that is not there."""

import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from anyio import to_thread
from support.media_wire import a_png, a_task
from support.s3 import S3, fetched

from apixo_mcp.generation import Failure
from apixo_mcp.media import kinds
from apixo_mcp.media.bucket.bucket import Bucket
from apixo_mcp.media.bucket.copies import Copies
from apixo_mcp.media.bucket.inputs import BucketInputs
from apixo_mcp.media.bucket.space import BucketSpace
from apixo_mcp.media.bucket.uploads import BucketUploads
from apixo_mcp.media.inputs.input_links import InputLinks, Standing
from apixo_mcp.media.inputs.uploads import UploadLimits
from apixo_mcp.media.roots import Roots
from apixo_mcp.outside.bucket_reach import BucketReach
from apixo_mcp.tasks.running.reach import NO_BUCKET, NoReach, Sendable
from apixo_mcp.tasks.task import BUCKETED, Task

pytestmark = pytest.mark.anyio


@pytest.fixture
def space(s3: S3, tmp_path: Path) -> BucketSpace:
    return BucketSpace(Bucket(s3.bucket(f"results-{uuid.uuid4().hex}")), "team", Copies(tmp_path / "copies"))


def inputs_in(space: BucketSpace, tmp_path: Path, **given: float) -> BucketInputs:
    local = InputLinks("https://here.example", b"secret", tmp_path / "served", Roots([tmp_path]))
    return BucketInputs(space, b"secret", BUCKETED.rstrip("/"), local, **given)


@pytest.fixture
def inputs(space: BucketSpace, tmp_path: Path) -> BucketInputs:
    return inputs_in(space, tmp_path)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    path.write_bytes(a_png())
    return path


async def a_task_with(inputs: BucketInputs, picture: Path) -> Task:
    url = await to_thread.run_sync(inputs.url_of, picture, kinds.PNG)
    return a_task(inputs={"prompt": "a fox", "image_urls": [url, "https://else.example/a.png"], "n": 1})


async def test_what_is_sent_leads_to_the_file_for_a_day(
    space: BucketSpace, inputs: BucketInputs, picture: Path
) -> None:
    task, reach = await a_task_with(inputs, picture), BucketReach(NoReach(has_bucket=True), space, inputs)
    prepared = await reach.prepared(task)
    assert isinstance(prepared, Sendable)
    assert prepared.inputs == task.inputs, "nothing is signed before the last moment"
    confirmed = await reach.confirmed(task, prepared)
    assert isinstance(confirmed, Sendable)
    signed, other = confirmed.inputs["image_urls"]
    assert (other, confirmed.inputs["n"]) == ("https://else.example/a.png", 1)
    assert "X-Amz-Expires=86400" in signed
    status, body, headers = fetched(signed)
    assert (status, body, headers["content-type"]) == (200, a_png(), "image/png")


async def test_nothing_is_sent_for_a_file_that_is_gone(
    space: BucketSpace, inputs: BucketInputs, picture: Path, s3: S3
) -> None:
    task = await a_task_with(inputs, picture)
    [key] = s3.keys(space.bucket.name)
    s3.client().delete_object(Bucket=space.bucket.name, Key=key)
    prepared = await BucketReach(NoReach(has_bucket=True), space, inputs).prepared(task)
    assert isinstance(prepared, Failure)
    assert prepared.charged == "no"
    made_up = replace(task, inputs={"image_urls": [f"{BUCKETED}inputs/../../results/x.png"]})
    assert isinstance(await BucketReach(NoReach(has_bucket=True), space, inputs).prepared(made_up), Failure)


async def test_a_process_without_the_bucket_leaves_the_task_to_others(inputs: BucketInputs, picture: Path) -> None:
    task = await a_task_with(inputs, picture)
    assert await NoReach().prepared(task) == NO_BUCKET
    without = BucketReach(NoReach())
    assert await without.prepared(task) == NO_BUCKET
    assert await without.confirmed(task, Sendable(task.inputs)) == NO_BUCKET


async def test_the_same_content_has_the_same_address_wherever_it_lies(
    inputs: BucketInputs, picture: Path, tmp_path: Path, space: BucketSpace, s3: S3
) -> None:
    other = tmp_path / "b.png"
    other.write_bytes(picture.read_bytes())
    task = await a_task_with(inputs, picture)
    assert (await a_task_with(inputs_in(space, tmp_path / "two"), other)).inputs == task.inputs
    assert len(s3.keys(space.bucket.name)) == 1
    other.write_bytes(a_png(9))
    assert (await a_task_with(inputs, other)).inputs != task.inputs


async def test_a_server_hands_out_what_lies_in_the_bucket(inputs: BucketInputs, picture: Path) -> None:
    task = await a_task_with(inputs, picture)
    token, name = task.inputs["image_urls"][0].split("/")[-2:]
    opened = await to_thread.run_sync(inputs.open, token, name)
    assert opened is not None
    with opened.file.content as content:
        await to_thread.run_sync(content.seek, 0)
        assert await to_thread.run_sync(content.read) == a_png()
    assert opened.file.mime_type == "image/png"
    for strange in (("0" * 64, name), (token, "image.html"), (token[:-1], name), ("../x", name)):
        assert await to_thread.run_sync(inputs.open, *strange) is None
        assert await to_thread.run_sync(inputs.standing, *strange) is Standing.UNKNOWN


async def test_what_has_run_out_is_cleared(space: BucketSpace, picture: Path, tmp_path: Path, s3: S3) -> None:
    async def is_needed(_: Path) -> bool:
        return False

    old, kept = inputs_in(space, tmp_path, lasts=-60.0), inputs_in(space, tmp_path)
    await a_task_with(kept, picture)
    for inputs, limits, left in (
        (kept, UploadLimits(), 2),
        (kept, UploadLimits(lasts=-60.0), 1),
        (old, UploadLimits(), 0),
    ):
        uploads = BucketUploads(space, inputs, tmp_path / "uploads", is_needed, limits)
        if left == 2:
            arrival = await to_thread.run_sync(uploads.arrival, "alice")
            arrival.write(a_png())
            await to_thread.run_sync(arrival.settle)
            arrival.keep()
            await to_thread.run_sync(arrival.close)
            assert await to_thread.run_sync(uploads.room, "alice") == limits.quota - len(a_png())
            found = await to_thread.run_sync(uploads.find, "alice", arrival.upload_id)
            assert found is not None
            assert await to_thread.run_sync(uploads.find, "bob", arrival.upload_id) is None
        await uploads.clear()
        assert len(s3.keys(space.bucket.name)) == left


async def test_an_upload_that_is_not_kept_leaves_nothing(space: BucketSpace, tmp_path: Path, s3: S3) -> None:
    async def is_needed(_: Path) -> bool:
        return False

    uploads = BucketUploads(space, inputs_in(space, tmp_path), tmp_path / "uploads", is_needed, UploadLimits())
    arrival = await to_thread.run_sync(uploads.arrival, "alice")
    arrival.write(a_png())
    await to_thread.run_sync(arrival.settle)
    await to_thread.run_sync(arrival.close)
    assert not s3.keys(space.bucket.name)
    assert not [path for path in (tmp_path / "uploads").rglob("*") if path.is_file()]
