"""What becomes of one HTTP request, as values, and words for what went wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Answered:
    """A whole HTTP answer, of any status. Header names are lower-case; the body is decoded."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class NotReached:
    """It is certain that the request never left.

    Attributes:
        setting: the variable that keeps every such request from leaving, where one does.
    """

    reason: str
    setting: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """The request may have arrived, and no whole answer came back.

    Attributes:
        body: what came of it, if anything did: it may name what was paid for.
        headers: as far as they came.
        status: where it came to an end, and is in doubt for its head; else 0.
    """

    reason: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    status: int = 0


HttpResponse = Answered | NotReached | Broken


def size_of(reply: HttpResponse) -> int:
    """Tells how many bytes there are to read."""
    return 0 if isinstance(reply, NotReached) else len(reply.body)


def host_of(url: str) -> str:
    """Returns the host of a URL, to be told: never its path or query, which may hold a signature."""
    try:
        return urlsplit(url).hostname or "the address"
    except ValueError:
        return "the address"


def words_for(error: Exception) -> str:
    """Tells what went wrong, in words that hold nothing of the request."""
    known = {
        "ConnectTimeout": "no connection in time",
        "PoolTimeout": "no free connection in time",
        "ReadTimeout": "it stayed silent for too long",
        "WriteTimeout": "it took the request too slowly",
        "TimeoutError": "it took too long",
        "ReadError": "the connection was cut",
        "RemoteProtocolError": "the answer broke off, or was not HTTP",
        "WriteError": "the connection was cut",
        "DecodingError": "its compression is broken",
        "InvalidURL": "the URL is not valid",
        "UnsupportedProtocol": "the URL is not http or https",
        "ImportError": "the proxy that is set needs a package that is not installed",
    }
    name = type(error).__name__
    if name in known:
        return known[name]
    if name in ("ConnectError", "ProxyError"):
        return str(error)[:200] or name
    return name
