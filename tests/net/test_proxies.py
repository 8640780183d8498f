"""Proxies and certificates that are set for this machine: used, or refused by the name of the variable."""

import ssl
from pathlib import Path

import pytest
from pydantic import SecretStr

from apixo_mcp.errors import MediaError, SettingRefused
from apixo_mcp.gateways.apixo import Apixo
from apixo_mcp.gateways.gateway import Accepted, Later, NoAnswer, Refused
from apixo_mcp.generation import Failure
from apixo_mcp.net.http import Http
from apixo_mcp.net.proxies import PROXIES_HELD_FOR, Proxies, is_loopback, proxy_for, unusable_proxies
from apixo_mcp.net.response import Answered, NotReached

pytestmark = pytest.mark.anyio

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
CREATED = b'{"code":200,"message":"ok","data":{"taskId":"t1"}}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(CREATED), CREATED)


@pytest.fixture(autouse=True)
def _no_network_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://proxy.example:3128", "http://proxy.example:3128"),
        ("proxy.example:3128", "http://proxy.example:3128"),
        (" 'HTTP://Proxy.Example' ", "http://proxy.example:80"),
        ("https://proxy.example", "https://proxy.example:443"),
        ("socks://proxy.example", "socks5://proxy.example:1080"),
        ("socks5h://user:pass@10.0.0.1:9", "socks5h://user:pass@10.0.0.1:9"),
        ("http://us:p@ss/w#d%@proxy:1", "http://us:p%40ss%2Fw%23d%25@proxy:1"),
        ("socks5://[fd00::1]:1", "socks5://[fd00::1]:1"),
        ("http://proxy:8080/", "http://proxy:8080"),
    ],
)
def test_a_proxy_that_can_be_used(text: str, url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("https_proxy", text)
    proxy = proxy_for("https", "api.example")
    assert proxy is not None
    assert (proxy.url, proxy.variable) == (url, "https_proxy")


BROKEN = [
    "foo://proxy:1",
    "socks4://proxy:1080",
    "socks4a://proxy",
    "ftp://u:hunter2@proxy",
    "http://",
    "http://proxy:port",
    "http://proxy:99999",
    "http://proxy:0",
    "http://u:hunter2@",
    "://proxy",
    "http://pro xy:1",
    "http://ü:hunter2@proxy:1",
    "http://[::1",
]


@pytest.mark.parametrize("text", BROKEN)
@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
async def test_a_proxy_that_can_never_work_is_refused_by_name(
    text: str, variable: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(variable, text)
    async with Http() as http:
        gateway = Apixo(http, SecretStr("sk-mine"), "https://api.apixo.example")
        submitted = await gateway.submit("nano-banana", {"prompt": "a"})
        look = await gateway.poll("nano-banana", "t1")
        balance = await gateway.balance()
        with pytest.raises(SettingRefused, match=f"^{variable} cannot be used"):
            async with http.fetch("https://cdn.example/a.png"):
                raise AssertionError
    assert isinstance(submitted, Refused)
    assert isinstance(look, NoAnswer)
    for failure in (submitted.failure, look.failure, balance):
        assert isinstance(failure, Failure)
        assert (failure.code, failure.charged, failure.retryable) == ("SETTING_UNUSABLE", "no", False)
        assert variable in failure.message
        assert variable in failure.advice
        assert "hunter2" not in f"{failure.message} {failure.advice}"
    assert len(unusable_proxies()) >= 1


def test_a_placeholder_counts_as_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("https_proxy", "${HTTPS_PROXY}")
    assert proxy_for("https", "api.example") is None


def test_a_proxy_that_is_set_meanwhile_is_used_within_a_second(monkeypatch: pytest.MonkeyPatch):
    now = 0.0
    proxies = Proxies(lambda: now)
    assert proxies.get("https", "api.example") is None
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    assert proxies.get("https", "api.example") is None
    assert proxies.get("https", "cdn.example") == proxy_for("https", "cdn.example"), "another host is another question"
    now += PROXIES_HELD_FOR
    assert proxies.get("https", "api.example") == proxy_for("https", "api.example")


def test_a_proxy_that_is_mended_is_used_at_once(monkeypatch: pytest.MonkeyPatch):
    proxies = Proxies(lambda: 0.0)
    monkeypatch.setenv("https_proxy", "foo://proxy.example")
    with pytest.raises(SettingRefused):
        proxies.get("https", "api.example")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    assert proxies.get("https", "api.example") == proxy_for("https", "api.example")


def test_the_proxy_of_the_scheme_comes_before_that_of_all(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:1")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:2")
    assert [proxy.url for scheme in ("https", "http") if (proxy := proxy_for(scheme, "a.example"))] == [
        "http://127.0.0.1:2",
        "socks5://127.0.0.1:1",
    ]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", "a.localhost.", "::ffff:127.0.0.1"]
)
async def test_this_machine_is_never_reached_through_a_proxy(host: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("http_proxy", "foo://x")
    monkeypatch.setenv("all_proxy", "foo://x")
    assert is_loopback(host.strip("[]").rstrip("."))
    assert proxy_for("http", host) is None


@pytest.mark.parametrize(
    ("exceptions", "host", "direct"),
    [
        ("*", "api.example", True),
        ("a.example, *", "api.example", True),
        ("example", "api.example", True),
        (".example", "api.example", True),
        ("*.example", "api.example", True),
        ("api.example:443", "api.example", True),
        ("api.example:80", "api.example", False),
        ("xample", "api.example", False),
        ("API.EXAMPLE.", "api.example", True),
        ("b.example other.example", "other.example", True),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3:443", "10.1.2.3", True),
        ("fd00::/8", "fd00::5", True),
        ("[fd00::5]", "fd00::5", True),
        ("", "api.example", False),
    ],
)
def test_exceptions(exceptions: str, host: str, direct: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("https_proxy", "http://proxy:1")
    monkeypatch.setenv("no_proxy", exceptions)
    assert (proxy_for("https", host, 443) is None) is direct


async def test_a_gateway_behind_an_http_proxy(wire, monkeypatch: pytest.MonkeyPatch):
    async with wire(ANSWER) as proxy, Http() as http:
        monkeypatch.setenv("http_proxy", proxy.url.removeprefix("http://").replace("127", "u:p%20w@127"))
        got = await Apixo(http, "sk-mine", "http://api.test").submit("nano-banana", {"prompt": "a"})
    assert isinstance(got, Accepted)
    assert proxy.requests[0].startswith(b"POST http://api.test/api/v1/generateTask/nano-banana ")
    assert b"proxy-authorization: basic dTpwIHc=".lower() in proxy.requests[0].lower()


def socks(method: bytes = b"\x00", reply: bytes = b"\x00"):
    """What a SOCKS5 proxy says, with what it connects to."""
    steps: dict[int, int] = {}

    async def talk(stream, data):
        step = steps[id(stream)] = steps.get(id(stream), 0) + 1
        if step == 1:
            await stream.send(b"\x05" + method)
        elif step == 2:
            await stream.send(b"\x05" + reply + b"\x00\x01\x00\x00\x00\x00\x00\x00")
        else:
            await stream.send(ANSWER)

    return talk


@pytest.mark.parametrize("kind", ["socks5", "socks5h", "socks", "SOCKS5"])
async def test_a_socks_proxy_beside_another(wire, kind: str, monkeypatch: pytest.MonkeyPatch):
    async with wire(socks(), http=False) as proxy, Http() as http:
        monkeypatch.setenv("all_proxy", proxy.url.replace("http", kind))
        monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
        got = await Apixo(http, "sk-mine", "http://api.test").submit("nano-banana", {"prompt": "a"})
        async with http.fetch("http://cdn.example/a.png") as download:
            body = b"".join([chunk async for chunk in download.chunks])
    assert isinstance(got, Accepted)
    assert body == CREATED
    assert b"api.test" in proxy.requests[1], "the proxy resolves the name"


@pytest.mark.parametrize(
    ("talk", "refused"), [(socks(b"\xff"), True), (socks(reply=b"\x01"), False), (socks(reply=b"\x04"), False)]
)
async def test_a_socks_proxy_that_does_not_connect(wire, talk, refused: bool, monkeypatch: pytest.MonkeyPatch):
    async with wire(talk, http=False) as proxy, Http() as http:
        monkeypatch.setenv("ALL_PROXY", proxy.url.replace("http", "socks5"))
        got = await Apixo(http, "sk-mine", "http://api.test").submit("nano-banana", {"prompt": "a"})
    assert isinstance(got, Refused if refused else Later)
    assert "ALL_PROXY" in got.failure.message
    assert got.failure.charged == "no"


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x05"], ids=["nothing", "http", "cut"])
async def test_what_is_no_socks_proxy_sends_nothing(wire, sent: bytes, monkeypatch: pytest.MonkeyPatch):
    async def talk(stream, data):
        if sent:
            await stream.send(sent)
        await stream.aclose()

    async with wire(talk, http=False) as proxy, Http() as http:
        monkeypatch.setenv("all_proxy", proxy.url.replace("http", "socks5"))
        got = await http.call("POST", "http://api.test/", headers={}, json={}, read_timeout=30.0)
    assert isinstance(got, NotReached)
    assert "all_proxy" in got.reason


@pytest.mark.parametrize(("status", "refused"), [(407, True), (403, True), (502, False)])
async def test_a_proxy_that_opens_no_tunnel(wire, status: int, refused: bool, monkeypatch: pytest.MonkeyPatch):
    async with wire(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()) as proxy, Http() as http:
        monkeypatch.setenv("https_proxy", proxy.url)
        got = await http.call("POST", "https://api.test/", headers={}, json={}, read_timeout=30.0)
    assert isinstance(got, NotReached)
    assert (got.setting == "https_proxy") is refused


async def test_silence_before_the_tunnel_is_open_sends_nothing(wire, monkeypatch: pytest.MonkeyPatch):
    async def talk(stream, data):
        await stream.receive()

    async with wire(talk) as proxy, Http() as http:
        monkeypatch.setenv("https_proxy", proxy.url)
        got = await http.call("POST", "https://api.test/", headers={}, json={}, read_timeout=0.1)
    assert isinstance(got, NotReached)


async def test_behind_a_proxy_the_names_of_private_networks_are_refused(wire, monkeypatch: pytest.MonkeyPatch):
    async with wire(ANSWER) as proxy, Http() as http:
        monkeypatch.setenv("http_proxy", proxy.url)
        for host in ("intranet", "nas.local", "10.0.0.1"):
            with pytest.raises(MediaError, match="private"):
                async with http.fetch(f"http://{host}/a"):
                    raise AssertionError
    assert proxy.requests == []


@pytest.mark.parametrize("what", ["missing", "folder", "text", "empty", "key"])
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
async def test_certificates_that_cannot_be_used_are_refused_by_name(
    wire, what: str, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / what
    match what:
        case "folder":
            path.mkdir()
        case "text" | "empty" | "key":
            path.write_text({"text": "no certificate", "empty": "", "key": "-----BEGIN PRIVATE KEY-----\n"}[what])
    monkeypatch.setenv(variable, str(path))
    async with wire(ANSWER) as server, Http(allow_private_hosts=True) as http:
        got = await Apixo(http, "sk-mine", "https://api.test").submit("nano-banana", {"prompt": "a"})
        near = await http.call("GET", server.url, headers={}, read_timeout=30.0)
        with pytest.raises(SettingRefused, match=f"^{variable} cannot be used"):
            async with http.fetch("https://cdn.example/a.png"):
                raise AssertionError
    assert isinstance(got, Refused)
    assert variable in got.failure.message
    assert isinstance(near, Answered), "plain http needs no certificate"


async def test_certificates_that_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    known = ssl.create_default_context().get_ca_certs(binary_form=True)
    if not known:
        pytest.skip("this machine has no certificates in one file")
    path = tmp_path / "ca.pem"
    path.write_text(ssl.DER_cert_to_PEM_cert(known[0]))
    monkeypatch.setenv("SSL_CERT_FILE", f' "{path}" ')
    async with Http() as http:
        got = await http.call("GET", "https://127.0.0.1:9/", headers={}, read_timeout=30.0)
    assert isinstance(got, NotReached)
    assert got.setting == ""
