import socket
import threading
from typing import Any

import anyio
import pytest
from support.amounts import in_time
from support.program import happens

from apixo_mcp.errors import HostRefused, MediaError
from apixo_mcp.net.guarded_connect import GuardedBackend, resolve_name
from apixo_mcp.net.http import Http

pytestmark = pytest.mark.anyio


def answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class to:
    """Resolves every name to these addresses."""

    def __init__(self, *addresses: str) -> None:
        self.asked: list[str] = []
        self._addresses = addresses

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return list(self._addresses)


async def read(url: str, http: Http, **given):
    async with http.fetch(url, **given) as download:
        return download, b"".join([chunk async for chunk in download.chunks])


def open_http(**given) -> Http:
    return Http(allow_private_hosts=True, **given)


async def test_a_file_is_read_without_key_and_compression(wire):
    async with (
        wire(answer(b"abc", "200 OK", "Content-Type: Image/PNG; q=1", 'ETag: "x"', "Accept-Ranges: bytes")) as server,
        open_http() as http,
    ):
        download, body = await read(server.url + "/a.png", http)
    assert body == b"abc"
    assert (download.status, download.content_type, download.etag) == (200, "image/png", '"x"')
    assert (download.length, download.total, download.resumable) == (3, 3, True)
    head = server.requests[0].lower()
    assert b"accept-encoding: identity" in head
    assert b"authorization" not in head
    assert b"range" not in head


async def test_a_user_in_the_url_signs_in_there(wire):
    async with wire(answer(b"abc")) as server, open_http() as http:
        await read(server.url.replace("//", "//user:p%40ss@"), http)
    assert b"authorization: basic dxnlcjpwqhnz" in server.requests[0].lower()


@pytest.mark.parametrize("way", ["length", "chunks"])
async def test_a_large_file_is_read_in_large_pieces(wire, way):
    """Each piece takes as long to hand on as 100 KB take to be hashed."""
    body = bytes(4_000_000)
    sent = {
        "length": answer(body),
        "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body),
    }
    async with wire(sent[way]) as server, open_http() as http, http.fetch(server.url) as download:
        sizes = [len(chunk) async for chunk in download.chunks]
    assert sum(sizes) == len(body)
    assert max(sizes) > 60_000


async def test_a_rest_is_asked_for_only_of_the_same_file(wire):
    async with wire(answer(b"cd", "206 Partial Content", "Content-Range: bytes 2-3/4")) as server, open_http() as http:
        download, body = await read(server.url, http, offset=2, etag='"x"')
    assert (download.status, download.length, download.total, body) == (206, 2, 4, b"cd")
    assert b"range: bytes=2-" in server.requests[0].lower()
    assert b'if-range: "x"' in server.requests[0].lower()


async def test_another_part_than_asked_for_is_refused(wire):
    async with wire(answer(b"cd", "206 Partial Content", "Content-Range: bytes 0-1/4")) as server, open_http() as http:
        with pytest.raises(MediaError, match="another part"):
            await read(server.url, http, offset=2)


async def test_an_offset_past_the_end_starts_again(wire):
    async def talk(stream, request):
        ranged = b"range:" in request.lower()
        await stream.send(answer(b"", "416 Range Not Satisfiable") if ranged else answer(b"new"))

    async with wire(talk) as server, open_http() as http:
        download, body = await read(server.url, http, offset=9)
    assert (download.status, body) == (200, b"new")


@pytest.mark.parametrize(
    ("status", "gone"), [(403, True), (404, True), (410, True), (500, False), (304, False), (429, False)]
)
async def test_an_error_answer_tells_whether_the_file_is_gone(wire, status, gone):
    async with wire(answer(b"", f"{status} X")) as server, open_http() as http:
        with pytest.raises(MediaError) as caught:
            await read(server.url + "/a?signature=s", http)
    assert caught.value.gone is gone
    assert "signature" not in str(caught.value)


@pytest.mark.parametrize(
    "sent",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", b"no HTTP\r\n\r\n"],
    ids=["nothing", "cut", "garbage"],
)
async def test_a_broken_line_is_told(wire, sent):
    async def talk(stream, request):
        if sent:
            await stream.send(sent)
        await stream.aclose()

    async with wire(talk) as server, open_http() as http:
        with pytest.raises(MediaError) as caught:
            await read(server.url, http)
    assert not caught.value.gone


async def test_redirects_are_followed_up_to_five(wire):
    async def talk(stream, request):
        left = int(request.split(b" ")[1].strip(b"/"))
        await stream.send(answer(b"end") if not left else answer(b"", "302 Found", f"Location: /{left - 1}"))

    async with wire(talk) as server, open_http() as http:
        assert (await read(server.url + "/5", http))[1] == b"end"
        with pytest.raises(MediaError, match="redirects more than 5"):
            await read(server.url + "/6", http)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a",
        "http://localhost:8/a",
        "http://[::1]/a",
        "http://[::ffff:10.0.0.1]/a",
        "http://169.254.169.254/latest",
        "http://127.1/a",
        "http://2130706433/a",
        "http://0x7f000001/a",
        "http://0/a",
        "file:///etc/passwd",
        "ftp://host/a",
    ],
)
async def test_private_addresses_are_refused_however_they_are_written(url):
    async with Http() as http:
        with pytest.raises(HostRefused):
            await read(url, http)


@pytest.mark.parametrize("url", ["", "http://", "http://[", "http://a b/", "nonsense", "http://h:99999/", "\ud800"])
async def test_what_is_no_url_is_a_media_error(url):
    async with Http() as http:
        with pytest.raises(MediaError):
            await read(url, http)


@pytest.mark.parametrize(
    "addresses", [("127.0.0.1",), ("192.168.0.1", "10.0.0.1"), ("fe80::1%1",), ("::ffff:127.0.0.1",)]
)
async def test_a_name_without_an_address_that_passes_is_refused(wire, addresses):
    async with wire(answer(b"secret")) as server, Http(resolve=to(*addresses)) as http:
        with pytest.raises(HostRefused, match=r"cdn\.example is a private address"):
            await read(f"http://cdn.example:{server.port}/", http)
    assert server.connections == 0


class Dialler:
    """Stands for the network: refuses to connect, and keeps where to."""

    def __init__(self) -> None:
        self.dialled: list[str] = []

    async def connect_tcp(self, host: str, *_: object) -> None:
        self.dialled.append(host)
        raise OSError("no network")


@pytest.mark.parametrize(
    ("addresses", "dialled"),
    [
        (["10.0.0.1", "1.1.1.1"], ["1.1.1.1"]),
        (["1.1.1.1", "::1", "8.8.8.8", "fd00::1"], ["1.1.1.1", "8.8.8.8"]),
        (["fdfe:dcba:9876::b4", "198.18.0.182"], ["fdfe:dcba:9876::b4", "198.18.0.182"]),
        (["fc00::12", "198.18.0.182", "192.168.1.1"], ["fc00::12", "198.18.0.182"]),
    ],
)
async def test_every_address_that_passes_is_dialled_and_no_other(addresses, dialled):
    network = Dialler()
    backend = GuardedBackend(network, to(*addresses), allow_private=False, https=True)
    with pytest.raises(OSError, match="no network"):
        await backend.connect_tcp("cdn.example", 443, 1.0)
    assert network.dialled == dialled


async def test_what_was_checked_is_what_is_connected_to(wire):
    resolve = to("127.0.0.1")
    async with wire(answer(b"abc")) as server, open_http(resolve=resolve) as http:
        _, body = await read(f"http://cdn.example:{server.port}/a", http)
    assert body == b"abc"
    assert resolve.asked == ["cdn.example"]  # once: nobody resolves the name a second time
    assert f"host: cdn.example:{server.port}".encode() in server.requests[0].lower()


async def test_tls_still_sees_the_name(wire):
    async def talk(stream, hello):
        await stream.aclose()

    async with wire(talk, http=False) as server, open_http(resolve=to("127.0.0.1")) as http:
        with pytest.raises(MediaError):
            await read(f"https://cdn.example:{server.port}/a", http)
    assert b"cdn.example" in server.requests[0]


@pytest.mark.parametrize("addresses", [("::1", "127.0.0.1"), ("127.0.0.1", "::1")])
async def test_a_dead_address_is_not_the_last_word(wire, addresses):
    async with wire(answer(b"abc")) as server, open_http(resolve=to(*addresses)) as http:
        assert (await read(f"http://cdn.example:{server.port}/a", http))[1] == b"abc"


@pytest.mark.parametrize("found", [[], OSError("no such name"), UnicodeError("label too long")])
async def test_a_name_that_does_not_resolve(found):
    async def resolve(host: str, port: int):
        if isinstance(found, Exception):
            raise found
        return found

    async with Http(resolve=resolve) as http:
        with pytest.raises(MediaError, match=r"the name cdn\.example") as caught:
            await read("http://cdn.example/a", http)
    assert not isinstance(caught.value, HostRefused)


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:{port}/inside", "//127.0.0.1:{port}/inside", "file:///etc/passwd"]
)
async def test_a_redirect_to_a_private_address_is_refused(wire, monkeypatch, target):
    async with wire(answer(b"secret")) as inside:
        location = target.format(port=inside.port)
        async with wire(answer(b"", "302 Found", f"Location: {location}")) as proxy:
            monkeypatch.setenv("http_proxy", proxy.url)
            monkeypatch.setenv("no_proxy", "")
            async with Http() as http:
                with pytest.raises(HostRefused):
                    await read("http://cdn.example/a", http)
        assert len(proxy.requests) == 1
    assert inside.connections == 0


async def test_behind_a_proxy_the_proxy_resolves(wire, monkeypatch):
    resolve = to("127.0.0.1")
    async with wire(answer(b"abc")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        async with Http(resolve=resolve) as http:
            assert (await read("http://cdn.example/a", http))[1] == b"abc"
    assert resolve.asked == []


async def test_an_early_end_of_reading_is_no_error(wire):
    async def talk(stream, request):
        await stream.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await stream.send(b"x" * 65536)

    async with wire(talk) as server, open_http() as http:
        with in_time(5):
            async with http.fetch(server.url) as download:
                async for _ in download.chunks:
                    break
    assert (download.length, download.total, download.resumable) == (None, None, False)


async def test_a_strangers_name_that_is_slow_keeps_no_other_name_waiting(monkeypatch):
    released, begun, real = threading.Event(), [], socket.getaddrinfo

    def look(host: str, *rest: Any, **given: Any):
        if str(host).endswith(".slow.example"):
            begun.append(host)
            released.wait(300)
            raise socket.gaierror
        return real(host, *rest, **given)

    monkeypatch.setattr(socket, "getaddrinfo", look)
    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(resolve_name, f"{number}.slow.example", 443)
        await happens(lambda: len(begun) == 20)
        with in_time(5):
            assert await anyio.getaddrinfo("127.0.0.1", 80)
        group.cancel_scope.cancel()
    released.set()
