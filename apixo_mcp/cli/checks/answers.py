"""What the answer of each hop on the way to a server says, and which of the parts in between breaks it. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from apixo_mcp.foreign import clipped
from apixo_mcp.net.response import Answered, Broken, HttpResponse, NotReached

_SHOWN = 120  # characters of what somebody else wrote
_CHALLENGE = re.compile(r'([a-z_]{1,40})="([^"]*)"')
_HOSTS = "Set APIXO_MCP_PUBLIC_URL to this address, or name its host in APIXO_MCP_ALLOWED_HOSTS, where the server runs."
_BEHIND = (
    "The proxy runs and does not reach the server behind it: look whether apixo-mcp runs, and whether the proxy has "
    "its address and port."
)
_ELSEWHERE = "Give the address that this leads to: hosts follow no redirect of a POST."
_PATH = "Something else answers here: let the proxy hand on this path, or give the address with its right path."


@dataclass(frozen=True, slots=True)
class HopReading:
    """What an answer says of its hop.

    Attributes:
        fix: what to do; empty where the hop is well.
    """

    state: str
    fix: str = ""


def document(reply: HttpResponse) -> dict[str, Any] | None:
    """Returns the JSON object of an answer, None where it is none."""
    try:
        value: object = json.loads(reply.body) if isinstance(reply, Answered) else None
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def challenge(reply: HttpResponse) -> dict[str, str]:
    """Returns the parameters of the challenge in an answer, empty where it has none."""
    header = reply.headers.get("www-authenticate", "") if isinstance(reply, Answered) else ""
    return dict(_CHALLENGE.findall(header)) if header.lower().startswith("bearer") else {}


def trouble(reply: HttpResponse, *, expected: Sequence[int]) -> HopReading | None:
    """Returns what is wrong with an answer whatever was asked; None where its status is one of those expected."""
    if isinstance(reply, NotReached):
        return HopReading(reply.reason, "Look at the name, the port, the certificate, and what may be between.")
    if isinstance(reply, Broken):
        return HopReading(reply.reason, "Look at the time-outs of what is in between, and at the server's log.")
    if reply.status in expected:
        return None
    state = f"status {reply.status}"
    match reply.status:
        case 421:
            return HopReading(f"{state}: the server does not know this host", _HOSTS)
        case 502 | 503 | 504:
            return HopReading(state, _BEHIND)
        case 301 | 302 | 303 | 307 | 308:
            return HopReading(f"{state}, to {_shown(reply.headers.get('location', 'nowhere'))}", _ELSEWHERE)
        case 404:
            return HopReading(state, _PATH)
        case 413:
            return HopReading(state, "Let the proxy take bodies of some megabytes.")
        case 429:
            return HopReading(state, "Too much was asked from here; try again in a minute.")
        case _:
            return HopReading(state, "Look at the server's log, and at what is in between.")


def health(reply: HttpResponse) -> HopReading:
    """Reads the answer of `/healthz`."""
    if wrong := trouble(reply, expected=[200]):
        return wrong
    told = document(reply) or {}
    if told.get("status") != "ok":
        return HopReading("what answers is not apixo-mcp", _PATH)
    return HopReading(f"apixo-mcp {_shown(told.get('version', ''))} answers".replace("  ", " "))


def sent_away(reply: HttpResponse, *, with_token: bool) -> HopReading:
    """Reads the answer to a call of somebody who may not come in.

    Args:
        reply: the answer.
        with_token: whether they came with a token that is none.
    """
    if isinstance(reply, Answered) and reply.status == 200 and not with_token:
        return HopReading("anybody is let in", "Make an owner: apixo-mcp owners add NAME, where the server runs.")
    if wrong := trouble(reply, expected=[401]):
        return wrong
    told = challenge(reply)
    if "resource_metadata" not in told:
        return HopReading(
            "401, without a challenge that names the metadata",
            "Let the proxy hand on WWW-Authenticate as it comes, and ask for no sign-in of its own.",
        )
    if with_token and told.get("error") != "invalid_token":
        return HopReading("401, as if no token had been sent", "Let the proxy hand on the header Authorization.")
    return HopReading("401, and says where to sign in" if not with_token else "401 for a token that is none")


def resource_metadata(reply: HttpResponse, mcp: str) -> HopReading:
    """Reads the metadata of the resource.

    Args:
        reply: the answer.
        mcp: where MCP is served, as the caller knows it.
    """
    if wrong := trouble(reply, expected=[200]):
        return wrong
    told = document(reply)
    if told is None or not told.get("authorization_servers"):
        return HopReading("no metadata of a resource", _PATH)
    resource = str(told.get("resource", ""))
    if resource.rstrip("/") != mcp.rstrip("/"):
        return HopReading(f"says that it is {_shown(resource)}", "Set APIXO_MCP_PUBLIC_URL to what hosts use.")
    missing = {"read", "generate"} - set(map(str, told.get("scopes_supported", ())))
    if missing:
        return HopReading(f"does not name the scopes {', '.join(sorted(missing))}", "Update apixo-mcp where it runs.")
    return HopReading(f"names {_shown(told['authorization_servers'][0])} to sign in at")


def issuer_metadata(reply: HttpResponse, issuer: str) -> HopReading:
    """Reads the metadata of an authorization server.

    Args:
        reply: the answer.
        issuer: as the resource names it.
    """
    if wrong := trouble(reply, expected=[200]):
        return wrong
    told = document(reply) or {}
    if str(told.get("issuer", "")).rstrip("/") != issuer.rstrip("/"):
        return HopReading(
            f"says that it is {_shown(told.get('issuer', 'nobody'))}, and was named {_shown(issuer)}",
            "Let both be the same address: APIXO_MCP_PUBLIC_URL here, APIXO_MCP_AUTH_ISSUER of a foreign one.",
        )
    missing = [name for name in ("authorization_endpoint", "token_endpoint") if not told.get(name)]
    if missing:
        return HopReading(f"has no {' and no '.join(missing)}", "Hosts cannot sign in with this authorization server.")
    if "S256" not in told.get("code_challenge_methods_supported", ()):
        return HopReading("does not say that it takes PKCE with S256", "Hosts refuse one that does not.")
    ways = [
        name
        for name, is_there in (
            ("registration", told.get("registration_endpoint")),
            ("client id metadata documents", told.get("client_id_metadata_document_supported")),
        )
        if is_there
    ]
    if not ways:
        return HopReading(
            "no way for a host to make itself known",
            "claude.ai and ChatGPT need registration or client id metadata documents: use the built-in sign-in.",
        )
    return HopReading(f"takes {' and '.join(ways)}")


def registration(reply: HttpResponse) -> HopReading:
    """Reads the answer to a client that registers itself."""
    if wrong := trouble(reply, expected=[200, 201]):
        return wrong
    if not (document(reply) or {}).get("client_id"):
        return HopReading("no client_id in the answer", "Look at the server's log.")
    return HopReading("a client registers itself")


def sign_in_page(reply: HttpResponse, base: str) -> HopReading:
    """Reads the answer to a browser that a client has sent to sign in.

    Args:
        reply: the answer.
        base: the server's address: a redirect within it is well.
    """
    if isinstance(reply, Answered) and reply.status in (302, 303, 307):
        location = reply.headers.get("location", "")
        if not urlsplit(location).netloc or urlsplit(location).netloc == urlsplit(base).netloc:
            return HopReading("leads to the page for signing in")
    if wrong := trouble(reply, expected=[200]):
        return wrong
    if isinstance(reply, Answered) and "text/html" not in reply.headers.get("content-type", ""):
        return HopReading("no page", "Look at the server's log.")
    return HopReading("shows the page for signing in")


def token_refusal(reply: HttpResponse) -> HopReading:
    """Reads the answer to a client that exchanges a code which is none."""
    if wrong := trouble(reply, expected=[400, 401]):
        return wrong
    error = str((document(reply) or {}).get("error", ""))
    if error not in ("invalid_grant", "invalid_client", "invalid_request"):
        return HopReading(
            "refuses in no way that hosts know", "Let the proxy hand on this path and its answers as they come."
        )
    return HopReading(f"refuses a code that is none ({error})")


def message(reply: HttpResponse) -> Mapping[str, Any] | None:
    """Returns the JSON-RPC message of an answer, be it JSON or the first of a stream; None where it has none."""
    if not isinstance(reply, Answered):
        return None
    if "text/event-stream" not in reply.headers.get("content-type", ""):
        return document(reply)
    for line in reply.body.splitlines():
        if line.startswith(b"data:") and len(line) > len("data: "):
            return document(Answered(200, {}, line.removeprefix(b"data:").strip()))
    return None


def not_let_in(reply: HttpResponse) -> HopReading | None:
    """Reads the answer to a call with a token of an owner; None where the server let them in."""
    told = challenge(reply)
    if not isinstance(reply, Answered) or reply.status != 401 or "error" not in told:
        return None
    return HopReading(
        f"the token lets nobody in: {_shown(told.get('error_description', 'refused'))}",
        "Make another where the server runs, with its data folder: apixo-mcp owners rotate NAME.",
    )


def result(reply: HttpResponse) -> HopReading:
    """Reads the answer to a call of MCP."""
    if wrong := trouble(reply, expected=[200]):
        return wrong
    told = message(reply)
    if told is None:
        return HopReading("no message of MCP in the answer", "Let the proxy hand on streams unbuffered and unchanged.")
    if "result" not in told:
        return HopReading(f"refused: {_shown(told.get('error', {}).get('message', ''))}", "See the message.")
    return HopReading("answered")


def stream(reply: HttpResponse, messages: str) -> HopReading:
    """Reads what has come of a stream of SSE after some seconds.

    Args:
        reply: what came until it was given up.
        messages: the path that clients are to send to.
    """
    if isinstance(reply, NotReached) or (isinstance(reply, Answered) and reply.status != 200):
        return trouble(reply, expected=[200]) or HopReading("answered")
    if b"event: endpoint" not in reply.body.replace(b"event:endpoint", b"event: endpoint"):
        return HopReading(
            "nothing arrives in time",
            "Turn buffering off in the proxy for this path (nginx: proxy_buffering off; Caddy: flush_interval -1).",
        )
    if messages.encode() not in reply.body:
        return HopReading(
            "names another path to send to", "Set APIXO_MCP_PUBLIC_URL with the path that the proxy serves it under."
        )
    return HopReading("streams at once")


def _shown(value: object) -> str:
    return clipped(" ".join(str(value).split()), _SHOWN)
