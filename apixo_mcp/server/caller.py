"""The maker of a call: the owner of its tasks, how it came, what its client bears, and whether it is still there."""

import hashlib
import time
from dataclasses import dataclass

from mcp.server.mcpserver import Context
from starlette.requests import Request
from starlette.types import Scope

from apixo_mcp.server.profiles import Profile, profile_of
from apixo_mcp.server.sdk import RequestContext
from apixo_mcp.settings import Settings
from apixo_mcp.tasks.asking.repeats import Origin
from apixo_mcp.tasks.owner import LOCAL, Owner

_SESSION_ID = "mcp-session-id"  # the header of Streamable HTTP


@dataclass(frozen=True, slots=True)
class FromPipe:
    """What is known of a message that came over a pipe, in the place where others have a request of HTTP.

    Attributes:
        at: by `time.monotonic()`, when it was read.
    """

    at: float


def owner_of(context: Context | RequestContext) -> Owner:
    """Returns whose tasks a call is about: over HTTP whom the state of its request names, else this machine's own."""
    request = request_of(context)
    return owner_of_request(request) if request else LOCAL


def owner_of_request(request: Request) -> Owner:
    """Returns whose tasks a request over HTTP is about.

    Raises:
        LookupError: nobody was let in with it.
    """
    owner = getattr(request.state, "owner", None)
    if not isinstance(owner, Owner):
        raise LookupError("a request over HTTP reached what is an owner's, and nobody was let in with it")
    return owner


def note_owner(scope: Scope, owner: Owner | None) -> Owner:
    """Notes who a request over HTTP is from, and returns them.

    Args:
        scope: of the request, by ASGI.
        owner: None for whoever uses this machine, where nobody else may.
    """
    known = owner or LOCAL
    scope.setdefault("state", {})["owner"] = known
    return known


def profile_of_caller(context: Context, settings: Settings) -> Profile:
    """Returns what the client of a call can take, by the name it gave itself."""
    return profile_of(_client_name(context), settings.client_profile)


def connection_name(context: Context, process: str) -> str:
    """Returns what tells the connection of a call from all others; empty where the protocol has none that lasts.

    A pipe is its process's only one. A session id is as good as a key, and is not to be found in the store.

    Args:
        context: of the call.
        process: this process's own name.
    """
    request = request_of(context)
    if request is None:
        return process
    # The id that its client was given outlives the server; the one in the header may be of this process alone.
    given = getattr(request.state, "session", "") or request.headers.get(_SESSION_ID)
    session = given or request.query_params.get("session_id", "")
    return hashlib.blake2b(session.encode(errors="replace"), digest_size=8).hexdigest() if session else ""


def note_arrival(request: Request, at: float, since: float) -> None:
    """Notes when a request came: when it was read, and the earliest moment at which it can have come."""
    request.state.arrived = (at, since)


def origin_of(context: Context, process: str) -> Origin:
    """Returns how a call came, and when.

    Args:
        context: of the call.
        process: this process's own name.
    """
    source = context.request_context.request
    client = f"{owner_of(context).name} {_client_name(context)}"
    if isinstance(source, FromPipe):
        return Origin(connection=process, client=client, at=source.at, since=source.at)
    now = time.monotonic()
    request = request_of(context)
    at, since = getattr(request.state, "arrived", (now, now)) if request else (now, now)
    return Origin(connection=connection_name(context, process), client=client, at=at, since=since)


async def has_left(context: Context) -> bool:
    """Tells whether the client of a call over Streamable HTTP has hung up.

    The SDK cancels a call of the modern era then, but lets one of the earlier revisions run to an answer for nobody.
    """
    request = request_of(context)
    # Over SSE the POST that brought the call has long been answered; its stream's end cancels the call.
    return request is not None and request.url.path.endswith("/mcp") and await request.is_disconnected()


def request_of(context: Context | RequestContext) -> Request | None:
    """Returns the request over HTTP that a call came with, None where it came otherwise."""
    source = (context.request_context if isinstance(context, Context) else context).request
    return None if isinstance(source, FromPipe) else source


def _client_name(context: Context) -> str:
    parameters = context.session.client_params
    return parameters.client_info.name if parameters else ""
