"""The sandbox as a guest: starting, stopping, restarting, being mounted, and standing on its own."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import anyio
import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from support.amounts import here, in_time

from apixo_mcp.net.uvicorn_server import listen, listening
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.sandbox.app import build_app

pytestmark = pytest.mark.anyio

KEY = {"Authorization": "Bearer sk-1"}
BODY = {"input": {"mode": "text-to-image", "prompt": "x [took:0]"}}
SUBMIT = "/api/v1/generateTask/nano-banana"


async def test_importing_it_brings_in_no_server_and_no_pillow():
    code = "import sys, apixo_mcp.sandbox; print([m for m in ('PIL', 'starlette', 'uvicorn') if m in sys.modules])"
    done = await anyio.run_process([sys.executable, "-c", code])
    assert done.stdout.decode().strip() == "[]"


async def test_it_stops_at_once_with_connections_open(capfd: pytest.CaptureFixture[str]):
    began, logged = 0.0, 0
    async with httpx2.AsyncClient(headers=KEY, timeout=60) as client, anyio.create_task_group() as group:
        async with Sandbox(speed=1000) as box:

            async def hang(mark: str) -> None:
                body = {"input": {"mode": "text-to-image", "prompt": f"x [{mark}]"}}
                with pytest.raises(httpx2.TransportError):
                    await client.post(f"{box.url}{SUBMIT}", json=body)

            for mark in ("hang", "slow-submit:60"):
                group.start_soon(hang, mark)
            with in_time(5):
                while len(box.submits()) < 2:
                    await anyio.sleep(0.005)
            logged = len(box.log())
            began = time.monotonic()
        assert time.monotonic() - began < here(5)
    assert logged == 2
    assert capfd.readouterr() == ("", "")


async def test_a_cancelled_owner_leaves_nothing_listening():
    url = ""
    with anyio.CancelScope() as scope:
        async with Sandbox(speed=1000) as box:
            url = box.url
            scope.cancel()
            await anyio.lowlevel.checkpoint()
    async with httpx2.AsyncClient(timeout=60) as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get(f"{url}/_sandbox/health")


async def test_an_error_of_the_owner_is_his_own():
    with pytest.raises(KeyError):
        async with Sandbox(speed=1000):
            raise KeyError


async def test_it_serves_again_on_the_same_port_and_remembers(tmp_path: Path):
    async with Sandbox(speed=1000, data_dir=tmp_path) as box, httpx2.AsyncClient(headers=KEY, timeout=60) as client:
        port = int(box.url.rpartition(":")[2])
        answer = await client.post(f"{box.url}{SUBMIT}", json=BODY)
        remote_id = answer.json()["data"]["taskId"]
    async with (
        Sandbox(speed=1000, port=port, data_dir=tmp_path) as box,
        httpx2.AsyncClient(headers=KEY, timeout=60) as client,
    ):
        assert box.url.endswith(f":{port}")
        params = {"taskId": remote_id}
        answer = await client.get(f"{box.url}/api/v1/statusTask/nano-banana", params=params)
        assert answer.json()["data"]["state"] == "success"
        balance = await client.get(f"{box.url}/api/v1/apikeys/current-balance")
        assert balance.json()["data"] == 99.99
        assert [entry["remote_id"] for entry in box.submits()] == [remote_id]
        box.reset()
        assert box.log() == []


async def test_a_taken_port_is_an_error_and_leaves_nothing_behind(box: Sandbox):
    with pytest.raises(OSError):
        async with Sandbox(port=int(box.url.rpartition(":")[2])):
            pass


async def test_it_must_run_to_be_asked():
    with pytest.raises(RuntimeError, match="not running"):
        Sandbox().scenario()
    with pytest.raises(ValueError, match="speed"):
        build_app(speed=0)


async def test_a_hundred_tasks_at_once(box: Sandbox, client: httpx2.AsyncClient):
    seen: list[str] = []

    async def one(number: int) -> None:
        body = {"input": {"mode": "text-to-image", "prompt": f"picture {number} [took:0]"}}
        answer = await client.post(SUBMIT, json=body)
        seen.append(answer.json()["data"]["taskId"])

    async with anyio.create_task_group() as group:
        for number in range(100):
            group.start_soon(one, number)
    assert len(set(seen)) == len(box.submits()) == 100


async def test_drawing_does_not_stop_other_answers(box: Sandbox, client: httpx2.AsyncClient, made):
    urls = [(await made(f"big {n}", "nano-banana-pro", resolution="4K"))[0] for n in range(8)]
    done: list[str] = []

    async def get(url: str) -> None:
        assert (await client.get(url)).status_code == 200
        done.append(url)

    async with anyio.create_task_group() as group:
        for url in urls:
            group.start_soon(get, url)
        await get("/api/v1/apikeys/current-balance")
    assert done[-1] != "/api/v1/apikeys/current-balance"


async def test_one_file_is_made_once_for_many_readers(client: httpx2.AsyncClient, made):
    url = (await made())[0]
    tags: set[str] = set()

    async def get() -> None:
        tags.add((await client.get(url)).headers["etag"])

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(get)
    assert len(tags) == 1


async def test_mounted_under_a_path_it_finds_itself_and_still_cuts(caplog: pytest.LogCaptureFixture):
    outer = Starlette(routes=[Mount("/inner", build_app(speed=1000))])
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/inner"
    async with listening(outer, listener), httpx2.AsyncClient(headers=KEY, timeout=60) as client:
        remote_id = (await client.post(f"{url}{SUBMIT}", json=BODY)).json()["data"]["taskId"]
        answer = await client.get(f"{url}/api/v1/statusTask/nano-banana", params={"taskId": remote_id})
        file = answer.json()["data"]["resultJson"].split('"')[3]
        assert file.startswith(f"{url}/files/")
        assert (await client.get(file)).status_code == 200
        body = {"input": {"mode": "text-to-image", "prompt": "x [cut]"}}
        with pytest.raises(httpx2.RemoteProtocolError):
            await client.post(f"{url}{SUBMIT}", json=body)


@pytest.mark.skipif(sys.platform == "win32", reason="there a process cannot be asked to end")
async def test_serve_runs_until_it_is_told_to_stop_and_prints_nothing_itself(tmp_path: Path):
    code = (
        "import sys, pathlib; from apixo_mcp.sandbox import serve\n"
        "serve('127.0.0.1', 0, 1000.0, pathlib.Path(sys.argv[1]), on_ready=lambda url: print(url, flush=True))"
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        command = [sys.executable, "-c", code, str(tmp_path)]
        async with await anyio.open_process(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            url = (await process.stdout.receive()).decode().strip()
            async with httpx2.AsyncClient(headers=KEY, timeout=60) as client:
                assert (await client.post(f"{url}{SUBMIT}", json=BODY)).status_code == 200
            process.send_signal(number)
            with in_time(5):
                assert await process.wait() == 0
            with pytest.raises(anyio.EndOfStream):
                await process.stderr.receive()
