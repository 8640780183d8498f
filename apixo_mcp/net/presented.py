"""Who signed the certificate that a server presents: a program or device that opens https on its way signs its own."""

import ssl
from dataclasses import dataclass
from typing import Any

import anyio
from anyio.streams.tls import TLSAttribute

from apixo_mcp.net.certificates import tls_context
from apixo_mcp.net.proxies import proxy_for

_WITHIN = 10.0  # seconds
_INTERCEPTORS = (
    *("zscaler", "netskope", "fortinet", "fortigate", "palo alto", "cisco umbrella", "blue coat", "forcepoint"),
    *("check point", "watchguard", "sophos", "barracuda", "kaspersky", "avast", "avg ", "eset", "bitdefender"),
    *("norton", "mcafee", "mitmproxy", "charles proxy", "fiddler", "burp", "proxyman", "cloudflare for teams"),
)
"""How those name themselves in the certificates that they make. From their makers' documents; others are not known."""


@dataclass(frozen=True, slots=True)
class Presented:
    """A certificate that a server showed.

    Attributes:
        issuer: who signed it, as it says; empty where it was not accepted.
        problem: why it was not accepted; empty where it was.
    """

    issuer: str
    problem: str = ""

    @property
    def is_intercepted(self) -> bool:
        """Whether its issuer is known for opening https on its way."""
        return any(name in f"{self.issuer.lower()} " for name in _INTERCEPTORS)


async def presented(host: str, port: int) -> Presented | None:
    """Shakes hands with a server; None where it is not reached, or only through a proxy.

    Raises:
        SettingRefused: a proxy or a certificate that is set can never be used.
    """
    context = tls_context()
    if proxy_for("https", host, port) is not None:
        return None
    try:
        with anyio.fail_after(_WITHIN):
            stream = await anyio.connect_tcp(host, port, ssl_context=context, tls_standard_compatible=False)
    except ssl.SSLCertVerificationError as error:
        return Presented("", error.verify_message or str(error))
    except (OSError, TimeoutError, ssl.SSLError):
        return None
    async with stream:
        told: Any = stream.extra(TLSAttribute.peer_certificate)
    named = dict(pair for part in told.get("issuer", ()) for pair in part)
    words = (named.get("organizationName", ""), named.get("commonName", ""))
    return Presented(", ".join(filter(None, words)) or "an issuer without a name")
