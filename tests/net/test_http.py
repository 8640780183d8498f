import gzip
import json
import subprocess
import sys

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.amounts import examples, here, in_time
from support.tcp import refused

from apixo_mcp import __version__
from apixo_mcp.gateways.apixo import Apixo
from apixo_mcp.gateways.gateway import Accepted, Later, NoAnswer, Refused
from apixo_mcp.gateways.ruxa import Ruxa
from apixo_mcp.net.http import MAX_BODY, Http
from apixo_mcp.net.response import Answered, Broken, NotReached
from apixo_mcp.net.timeouts import Timeouts

pytestmark = pytest.mark.anyio


def answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def ask(url: str, **given):
    async with Http() as http:
        return await http.call("POST", url, headers={"Authorization": "Bearer k"}, read_timeout=30.0, **given)


async def test_a_whole_answer_comes_back_with_lower_case_headers(wire):
    async with wire(answer(b'{"code": 200}', "418 Teapot", "Retry-After: 7")) as server:
        got = await ask(server.url + "/a?x=1", json={"prompt": "ein Fuchs, 狐"}, params={"taskId": "a b/c"})
    assert isinstance(got, Answered)
    assert (got.status, got.headers["retry-after"], got.body) == (418, "7", b'{"code": 200}')
    [request] = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert f"user-agent: apixo-mcp/{__version__}".encode() in head.lower()
    assert json.loads(body) == {"prompt": "ein Fuchs, 狐"}


async def test_connections_are_kept(wire):
    async with wire(answer(b"{}")) as server, Http() as http:
        for _ in range(3):
            await http.call("GET", server.url, headers={}, read_timeout=30.0)
    assert (server.connections, len(server.requests)) == (1, 3)


def answered_once(body: bytes):
    """Answers the first request of each connection, and closes it when a second one comes."""
    seen = []

    async def talk(stream, request):
        if any(stream is one for one in seen):
            await stream.aclose()
        else:
            seen.append(stream)
            await stream.send(answer(body))

    return talk


async def test_a_post_never_meets_a_connection_that_is_just_closed(wire):
    async with wire(answered_once(b"{}")) as server, Http() as http:
        for method in ("GET", "POST", "POST", "POST"):
            got = await http.call(method, server.url, headers={}, json={}, read_timeout=30.0)
            assert isinstance(got, Answered), method
    assert (server.connections, len(server.requests)) == (4, 4)


async def test_a_post_has_a_connection_of_its_own_through_a_proxy_too(wire, monkeypatch):
    async with wire(answered_once(b"{}")) as proxy, Http() as http:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        for method in ("GET", "POST", "POST"):
            got = await http.call(method, "http://gateway.invalid/api", headers={}, json={}, read_timeout=30.0)
            assert isinstance(got, Answered), method
    assert proxy.connections == 3


async def test_many_posts_at_once_each_have_a_connection(wire):
    async with wire(answered_once(b"{}")) as server, Http() as http, anyio.create_task_group() as group:

        async def post() -> None:
            assert isinstance(await http.call("POST", server.url, headers={}, json={}, read_timeout=30.0), Answered)

        for _ in range(20):
            group.start_soon(post)
    assert (server.connections, len(server.requests)) == (20, 20)


@pytest.mark.parametrize(
    "drop", [b"H", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"]
)
@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nA: "])
async def test_a_head_that_never_ends_is_waited_for_no_longer_than_a_whole_call(wire, head, drop):
    async def talk(stream, request):
        await stream.send(head)
        while True:
            await stream.send(b"a" if head else drop)
            await anyio.sleep(0.01)

    async with wire(talk) as server, Http(timeouts=Timeouts(answer_grace=0.2)) as calls:
        with in_time(4):
            got = await calls.call("POST", server.url, headers={}, json={}, read_timeout=0.2)
    assert isinstance(got, Broken)


async def test_a_redirect_is_an_answer(wire):
    async with wire(answer(b"", "307 Temporary Redirect", "Location: /elsewhere")) as server:
        got = await ask(server.url)
    assert isinstance(got, Answered)
    assert got.status == 307
    assert len(server.requests) == 1


async def test_cookies_are_not_kept(wire):
    async with wire(answer(b"{}", "200 OK", "Set-Cookie: a=b; Path=/")) as server, Http() as http:
        for _ in range(2):
            await http.call("GET", server.url, headers={}, read_timeout=30.0)
    assert not any(b"cookie" in request.lower() for request in server.requests)


async def test_a_plain_answer_that_claims_to_be_packed(wire):
    body = b'{"code": 200, "data": {"taskId": "t"}}'
    async with wire(answer(body, "200 OK", "Content-Encoding: gzip")) as server:
        got = await ask(server.url)
    assert isinstance(got, Answered)
    assert got.body == body


async def test_compressed_answers_are_read(wire):
    body = gzip.compress(b'{"code": 200}')
    async with wire(answer(body, "200 OK", "Content-Encoding: gzip")) as server:
        got = await ask(server.url)
    assert isinstance(got, Answered)
    assert got.body == b'{"code": 200}'


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\r\n",
        b"\x16\x03\x01 this is no HTTP\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        answer(gzip.compress(b"an answer" * 9)[:14] + b"and no more of it", "200 OK", "Content-Encoding: gzip"),
        answer(b" " * (MAX_BODY + 1)),
        answer(gzip.compress(b"\0" * 10 * MAX_BODY, 1), "200 OK", "Content-Encoding: gzip"),
    ],
    ids=["nothing", "head", "length", "chunk", "garbage", "status", "broken-gzip", "large", "bomb"],
)
async def test_what_may_have_arrived_is_broken_and_sent_once(wire, sent):
    async def talk(stream, request):
        if sent:
            await stream.send(sent)
        await stream.aclose()

    async with wire(talk) as server:
        got = await ask(server.url + "/path?secret=1", json={"a": 1})
    assert isinstance(got, Broken)
    assert len(server.requests) == 1
    assert "secret" not in got.reason


async def test_silence_is_broken(wire):
    async def talk(stream, request):
        await anyio.sleep_forever()

    async with wire(talk) as server, Http() as http:
        got = await http.call("POST", server.url, headers={}, json={}, read_timeout=here(0.3))
    assert isinstance(got, Broken)
    assert len(server.requests) == 1


async def test_no_connection_is_not_reached():
    with refused() as url:
        got = await ask(f"{url}/?secret=1")
    assert isinstance(got, NotReached)
    assert "secret" not in got.reason


@pytest.mark.parametrize(
    "url", ["", "nonsense", "ftp://host/a", "http://", "http://[", "http://a b/", "https://h:99999/"]
)
async def test_a_url_that_cannot_be_used_is_not_reached(url):
    assert isinstance(await ask(url), NotReached)


async def test_a_tls_handshake_that_fails_is_not_reached(wire):
    async def talk(stream, hello):
        await stream.send(b"this is no TLS")
        await stream.aclose()

    async with wire(talk, http=False) as server:
        got = await ask(server.url.replace("http:", "https:"))
    assert isinstance(got, NotReached)


async def test_cancellation_passes(wire):
    async def talk(stream, request):
        group.cancel_scope.cancel()
        await anyio.sleep_forever()

    async with wire(talk) as server, anyio.create_task_group() as group:
        await ask(server.url)
        raise AssertionError("went on")
    assert len(server.requests) == 1


async def test_the_environments_proxy_is_used_but_not_for_loopback(wire, monkeypatch):
    async with wire(answer(b'"proxy"')) as proxy, wire(answer(b'"direct"')) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        through = await ask("http://gateway.invalid/api")
        direct = await ask(server.url)
    assert isinstance(through, Answered)
    assert isinstance(direct, Answered)
    assert (through.body, direct.body) == (b'"proxy"', b'"direct"')


async def test_a_proxy_that_refuses_is_not_reached(wire, monkeypatch):
    async with wire(answer(b"", "403 Forbidden")) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        got = await ask("https://gateway.invalid/api")
    assert isinstance(got, NotReached)


def test_a_server_that_starts_loads_no_transport():
    code = "import sys; from apixo_mcp.net.http import Http; Http(); assert 'httpcore2' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@settings(
    max_examples=examples(60), deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.binary(max_size=200)
    | st.builds(lambda body: b"HTTP/1.1 200 OK\r\n\r\n" + body, st.binary(max_size=100))
    | st.builds(lambda head: b"HTTP/1.1 " + head + b"\r\n\r\n", st.binary(max_size=60))
)
def test_whatever_the_wire_carries_becomes_a_value(wire, sent):
    async def talk(stream, request):
        if sent:
            await stream.send(sent)
        await stream.aclose()

    async def main():
        async with wire(talk) as server, Http() as http:
            for gateway in (Apixo(http, "sk-a1", server.url), Ruxa(http, "sk-a1", server.url)):
                assert not isinstance(await gateway.submit("m", {}), Later | Accepted | Refused)
                assert isinstance(await gateway.poll("m", "t"), NoAnswer)
                await gateway.balance()

    anyio.run(main)


async def test_what_came_of_a_broken_answer_is_handed_on(wire):
    async def talk(stream, request):
        await stream.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"data":{"taskId":"t-1"')
        await stream.aclose()

    async with wire(talk) as server:
        got = await ask(server.url)
    assert isinstance(got, Broken)
    assert got.body == b'{"data":{"taskId":"t-1"'


async def test_the_beginning_of_an_answer_that_is_too_large_is_handed_on(wire):
    async with wire(answer(b'{"taskId":"t-1"}' + b" " * MAX_BODY)) as server:
        got = await ask(server.url)
    assert isinstance(got, Broken)
    assert got.body.startswith(b'{"taskId":"t-1"}')
    assert len(got.body) <= MAX_BODY
