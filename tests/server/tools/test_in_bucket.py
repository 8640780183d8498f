"""Answers on stdio about files in a bucket: no path means anything, so each has a link straight there."""

import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from support.door import Door, door, words
from support.s3 import S3, fetched, needs_s3, serving_s3

from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio


@pytest.fixture
async def entered(s3: S3, tmp_path: Path) -> AsyncIterator[Door]:
    results = f"s3://{s3.bucket(f'results-{uuid.uuid4().hex}')}/mine"
    async with Sandbox(speed=1000) as box, door(box.url, tmp_path, results=results) as entered:
        yield entered


async def test_a_file_is_told_by_a_link_that_is_signed_for_each_answer(entered: Door, tmp_path: Path) -> None:
    task = await entered.made()
    [result] = task["results"]
    assert "path" not in result
    status, body, headers = fetched(result["link"])
    assert (status, len(body)) == (200, result["bytes"])
    assert headers["content-type"] == result["mime_type"]
    assert "link_expires_at" in result
    several = await entered.told("check_task", task_ids=[task["task_id"]])
    [link] = several["tasks"][0]["links"]
    assert fetched(link)[1] == body
    listed = await entered.told("list_tasks")
    assert "paths" not in listed["tasks"][0]
    said, pictures = await entered.pictures("view_result", task_id=task["task_id"])
    assert len(pictures) == 1
    assert "s3://" not in said
    copied = await entered.told("download_results", task_id=task["task_id"], directory=str(tmp_path / "pictures"))
    assert Path(copied["results"][0]["path"]).read_bytes() == body
    for file in (tmp_path / "home").rglob("*"):
        assert not file.is_file() or b"X-Amz-Signature" not in file.read_bytes(), file


@needs_s3
@pytest.mark.s3
async def test_while_the_bucket_is_away_nothing_that_is_saved_is_taken_for_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AsyncExitStack() as stack:
        with serving_s3() as server:
            for name, value in server.environment.items():
                monkeypatch.setenv(name, value)
            box = await stack.enter_async_context(Sandbox(speed=1000))
            results = f"s3://{server.bucket('results')}"
            entered = await stack.enter_async_context(door(box.url, tmp_path, results=results))
            task = await entered.made()
        checked = await entered.check(task, wait_seconds=0)
        assert checked["results"][0]["file"] == "saved"
        shown = await entered.call("download_results", task_id=task["task_id"], directory=str(tmp_path / "pictures"))
        assert shown.is_error
        assert "the object store does not answer" in words(shown)
        brought = await entered.told("download_results", task_id=task["task_id"])
        assert brought["results"][0]["file"] == "saved"
