"""One thing that was looked at, and what to do about it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        fix: what to do about it; empty where it is well.
        variable: the one that it is set by.
    """

    what: str
    state: str
    fix: str = ""
    variable: str = ""
