"""What changes in a host's file, as people read it. Pure."""

import difflib
from collections.abc import Collection

from apixo_mcp.hosts.host import Host
from apixo_mcp.hosts.masking import shown

_AROUND = 2  # lines that are told with a change


def difference(host: Host, before: str, after: str, secrets: Collection[str] = ()) -> list[str]:
    """Returns the lines that go (`-`), come (`+`) and stand around them, without keys; none where keys alone change."""
    old, new = (shown(host, text, secrets).splitlines() for text in (before, after))
    # The ends that are equal are left out first: comparing hundreds of thousands of lines takes minutes.
    shorter = min(len(old), len(new))
    first = next((number for number in range(shorter) if old[number] != new[number]), shorter)
    last = next((number for number in range(shorter - first) if old[-1 - number] != new[-1 - number]), shorter - first)
    if first == len(old) == len(new):
        return []
    start, end = max(first - _AROUND, 0), max(last - _AROUND, 0)
    lines = difflib.unified_diff(old[start : len(old) - end], new[start : len(new) - end], n=_AROUND, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]
