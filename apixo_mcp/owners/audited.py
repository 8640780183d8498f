"""Tells of every change of the owners, whoever makes it."""

from collections.abc import Callable, Sequence

from apixo_mcp.owners.store import KnownOwner, OwnerStore
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.telemetry.facts import OwnerChanged, Telemetry


class AuditedOwners:
    """An `OwnerStore` that tells what is changed in the one beneath it.

    Args:
        owners: where they are kept.
        telemetry: told of each change that was made.
    """

    def __init__(self, owners: OwnerStore, telemetry: Telemetry) -> None:
        self._owners = owners
        self._telemetry = telemetry

    async def any(self) -> bool:
        """See `OwnerStore.any`."""
        return await self._owners.any()

    async def all(self) -> Sequence[KnownOwner]:
        """See `OwnerStore.all`."""
        return await self._owners.all()

    async def find(self, name: str) -> Owner | None:
        """See `OwnerStore.find`."""
        return await self._owners.find(name)

    async def of_token(self, token_hash: str) -> Owner | None:
        """See `OwnerStore.of_token`."""
        return await self._owners.of_token(token_hash)

    async def add(self, owner: Owner, token_hash: str) -> bool:
        """See `OwnerStore.add`."""
        is_done = await self._owners.add(owner, token_hash)
        return self._told(is_done, OwnerChanged(owner.name, "added", terms_words(owner)))

    async def change(self, name: str, how: Callable[[Owner], Owner]) -> Owner | None:
        """See `OwnerStore.change`."""
        owner = await self._owners.change(name, how)
        if owner is not None:
            self._telemetry.emit(OwnerChanged(name, "changed", terms_words(owner)))
        return owner

    async def set_token(self, name: str, token_hash: str) -> bool:
        """See `OwnerStore.set_token`."""
        return self._told(await self._owners.set_token(name, token_hash), OwnerChanged(name, "token set"))

    async def revoke(self, name: str) -> bool:
        """See `OwnerStore.revoke`."""
        return self._told(await self._owners.revoke(name), OwnerChanged(name, "revoked"))

    def _told(self, is_done: bool, fact: OwnerChanged) -> bool:
        if is_done:
            self._telemetry.emit(fact)
        return is_done


def terms_words(owner: Owner) -> str:
    """Tells what an owner may do and spend, as the end of a sentence about them: of keys, only where they are read."""
    words = [f"scope {owner.scope}"]
    budget, raised = owner.budget, owner.raised
    if budget.daily_usd is not None:
        words.append(f"{_dollars(budget.daily_usd)} a day")
    if budget.monthly_usd is not None:
        words.append(f"{_dollars(budget.monthly_usd)} a month")
    if budget.daily_tasks is not None:
        words.append(f"{budget.daily_tasks} paid request{'' if budget.daily_tasks == 1 else 's'} a day")
    if len(words) == 1:
        words.append("no limits but the server's")
    if raised is not None and raised.usd:
        words.append(f"raised by {_dollars(raised.usd)} for a day")
    words.append(f"models {', '.join(owner.models)}" if owner.models else "all models")
    words += [f"{gateway} key of {source}" for gateway, source in owner.keys.items()]
    return ", ".join(words)


def _dollars(amount: float) -> str:
    return f"${amount:.2f}" if round(amount, 2) == amount else f"${amount:g}"
