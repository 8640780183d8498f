"""A server over HTTP as a process of its own, with its files in a bucket: the whole of what a person does with it."""

import re
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from anyio import to_thread
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, ImageContent, Implementation
from support.amounts import here
from support.buckets import Answering
from support.house import ALICE, made
from support.media_wire import a_png
from support.process import started
from support.program import text_of, values_for
from support.s3 import S3
from support.sign_in import bearer, let_in

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.task import FileState

pytestmark = [pytest.mark.anyio, pytest.mark.process]

PICTURE = a_png(64, 48, padding=30_000)


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=1000) as running:
        yield running


async def told(client: Client, tool: str, **given: Any) -> CallToolResult:
    answer = await client.call_tool(tool, given)
    assert isinstance(answer, CallToolResult)
    assert not answer.is_error, text_of(answer)
    return answer


async def test_a_picture_is_made_looked_at_brought_and_edited(box: Sandbox, tmp_path: Path, s3: S3) -> None:
    bucket = s3.bucket(f"results-{uuid.uuid4().hex}")
    results: dict[str, Any] = {"results": f"s3://{bucket}/team"}
    async with open_app(read_settings(**values_for(box, tmp_path)), follow=False) as app:
        await let_in(app, ALICE)
    with started(box, tmp_path, **results) as one, started(box, tmp_path, **results) as two:
        async with httpx2.AsyncClient(headers=bearer(ALICE), timeout=60, follow_redirects=True) as http:
            wire = streamable_http_client(f"{one.url}/mcp", http_client=http)
            async with Client(wire, client_info=Implementation(name="claude-ai", version="1")) as client:
                task = await made(client)
                checked = await told(client, "check_task", task_id=task["task_id"], wait_seconds=10)
                assert any(isinstance(part, ImageContent) for part in checked.content)
                brought = await told(client, "download_results", task_id=task["task_id"])
                assert brought.structured_content is not None
                whole = await http.get(brought.structured_content["results"][0]["link"])
                refused = await client.call_tool(
                    "generate_image",
                    {"model": "nano-banana", "prompt": "a fox", "mode": "image-to-image", "image_urls": ["/a.png"]},
                )
                assert isinstance(refused, CallToolResult)
                [link] = re.findall(r"http://\S+/uploads/\S+", text_of(refused))
                uploaded = await http.put(link.replace(one.url, two.url), content=PICTURE)
                assert uploaded.status_code == 201, uploaded.text
                edited = await made(client, mode="image-to-image", image_urls=[uploaded.json()["url"]])
                assert edited["state"] == "success"
            for server in (one, two):
                entries = (await http.get(f"{server.url}/api/tasks")).json()["tasks"]
                assert len(entries) == 2
                result = next(entry for entry in entries if entry["task_id"] == task["task_id"])["results"][0]
                assert (await http.get(f"{server.url}/{result['thumbnail']}")).status_code == 200
                assert (await http.get(f"{server.url}/{result['src']}")).content == whole.content
                part = await http.get(f"{server.url}/{result['src']}", headers={"range": "bytes=10-19"})
                assert (part.status_code, part.content) == (206, whole.content[10:20])
        for server in (one, two):
            server.end()
            code, said = await to_thread.run_sync(server.ended)
            assert code == 0, said
            assert "AKIAPLANTED" not in said
            assert "X-Amz-" not in said
    assert whole.status_code == 200
    [sent] = box.submits()[-1]["input"]["image_urls"]
    assert box.app.backend.inputs[sent] == PICTURE
    assert not [path for path in (tmp_path / "pictures").rglob("*") if path.is_file()]


async def test_a_server_ends_at_once_though_the_store_has_not_answered_and_the_next_one_saves(
    box: Sandbox, tmp_path: Path, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3.bucket(f"results-{uuid.uuid4().hex}")
    async with open_app(read_settings(**values_for(box, tmp_path)), follow=False) as app:
        await let_in(app, ALICE)
    with Answering(None) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", silent.url)
        with started(box, tmp_path, results=f"s3://{bucket}", log_level="ERROR") as server:
            silent.asked.clear()  # it tried the bucket at its start
            async with httpx2.AsyncClient(headers=bearer(ALICE), timeout=60) as http:
                wire = streamable_http_client(f"{server.url}/mcp", http_client=http)
                async with Client(wire, client_info=Implementation(name="claude-ai", version="1")) as client:
                    task = await made(client, wait_seconds=0)
                    assert await to_thread.run_sync(silent.asked.wait, 90.0)
            began = time.monotonic()
            server.end()
            code, said = await to_thread.run_sync(server.ended)
            assert code == 0, said
            assert time.monotonic() - began < here(6.0)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
    async with open_app(read_settings(**values_for(box, tmp_path), results=f"s3://{bucket}")) as app:
        done = await app.service.wait(await app.service.find(ALICE, task["task_id"]), here(60.0))
    assert [result.file for result in done.results] == [FileState.SAVED]
    assert len(s3.keys(bucket)) == 2
