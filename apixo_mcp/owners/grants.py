"""What a person has allowed a client: a value, and the text of it that is kept beside each code and token."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from apixo_mcp.owners.store import SignInEntry
from apixo_mcp.tasks.owner import Owner, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a client may do in the name of an owner.

    Attributes:
        owner: the name of the one who allowed it.
        client: the id of the client.
        scopes: what was allowed; each includes the lesser ones.
        resource: the URL of the server that it is for, and for no other.
        family: all codes and tokens that come from this consent, which end together.
    """

    owner: str
    client: str
    scopes: tuple[Scope, ...]
    resource: str
    family: str

    def text(self) -> str:
        """Returns what is kept of it beside owner and family."""
        return json.dumps({"client": self.client, "scopes": self.scopes, "resource": self.resource})


def grant_of(entry: SignInEntry) -> Grant:
    """Returns the grant that a kept code or token stands for."""
    told = json.loads(entry.value)
    return Grant(
        owner=entry.owner,
        client=told["client"],
        scopes=tuple(map(Scope, told["scopes"])),
        resource=told["resource"],
        family=entry.family,
    )


def known_scopes(names: Sequence[str]) -> tuple[Scope, ...]:
    """Returns those of the names that are scopes, the least first; others mean nothing here and are passed over."""
    return tuple(scope for scope in Scope if scope in names)


def allowed_scopes(owner: Owner, scopes: Sequence[Scope]) -> tuple[Scope, ...]:
    """Returns those of the scopes that an owner has."""
    return tuple(scope for scope in scopes if owner.scope.includes(scope))


def narrowed(owner: Owner, scopes: Sequence[Scope]) -> Owner | None:
    """Returns an owner with no more than the scopes allow, None where they allow nothing."""
    allowed = allowed_scopes(owner, scopes)
    if not allowed:
        return None
    most = max(allowed, key=tuple(Scope).index)
    return replace(owner, scope=most)
