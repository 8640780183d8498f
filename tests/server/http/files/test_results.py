"""The files of results over HTTP: to their owner alone, whole or in part, and never as a page."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.house import ALICE, BOB, House, made
from support.program import happens

from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.http.files.results import answer_with
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.tasks.task import FileState, State

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("era", ["auto"])]

NEVER_WAS = "tsk_" + "a" * 26


async def a_file(house: House, **given: Any) -> tuple[str, Path]:
    """Where a picture of hers is over HTTP, and on the disk."""
    async with house.client(ALICE) as alice:
        task = await made(alice, **given)
    [stored] = await house.app.service.page(ALICE, TaskQuery(limit=1))
    return f"/files/{task['task_id']}/0", Path(stored.results[0].path)


async def test_a_file_goes_to_its_owner_whole_and_in_part(house: House) -> None:
    at, path = await a_file(house)
    content = path.read_bytes()
    async with house.http(ALICE) as http:
        whole = await http.get(at)
        assert (whole.status_code, whole.content) == (200, content)
        told = whole.headers
        assert told["content-type"] == "image/jpeg"
        assert told["content-disposition"] == f'inline; filename="{path.name}"'
        assert told["x-content-type-options"] == "nosniff"
        assert told["content-security-policy"] == "sandbox; default-src 'none'"
        assert told["cross-origin-resource-policy"] == "same-origin"
        assert told["cache-control"].startswith("private")
        head = await http.head(at)
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(content)))
        for asked, part in (("bytes=3-9", content[3:10]), ("bytes=-5", content[-5:]), ("bytes=9-", content[9:])):
            answer = await http.get(at, headers={"range": asked, "if-range": told["etag"]})
            assert (answer.status_code, answer.content) == (206, part), asked
        beyond = await http.get(at, headers={"range": f"bytes={len(content)}-"})
        assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(content)}")
        for asked in (told["etag"], "*", f'"other", W/{told["etag"]}'):
            same = await http.get(at, headers={"if-none-match": asked})
            assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", told["etag"])
        changed = await http.get(at, headers={"if-none-match": '"other"', "range": "bytes=0-1", "if-range": '"other"'})
        assert (changed.status_code, changed.content) == (200, content)
        assert (await http.post(at)).status_code == 405


async def test_anothers_file_is_answered_like_what_never_was(house: House) -> None:
    at, _ = await a_file(house)
    task_id = at.split("/")[2]
    remote_id = (await house.app.service.find(ALICE, task_id)).remote_id
    paths = [f"/files/{NEVER_WAS}/0", at, f"/files/{task_id}/1", f"/files/{remote_id}/0", "/files/last/0"]
    async with house.http(BOB) as bob, house.http(ALICE) as alice:
        answers = [await bob.get(path) for path in paths]
        answers += [
            await alice.get(path) for path in (f"/files/{task_id}/00", f"/files/{remote_id}/0", "/files/last/0")
        ]
    told = {(answer.status_code, answer.text, tuple(answer.headers)) for answer in answers}
    assert len(told) == 1
    assert told.pop()[:2] == (404, "There is no such file.\n")


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><script>alert(1)</script>",
        b"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'/>",
        b"alert(1)",
        b"%PDF-1.7 " + bytes(100),
        b'{"a": 1}',
        b"\x01\x02\x03\x04" * 100,
    ],
)
async def test_nothing_is_rendered_as_a_page(house: House, content: bytes) -> None:
    at, path = await a_file(house)
    path.write_bytes(content)
    async with house.http(ALICE) as http:
        answer = await http.get(at)
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_the_name_of_a_file_is_told_in_ascii_and_as_it_is(house: House) -> None:
    at, path = await a_file(house, prompt='雪中的狐狸 "a" [took:0]')
    async with house.http(ALICE) as http:
        told = (await http.get(at)).headers["content-disposition"]
    assert told.isascii()
    assert "filename*=UTF-8''%E9%9B%AA" in told
    assert path.name.startswith("雪")


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
@pytest.mark.parametrize("planted", ["file", "folder"])
async def test_a_planted_link_leads_nowhere(house: House, tmp_path: Path, planted: str) -> None:
    at, path = await a_file(house)
    elsewhere = tmp_path / "elsewhere"
    if planted == "folder":
        path.parent.rename(elsewhere)
        path.parent.symlink_to(elsewhere)
    else:
        path.rename(elsewhere)
        path.symlink_to(elsewhere)
    async with house.http(ALICE) as http:
        answer = await http.get(at)
    assert (answer.status_code, answer.text) == (410, "The file is no longer where it was saved.\n")


async def test_what_is_not_there_says_whether_it_will_be(house: House, box: Sandbox) -> None:
    async with house.client(ALICE) as alice, house.http(ALICE) as http:
        running = await made(alice, prompt="a fox [never]", wait_seconds=0)
        answer = await http.get(f"/files/{running['task_id']}/0")
        assert (answer.status_code, answer.headers["retry-after"]) == (409, "3")
        failed = await alice.call_tool(
            "generate_image", {"model": "nano-banana", "prompt": "a fox [fail:CONTENT_VIOLATION]", "wait_seconds": 20}
        )
        assert failed.structured_content is not None
        assert failed.structured_content["state"] == State.FAILED
        assert (await http.get(f"/files/{failed.structured_content['task_id']}/0")).status_code == 404
        lost = await made(alice, prompt="a wolf [took:0] [file:404x99]")
        answer = await http.get(f"/files/{lost['task_id']}/0")
        assert (answer.status_code, "fetched again" in answer.text) == (409, True)
        await happens(lambda: len(box.submits()) == 3)


@pytest.mark.parametrize(
    ("file", "status"), [(FileState.SAVING, 409), (FileState.FAILED, 409), (FileState.EXPIRED, 410), (None, 404)]
)
async def test_each_state_of_a_file_has_a_status(house: House, file: FileState | None, status: int) -> None:
    await a_file(house)
    [task] = await house.app.service.page(ALICE, TaskQuery(limit=1))
    task = replace(task, results=(replace(task.results[0], file=file),))
    answer = await answer_with(house.app, task, "0")
    assert answer.status_code == status
    assert bytes(answer.body).endswith(b".\n")
