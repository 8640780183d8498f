"""Which names the server answers to, and which pages may speak to it."""

import pytest

from apixo_mcp.server.http.hosts import hosts_of
from apixo_mcp.settings import read_settings

HOSTS = hosts_of(
    read_settings(
        public_url="https://Team.example/apixo", allowed_hosts="mcp.internal, old.example:8443, [2001:db8::7]"
    )
)
ALONE = hosts_of(read_settings())


@pytest.mark.parametrize(
    "host",
    [
        "team.example",
        "TEAM.example:443",
        "team.example.",
        "team.example:8443",
        "mcp.internal",
        "mcp.internal:80",
        "old.example:8443",
        "[2001:db8::7]:8000",
        "localhost:8000",
        "127.0.0.1",
        "[::1]:9",
    ],
)
def test_its_own_names(host: str) -> None:
    assert HOSTS.is_known(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "team.example.evil.example",
        "evil-team.example",
        "team.example@evil.example",
        "team.example/",
        "team.example:",
        "team.example:x",
        "old.example",
        "old.example:80",
        "127.0.0.1.evil.example",
        "[::1].evil.example",
        "127.0.0.2",
        "0.0.0.0",
        "x" * 5000,
    ],
)
def test_foreign_names(host: str) -> None:
    assert not HOSTS.is_known(host)


@pytest.mark.parametrize("host", ["team.example", "mcp.internal"])
def test_by_itself_it_has_only_the_names_of_this_machine(host: str) -> None:
    assert not ALONE.is_known(host)
    assert ALONE.is_known("localhost")


@pytest.mark.parametrize(
    "origin",
    [
        "https://team.example",
        "https://team.example:443",
        "http://localhost:6274",
        "http://127.0.0.1",
        "http://[::1]:80",
        "https://mcp.internal",
        "http://mcp.internal:3000",
        "https://old.example:8443",
    ],
)
def test_pages_that_may_speak_to_it(origin: str) -> None:
    assert HOSTS.lets_in(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "http://team.example",
        "https://team.example:8443",
        "https://team.example.evil.example",
        "https://evil.example",
        "https://old.example",
        "null",
        "file://",
        "https://team.example/",
        "https://team.example#",
        "chrome-extension://team.example",
        "http://localhost.evil.example",
    ],
)
def test_pages_that_may_not(origin: str) -> None:
    assert not HOSTS.lets_in(origin)


@pytest.mark.parametrize("url", ["https://localhost:8443", "https://127.0.0.1"])
def test_a_proxy_that_is_tried_out_on_this_machine_may_show_the_page(url: str) -> None:
    hosts = hosts_of(read_settings(public_url=url))
    assert hosts.lets_in(url)
    assert not hosts.lets_in("https://localhost:9443")
