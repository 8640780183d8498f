"""The page of pictures for whoever uses this machine: opened once by its key, and by nobody else on it."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from support.amounts import here
from support.asking import submit
from support.program import happens, values_for

from apixo_mcp.app import App, open_app
from apixo_mcp.gallery.revealing import command_for
from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.http.gallery.own import serving_own_gallery
from apixo_mcp.server.http.gallery.same_user import is_of_another_user
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.asking.request import GenerationRequest, Submission
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.task import Task

pytestmark = pytest.mark.anyio

OURS = {"x-apixo-mcp": "1"}


@pytest.fixture
def era() -> str:
    return "auto"


@asynccontextmanager
async def opened(box: Sandbox, folder: Path) -> AsyncIterator[tuple[App, str, str]]:
    """The program of this machine with its page; tells the address and the path that opens it."""
    async with open_app(read_settings(**values_for(box, folder))) as app:
        listener = listen("127.0.0.1", 0)
        url = url_of(listener)
        async with serving_own_gallery(app, listener) as path:
            yield app, url, path


async def a_picture(app: App) -> Task:
    """A picture of this machine's own, saved."""
    request = GenerationRequest(owner=LOCAL, model="nano-banana", arguments={"prompt": "a fox [took:0]"})
    submission = await submit(app, request)
    assert isinstance(submission, Submission)
    return await app.service.wait(submission.task, here(60))


async def test_the_key_opens_it_once_and_the_cookie_from_then_on(box: Sandbox, tmp_path: Path) -> None:
    async with opened(box, tmp_path) as (app, url, path), httpx2.AsyncClient(base_url=url, timeout=60) as browser:
        task = await a_picture(app)
        for at in ("/api/tasks", f"/files/{task.task_id}/0", "/api/events", "/"):
            assert (await browser.get(at)).status_code == 401, at
        assert (await browser.get(path[:-1] + "!")).status_code == 403
        first = await browser.get(path)
        assert (first.status_code, first.headers["location"]) == (303, "/")
        cookie = first.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        [entry] = (await browser.get("/api/tasks")).json()["tasks"]
        assert entry["results"][0]["path"] == task.results[0].path, "it is their machine"
        for at in (entry["results"][0]["src"], entry["results"][0]["thumbnail"]):
            assert (await browser.get(f"/{at}")).headers["content-type"] == "image/jpeg"
        async with httpx2.AsyncClient(base_url=url, timeout=60) as other:
            assert (await other.get(path)).status_code == 403, "it has worked"
            assert (await other.get("/api/tasks")).status_code == 401
        assert (await browser.get("/api/tasks", headers={"host": "gallery.example"})).status_code == 421
        assert (await browser.get("/api/tasks", headers={"x-forwarded-for": "1.2.3.4"})).status_code == 401


@pytest.mark.skipif(sys.platform != "linux", reason="a program of another name shows folders there")
async def test_a_file_is_shown_in_its_folder(box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown, programs = tmp_path / "shown", tmp_path / "bin"
    programs.mkdir()
    (programs / "xdg-open").write_text(f'#!/bin/sh\nprintf %s "$1" > "{shown}.part"; mv "{shown}.part" "{shown}"\n')
    (programs / "xdg-open").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    async with opened(box, tmp_path) as (app, url, path), httpx2.AsyncClient(base_url=url, timeout=60) as browser:
        task = await a_picture(app)
        await browser.get(path)
        assert (await browser.get(f"/api/tasks/{task.task_id}")).json()["can_reveal"] is True
        assert (await browser.post(f"/api/tasks/{task.task_id}/reveal")).status_code == 403, "not by our page"
        at = f"/api/tasks/{task.task_id}/reveal"
        assert (await browser.post(at, params={"index": 0}, headers=OURS)).status_code == 200
        await happens(shown.exists)
        assert shown.read_text() == str(Path(task.results[0].path).parent)
        assert (await browser.post(at, params={"index": 7}, headers=OURS)).status_code == 404


def test_each_system_shows_a_file_its_own_way() -> None:
    path = Path("/pictures/a fox.png")
    assert command_for(path, "darwin") == ("open", "-R", str(path))
    assert command_for(path, "win32") == ("explorer", f"/select,{path}")
    assert command_for(path, "linux") == ("xdg-open", str(path.parent))


@pytest.mark.skipif(sys.platform != "linux", reason="the table of connections is Linux's")
@pytest.mark.parametrize(
    ("user", "inode", "lets_in"), [("mine", "77", True), ("0", "77", True), ("4321", "77", False), ("0", "0", False)]
)
def test_a_program_of_another_user_gets_nothing_for_the_key(user: str, inode: str, lets_in: bool) -> None:
    """The key stands in the command line of the browser that is opened, which all users of a machine can read."""
    user = str(os.getuid()) if user == "mine" else user
    ends = ("0100007F:1F90", "0100007F:D431")
    rest = "01 00000000:00000000 00:00000000 00000000"
    table = [f" 0: {ends[0]} {ends[1]} {rest} 99 0 5 1", f" 1: {ends[1]} {ends[0]} {rest} {user} 0 {inode} 1"]
    scope = {"client": ("127.0.0.1", 0xD431), "server": ("127.0.0.1", 0x1F90)}
    assert is_of_another_user(scope, lambda: table) is not lets_in
    assert is_of_another_user(scope, lambda: table[:1]), "its program has gone"
    assert not is_of_another_user(scope, list), "nothing is told here"
    assert not is_of_another_user({**scope, "client": ("::1", 0xD431)}, lambda: table)
    assert not is_of_another_user({}, lambda: table)
