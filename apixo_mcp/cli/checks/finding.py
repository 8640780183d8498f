"""One thing that was looked at, and what to do about it."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        fix: what to do about it; empty where it is well.
        variable: the one that it is set by.
        check: what was looked at, as a word that stays the same (`clock`, `disk`).
    """

    what: str
    state: str
    fix: str = ""
    variable: str = ""
    check: str = ""


async def of_check(check: str, findings: Iterable[Finding] | AsyncIterable[Finding]) -> AsyncIterator[Finding]:
    """Yields findings under the word of their check, where they have none of their own."""
    if isinstance(findings, AsyncIterable):
        async for finding in findings:
            yield finding if finding.check else replace(finding, check=check)
    else:
        for finding in findings:
            yield finding if finding.check else replace(finding, check=check)
