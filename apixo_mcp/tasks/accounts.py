"""The gateways with their keys, as tasks know them."""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from apixo_mcp.gateways.gateway import Gateway
from apixo_mcp.tasks.owner import Owner


@dataclass(frozen=True, kw_only=True)
class Account:
    """A gateway with its key, and the print that tasks carry in its place.

    Attributes:
        name: the gateway's, in the directory.
        base_url: without a trailing slash.
        key_print: stands for the key.
        load: makes the gateway, whose code is imported then.
    """

    name: str
    base_url: str
    key_print: str
    load: Callable[[], Gateway] = field(repr=False, compare=False)

    @cached_property
    def gateway(self) -> Gateway:
        """The gateway, loaded when it is first asked: a server that starts asks none."""
        return self.load()


@dataclass(frozen=True, slots=True)
class NoKey:
    """Says why a key that an owner has of their own cannot be used.

    Attributes:
        why: as a sentence, which says what to do.
    """

    why: str


class Payers(Protocol):
    """Knows by whose key a task is paid."""

    async def account(self, owner: Owner, gateway: str) -> Account | NoKey | None:
        """Returns what an owner's task on a gateway is paid with, None where no key is set for it."""
        ...


class Accounts(Mapping[str, Account]):
    """The accounts that this process holds at each moment. Ask it when one is used: they change while it runs.

    By a gateway's name it gives the account of the server that new tasks are paid with, the one that was added last.
    Owners may have accounts of their own, which pay for nobody else's tasks; tasks that are open are followed with
    every account that is held.
    """

    def __init__(self) -> None:
        self._held: dict[str, Account] = {}
        self._known: dict[str, Account] = {}
        self._own: set[str] = set()

    def __getitem__(self, gateway: str) -> Account:
        for account in reversed(self._of_server()):
            if account.name == gateway:
                return account
        raise KeyError(gateway)

    def _of_server(self) -> list[Account]:
        return [account for key_print, account in self._held.items() if key_print not in self._own]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(one.name for one in self._of_server()))

    def __len__(self) -> int:
        return len(list(iter(self)))

    @property
    def key_prints(self) -> tuple[str, ...]:
        """The keys whose tasks this process follows."""
        return tuple(self._held)

    @property
    def addresses(self) -> Mapping[str, str]:
        """The base URL of each gateway that tasks of this process are with, owners' own keys included, by its name."""
        return {account.name: account.base_url for account in self._held.values()}

    def add(self, account: Account) -> None:
        """Takes an account: its open tasks are followed, and new ones of its gateway are paid with it."""
        self._own.discard(account.key_print)
        self._held.pop(account.key_print, None)
        self._held[account.key_print] = self._known[account.key_print] = account

    def add_own(self, account: Account) -> None:
        """Takes the account of an owner: its open tasks are followed, and no one else's are paid with it."""
        if account.key_print not in self._held:
            self._own.add(account.key_print)
            self._held[account.key_print] = self._known[account.key_print] = account

    @property
    def own_prints(self) -> tuple[str, ...]:
        """The keys that are owners' own."""
        return tuple(self._own)

    def remove(self, key_print: str) -> None:
        """Lets an account go: no task of it is followed or begun any more. A step that is under way ends with it."""
        self._held.pop(key_print, None)
        self._own.discard(key_print)

    def held(self, key_print: str) -> Account | None:
        """Returns the account that a task was sent with, None where it is not held."""
        return self._held.get(key_print)

    def gateway(self, key_print: str) -> Gateway:
        """Returns the gateway of a step that is under way, whether its account is still held or not."""
        return self._known[key_print].gateway

    def load(self) -> None:
        """Loads what is otherwise loaded at first use: the gateways."""
        for account in list(self._held.values()):
            _ = account.gateway


def key_fingerprint(key: str, salt: bytes) -> str:
    """Tells two API keys apart without telling either: keyed with a salt that never leaves the data folder."""
    return hmac.new(salt, key.encode(), hashlib.sha256).hexdigest()[:16]
