"""The ports of what is kept of owners and of their sign-in.

As in the task store, verbs take durations: the store owns time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from apixo_mcp.tasks.owner import Owner


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownOwner:
    """An owner as the store has them.

    Attributes:
        owner: with scope, limits and keys.
        has_token: whether a named token lets them in.
        made_at: Unix seconds.
        revoked_at: since when nothing lets them in; None while something may.
    """

    owner: Owner
    has_token: bool
    made_at: float
    revoked_at: float | None


class OwnerStore(Protocol):
    """The owners of a task store, the same for all processes on it at each moment."""

    async def any(self) -> bool:
        """Tells whether there ever was an owner: once there was, nobody gets in without a sign-in."""
        ...

    async def all(self) -> Sequence[KnownOwner]:
        """Lists the owners by name, those that were revoked too."""
        ...

    async def find(self, name: str) -> Owner | None:
        """Returns the owner of a name, None where there is none or they were revoked."""
        ...

    async def of_token(self, token_hash: str) -> Owner | None:
        """Returns the owner whom a named token lets in, by its hash."""
        ...

    async def add(self, owner: Owner, token_hash: str) -> bool:
        """Adds an owner; False where the name is taken, be it by one who was revoked: their tasks are not to be had.

        A name is taken in whatever case its letters are.

        Args:
            owner: to be added.
            token_hash: of their token, empty where they have none.
        """
        ...

    async def change(self, name: str, how: Callable[[Owner], Owner]) -> Owner | None:
        """Changes an owner's scope, limits and keys, of several changes at once each upon the one before.

        Args:
            name: of the owner.
            how: returns the owner as they are to be, given as they are at that moment.

        Returns:
            The owner as they are from now on; None where there is no such owner.
        """
        ...

    async def set_token(self, name: str, token_hash: str) -> bool:
        """Gives an owner another token in place of the one before, and back to one who was revoked their way in.

        What was signed in with the one before ends with it: a browser, and what was allowed from it.

        Returns:
            False where there is no such owner.
        """
        ...

    async def revoke(self, name: str) -> bool:
        """Ends every way in of an owner, what they signed in with included; False where there is no such owner."""
        ...


class EntryKind(StrEnum):
    """What is kept of a sign-in."""

    CLIENT = "client"
    """A program that registered itself."""
    REQUEST = "request"
    """What a client asked for, until its person has answered."""
    ANSWERED = "answered"
    """What a client asked for, behind its person's answer: who answers twice means one answer."""
    INVITATION = "invitation"
    """A link that lets a person in as an owner."""
    CODE = "code"
    """What a client exchanges, once, for its tokens."""
    ACCESS = "access"
    """What lets a client in, for an hour."""
    REFRESH = "refresh"
    """What a client exchanges, once, for new tokens."""
    SPENT_REFRESH = "spent_refresh"
    """A refresh token that was exchanged: whoever comes with it again is not the one it was given to."""
    BROWSER = "browser"
    """A browser that a person has signed in with."""
    ENDED_SESSION = "ended_session"
    """A session over HTTP that its client has ended, kept until its id would have run out."""
    UPLOAD = "upload"
    """A link that takes one file, once."""
    UPLOADED = "uploaded"
    """A link that has taken its file."""


@dataclass(frozen=True, slots=True)
class SignInEntry:
    """Something that is kept of a sign-in.

    Attributes:
        kind: of it.
        key: it is found by this. Of a secret its hash, never the secret.
        value: JSON.
        owner: the name of the one whose it is, empty where nobody's yet.
        family: what ends together, as the tokens that come from one consent.
    """

    kind: EntryKind
    key: str
    value: str
    owner: str = ""
    family: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """How many entries of a kind there may be.

    Attributes:
        most: so many.
        of_owner: whether they are counted for each owner by themselves.
        spared: seconds after which the oldest one makes room for another, if it lasts no longer than that would;
            None: none does.
    """

    most: int
    of_owner: bool = False
    spared: float | None = None


class SignInStore(Protocol):
    """What is kept of sign-ins, each entry for a time. What has run out is as if it had never been."""

    async def put(self, entry: SignInEntry, lasts: float, bound: Bound | None = None) -> bool:
        """Keeps an entry in place of one with its key.

        Args:
            entry: to be kept.
            lasts: for so many seconds.
            bound: how many of its kind there may be, where that is limited.

        Returns:
            False where there are so many already; nothing is kept then.
        """
        ...

    async def get(self, kind: EntryKind, key: str) -> SignInEntry | None:
        """Returns an entry."""
        ...

    async def take(self, kind: EntryKind, key: str) -> SignInEntry | None:
        """Returns an entry and forgets it, in one step: of several who take it one alone gets it."""
        ...

    async def exchange(
        self, kind: EntryKind, key: str, entries: Sequence[tuple[SignInEntry, float]]
    ) -> SignInEntry | None:
        """Takes an entry and keeps others, each for its seconds, in its place: all of that or nothing.

        Returns:
            The entry that was taken, None where it was not there; nothing is kept then.
        """
        ...

    async def renew(self, kind: EntryKind, key: str, lasts: float) -> bool:
        """Keeps an entry for so many seconds from now on; False where it is not there."""
        ...

    async def lasts(self, family: str) -> bool:
        """Tells whether anything of a family is kept still."""
        ...

    async def end(self, family: str) -> None:
        """Forgets all entries of a family."""
        ...
