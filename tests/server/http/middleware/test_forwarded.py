"""What proxies tell of a request, and of whom it is believed."""

from typing import Any

import pytest

from apixo_mcp.server.http.middleware.forwarded import ForwardedHeaders, Passed, TrustedProxies

pytestmark = pytest.mark.anyio

PROXIES = TrustedProxies(["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"])
NOTHING = Passed()


@pytest.mark.parametrize("peer", ["127.0.0.1", "10.1.2.3", "2001:db8::5", "::ffff:10.0.0.9"])
def test_trusted(peer: str) -> None:
    assert PROXIES.include(peer)


@pytest.mark.parametrize("peer", ["127.0.0.2", "11.0.0.1", "::1", "", "unix:", "2001:db9::5"])
def test_not_trusted(peer: str) -> None:
    assert not PROXIES.include(peer)


TOLD: list[tuple[dict[str, str], Passed]] = [
    ({}, NOTHING),
    ({"x-forwarded-for": "203.0.113.7"}, Passed("203.0.113.7")),
    ({"x-forwarded-for": "1.1.1.1, 203.0.113.7, 10.0.0.2"}, Passed("203.0.113.7")),  # the first may be made up
    ({"x-forwarded-for": "10.0.0.1, 10.0.0.2"}, Passed("10.0.0.1")),
    ({"x-forwarded-for": "127.0.0.1, 203.0.113.7"}, Passed("203.0.113.7")),
    ({"x-forwarded-for": "203.0.113.7:4711"}, Passed("203.0.113.7")),
    ({"x-forwarded-for": "[2001:db9::1]:4711"}, Passed("2001:db9::1")),
    ({"x-forwarded-for": "::ffff:203.0.113.7"}, Passed("203.0.113.7")),
    ({"x-forwarded-for": "unknown"}, Passed("")),
    ({"x-forwarded-for": " , "}, NOTHING),
    ({"x-forwarded-proto": "HTTPS"}, Passed(scheme="https")),
    ({"x-forwarded-proto": "http, https"}, Passed(scheme="https")),
    ({"x-forwarded-proto": "gopher"}, NOTHING),
    ({"x-forwarded-host": "evil.example, team.example"}, Passed(host="team.example")),
    ({"forwarded": "for=203.0.113.7;proto=https;host=team.example"}, Passed("203.0.113.7", "https", "team.example")),
    ({"forwarded": 'For="[2001:db9::1]:4711";by=10.0.0.1, for=10.0.0.3'}, Passed("2001:db9::1")),
    ({"forwarded": 'for=1.1.1.1;host="a,b", for=203.0.113.7'}, Passed("203.0.113.7", host="a,b")),
    ({"forwarded": "for=_hidden"}, Passed("")),
    ({"forwarded": "for=1.1.1.1;host=evil.example", "x-forwarded-for": "203.0.113.7"}, Passed("203.0.113.7")),
    ({"forwarded": ";;=," * 900}, NOTHING),
]


@pytest.mark.parametrize(("headers", "passed"), TOLD)
def test_what_a_trusted_proxy_tells(headers: dict[str, str], passed: Passed) -> None:
    assert PROXIES.passed(headers) == passed


async def after(peer: tuple[str, int] | None, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    """The scope that comes out behind the layer."""
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    scope = {"type": "http", "client": peer, "scheme": "http", "headers": headers}
    await ForwardedHeaders(app, PROXIES)(scope, nothing, nothing)
    return seen


HEADERS = [
    (b"host", b"upstream:8000"),
    (b"x-forwarded-for", b"1.1.1.1"),
    (b"x-forwarded-for", b"203.0.113.7"),
    (b"x-forwarded-proto", b"https"),
    (b"x-forwarded-host", b"team.example"),
]


async def test_the_request_of_a_trusted_proxy_is_that_of_its_client() -> None:
    scope = await after(("10.0.0.1", 5), HEADERS)
    assert (scope["client"], scope["scheme"]) == (("203.0.113.7", 0), "https")
    assert scope["headers"] == [(b"host", b"team.example"), *HEADERS[1:]], "that they were there is seen"


@pytest.mark.parametrize("peer", [("203.0.113.9", 5), ("127.0.0.2", 5), None])
async def test_of_anybody_else_the_headers_stay_unread(peer: tuple[str, int] | None) -> None:
    assert await after(peer, HEADERS) == {"type": "http", "client": peer, "scheme": "http", "headers": HEADERS}


async def test_a_client_whose_address_is_hidden_is_not_taken_for_the_proxy() -> None:
    assert (await after(("10.0.0.1", 5), [(b"forwarded", b"for=_hidden")]))["client"] is None


async def test_a_proxy_that_names_no_client_is_one() -> None:
    assert (await after(("10.0.0.1", 5), [(b"x-forwarded-proto", b"https")]))["client"] == ("10.0.0.1", 5)
