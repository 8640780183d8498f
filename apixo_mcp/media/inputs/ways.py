"""How a set-up hands local files to a gateway, and what to do where it cannot."""

from enum import StrEnum

_FROM_AFAR = "give a public https URL, or an earlier result as task:<task_id>/<n>"
CALLERS_WAYS = f"{_FROM_AFAR} or by the path that it was saved at"

SETTINGS = (
    "The person at this machine allows local files with one line in the env of this server, which is then started "
    "anew: APIXO_MCP_TUNNEL=cloudflared (or ngrok; install that program first; gateways fetch the file through it), or "
    "APIXO_MCP_DATA_URLS=1 (the file goes inside the request, which no gateway's document promises to take). "
    "A server over HTTP hands files out with APIXO_MCP_PUBLIC_URL, or from the bucket of APIXO_MCP_RESULTS"
)


AFAR = "is a file of your own machine, which this server cannot read"
"""Of a path that a caller gives who is not at this machine."""


class Way(StrEnum):
    """The way that a local file takes."""

    PUBLIC_URL = "public_url"
    """The gateway fetches it by a public URL, from this server or from a bucket; callers upload what they have."""
    BUCKET = "bucket"
    """The gateway fetches it from a bucket."""
    TUNNEL = "tunnel"
    """The gateway fetches it through a tunnel, which is opened for that."""
    INSIDE = "inside"
    """It is sent inside the request, as a `data:` URL."""
    NONE = "none"
    """There is none."""


def refusal_from_afar(way: Way) -> str:
    """Tells what to do about a file of a caller who is not at this machine."""
    if way is Way.NONE:
        return (
            f"{AFAR}, and this set-up has no way to hand one to a gateway; {_FROM_AFAR}. Whoever runs it allows "
            "uploads with APIXO_MCP_PUBLIC_URL or APIXO_MCP_RESULTS"
        )
    return f"{AFAR}; upload it, or {_FROM_AFAR}"


def refusal(way: Way, *, inside: bool = False) -> str:
    """Tells what to do where a local file, or one that was given `inside` the call, has no way to a gateway."""
    if way is Way.NONE:
        why = "gateways fetch files by URL, and this set-up has no way to hand them a local one"
        return f"{why}; {CALLERS_WAYS}. {SETTINGS}"
    # A file inside a call, where files are fetched from here.
    return f"save it as a file in an allowed folder and give its path; or {CALLERS_WAYS}" if inside else ""
