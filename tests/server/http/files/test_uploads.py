"""Uploads: what the caller's machine has alone comes by a one-time link, and is an input for its owner."""

import os
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest
from mcp import Client
from support.amounts import in_time
from support.house import ALICE, BOB, REACHED_HERE, House, made
from support.media_wire import a_png
from support.program import happens, text_of

from apixo_mcp.owners.store import EntryKind
from apixo_mcp.owners.tokens import new_secret, secret_hash
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.tasks.ports.lookups import TaskQuery

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("era", ["auto"])]

EDIT = {"model": "nano-banana", "prompt": "a fox [took:0]", "mode": "image-to-image", "wait_seconds": 20}
LOCAL_PATH = "/home/me/a.png"
PICTURE = a_png(padding=300_000)


@pytest.fixture
def given() -> dict[str, Any]:
    return {"public_url": REACHED_HERE}


async def refused(client: Client, *paths: str, **given: Any) -> str:
    answer = await client.call_tool("generate_image", {**EDIT, "image_urls": list(paths), **given})
    assert answer.is_error
    return text_of(answer)


async def links(client: Client, *paths: str) -> list[str]:
    """The links that a refusal carries."""
    return re.findall(r"http://\S+/uploads/\S+", await refused(client, *(paths or (LOCAL_PATH,))))


async def put(url: str, content: bytes, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        return await http.put(url, content=content)


async def test_a_picture_is_uploaded_and_edited_by_its_owner_alone(house: House, box: Sandbox, tmp_path: Path) -> None:
    async with house.client(ALICE) as alice, house.client(BOB) as bob:
        told = await refused(alice, LOCAL_PATH)
        assert "Nothing was sent or charged" in told
        assert "curl -fT FILE LINK" in told
        [link] = re.findall(r"http://\S+/uploads/\S+", told)
        answer = await put(link, PICTURE)
        assert answer.status_code == 201, answer.text
        body = answer.json()
        assert re.fullmatch(r"upload:[a-z2-7]{26}", body["url"])
        assert (body["mime_type"], body["bytes"]) == ("image/png", len(PICTURE))
        task = await made(alice, **EDIT, image_urls=[body["url"]])
        assert task["state"] == "success"
        sent = box.submits()[-1]["input"]["image_urls"][0]
        assert sent.startswith(f"{house.url}/inputs/")
        async with house.http() as http:
            assert (await http.get(sent)).content == PICTURE
        assert "there is no such upload of yours" in await refused(bob, body["url"])
        never_was = f"upload:{'a' * 26}"
        his = (await refused(bob, body["url"])).replace(body["url"], never_was)
        assert re.sub(r"/uploads/\S+", "", his) == re.sub(r"/uploads/\S+", "", await refused(bob, never_was))
        assert (await put(link, PICTURE)).status_code == 404, "it takes one file"
        again = await made(alice, **EDIT, image_urls=[body["url"]], idempotency_key="mine")
        same = await made(alice, **EDIT, image_urls=[body["url"]], idempotency_key="mine")
        assert again["task_id"] == same["task_id"]
    kept = [path for path in (tmp_path / "home" / "uploads").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in kept] == [PICTURE]


async def test_the_servers_own_files_are_nobodys_inputs_over_http(house: House, box: Sandbox) -> None:
    """Neither another's result by its path, nor any file in an allowed folder, whether it is there or not."""
    async with house.client(ALICE) as alice, house.client(BOB) as bob:
        await made(alice)
        [hers] = await house.app.service.page(ALICE, TaskQuery(limit=1))
        there = hers.results[0].path
        answers = {
            re.sub(r"/uploads/\S+|\(got .*\)", "", await refused(bob, path))
            for path in (there, there + "x", f"file://{there}", os.path.relpath(there))
        }
    assert len(answers) == 1
    assert len(box.submits()) == 1


async def test_each_file_has_a_link_of_its_own(house: House) -> None:
    async with house.client(ALICE) as alice:
        several = await links(alice, "/a.png", "C:\\b.png", "~/c.png", "file:///d.png", "data:image/png;base64,AAAA")
    assert len(set(several)) == 5


async def test_of_several_who_come_at_once_one_is_taken(house: House) -> None:
    statuses: list[int] = []

    async def send(url: str) -> None:
        statuses.append((await put(url, PICTURE)).status_code)

    async with house.client(ALICE) as alice:
        [link] = await links(alice)
    async with anyio.create_task_group() as group:
        for _ in range(6):
            group.start_soon(send, link)
    assert statuses.count(201) == 1
    assert set(statuses) <= {201, 404, 409}


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"<!doctype html><script>alert(1)</script>", 415),
        (b"%PDF-1.7 " + bytes(100), 415),
        (b"just words", 415),
    ],
)
async def test_what_is_no_media_is_refused_and_costs_no_link(
    house: House, content: bytes, status: int, tmp_path: Path
) -> None:
    async with house.client(ALICE) as alice:
        [link] = await links(alice)
    answer = await put(link, content)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert not [path for path in (tmp_path / "home" / "uploads").rglob("*") if path.is_file()]
    assert (await put(link, PICTURE)).status_code == 201


async def test_a_body_of_a_gigabyte_is_refused_before_it_comes(house: House) -> None:
    async with house.client(ALICE) as alice:
        [link] = await links(alice)
    parts = urlsplit(link)
    head = f"PUT {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 1000000000\r\n\r\n"
    async with await anyio.connect_tcp(parts.hostname or "", parts.port or 0) as stream:
        await stream.send(head.encode())
        with in_time(10):
            answer = await stream.receive()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert (await put(link, PICTURE)).status_code == 201


async def test_a_body_that_does_not_tell_its_size_is_cut_off(house: House, tmp_path: Path) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield bytes(1 << 20)

    async with house.client(ALICE) as alice:
        [link] = await links(alice)
    async with httpx2.AsyncClient(timeout=60) as http:
        assert (await http.put(link, content=body())).status_code == 413
    assert not [path for path in (tmp_path / "home" / "uploads").rglob("*") if path.is_file()]


async def test_a_browser_gets_a_form_without_scripts_in_its_language(house: House) -> None:
    async with house.client(ALICE) as alice:
        [link] = await links(alice)
    async with httpx2.AsyncClient(headers={"accept": "text/html,*/*"}, timeout=60) as http:
        english = await http.get(link)
        chinese = await http.get(link, headers={"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"})
        assert 'lang="en"' in english.text
        assert 'lang="zh-Hans"' in chinese.text
        assert "上传" in chinese.text
        assert "<script" not in english.text
        assert "default-src 'none'" in english.headers["content-security-policy"]
        assert english.headers["referrer-policy"] == "no-referrer"
        done = await http.post(link, files={"other": (None, "words"), "file": ("a.png", PICTURE, "image/png")})
        assert done.status_code == 201
        [reference] = re.findall(r"upload:[a-z2-7]{26}", done.text)
        gone = await http.get(link, headers={"accept-language": "zh"})
        assert (gone.status_code, reference in gone.text) == (410, True), "who has lost the page is told it again"
        twice = await http.post(link, files={"file": ("b.png", PICTURE, "image/png")})
        assert (twice.status_code, reference in twice.text) == (410, True)
        never = await http.get(f"{link}x", headers={"accept-language": "zh"})
        assert (never.status_code, "链接不存在" in never.text) == (404, True)
    path = house.app.uploads.find(ALICE.name, reference.partition(":")[2])
    assert path is not None
    assert path.read_bytes() == PICTURE


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=x"])
async def test_a_broken_form_is_refused(house: House, content_type: str) -> None:
    async with house.client(ALICE) as alice:
        [link] = await links(alice)
    async with httpx2.AsyncClient(timeout=60) as http:
        answer = await http.post(link, content=PICTURE, headers={"content-type": content_type})
    assert answer.status_code == 400


async def test_a_revoked_owners_link_takes_nothing(house: House) -> None:
    async with house.client(ALICE) as alice:
        [link] = await links(alice)
        await house.app.owners.revoke(ALICE.name)
    assert (await put(link, PICTURE)).status_code == 404


async def test_links_are_kept_as_hashes_alone(house: House) -> None:
    async with house.client(ALICE) as alice:
        [link] = await links(alice)
    secret = link.rpartition("/")[2]
    assert await house.app.sign_ins.get(EntryKind.UPLOAD, secret) is None
    entry = await house.app.sign_ins.get(EntryKind.UPLOAD, secret_hash(secret))
    assert entry is not None
    assert (entry.owner, secret in entry.value) == ("alice", False)


async def test_no_guess_of_a_link_finds_one(house: House) -> None:
    async with house.client(ALICE) as alice:
        [link] = await links(alice)
    guesses = [link.rpartition("/")[2][:-1], *(new_secret() for _ in range(10_000))]
    assert not [guess for guess in guesses if await house.app.sign_ins.get(EntryKind.UPLOAD, secret_hash(guess))]


async def uploaded(house: House, content: bytes = PICTURE) -> tuple[str, Path]:
    async with house.client(ALICE) as alice:
        [link] = await links(alice)
    reference = (await put(link, content)).json()["url"]
    path = house.app.uploads.find(ALICE.name, reference.partition(":")[2])
    assert path is not None
    return reference, path


async def test_what_has_run_out_is_cleared_but_for_what_an_open_task_needs(house: House) -> None:
    (needed, needed_path), (other, other_path) = await uploaded(house), await uploaded(house)
    old = time.time() - 25 * 3600
    os.utime(needed_path, (old + 7200, old + 7200))
    async with house.client(ALICE) as alice:
        await made(alice, **EDIT | {"prompt": "a fox [never]", "wait_seconds": 0}, image_urls=[needed])
        await anyio.to_thread.run_sync(os.utime, other_path, (old, old))
        assert "there is no such upload" in await refused(alice, other)
        await house.app.uploads.clear()
        assert (needed_path.exists(), other_path.exists()) == (True, False)


async def test_an_upload_that_is_gone_before_the_post_is_not_paid_for(house: House, box: Sandbox) -> None:
    reference, path = await uploaded(house)
    async with house.client(ALICE) as alice:
        # Refused for a while and free of charge: it is sent again later.
        edit = EDIT | {"prompt": "a fox [429]", "wait_seconds": 0}
        task = await made(alice, **edit, image_urls=[reference])
        await happens(lambda: [entry["route"] for entry in box.log()].count("submit") == 1)
        await anyio.to_thread.run_sync(path.unlink)
        answer = await alice.call_tool("check_task", {"task_id": task["task_id"], "wait_seconds": 20})
    assert answer.structured_content is not None
    told = answer.structured_content
    assert (told["state"], told["error"]["code"], told["error"]["charged"]) == ("failed", "INPUT_CHANGED", "no")
    assert box.submits() == []


async def test_an_owner_has_a_quota(house: House) -> None:
    _, path = await uploaded(house)
    room = house.app.uploads.room(ALICE.name)
    assert room == house.app.uploads.limits.quota - path.stat().st_size
    assert house.app.uploads.room(BOB.name) == house.app.uploads.limits.quota
    with path.with_name("a" * 26).open("wb") as file:
        file.truncate(room - 1000)
    async with house.client(ALICE) as alice, house.client(BOB) as bob:
        [hers], [his] = await links(alice), await links(bob)
    full = await put(hers, PICTURE)
    assert (full.status_code, "1,000 bytes more" in full.json()["error"]) == (413, True)
    assert (await put(his, PICTURE)).status_code == 201


async def test_files_that_come_at_once_pass_no_quota(house: House) -> None:
    uploads = house.app.uploads
    at_once, size = uploads.limits.at_once, 100_000
    _, path = await uploaded(house)
    with path.open("r+b") as file:
        file.truncate(uploads.limits.quota - 2 * size - 1000)
    async with house.client(ALICE) as alice:
        given = [link for _ in range(at_once + 1) for link in await links(alice)]
    ready, sent = anyio.Event(), [0]
    statuses: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        picture = a_png(padding=size - len(a_png()))
        yield picture[:-10]
        sent[0] += 1
        await ready.wait()
        yield picture[-10:]

    async def send(http: httpx2.AsyncClient, link: str) -> None:
        statuses.append((await http.put(link, content=body())).status_code)

    async with house.http() as http, anyio.create_task_group() as group:
        for link in given[:at_once]:
            group.start_soon(send, http, link)
        await happens(lambda: sent[0] == at_once)
        more = await http.put(given[at_once], content=a_png())
        assert (more.status_code, "retry-after" in more.headers) == (429, True)
        ready.set()
    assert 1 <= statuses.count(201) <= 2
    assert set(statuses) == {201, 413}
    assert sum(entry.stat().st_size for entry in path.parent.iterdir()) <= uploads.limits.quota


@pytest.mark.parametrize("given", [{}])
async def test_where_no_file_can_be_handed_to_a_gateway_no_link_is_told(house: House) -> None:
    async with house.client(ALICE) as alice:
        told = await refused(alice, LOCAL_PATH)
    assert "/uploads/" not in told
    assert "APIXO_MCP_PUBLIC_URL" in told
