"""Every error this package raises.

    ApixoError
    ├── SettingsError        a setting cannot be used; names it and what is allowed
    │   └── MissingKey       a gateway's API key is not set
    ├── InvalidInput         refused before anything was sent; lists every problem
    ├── NotFound             no such task, model or result
    ├── Unreachable          nothing outside can reach this machine: a tunnel cannot be had
    ├── CallerLeft           the connection of a waiting call ended before its answer
    ├── StoreError           the task store cannot be used
    │   └── SchemaTooNew     it was written by a newer version
    └── MediaError           a file could not be fetched, read or written
        ├── PackingBroken    a body cannot be unpacked whole
        ├── HostRefused      its address is private and private hosts are not allowed
        └── SettingRefused   a proxy or a certificate that is set can never be used

What a gateway answers is no error here but a value (`gateways.gateway.Submitted`, `gateways.gateway.Polled`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from apixo_mcp.generation import NextAction


class ApixoError(Exception):
    """Root of the tree. The message is written for whoever asked, and holds no secret.

    Attributes:
        next_action: what its reader can do next, which each face says behind the message.
    """

    def __init__(self, message: str = "", *, next_action: NextAction | None = None) -> None:
        super().__init__(message)
        self.next_action = next_action


class SettingsError(ApixoError):
    """A setting cannot be used."""


class MissingKey(SettingsError):
    """No API key is set for a gateway, so nothing was sent. Each face says how one is set.

    Attributes:
        variable: that holds the key.
        site: where there is one.
    """

    def __init__(self, variable: str, site: str) -> None:
        self.variable = variable
        self.site = site
        super().__init__(f"No {variable} is set, so nothing was sent")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input.

    Attributes:
        field: the argument's name as the caller knows it.
        given: what was given, shortened; empty where nothing was.
        allowed: what would have been accepted, as the end of a sentence.
        nearest: the closest valid choice, empty where there is none.
        next_action: what more the reader can do.
    """

    field: str
    given: str
    allowed: str
    nearest: str = ""
    next_action: NextAction | None = None

    def __str__(self) -> str:
        got = f" (got {self.given})" if self.given else ""
        hint = f" Did you mean {self.nearest}?" if self.nearest else ""
        return f"{self.field}: {self.allowed}{got}.{hint}"


class InvalidInput(ApixoError):
    """An input was refused before any request left. Nothing was spent.

    Attributes:
        problems: all of them at once.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class NotFound(ApixoError):
    """There is no such task, model or result for this owner."""


class Unreachable(ApixoError):
    """Nothing outside can reach this machine: the tunnel that is set cannot be had.

    Attributes:
        fix: what a person can do about it, as sentences.
    """

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


class CallerLeft(ApixoError):
    """The connection ended before the call was answered: its task is left to the same request made again."""


class StoreError(ApixoError):
    """The task store cannot be opened or used."""


class SchemaTooNew(StoreError):
    """The store was written by a newer version of this program."""


class MediaError(ApixoError):
    """A file could not be fetched, read or written.

    Attributes:
        gone: the source no longer has it, so that trying again is useless.
        retry_after: seconds that the source asks to be left alone, None where it does not.
    """

    def __init__(
        self,
        message: str,
        *,
        gone: bool = False,
        retry_after: float | None = None,
        next_action: NextAction | None = None,
    ) -> None:
        super().__init__(message, next_action=next_action)
        self.gone = gone
        self.retry_after = retry_after


class PackingBroken(MediaError):
    """A body was packed for the way, and cannot be unpacked whole; as it came it may still be worth keeping."""


class HostRefused(MediaError):
    """An address is private, loopback or link-local, and private hosts are not allowed."""


class SettingRefused(MediaError):
    """A request cannot leave: a proxy or a certificate that is set can never be used.

    Attributes:
        variable: the one at fault.
        reason: what is wrong with it and what to do.
    """

    def __init__(self, variable: str, reason: str) -> None:
        super().__init__(f"{variable} cannot be used: {reason}")
        self.variable = variable
        self.reason = reason
