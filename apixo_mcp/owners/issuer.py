"""Tokens of an identity provider that is trusted: checked against its keys, and made an owner's.

PyJWT's own client for keys would block the event loop, and ask again for each key that somebody made up.
"""

import hashlib
import json
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

import anyio
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from apixo_mcp.net.http import Http
from apixo_mcp.net.response import Answered
from apixo_mcp.owners.entrance import TokenRefused
from apixo_mcp.owners.grants import known_scopes, narrowed
from apixo_mcp.owners.store import OwnerStore
from apixo_mcp.tasks.owner import LOCAL, Owner

log = logging.getLogger(__name__)

_FITS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", ())),
    "ES256": ("EC", ("P-256",)),
    "ES384": ("EC", ("P-384",)),
    "ES512": ("EC", ("P-521",)),
    "EdDSA": ("OKP", ("Ed25519", "Ed448")),
}
"""The ways of signing that are taken, each with the kind of key and its curves. None of them takes a shared secret."""
_LEAST_BITS = 2048
_LEEWAY = 30.0  # seconds that two clocks may be apart
_KEYS_LAST = 3600.0
_COOL_DOWN = 30.0  # seconds between two questions for keys, however many tokens name an unknown one
_STALE_LAST = 86_400.0  # keys are used so long where their issuer no longer answers
_ANSWERED_WITHIN = 10.0
_Key = Mapping[str, Any]


class ForeignIssuer:
    """Takes the tokens of one identity provider.

    Args:
        http: asks it.
        owners: of the task store.
        issuer: its URL.
        audience: what its tokens are for; empty: for an address of this server.
        claim: holds the name of an owner.
        clock: tells the time.
    """

    def __init__(
        self,
        http: Http,
        owners: OwnerStore,
        issuer: str,
        audience: str = "",
        claim: str = "sub",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._owners = owners
        self._issuer = issuer.rstrip("/")
        self._audience = audience
        self._claim = claim
        self._clock = clock
        self._lock = anyio.Lock()
        self._keys: Sequence[_Key] = ()
        self._fetched_at = self._asked_at = float("-inf")
        self._is_silent = False

    async def owner_of(self, token: str, resources: Sequence[str]) -> Owner | TokenRefused:
        """See `TrustedIssuer.owner_of`."""
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            return TokenRefused("it is no token that can be read")
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in _FITS or "crit" in header:
            return TokenRefused("the token is signed in a way that is not taken")
        keys = await self._fitting(algorithm, kid if isinstance(kid, str) else None)
        if not keys and self._is_silent:  # to call it bad would have its client throw it away
            return TokenRefused("the keys of the identity provider cannot be had just now", wait=_COOL_DOWN)
        refused = TokenRefused("the token is signed with a key that is not known")
        for key in keys:
            claims = self._claims(token, key, algorithm, [self._audience] if self._audience else list(resources))
            if not isinstance(claims, TokenRefused):
                return await self._owner(claims)
            refused = claims
        return refused

    def _claims(self, token: str, key: _Key, algorithm: str, audience: list[str]) -> Mapping[str, Any] | TokenRefused:
        """Returns what a token says, where all of it is in order."""
        try:
            signed_with = jwt.PyJWK(dict(key), algorithm)
            if isinstance(signed_with.key, RSAPublicKey) and signed_with.key.key_size < _LEAST_BITS:
                return TokenRefused("the token is signed with a key that is too short")
            claims = jwt.decode(
                token,
                signed_with,
                algorithms=[algorithm],
                audience=audience,
                leeway=_LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            return TokenRefused("the token has run out")
        except jwt.ImmatureSignatureError:
            return TokenRefused("the token does not count yet")
        except jwt.InvalidAudienceError:
            return TokenRefused("the token is for another server")
        except jwt.MissingRequiredClaimError:
            return TokenRefused("the token does not say who, by whom, for whom or how long")
        except jwt.PyJWTError:
            return TokenRefused("the signature of the token is wrong")
        if str(claims["iss"]).rstrip("/") != self._issuer:
            return TokenRefused("the token is of another issuer")
        return claims

    async def _owner(self, claims: Mapping[str, Any]) -> Owner | TokenRefused:
        name = claims.get(self._claim)
        if not isinstance(name, str) or not name or (self._claim == "email" and claims.get("email_verified") is False):
            return TokenRefused(f"the token has no {self._claim} that counts")
        scopes = known_scopes(_scopes(claims))
        own_name = foreign_name(self._issuer, str(claims["sub"]))
        known = {one.owner.name: one for one in await self._owners.all()}
        for candidate in (name, own_name):
            if candidate == LOCAL.name or (row := known.get(candidate)) is None:
                continue
            if row.revoked_at is not None:
                return TokenRefused("the owner was revoked")
            return narrowed(row.owner, scopes) or TokenRefused("the token has no scope of this server", True)
        return narrowed(Owner(own_name), scopes) or TokenRefused("the token has no scope of this server", True)

    async def _fitting(self, algorithm: str, kid: str | None) -> Sequence[_Key]:
        """Returns the keys that a token may be signed with."""
        keys = _chosen(self._keys, algorithm, kid)
        is_old = self._clock() - self._fetched_at > _KEYS_LAST
        is_being_asked = bool(keys) and self._lock.locked()  # those that are known will do meanwhile
        if (not keys or is_old) and not is_being_asked and self._clock() - self._asked_at > _COOL_DOWN:
            async with self._lock:
                if self._clock() - self._asked_at > _COOL_DOWN:  # nobody else has asked meanwhile
                    self._asked_at = self._clock()
                    await self._fetch()
            keys = _chosen(self._keys, algorithm, kid)
        return keys

    async def _fetch(self) -> None:
        keys = await self._fetched()
        self._is_silent = keys is None
        if keys is not None:
            self._keys, self._fetched_at = keys, self._clock()
        else:
            log.warning("the keys of %s cannot be had; its tokens are checked against those known before", self._issuer)
            if self._clock() - self._fetched_at > _STALE_LAST:
                self._keys = ()

    async def _fetched(self) -> Sequence[_Key] | None:
        parts = urlsplit(self._issuer)
        root, path = f"{parts.scheme}://{parts.netloc}", parts.path
        for place in (
            f"{self._issuer}/.well-known/openid-configuration",
            f"{root}/.well-known/oauth-authorization-server{path}",
        ):
            told = await self._asked(place)
            where = told.get("jwks_uri")
            if str(told.get("issuer", "")).rstrip("/") != self._issuer or not isinstance(where, str):
                continue
            if not where.startswith(("https://", f"{root}/")):
                continue
            keys = (await self._asked(where)).get("keys")
            if isinstance(keys, list):
                return [cast("_Key", key) for key in cast("list[object]", keys) if isinstance(key, dict)]
        return None

    async def _asked(self, url: str) -> Mapping[str, Any]:
        headers = {"Accept": "application/json"}
        reply = await self._http.call("GET", url, headers=headers, read_timeout=_ANSWERED_WITHIN)
        if not isinstance(reply, Answered) or reply.status != 200:
            return {}
        try:
            told = json.loads(reply.body)
        except (ValueError, RecursionError):
            return {}
        return cast("Mapping[str, Any]", told) if isinstance(told, dict) else {}


def foreign_name(issuer: str, subject: str) -> str:
    """Returns the name of an owner whom only an issuer knows: no two have the same, and nobody here is called so."""
    host = urlsplit(issuer).hostname or "issuer"
    shown = re.sub(r"[^A-Za-z0-9._-]+", "-", subject)[:20].strip("-")
    proof = hashlib.sha256(f"{issuer}\0{subject}".encode(errors="replace")).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9.-]+', '-', host)[:28]}-{shown}-{proof}"


def _chosen(keys: Sequence[_Key], algorithm: str, kid: str | None) -> list[_Key]:
    kind, curves = _FITS[algorithm]
    fitting = [
        key
        for key in keys
        if key.get("kty") == kind
        and (not curves or key.get("crv") in curves)
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
    ]
    named = [key for key in fitting if kid is not None and key.get("kid") == kid]
    return named if kid is not None else fitting[:5]


def _scopes(claims: Mapping[str, Any]) -> list[str]:
    """Returns the scopes of a token, which issuers write in two ways."""
    found: list[str] = []
    for claim in ("scope", "scp"):
        value = claims.get(claim)
        if isinstance(value, str):
            found += value.split()
        elif isinstance(value, list):
            found += [str(one) for one in cast("list[object]", value)]
    return found
