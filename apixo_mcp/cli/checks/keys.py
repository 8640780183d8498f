"""API keys by their looks: what no gateway can have made. Never tells anything of a key but its length."""

from collections.abc import Iterator

from apixo_mcp.cli.checks.finding import Finding
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.settings import Settings

_SHORTEST = 6  # characters; no document tells a length, and no key is known that is so short


def key_findings(settings: Settings) -> Iterator[Finding]:
    """Yields what is wrong with the looks of a key; nothing where all of them may be keys."""
    seen: dict[str, str] = {}
    for listing in GATEWAYS.values():
        secret = settings.keys.get(listing.name)
        if secret is None:
            continue
        key, variable = secret.get_secret_value(), listing.key_variable
        anew = f"Copy the key anew from {listing.site}, alone and whole."
        if not key.isascii() or not key.isprintable() or " " in key:
            yield Finding("key", f"{variable} holds spaces or characters that no key has", anew, variable)
        elif len(key) < _SHORTEST:
            yield Finding("key", f"{variable} has only {len(key)} characters", anew, variable)
        elif key in seen:
            state = f"{variable} and {seen[key]} hold the same key, and each gateway makes its own"
            yield Finding("key", state, anew, variable)
        seen.setdefault(key, variable)
