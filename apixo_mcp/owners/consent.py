"""What a client asks a person for, and what they have answered.

The code for the client is made of the question's secret, so that a form that is sent twice gives out one code: the
second time is answered as the first was, as long as the client has not been here with it.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

from apixo_mcp.owners.browsers import SignedIn
from apixo_mcp.owners.grants import Grant, allowed_scopes
from apixo_mcp.owners.issuing import Issued, code_entry
from apixo_mcp.owners.store import Bound, EntryKind, SignInEntry, SignInStore
from apixo_mcp.owners.tokens import derived_secret, new_family, new_secret, secret_hash
from apixo_mcp.tasks.owner import Scope

QUESTION_LASTS = 600.0
_BOUND = Bound(most=10_000, spared=300.0)
"""Of questions that are open at once. Few people look at one for longer than that before they answer."""


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


@dataclass(frozen=True, slots=True)
class Reply:
    """What a person has answered.

    Attributes:
        asked: of them.
        owner: the name of whom they answered as.
        code: for the client; None where they said no, or where the client has been here with it.
        is_yes: whether they said yes.
    """

    asked: Asked
    owner: str
    code: str | None
    is_yes: bool


class Consent:
    """Keeps what is asked and answered, and makes a code of a yes.

    Args:
        sign_ins: of the task store.
        own: secret that stays with the task store.
    """

    def __init__(self, sign_ins: SignInStore, own: bytes) -> None:
        self._sign_ins = sign_ins
        self._own = own

    async def ask(self, asked: Asked) -> str | None:
        """Keeps what a client asks for; returns the secret by which it is found, None where too much is asked."""
        secret = new_secret()
        entry = SignInEntry(EntryKind.REQUEST, secret_hash(secret), json.dumps(asdict(asked)))
        return secret if await self._sign_ins.put(entry, QUESTION_LASTS, _BOUND) else None

    async def find(self, secret: str) -> Asked | None:
        """Returns what is asked, None where nothing is, no more, or it was answered."""
        entry = await self._sign_ins.get(EntryKind.REQUEST, secret_hash(secret))
        return None if entry is None else _asked(json.loads(entry.value))

    async def answered(self, secret: str) -> Reply | None:
        """Returns what was answered, None where nothing was, or where that is long ago."""
        entry = await self._sign_ins.get(EntryKind.ANSWERED, secret_hash(secret))
        if entry is None:
            return None
        told, code = json.loads(entry.value), self._code(secret)
        is_open = told["is_yes"] and await self._sign_ins.get(EntryKind.CODE, secret_hash(code)) is not None
        return Reply(_asked(told["asked"]), entry.owner, code if is_open else None, told["is_yes"])

    async def allow(self, secret: str, asked: Asked, person: SignedIn) -> str | None:
        """Answers with a yes of an owner, once; returns the code for the client."""
        code = self._code(secret)
        grant = Grant(
            owner=person.owner.name,
            client=asked.client,
            scopes=allowed_scopes(person.owner, asked.scopes),
            resource=asked.resource,
            family=new_family(is_by_token=person.is_by_token),
        )
        issued = Issued(grant, asked.redirect_uri, asked.challenge)
        return code if await self._answer(secret, asked, person, code_entry(code, issued)) else None

    async def deny(self, secret: str, asked: Asked, person: SignedIn) -> bool:
        """Answers with a no of an owner; False where it was answered already."""
        return await self._answer(secret, asked, person)

    async def _answer(self, secret: str, asked: Asked, person: SignedIn, *codes: tuple[SignInEntry, float]) -> bool:
        key, told = secret_hash(secret), {"asked": asdict(asked), "is_yes": bool(codes)}
        answered = SignInEntry(EntryKind.ANSWERED, key, json.dumps(told), person.owner.name)
        entries = [*codes, (answered, QUESTION_LASTS)]
        return await self._sign_ins.exchange(EntryKind.REQUEST, key, entries) is not None

    def _code(self, secret: str) -> str:
        return derived_secret(self._own, f"code {secret}")


def _asked(told: Any) -> Asked:
    return Asked(**told | {"scopes": tuple(map(Scope, told["scopes"]))})
