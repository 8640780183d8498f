"""Secrets that let somebody in: made here, told once, and kept as their hashes alone."""

import base64
import hashlib
import hmac
import secrets

TOKEN_PREFIX = "amt_"
"""How the token of an owner begins, so that tools that look for secrets know one when they see it."""
ACCESS_PREFIX, REFRESH_PREFIX = "aat_", "art_"
"""How the tokens of a client begin."""

BY_TOKEN = "by-token-"
"""How the families begin of what was signed in with the token of an owner, and ends with it."""


def new_token() -> str:
    """Returns a token of 256 random bits, as `amt_` and 43 characters."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def new_secret() -> str:
    """Returns a secret of 256 random bits for a link or a code, in 43 characters that a URL takes."""
    return secrets.token_urlsafe(32)


def new_family(*, is_by_token: bool) -> str:
    """Returns the name of what ends together."""
    return f"{BY_TOKEN if is_by_token else ''}{secrets.token_hex(16)}"


def derived_secret(own: bytes, what: str) -> str:
    """Returns a secret in 43 characters that whoever has another one makes again at any time, and nobody else.

    Args:
        own: the other one.
        what: it is for.
    """
    proof = hmac.new(own, what.encode(errors="replace"), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(proof).decode().rstrip("=")


def secret_hash(secret: str) -> str:
    """Returns what is kept of a secret, in hex. One with 256 random bits needs neither salt nor slowness."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
