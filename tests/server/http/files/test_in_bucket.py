"""The program over HTTP with its files in a bucket: two owners, links, the gallery, uploads, and another machine."""

import re
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from mcp.types import ImageContent
from support.house import ALICE, BOB, House, made, opened_house
from support.media_wire import a_png
from support.program import text_of, values_for
from support.s3 import S3

from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.ports.lookups import TaskQuery

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("era", ["auto"])]

PICTURE = a_png(padding=300_000)
EDIT = {"model": "nano-banana", "prompt": "a fox [took:0]", "mode": "image-to-image", "wait_seconds": 20}


@pytest.fixture
def name(s3: S3) -> str:
    return s3.bucket(f"results-{uuid.uuid4().hex}")


@pytest.fixture
def given(name: str) -> dict[str, Any]:
    return {"results": f"s3://{name}/team"}


def told_in(*answers: Any) -> str:
    return "\n".join(map(str, answers))


async def test_an_answer_has_a_link_that_leads_on_to_the_bucket(
    house: House, s3: S3, name: str, tmp_path: Path
) -> None:
    async with house.client(ALICE) as alice:
        task = await made(alice)
        [result] = task["results"]
        assert "path" not in result
        assert result["link"].startswith(f"{house.url}/links/")
        listed = await alice.call_tool("list_tasks", {})
        several = await alice.call_tool("check_task", {"task_ids": [task["task_id"]]})
        shown = await alice.call_tool("view_result", {"task_id": task["task_id"]})
        brought = await alice.call_tool("download_results", {"task_id": task["task_id"]})
        resource = await alice.read_resource(f"apixo://results/{task['task_id']}/0")
        whole = await alice.read_resource(f"apixo://tasks/{task['task_id']}")
    [key] = [key for key in s3.keys(name) if "/image-0." in key and not key.endswith(".json")]
    saved = s3.body(name, key)
    assert several.structured_content is not None
    assert several.structured_content["tasks"][0]["links"]
    assert any(isinstance(part, ImageContent) for part in shown.content)
    assert text_of(brought).count("/links/")
    assert len(str(resource.contents[0])) > len(saved)
    told = told_in(task, listed, several, text_of(shown), text_of(brought), whole.contents)
    for word in (f"s3://{name}", str(tmp_path), "X-Amz-", "AKIAPLANTED", "planted-secret"):
        assert word not in told, word
    async with httpx2.AsyncClient(timeout=60) as http:
        answer = await http.get(result["link"])
        assert answer.status_code == 307
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["location"].startswith(s3.url)
        straight = await http.get(answer.headers["location"])
        part = await http.get(answer.headers["location"], headers={"range": "bytes=-4"})
        head = await http.head(result["link"])
        # Through a proxy it may be anybody, who does not reach a store of this machine.
        through = await http.get(result["link"], headers={"x-forwarded-for": "192.0.2.1"})
        ranged = await http.get(result["link"], headers={"x-forwarded-for": "192.0.2.1", "range": "bytes=2-5"})
    assert straight.content == saved
    assert straight.headers["content-type"].startswith("image/")
    assert (part.status_code, part.content) == (206, saved[-4:])
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(saved)))
    assert (through.status_code, through.content) == (200, saved)
    assert "sandbox" in through.headers["content-security-policy"]
    assert (ranged.status_code, ranged.content) == (206, saved[2:6])


async def test_another_owner_has_nothing_of_it(house: House) -> None:
    async with house.client(ALICE) as alice:
        task = await made(alice)
    async with house.client(BOB) as bob, house.http(BOB) as http, house.http(ALICE) as hers:
        for path in (
            f"/files/{task['task_id']}/0",
            f"/thumbnails/{task['task_id']}/0",
            f"/api/tasks/{task['task_id']}",
        ):
            assert (await http.get(path)).status_code == 404
            assert (await hers.get(path)).status_code == 200
        assert "no task" in text_of(await bob.call_tool("view_result", {"task_id": task["task_id"]}))


async def test_the_gallery_shows_what_is_in_the_bucket_and_another_machine_its_small_pictures(
    house: House, s3: S3, name: str, tmp_path: Path
) -> None:
    async with house.client(ALICE) as alice:
        await made(alice)
    async with house.http(ALICE) as http:
        [entry] = (await http.get("/api/tasks")).json()["tasks"]
        [result] = entry["results"]
        assert "path" not in result
        small = await http.get(f"/{result['thumbnail']}")
        whole = await http.get(f"/{result['src']}")
        again = await http.get(f"/{result['src']}", headers={"if-none-match": whole.headers["etag"]})
        part = await http.get(f"/{result['src']}", headers={"range": "bytes=0-3"})
    assert small.status_code == 200
    assert (again.status_code, part.status_code, part.content) == (304, 206, whole.content[:4])
    [shared] = [key for key in s3.keys(name) if "/thumbnails/" in key]
    assert s3.body(name, shared) == small.content
    kept = [
        path for path in (tmp_path / "home").rglob("*") if {"thumbnails", "copies"} & {*path.parts} and path.is_file()
    ]
    for path in kept:  # as on a machine that had nothing to do with it
        path.unlink()
    async with house.http(ALICE) as http:
        assert (await http.get(f"/{result['thumbnail']}")).content == small.content
        assert not [path for path in (tmp_path / "home" / "copies").rglob("*") if path.is_file()]
        assert (await http.get(f"/{result['src']}")).content == whole.content


async def test_what_is_deleted_is_gone_from_the_bucket(house: House, s3: S3, name: str) -> None:
    async with house.client(ALICE) as alice:
        task = await made(alice)
    async with house.http(ALICE, **{"x-apixo-mcp": "1"}) as http:
        assert (await http.get(f"/thumbnails/{task['task_id']}/0")).status_code == 200
        deleted = await http.delete(f"/api/tasks/{task['task_id']}?what=file")
        assert (deleted.status_code, deleted.json()["files"]) == (200, 1), deleted.text
        assert (await http.get(f"/files/{task['task_id']}/0")).status_code == 410
        assert (await http.get(urlsplit(task["results"][0]["link"]).path)).status_code == 404
    assert not s3.keys(name)


async def test_an_upload_is_fetched_by_the_gateway_from_the_bucket(
    house: House, box: Sandbox, s3: S3, name: str, tmp_path: Path
) -> None:
    async with house.client(ALICE) as alice, house.client(BOB) as bob:
        refusal = await alice.call_tool("generate_image", {**EDIT, "image_urls": ["/home/me/a.png"]})
        [link] = re.findall(r"http://\S+/uploads/\S+", text_of(refusal))
        async with httpx2.AsyncClient(timeout=60) as http:
            answer = await http.put(link, content=PICTURE)
            assert (await http.put(link, content=PICTURE)).status_code == 404, "it takes one file"
        assert answer.status_code == 201, answer.text
        upload = answer.json()["url"]
        task = await made(alice, **EDIT, image_urls=[upload], idempotency_key="mine")
        assert task["state"] == "success", task
        same = await made(alice, **EDIT, image_urls=[upload], idempotency_key="mine")
        assert same["task_id"] == task["task_id"]
        his = await bob.call_tool("generate_image", {**EDIT, "image_urls": [upload]})
        assert "there is no such upload of yours" in text_of(his)
    [sent] = box.submits()[-1]["input"]["image_urls"]
    assert sent.startswith(f"{s3.url}/{name}/team/inputs/")
    assert "X-Amz-Expires=86400" in sent
    assert box.app.backend.inputs[sent] == PICTURE
    [stored] = await house.app.service.page(ALICE, TaskQuery(limit=1))
    assert stored.inputs["image_urls"][0].startswith("https://bucket.invalid/inputs/")
    assert not [path for path in (tmp_path / "home" / "uploads").rglob("*") if path.is_file()]
    for path in (tmp_path / "home").rglob("*"):
        if path.is_file():
            assert b"X-Amz-Signature" not in path.read_bytes(), path


@pytest.fixture
async def reached(
    box: Sandbox, tmp_path: Path, given: dict[str, Any], era: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    """A server with a public URL, whose key runs out: addresses that are signed with it are given to no gateway."""
    monkeypatch.setenv("AWS_SESSION_TOKEN", "planted-session")
    listener = listen("127.0.0.1", 0)
    values = values_for(box, tmp_path) | given | {"public_url": url_of(listener)}
    async with opened_house(read_settings(**values), era, listener) as house:
        yield house


async def test_with_a_key_that_runs_out_the_server_itself_hands_out_inputs(reached: House, box: Sandbox) -> None:
    async with reached.client(ALICE) as alice:
        refusal = await alice.call_tool("generate_image", {**EDIT, "image_urls": ["/home/me/a.png"]})
        [link] = re.findall(r"http://\S+/uploads/\S+", text_of(refusal))
        async with httpx2.AsyncClient(timeout=60) as http:
            upload = (await http.put(link, content=PICTURE)).json()["url"]
        task = await made(alice, **EDIT, image_urls=[upload])
        assert task["state"] == "success", task
    [sent] = box.submits()[-1]["input"]["image_urls"]
    assert sent.startswith(f"{reached.url}/inputs/")
    assert box.app.backend.inputs[sent] == PICTURE


async def test_an_upload_to_one_machine_is_an_input_on_another(
    house: House, box: Sandbox, given: dict[str, Any], tmp_path: Path
) -> None:
    """As the store is not shared here, the other one is given the owner's reference alone."""
    async with house.client(ALICE) as alice:
        refusal = await alice.call_tool("generate_image", {**EDIT, "image_urls": ["/home/me/a.png"]})
        [link] = re.findall(r"http://\S+/uploads/\S+", text_of(refusal))
        async with httpx2.AsyncClient(timeout=60) as http:
            upload = (await http.put(link, content=PICTURE)).json()["url"]
    async with AsyncExitStack() as stack:
        values = values_for(box, tmp_path / "two") | given
        other = await stack.enter_async_context(opened_house(read_settings(**values)))
        alice = await stack.enter_async_context(other.client(ALICE))
        assert (await made(alice, **EDIT, image_urls=[upload]))["state"] == "success"
