"""What to do about a request that was refused by HTTP's own meaning, without a word of the gateway. Pure."""

from apixo_mcp.gateways import failures
from apixo_mcp.gateways.credential import Credential
from apixo_mcp.generation import Failure, NextAction

# What answers in the gateway's place, by the meaning of its HTTP status (RFC 9110, 6585, 7725).
_AT_HTTP = (
    "Nothing was sent on to the model. Check {base_setting} and what stands between here and {gateway} (proxy, VPN, "
    "firewall), then try again."
)
_WRONG_BASE = (
    "The base URL is probably wrong: set {base_setting} to the address of {gateway}'s API (without it the usual one is "
    "taken), then try again."
)
_MOVED = (
    "The base URL leads elsewhere, and a paid request is not sent after it: set {base_setting} to the address that it "
    "redirects to, with https:// if that is the difference, then try again."
)
_BY_HTTP: dict[int, str] = {
    301: _MOVED,
    307: _MOVED,
    308: _MOVED,
    401: "The API key or a sign-in before {gateway} was not accepted. Check the key, {base_setting} and the proxy.",
    403: "A firewall or a check for robots before {gateway} turned it away. Try from another network, or without VPN "
    "and proxy, and check {base_setting}.",
    404: _WRONG_BASE,
    405: _WRONG_BASE,
    407: "The proxy wants a sign-in: put name and password into the proxy setting (HTTPS_PROXY).",
    410: _WRONG_BASE,
    413: failures.TOO_LARGE,
    414: failures.TOO_LARGE,
    421: _WRONG_BASE,
    426: "The address wants another protocol: set {base_setting} with https://, then try again.",
    431: failures.TOO_LARGE,
    451: "{gateway} is blocked here for legal reasons. Try from another network or place, if you may.",
    501: _WRONG_BASE,
    505: _WRONG_BASE,
    511: "This network wants you to sign in first: open any page in a browser, sign in, then try again.",
}
_TO_RESTART = frozenset({401, 407})  # what is corrected is a setting, read when the program starts


def refused_by_http(status: int, credential: Credential) -> Failure:
    """Makes the failure of a request that was refused by whatever stands before the gateway, or is there in its place.

    It made nothing, so nothing was charged.
    """
    advice = _BY_HTTP.get(status, _AT_HTTP).format(base_setting=credential.base_setting, gateway=credential.gateway)
    return failures.by_status(status, advice, NextAction.RESTART if status in _TO_RESTART else None, credential)
