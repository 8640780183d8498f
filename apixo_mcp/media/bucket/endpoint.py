"""Where the object store is and with what requests to it are signed, as the environment has it."""

from contextlib import suppress
from pathlib import Path

from apixo_mcp.variables.environment import value_of

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")  # in the order in which obstore takes them


def endpoint() -> str:
    """Returns the address of the object store, empty where it is Amazon's own."""
    return next((value for name in _ENDPOINTS if (value := value_of(name))), "")


def has_lasting_key() -> bool:
    """Tells whether requests are signed with a key that does not run out by itself, as that of a session or a role."""
    return bool(value_of("AWS_ACCESS_KEY_ID")) and not (value_of("AWS_SESSION_TOKEN") or value_of("AWS_TOKEN"))


def own_authorities() -> bytes:
    """Returns the certificates that are trusted besides the system's, in PEM; empty where none are named."""
    with suppress(OSError):
        path = value_of("AWS_CA_BUNDLE")
        return Path(path).read_bytes() if path else b""
    return b""
