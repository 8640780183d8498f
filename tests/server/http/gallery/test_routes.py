"""What a page of pictures is answered: to their owner alone, by a token or in a browser that has signed in."""

import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from html import escape, unescape
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from support.amounts import here, in_time
from support.described import FOX, described
from support.house import ALICE, BOB, House, made
from support.samples import picture
from support.sign_in import served
from support.store_tasks import make_followed

from apixo_mcp.app import open_app
from apixo_mcp.owners.tokens import TOKEN_PREFIX, secret_hash
from apixo_mcp.server.http.gallery import page
from apixo_mcp.server.http.sign_in.cookies import GALLERY_COOKIE
from apixo_mcp.tasks.owner import LOCAL, Owner, Scope
from apixo_mcp.tasks.task import FileState, Result, State, Task

pytestmark = pytest.mark.anyio

OURS = {"x-apixo-mcp": "1"}


@pytest.fixture
def era() -> str:
    return "auto"


async def a_task(house: House, **given: Any) -> dict[str, Any]:
    async with house.client(ALICE) as alice:
        return await made(alice, **given)


async def put(house: House, *prompts: str, owner: Owner = ALICE, **given: Any) -> list[Task]:
    now = 1_780_000_000.0
    values: dict[str, Any] = {"state": State.SUCCESS, "due": None, "owner": owner.name, **given}
    tasks = [
        make_followed(prompt=prompt, created_at=now + number, updated_at=now, **values)
        for number, prompt in enumerate(prompts)
    ]
    assert len(await house.app.store.add(tasks)) == len(tasks)
    return tasks


async def listed(http: httpx2.AsyncClient, **asked: Any) -> tuple[list[str], str]:
    answer = await http.get("/api/tasks", params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    return [task["prompt"] for task in told["tasks"]], told.get("next", "")


async def test_tasks_are_listed_page_by_page_and_narrowed(house: House) -> None:
    await put(house, "a red fox", "一只狐狸", "a hare")
    await put(house, "a film of a fox", modality="video", model="sora", state=State.FAILED)
    await put(house, "a fox of Bob's", owner=BOB)
    async with house.http(ALICE) as http:
        first, behind = await listed(http, limit=3)
        rest, end = await listed(http, limit=3, before=behind)
        assert sorted(first + rest) == sorted(["a hare", "一只狐狸", "a red fox", "a film of a fox"])
        assert (len(first), end) == (3, "")
        assert sorted((await listed(http, query="fox"))[0]) == ["a film of a fox", "a red fox"]
        assert (await listed(http, query="狐狸"))[0] == (await listed(http, query="狐"))[0] == ["一只狐狸"]
        for asked in ({"state": "failed"}, {"modality": "video"}, {"model": "sora"}):
            assert (await listed(http, **asked))[0] == ["a film of a fox"], asked
        assert len((await listed(http, day="2026-05-28"))[0]) == 4
        assert (await listed(http, day="2026-05-29"))[0] == []
        assert len((await listed(http, state="", modality="", query="", day="", before=""))[0]) == 4


@pytest.mark.parametrize(
    ("asked", "about"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"state": "done"}, "state"),
        ({"modality": "smell"}, "modality"),
        ({"day": "yesterday"}, "day"),
        ({"before": "x"}, "cursor"),
    ],
)
async def test_what_cannot_be_read_is_named(house: House, asked: dict[str, str], about: str) -> None:
    async with house.http(ALICE) as http:
        answer = await http.get("/api/tasks", params=asked)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"{about}: ")


async def test_a_task_tells_all_that_it_was_made_from(house: House) -> None:
    told = await a_task(house, prompt="a heron [took:0]", aspect_ratio="16:9")
    async with house.http(ALICE) as http:
        [card] = (await http.get("/api/tasks")).json()["tasks"]
        whole = (await http.get(f"/api/tasks/{told['task_id']}")).json()
        [result] = card["results"]
        assert (card["owner"], card["cost"]["basis"], card["can_delete"]) == ("alice", told["cost"]["basis"], True)
        assert (result["src"], result["thumbnail"]) == tuple(
            f"{kind}/{told['task_id']}/0" for kind in ("files", "thumbnails")
        )
        assert "path" not in result, "it is not her machine"
        assert whole["inputs"]["aspect_ratio"] == "16:9"
        assert (await http.get(f"/{result['src']}")).status_code == 200
        twin = (await http.get("/api/tasks", params={"like": told["task_id"]})).json()["tasks"]
        assert [one["group"] for one in twin] == [card["group"]]
        again = await a_task(house, prompt="with a hat [took:0]", image_urls=[f"task:{told['task_id']}/0"])
        made_from = (await http.get(f"/api/tasks/{again['task_id']}")).json()["sources"]
        assert made_from == [{"task_id": told["task_id"], "index": 0}]
        remote = (await house.app.service.find(ALICE, told["task_id"])).remote_id
        assert (await http.get(f"/api/tasks/{remote}")).status_code == 404, "it is named by our id alone"


async def test_spending_is_that_of_get_usage(house: House) -> None:
    await a_task(house)
    async with house.http(ALICE) as http, house.client(ALICE) as alice:
        await http.get("/api/usage")  # from the first look at the balance on there is something to measure
        told = (await http.get("/api/usage", params={"days": 7})).json()
        usage = (await alice.call_tool("get_usage", {"days": 7})).structured_content
    assert usage is not None
    assert told == usage
    assert told["totals"]["measured_usd"] == 0


async def test_a_thumbnail_is_made_once_and_goes_with_its_file(house: House) -> None:
    told = await a_task(house)
    at = f"/thumbnails/{told['task_id']}/0"
    async with house.http(ALICE) as http:
        first = await http.get(at)
        assert (first.status_code, first.headers["content-type"]) == (200, "image/jpeg")
        assert len(first.content) < 60_000
        [kept] = list((house.app.settings.home / "thumbnails").glob("*/*"))
        made_at = kept.stat().st_mtime_ns
        assert (await http.get(at)).content == first.content
        assert kept.stat().st_mtime_ns == made_at
        assert (await http.get(at, headers={"if-none-match": first.headers["etag"]})).status_code == 304
        assert (await http.get(f"/thumbnails/{told['task_id']}/1")).status_code == 404
        gone = await http.delete(f"/api/tasks/{told['task_id']}", params={"what": "file"}, headers=OURS)
        assert gone.json() == {"files": 1, "entry": False}
        assert (await http.get(at)).status_code == 404
    assert not kept.exists()


async def test_deleting_takes_file_and_entry_and_leaves_what_was_spent(house: House) -> None:
    told = await a_task(house)
    task = await house.app.service.find(ALICE, told["task_id"])
    path = Path(task.results[0].path)
    async with house.http(ALICE) as http:
        await http.get("/api/usage")
        before = (await http.get("/api/usage")).json()
        answer = await http.delete(f"/api/tasks/{task.task_id}", params={"what": "both"}, headers=OURS)
        assert (answer.status_code, answer.json()) == (200, {"files": 1, "entry": True})
        assert not path.exists()
        assert (await http.get("/api/tasks")).json() == {"tasks": []}
        assert (await http.get(f"/api/tasks/{task.task_id}")).status_code == 404
        assert (await http.get("/api/usage")).json() == before
        assert before["totals"]["tasks"] == 1


async def test_an_entry_goes_alone_and_its_file_stays(house: House) -> None:
    told = await a_task(house)
    path = Path((await house.app.service.find(ALICE, told["task_id"])).results[0].path)
    async with house.http(ALICE) as http:
        answer = await http.delete(f"/api/tasks/{told['task_id']}", params={"what": "entry"}, headers=OURS)
        assert answer.json() == {"files": 0, "entry": True}
        assert (await http.get(f"/files/{told['task_id']}/0")).status_code == 404
    assert path.exists()


async def test_what_runs_or_was_changed_stays(house: House) -> None:
    [running] = await put(house, "a fox", state=State.PENDING)
    told = await a_task(house)
    path = Path((await house.app.service.find(ALICE, told["task_id"])).results[0].path)
    path.write_bytes(path.read_bytes() + b"mine")
    async with house.http(ALICE) as http:
        for task_id, what in ((running.task_id, "both"), (running.task_id, "entry"), (told["task_id"], "both")):
            answer = await http.delete(f"/api/tasks/{task_id}", params={"what": what}, headers=OURS)
            assert (answer.status_code, "stays" in answer.json()["error"]) == (409, True)
            assert (await http.get(f"/api/tasks/{task_id}")).status_code == 200
        assert (await http.delete(f"/api/tasks/{told['task_id']}", headers=OURS)).status_code == 400
    assert path.exists()


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {**OURS, "sec-fetch-site": "cross-site"},
        {**OURS, "sec-fetch-site": "same-site"},
        {**OURS, "origin": "http://127.0.0.1:1"},
        {**OURS, "origin": "null"},
    ],
    ids=str,
)
async def test_no_page_of_another_origin_changes_anything(house: House, sent: dict[str, str]) -> None:
    [task] = await put(house, "a fox")
    async with house.http(ALICE, **sent) as http:
        assert (await http.delete(f"/api/tasks/{task.task_id}", params={"what": "both"})).status_code == 403
        assert (await http.post(f"/api/tasks/{task.task_id}/reveal")).status_code == 403
    async with house.http(ALICE, **OURS, origin=house.url) as http:
        assert (await http.delete(f"/api/tasks/{task.task_id}", params={"what": "both"})).status_code == 200


async def test_whoever_only_reads_deletes_nothing(house: House) -> None:
    reader = Owner("rosa", Scope.READ)
    assert await house.app.owners.add(reader, secret_hash(f"{TOKEN_PREFIX}rosa"))
    [task] = await put(house, "a fox", owner=reader)
    async with house.http(reader, **OURS) as http:
        assert (await http.get(f"/api/tasks/{task.task_id}")).status_code == 200
        assert (await http.delete(f"/api/tasks/{task.task_id}", params={"what": "both"})).status_code == 403


async def test_a_browser_that_has_signed_in_sees_what_is_its_persons(house: House) -> None:
    carol, token = Owner("carol"), f"{TOKEN_PREFIX}{'c' * 43}"
    assert await house.app.owners.add(carol, secret_hash(token))
    [task] = await put(house, "a fox", owner=carol)
    await put(house, "a fox of Bob's", owner=BOB)
    async with house.http() as browser:
        assert (await browser.get("/api/tasks")).status_code == 401
        assert (await browser.get("/")).headers["location"] == "/sign-in"
        await browser.get("/sign-in")
        signed_in = await browser.post("/sign-in", data={"secret": token}, headers={"origin": house.url})
        assert signed_in.status_code == 303
        cookie = next(one for one in signed_in.headers.get_list("set-cookie") if one.startswith(GALLERY_COOKIE))
        assert "httponly" in cookie.lower()
        assert "path=/;" in cookie.lower()
        assert (await listed(browser))[0] == ["a fox"]
        assert (await browser.get("/mcp")).status_code == 401, "it opens the pictures and nothing else"
        deleted = await browser.delete(f"/api/tasks/{task.task_id}", params={"what": "both"}, headers=OURS)
        assert deleted.status_code == 200
        assert await house.app.owners.revoke(carol.name)
        assert (await browser.get("/api/tasks")).status_code == 401


async def test_a_browser_is_signed_out_by_its_own_page_alone(house: House) -> None:
    token = f"{TOKEN_PREFIX}{'c' * 43}"
    assert await house.app.owners.add(Owner("carol"), secret_hash(token))
    async with house.http() as browser:
        await browser.get("/sign-in")
        await browser.post("/sign-in", data={"secret": token}, headers={"origin": house.url})
        kept = dict(browser.cookies)
        assert "<html data-out " in (await browser.get("/")).text
        for sent in ({}, {"origin": house.url}, {**OURS, "sec-fetch-site": "cross-site"}):
            assert (await browser.post("/sign-in/out", headers=sent)).status_code == 403
        assert (await browser.get("/api/tasks")).status_code == 200
        out = await browser.post("/sign-in/out", headers={**OURS, "origin": house.url})
        assert out.status_code == 200
        assert GALLERY_COOKIE not in browser.cookies
        stolen = {"cookie": "; ".join(f"{name}={value}" for name, value in kept.items())}
        assert (await browser.get("/api/tasks", headers=stolen)).status_code == 401, "the store forgot it too"


async def test_whoever_is_not_signed_in_by_a_browser_is_offered_no_way_out(house: House) -> None:
    async with house.http(ALICE) as http:
        page = (await http.get("/")).text
    assert "data-out" not in page.partition("<script>")[0]
    assert '<link rel=icon href="data:image/svg+xml,' in page


async def test_whoever_signs_in_is_led_back_to_the_page_that_they_wanted(house: House) -> None:
    token, wanted = f"{TOKEN_PREFIX}{'c' * 43}", "/?query=%E7%8B%90&task=tsk_a"
    assert await house.app.owners.add(Owner("carol"), secret_hash(token))
    async with house.http() as browser:
        where = (await browser.get(wanted)).headers["location"]
        assert 'name="to"' in (await browser.get(where)).text
        given = {"to": wanted, "secret": "amt_wrong"}
        refused = await browser.post("/sign-in", data=given, headers={"origin": house.url})
        assert escape(wanted) in refused.text, "a slip of the hand loses nothing"
        [other] = re.findall(r'<footer><a href="([^"]+)"', refused.text)
        assert escape(wanted) in (await browser.get(unescape(other))).text, "nor does another language"
        signed_in = await browser.post("/sign-in", data={**given, "secret": token}, headers={"origin": house.url})
        assert f'href="{escape(wanted)}"' in (await browser.get(signed_in.headers["location"])).text
        for elsewhere in ("//evil.example/", "https://evil.example/", "/mcp", "javascript:alert(1)", "/new/../mcp"):
            page = (await browser.get("/sign-in", params={"to": elsewhere})).text
            assert f'href="{elsewhere}' not in page
            assert '<a class="button main" href="/">' in page


async def test_folders_are_shown_on_this_machine_alone(house: House) -> None:
    [task] = await put(house, "a fox", results=(Result(index=0, file=FileState.SAVED, path="/a.png"),))
    async with house.http(ALICE, **OURS) as http:
        answer = await http.post(f"/api/tasks/{task.task_id}/reveal")
        assert answer.status_code == 403
        assert "can_reveal" not in (await http.get(f"/api/tasks/{task.task_id}")).json()


class Events:
    """A stream of events, read."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def next(self, kind: str) -> dict[str, Any]:
        """The data of the next event of a kind, which comes within a second of what made it."""
        with in_time(5):
            async for line in self._lines:
                if line == f"event: {kind}":
                    return json.loads((await anext(self._lines)).removeprefix("data: "))
        raise AssertionError(f"no {kind} came")


@asynccontextmanager
async def watching(http: httpx2.AsyncClient) -> AsyncIterator[Events]:
    async with http.stream("GET", "/api/events") as stream:
        assert (stream.status_code, stream.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
        lines = stream.aiter_lines()
        async for line in lines:
            if line == ": open":
                break
        yield Events(lines)


async def test_changes_of_another_process_are_told_to_their_owner_alone(house: House) -> None:
    async with open_app(house.app.settings, follow=False) as terminal, house.http(ALICE) as alice:
        async with watching(alice) as events:
            now = time.time()
            bobs = make_followed(owner="bob", prompt="of Bob", created_at=now, updated_at=now, due=None)
            task = make_followed(
                owner="alice", prompt="a fox", created_at=now, updated_at=now, due=None, answer="given"
            )
            await terminal.store.add([bobs, task])
            begun = anyio.current_time()
            told = await events.next("task")
            assert (told["prompt"], told["state"]) == ("a fox", "pending")
            assert anyio.current_time() - begun < here(2)
            done = replace(task, state=State.SUCCESS, updated_at=now + 0.1, completed_at=now)
            assert await terminal.store.commit(task, done)
            assert (await events.next("task"))["state"] == "success"
            assert await terminal.store.delete_entry(done, "gone")
            assert await events.next("gone") == {"task_id": task.task_id}


async def test_an_owner_who_is_revoked_hears_no_more(house: House) -> None:
    async with house.http(ALICE) as alice, watching(alice) as events:
        assert await house.app.owners.revoke(ALICE.name)
        with pytest.raises(AssertionError, match="came"):
            await events.next("task")


def test_the_headers_of_the_page_let_it_do_what_it_holds_and_nothing_else() -> None:
    content = "<!doctype html><style>a{}</style><script>let a = 1</script><p style='x'>"
    policy = page.page_headers(content)["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert policy.count("'sha256-") == 2
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


async def test_the_neighbour_of_a_server_without_owners_is_at_home(box: Any, tmp_path: Path) -> None:
    async with served(box, tmp_path) as (app, url), httpx2.AsyncClient(base_url=url, timeout=60) as http:
        await app.store.add([make_followed(prompt="mine", due=None, state=State.SUCCESS)])
        [card] = (await http.get("/api/tasks")).json()["tasks"]
        assert (card["owner"], card["prompt"]) == (LOCAL.name, "mine")
        assert (await http.get("/api/tasks", headers={"x-forwarded-for": "1.2.3.4"})).status_code == 401
        assert (await http.get("/api/tasks", headers={"sec-fetch-site": "cross-site"})).status_code == 403


async def test_a_file_tells_what_it_is_and_its_task_to_its_owner_alone(house: House) -> None:
    async with house.http(ALICE) as alice, house.http(BOB) as bob:
        task = await a_task(house)
        file = described(picture(), replace(FOX, task_id=task["task_id"]))
        hers = await alice.post("/api/told", content=file, headers=OURS)
        assert hers.json() == {
            **replace(FOX, task_id=task["task_id"]).structure,
            "told_by": "file",
            "known": True,
        }
        his = await bob.post("/api/told", content=file, headers=OURS)
        assert his.json() == {name: value for name, value in hers.json().items() if name != "known"}
        ends = file[:200_000] + file[-200_000:]
        assert (await alice.post(f"/api/told?size={len(file)}", content=ends, headers=OURS)).status_code == 200
        for nothing in (b"", b"\x89PNG\r\n\x1a\n", picture(), b"GIF89a" * 1000):
            assert (await alice.post("/api/told", content=nothing, headers=OURS)).json() == {}
        assert (await alice.post("/api/told", content=file)).status_code == 403
        assert (await alice.post("/api/told?size=x", content=file, headers=OURS)).status_code == 400
        assert (await alice.post("/api/told", content=bytes((1 << 20) + 1), headers=OURS)).status_code == 413
    async with house.http(None) as nobody:
        assert (await nobody.post("/api/told", content=file, headers=OURS)).status_code == 401
