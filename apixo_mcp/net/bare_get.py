"""GET requests, written without the HTTP library's client: a poll may be made 10,000 times a minute."""

import base64
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import httpx2

if TYPE_CHECKING:
    import httpcore2


@lru_cache(maxsize=1024)
def parsed(url: str) -> httpx2.URL:
    """Returns a URL in its parts: the same few are asked again and again.

    Raises:
        httpx2.InvalidURL: it is none.
    """
    return httpx2.URL(url)


def bare_get(
    url: httpx2.URL, params: Mapping[str, str] | None, headers: list[tuple[bytes, bytes]], extensions: dict[str, Any]
) -> "httpcore2.Request":
    """Returns a request as the connections take it.

    Args:
        url: without the parameters.
        params: of the query.
        headers: but for the host's.
        extensions: of the HTTP library: time limits, and who watches.
    """
    import httpcore2  # takes a tenth of a second, which a starting server can do without

    target = url.raw_path
    if params:
        target += (b"&" if b"?" in target else b"?") + str(httpx2.QueryParams(params)).encode("ascii")
    place = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=target)
    return httpcore2.Request("GET", place, headers=[(b"Host", url.netloc), *headers], extensions=extensions)


def user_header(url: httpx2.URL) -> list[tuple[bytes, bytes]]:
    """Returns the header for the user that a URL names."""
    if not url.userinfo:
        return []
    return [(b"Authorization", b"Basic " + base64.b64encode(f"{url.username}:{url.password}".encode()))]
