"""Whether a request comes from this very machine, and not by way of a proxy or a tunnel that runs on it.

That counts only while nobody else may come in: no owner was ever made, and no issuer is trusted.
"""

import re
from collections.abc import Iterable

from starlette.types import Scope

from apixo_mcp.net.proxies import is_loopback
from apixo_mcp.server.http.hosts import is_loopback_name

_PASSED_ON = re.compile(
    rb"forwarded|via|x-forwarded.*|x-real-ip|x-client-ip|x-cluster-client-ip|x-original-.*|x-envoy-.*|x-proxy.*"
    rb"|x-azure-.*|x-appengine-.*|x-amzn-.*|true-client-ip|cf-.*|cdn-loop|fly-.*|fastly-.*|ngrok-.*|tailscale-.*",
    re.IGNORECASE,
)
"""The headers by which proxies and tunnels tell that they pass something on."""
_OF_PROXIES = "1.0"  # the version that nginx speaks to what is behind it, unless it is told otherwise


def is_neighbour(scope: Scope) -> bool:
    """Tells whether a request comes straight from a program on this machine, for a name of this machine."""
    peer = scope.get("client")
    if peer is None or not is_loopback(peer[0]) or scope.get("http_version") == _OF_PROXIES:
        return False
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    hosts = [value for name, value in headers if name == b"host"]
    return (
        len(hosts) == 1
        and is_loopback_name(hosts[0].decode("latin-1"))
        and not any(_PASSED_ON.fullmatch(name) for name, _ in headers)
    )
