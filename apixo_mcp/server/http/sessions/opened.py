"""The sessions over Streamable HTTP that this process has in memory."""

from collections import Counter, OrderedDict
from collections.abc import Generator
from contextlib import contextmanager

from apixo_mcp.server.http.sessions.ids import HttpSession

_MOST_KEPT = 20_000  # more than the SDK ever keeps open: some of them it has let go by itself


class OpenSessions:
    """Knows the SDK's id of each session, and which of an owner's can be let go for another.

    Args:
        of_owner: how many one owner may have.
    """

    def __init__(self, of_owner: int) -> None:
        self._of_owner = of_owner
        self._inner: OrderedDict[str, tuple[str, str]] = OrderedDict()
        """The owner and the SDK's id, by the session's nonce; the one that was used last stands last."""
        self._count: Counter[str] = Counter()
        self._busy: Counter[str] = Counter()

    def inner_of(self, session: HttpSession) -> str | None:
        """Returns the SDK's id of a session, which is used now."""
        known = self._inner.get(session.nonce)
        if known is None:
            return None
        self._inner.move_to_end(session.nonce)
        return known[1]

    def remember(self, session: HttpSession, inner: str) -> None:
        """Notes the SDK's id of a session."""
        self.forget(session.nonce)
        self._inner[session.nonce] = (session.owner, inner)
        self._count[session.owner] += 1
        if len(self._inner) > _MOST_KEPT:
            self.forget(next(iter(self._inner)))

    def forget(self, nonce: str) -> None:
        """Notes that a session is not there any more."""
        if (known := self._inner.pop(nonce, None)) is not None:
            self._count[known[0]] -= 1
            if not self._count[known[0]]:
                del self._count[known[0]]

    @contextmanager
    def used(self, session: HttpSession) -> Generator[None]:
        """Keeps a session from being let go while the context is open."""
        self._busy[session.nonce] += 1
        try:
            yield
        finally:
            self._busy[session.nonce] -= 1
            if not self._busy[session.nonce]:
                del self._busy[session.nonce]

    def take_idle(self, owner: str) -> str | None:
        """Forgets the session that an owner used longest ago, where there is no room for one more.

        Returns:
            The SDK's id of it; None where there is room, or each of them is in use.
        """
        if self._count[owner] < self._of_owner:
            return None
        for nonce, (whose, inner) in self._inner.items():
            if whose == owner and nonce not in self._busy:
                self.forget(nonce)
                return inner
        return None
