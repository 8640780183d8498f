"""Addresses among the settings: of this server and its proxies, and where the operator is told of things."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationInfo

from apixo_mcp.variables.kinds import Names

IN_THE_CLEAR = (
    "APIXO_MCP_PUBLIC_URL must start with https://: over http:// beyond this machine everybody on the way reads the "
    "tokens, files and callbacks. Put a proxy with a certificate before the server and name its https:// address."
)
"""Said of a public URL without TLS."""
_SECRET_LOOKS = (
    "whsec_ and 24 to 64 random bytes in base64, as `echo whsec_$(openssl rand -base64 32)` prints; its receiver has "
    "the same"
)
"""What a secret of Standard Webhooks is. Their packages take any other text too, and then sign with what is in it."""
NO_SECRET = f"APIXO_MCP_NOTIFY_SECRET is needed with APIXO_MCP_NOTIFY_URL, to sign what is sent there: {_SECRET_LOOKS}."
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[A-Za-z0-9!_.*'()-]+)*/?")
"""S3's own rules for names of buckets, and the characters of keys that every service takes (both: its user guide)."""


def _address(value: str) -> str:
    if value and not value.lower().startswith(("http://", "https://")):
        raise ValueError("must start with https:// or http://")
    if re.search(r"[\s\x00-\x1f]", value):
        raise ValueError("must be one address, without spaces")
    return value.rstrip("/")


def _split_hosts(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(name for part in value.split(",") if (name := part.strip(" \t\r\n\"'")))


def _hosts(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:\d{1,5})?", name):
            raise ValueError("must be names of hosts, as team.example or team.example:8443, with commas between them")
    return names


def _networks(names: tuple[str, ...]) -> tuple[str, ...]:
    import ipaddress  # here: a server on stdio starts without it

    for name in names:
        try:
            ipaddress.ip_network(name, strict=False)
        except ValueError:
            raise ValueError("must be addresses or networks, as 127.0.0.1 or 10.0.0.0/8, with commas between") from None
    return names


def _notify_url(value: str, info: ValidationInfo) -> str:
    host = re.match(r"http://(\[[^\]]*\]|[^/:@]*)", value, re.IGNORECASE)
    is_here = host is not None and host[1].lower() in _LOOPBACK
    if value and not value.lower().startswith("https://") and host is None:
        raise ValueError("must start with https://, or with http:// on this machine")
    if re.search(r"[\s\x00-\x1f]", value):
        raise ValueError("must be one address, without spaces")
    if host is not None and not is_here and not info.data.get("allow_private_hosts"):
        raise ValueError("must start with https:// beyond this machine: what is told is for nobody on the way")
    return value


def _notify_secret(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    from binascii import a2b_base64

    try:
        key = a2b_base64(value.removeprefix("whsec_"), strict_mode=True)
    except ValueError:
        key = b""
    if not value.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise ValueError("must be " + _SECRET_LOOKS)
    return secret


def _bucket(value: str) -> str:
    address = value.rstrip("/")
    if value and not _BUCKET.fullmatch(address):
        raise ValueError("must be s3://BUCKET or s3://BUCKET/PREFIX, of letters, digits, hyphens, dots and underscores")
    if any(part in (".", "..") for part in address.split("/")):
        raise ValueError("must have a prefix without . and .. in it")
    return address


def _database(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    is_address = value.startswith(("postgresql://", "postgres://"))
    if value and not is_address and not re.match(r"[a-z_]{1,40}\s*=", value):
        raise ValueError("must be an address such as postgresql://user:password@host:5432/database")
    return secret


def is_in_the_clear(address: str) -> bool:
    """Tells whether an address has no TLS, though it leads beyond this machine."""
    match = re.match(r"http://(?:[^/@]*@)?(\[[^\]]*\]|[^/:]*)", address, re.IGNORECASE)
    return match is not None and match[1].lower() not in _LOOPBACK


WebAddress = Annotated[str, AfterValidator(_address)]
HostNames = Annotated[tuple[str, ...], BeforeValidator(_split_hosts), AfterValidator(_hosts)]
Networks = Annotated[Names, AfterValidator(_networks)]
NotifyUrl = Annotated[str, AfterValidator(_notify_url)]
NotifySecret = Annotated[SecretStr, AfterValidator(_notify_secret)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]
BucketAddress = Annotated[str, AfterValidator(_bucket)]
