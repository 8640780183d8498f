"""The id of a task that was paid for is kept, however its submit is answered, and whatever stands between."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.amounts import here
from support.broken_answers import HEADS, SEVERAL, WRAPPINGS, Broken, Made, broken_answers, document, headed
from support.certificates import authority
from support.door import Door, Enter, content, door, holds, one_file, sample
from support.listening import listening
from support.program import told_once
from support.scripted_gateway import Asked, Gateway, Send, beside, polled, succeeded, whole
from support.wire import envelope

from apixo_mcp.assembly.limits import Limits
from apixo_mcp.net.timeouts import Timeouts

pytestmark = pytest.mark.anyio

PNG = sample("ok.png")
ID = "task_kept_7788"
ALL = HEADS | WRAPPINGS
HOLD = 0.05  # seconds that the event loop may be held, on an idle machine
FAILS_AT = 1.0  # a machine that is shared and busy stretches a hold; what is not bounded takes far longer
PROXIED = ("no head", "no status", "line feeds alone", "two lengths", "a head of 60 KB", "sizes that are none")
KEY = "sk-field-planted"


async def ended(entered: Door, **arguments: Any) -> dict[str, Any]:
    """What is told of a task once it has ended well, with its file: one in doubt is asked about again."""
    asked = await entered.made(**arguments)
    done = await told_once(entered.client, asked, lambda task: task["state"] == "success")
    return await entered.ended(done)


async def is_kept(gateway: Gateway, entered: Door, broken: Broken, task_id: str = ID, **arguments: Any) -> None:
    """Submits, is answered so, and has the file in the end."""
    posts = len(gateway.posts)
    gateway.submits.append(broken(task_id))
    task = await ended(entered, **arguments)
    assert task["state"] == "success", task
    assert task["remote_id"] == task_id
    assert content(task["results"][0]) == PNG
    assert len(gateway.posts) == posts + 1


@pytest.mark.parametrize("broken", ALL)
async def test_an_id_is_kept(gateway: Gateway, enter: Enter, broken: str):
    one_file(gateway, "/out/a.png", whole(PNG))
    async with enter() as entered:
        await is_kept(gateway, entered, ALL[broken])


@pytest.mark.parametrize("broken", ["no head", "no status", "two lengths", "X-Task-Id", "a list of ids"])
async def test_an_id_of_the_other_gateway_is_kept(gateway: Gateway, enter: Enter, broken: str):
    one_file(gateway, "/out/a.png", whole(PNG))
    async with enter() as entered:
        await is_kept(gateway, entered, ALL[broken], model="ruxa/google/nano-banana")


@pytest.mark.parametrize("costly", ["30,000 header lines", "a head of 300 KB", "behind 6 MB", "behind 40 MB, packed"])
async def test_what_is_costly_to_read_holds_nobody_up(tmp_path: Path, costly: str):
    least = 1e9
    async with beside() as gateway, door(gateway.url, tmp_path) as entered:
        one_file(gateway, "/out/a.png", whole(PNG))
        await is_kept(gateway, entered, headed("Content-Length: SIZE"), "task_first_1")
        for number in range(3):
            answered = await anyio.to_thread.run_sync(ALL[costly], f"task_kept_{number}44")
            async with holds() as held:
                await is_kept(gateway, entered, lambda task: answered, f"task_kept_{number}44", prompt=f"{number}")  # noqa: B023
            least = min(least, held.longest)
            if least < HOLD:
                break
    assert least < here(FAILS_AT)


@settings(max_examples=12, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(broken_answers(), min_size=6, max_size=6))
def test_an_id_is_kept_whatever_is_broken(tmp_path_factory: pytest.TempPathFactory, answers: list[Made]):
    async def main() -> None:
        async with Gateway() as gateway, door(gateway.url, tmp_path_factory.mktemp("door")) as entered:
            one_file(gateway, "/out/a.png", whole(PNG))
            for number, broken in enumerate(answers):
                await is_kept(gateway, entered, broken, f"task_kept_{number}44", prompt=f"fox {number}")

    anyio.run(main)


@pytest.mark.parametrize("several", SEVERAL)
async def test_of_several_ids_none_is_taken_and_all_are_told(gateway: Gateway, enter: Enter, several: str):
    gateway.submits.append(SEVERAL[several](ID))
    async with enter() as entered:
        task = await entered.made()
    assert task["state"] == "unknown"
    assert ID in task["error"]["message"]
    assert "task_other_5" in task["error"]["message"]
    assert not gateway.looks
    assert len(gateway.posts) == 1


@pytest.mark.parametrize("broken", ["no head", "no status", "X-Task-Id", "a list of tasks", "Location", "behind 6 MB"])
async def test_an_id_that_the_gateway_does_not_confirm_settles_nothing(gateway: Gateway, enter: Enter, broken: str):
    gateway.outcome = lambda task: envelope(None, 404, "Task not found", 404)
    gateway.submits.append(ALL[broken](ID))
    async with enter() as entered:
        task = await entered.made()
    assert task["state"] == "unknown"
    assert len(gateway.posts) == 1


@pytest.mark.parametrize("broken", ["no head", "no status", "X-Task-Id", "Location", "the id of a task", "behind 6 MB"])
async def test_the_key_in_the_place_of_an_id_is_never_kept(gateway: Gateway, enter: Enter, broken: str, tmp_path: Path):
    gateway.submits.append(ALL[broken](KEY))
    async with enter() as entered:
        task = await entered.made()
    assert task["state"] == "unknown"
    assert KEY not in str(task)
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 200 OK\r\nX-A: b\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b""]
)
async def test_an_answer_that_hangs_keeps_its_id(gateway: Gateway, tmp_path: Path, answer: bytes):
    """The line stays open, and nothing more comes."""

    async def hang(asked: Asked, send: Send) -> None:
        await send(answer + document(ID))
        await anyio.sleep_forever()

    one_file(gateway, "/out/a.png", whole(PNG))
    limits = Limits(timeouts=Timeouts(submit=here(0.3), answer_grace=here(0.3)))
    async with door(gateway.url, tmp_path, limits=limits) as entered:
        gateway.submits.append(hang)
        task = await ended(entered)
    assert (task["state"], task["remote_id"]) == ("success", ID)
    assert len(gateway.posts) == 1


# A gateway whose every answer is broken so.


@pytest.mark.parametrize(
    "status",
    ["", "HTTP/1.1 OK\r\n\r\n", "HTTP/2 200\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"],
)
async def test_polls_are_read_too(gateway: Gateway, enter: Enter, status: str):
    one_file(gateway, "/out/a.png", whole(PNG))

    def body(answered: bytes) -> bytes:
        return status.encode() + answered.partition(b"\r\n\r\n")[2]

    gateway.outcome = lambda task: body(succeeded(task, urls=gateway.urls))
    async with enter() as entered:
        await is_kept(gateway, entered, lambda task: body(polled(task)))


# What stands between.


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


@pytest.mark.parametrize("broken", PROXIED)
async def test_through_a_proxy(gateway: Gateway, tmp_path: Path, broken: str, no_proxy: pytest.MonkeyPatch):
    """It hands plain requests on: here it is the gateway itself."""
    no_proxy.setenv("http_proxy", gateway.url)
    one_file(gateway, "/out/a.png", whole(PNG))
    async with door("http://gateway.test", tmp_path) as entered:
        await is_kept(gateway, entered, HEADS[broken])
    assert gateway.posts[0].path.startswith("http://gateway.test/")


@asynccontextmanager
async def tunnel(port: int) -> AsyncIterator[str]:
    """An HTTP proxy that opens tunnels, all of which lead to one port.

    Yields:
        Its URL.
    """

    async def pump(source: anyio.abc.ByteStream, to: anyio.abc.ByteStream) -> None:
        try:
            async for data in source:
                await to.send(data)
            await to.send_eof()
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass

    async def handle(client: anyio.abc.SocketStream) -> None:
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += await client.receive()
        assert asked.startswith(b"CONNECT gateway.test:443 ")
        await client.send(b"HTTP/1.1 200 Connection established\r\nTransfer-Encoding: chunked\r\n\r\n")
        async with client, await anyio.connect_tcp("127.0.0.1", port) as server, anyio.create_task_group() as both:
            both.start_soon(pump, client, server)
            await pump(server, client)
            both.cancel_scope.cancel()

    async with listening(handle) as proxy:
        yield f"http://127.0.0.1:{proxy}"


@pytest.mark.parametrize("broken", PROXIED)
async def test_through_a_tunnel_and_tls(tmp_path: Path, broken: str, no_proxy: pytest.MonkeyPatch):
    bundle, certificate = authority(tmp_path, "gateway.test")
    no_proxy.setenv("SSL_CERT_FILE", str(bundle))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    async with Gateway() as files, Gateway(tls=context) as gateway, tunnel(gateway.port) as proxy:
        no_proxy.setenv("https_proxy", proxy)
        gateway.results(files.serve("/out/a.png", whole(PNG)))
        async with door("https://gateway.test", tmp_path) as entered:
            await is_kept(gateway, entered, HEADS[broken])
