"""A gateway with its key, as tasks know it."""

from dataclasses import dataclass

from apixo_mcp.gateways.gateway import Gateway


@dataclass(frozen=True, slots=True)
class Account:
    """A gateway with its key, and the print that tasks carry in its place."""

    gateway: Gateway
    key_print: str
