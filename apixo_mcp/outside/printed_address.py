"""An address that the program of a tunnel printed: whether a gateway may be given it, and whether it leads here."""

from urllib.parse import urlsplit

from apixo_mcp.net.http import Http
from apixo_mcp.net.response import Answered
from apixo_mcp.outside.limits import LOOPBACK
from apixo_mcp.outside.public import Proof


def address_refusal(url: str, port: int, *, is_local: bool, is_meant: bool) -> str:
    """Tells why an address is none to be given to a gateway, empty where it may be.

    Args:
        url: as it was printed.
        port: of this machine, to which the tunnel leads: many programs print that address besides.
        is_local: whether the gateways are on this machine.
        is_meant: whether it was printed alone: then a gateway on this machine is to fetch from there.
    """
    if is_tunnel_end(url, port) and not (is_meant and is_local):
        return "the tunnel leads to it"
    parts = urlsplit(url)
    if parts.hostname in LOOPBACK:
        return "" if is_local else "it is one of this machine, which no gateway reaches"
    return "" if parts.scheme.lower() == "https" else "only https is used"


async def proof_missing(http: Http, url: str, proof: Proof) -> str:
    """Fetches the proof by an address; returns why it is not there, empty where it is."""
    # A connection of its own each time, as the gateway will make one: what an open one tells may be long past.
    alone = {"connection": "close"}
    answer = await http.call("GET", url + proof.path, headers=alone, read_timeout=5.0)
    if not isinstance(answer, Answered):
        return answer.reason
    if answer.status == 200 and answer.body == proof.content.encode():
        return ""
    return f"HTTP {answer.status}" if answer.status != 200 else "something else answers there"


def is_tunnel_end(url: str, port: int) -> bool:
    """Tells whether a URL is where the tunnel leads to, which many programs print as well; or none at all."""
    try:
        parts = urlsplit(url)
        return parts.hostname is None or (parts.hostname in LOOPBACK and parts.port == port)
    except ValueError:
        return True
