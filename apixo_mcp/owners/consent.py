"""What a client asks a person for, until they have answered."""

import json
from dataclasses import asdict, dataclass

from apixo_mcp.owners.browsers import SignedIn
from apixo_mcp.owners.grants import Grant, allowed_scopes
from apixo_mcp.owners.issuing import Issued, code_entry
from apixo_mcp.owners.store import EntryKind, SignInEntry, SignInStore
from apixo_mcp.owners.tokens import new_family, new_secret, secret_hash
from apixo_mcp.tasks.owner import Scope

QUESTION_LASTS = 600.0
_MOST = 10_000  # questions that are open at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a client asks for.

    Attributes:
        client: its id.
        name: what it calls itself, which nobody has checked.
        redirect_uri: where its person is sent with the answer.
        state: what it is told again with the answer.
        challenge: the hash of what only it can show (PKCE, S256).
        scopes: what it wants to do.
        resource: the URL of the server that it wants to do it on.
    """

    client: str
    name: str
    redirect_uri: str
    state: str | None
    challenge: str
    scopes: tuple[Scope, ...]
    resource: str


class Consent:
    """Keeps what is asked, and makes a code of a yes.

    Args:
        sign_ins: of the task store.
    """

    def __init__(self, sign_ins: SignInStore) -> None:
        self._sign_ins = sign_ins

    async def ask(self, asked: Asked) -> str | None:
        """Keeps what a client asks for; returns the secret by which it is found, None where too much is asked."""
        secret = new_secret()
        entry = SignInEntry(EntryKind.REQUEST, secret_hash(secret), json.dumps(asdict(asked)))
        return secret if await self._sign_ins.put(entry, QUESTION_LASTS, _MOST) else None

    async def find(self, secret: str) -> Asked | None:
        """Returns what is asked, None where nothing is, no more, or it was answered."""
        entry = await self._sign_ins.get(EntryKind.REQUEST, secret_hash(secret))
        return None if entry is None else _asked(entry)

    async def allow(self, secret: str, asked: Asked, person: SignedIn) -> str | None:
        """Answers with a yes of an owner, once; returns the code for the client."""
        code = new_secret()
        grant = Grant(
            owner=person.owner.name,
            client=asked.client,
            scopes=allowed_scopes(person.owner, asked.scopes),
            resource=asked.resource,
            family=new_family(is_by_token=person.is_by_token),
        )
        issued = Issued(grant, asked.redirect_uri, asked.challenge)
        entries = [code_entry(code, issued)]
        taken = await self._sign_ins.exchange(EntryKind.REQUEST, secret_hash(secret), entries)
        return None if taken is None else code

    async def deny(self, secret: str) -> bool:
        """Answers with a no; False where it was answered already."""
        return await self._sign_ins.take(EntryKind.REQUEST, secret_hash(secret)) is not None


def _asked(entry: SignInEntry) -> Asked:
    told = json.loads(entry.value)
    return Asked(**told | {"scopes": tuple(map(Scope, told["scopes"]))})
