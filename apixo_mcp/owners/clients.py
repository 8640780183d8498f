"""The programs that ask to act for people: those that registered themselves, and where an answer may be sent."""

import re
from urllib.parse import urlsplit

from apixo_mcp.owners.store import Bound, EntryKind, SignInEntry, SignInStore

LARGEST_RECORD = 16_000  # characters
MOST_REDIRECTS = 20
_LONGEST_REDIRECT = 2000
_UNUSED_LASTS = 86_400.0
_USED_LASTS = 90 * 86_400.0
_BOUND = Bound(most=2_000, spared=900.0)
"""Of those that registered themselves. One that nobody has used makes room, but not while a person may be asked for it:
whoever registers thousands locks nobody out but while they go on."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NEVER = re.compile(r"(?:javascript|data|vbscript|file|blob|about|filesystem|view-source|ws|wss|ftp|http)", re.I)
_OWN_SCHEME = re.compile(r"[a-z][a-z0-9+.\-]{1,60}", re.I)


class Clients:
    """Keeps clients: a day where nobody uses them, three months from each use on.

    Args:
        sign_ins: of the task store.
    """

    def __init__(self, sign_ins: SignInStore) -> None:
        self._sign_ins = sign_ins

    async def add(self, client: str, record: str) -> bool:
        """Keeps a client that registers itself; False where there are too many."""
        return await self._sign_ins.put(SignInEntry(EntryKind.CLIENT, client, record), _UNUSED_LASTS, _BOUND)

    async def find(self, client: str) -> str | None:
        """Returns the record of a client."""
        entry = await self._sign_ins.get(EntryKind.CLIENT, client)
        return None if entry is None else entry.value

    async def used(self, client: str, record: str) -> None:
        """Notes that a person uses a client: it is kept, as it was then, be it a stranger until now."""
        await self._sign_ins.put(SignInEntry(EntryKind.CLIENT, client, record), _USED_LASTS)


def redirect_problem(uri: str) -> str:
    """Tells why no answer is sent to an address, empty where one is: https, this machine, or the scheme of an app."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
        is_whole = parts.port is None or parts.port > 0
    except ValueError:
        return "is not an address"
    if not is_whole or len(uri) > _LONGEST_REDIRECT or re.search(r"[\s\x00-\x1f\x7f\\]", uri):
        return "is not an address"
    if parts.fragment or "#" in uri or parts.username is not None:
        return "may have no fragment and no user name"
    if parts.scheme == "https":
        return "" if host else "has no host"
    if parts.scheme == "http":
        return "" if host in _LOOPBACK else "must be https, unless it is on the person's own machine"
    is_app = _OWN_SCHEME.fullmatch(parts.scheme) and not _NEVER.fullmatch(parts.scheme)
    return "" if is_app else "has a scheme that no answer is sent to"


def is_same_redirect(asked: str, registered: str) -> bool:
    """Tells whether an address is the one that was registered; on the person's machine any port is (RFC 8252, 7.3)."""
    if asked == registered:
        return True
    one, other = urlsplit(asked), urlsplit(registered)
    if one.scheme == "https" and {one.path, other.path} == {"", "/"}:  # both mean the root
        return one._replace(path="") == other._replace(path="")
    return (
        one.scheme == other.scheme == "http"
        and one.hostname == other.hostname
        and one.hostname in _LOOPBACK
        and one.username is None
        and (one.path or "/", one.query) == (other.path or "/", other.query)
    )
