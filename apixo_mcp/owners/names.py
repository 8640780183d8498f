"""Names of owners: short, plain, and none that stands for somebody else."""

import re

from apixo_mcp.tasks.owner import LOCAL

# Those of people, their addresses, and what identity providers call them (`auth0|…`).
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+|:-]{0,63}")


def why_not(name: str) -> str:
    """Tells why a name cannot be that of an owner, as a sentence; empty where it can."""
    if name.casefold() == LOCAL.name:
        return f"{LOCAL.name} is this machine's own owner; choose another name."
    if not _NAME.fullmatch(name):
        return "A name has 1 to 64 letters, digits and . _ - @ + | : of ASCII, and begins with a letter or a digit."
    return ""
