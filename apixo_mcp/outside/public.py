"""What there is to be reached from outside, and the proof that an address leads to it."""

import hmac
import secrets
from dataclasses import dataclass, field

from apixo_mcp.media.input_links import InputLinks
from apixo_mcp.tasks.callbacks import Callbacks
from apixo_mcp.telemetry.facts import Telemetry


@dataclass(frozen=True, slots=True)
class Public:
    """Holds what the gateways may reach from outside.

    Attributes:
        prefixes: paths that the routes stand under: none, and that of the public URL.
    """

    prefixes: tuple[str, ...]
    callbacks: Callbacks
    input_links: InputLinks
    telemetry: Telemetry


@dataclass(frozen=True, slots=True)
class Proof:
    """A file that is not there for anybody else: who gets it by an address knows that the address leads here."""

    token: str = field(default_factory=lambda: secrets.token_hex(32))
    content: str = field(default_factory=lambda: secrets.token_hex(32))

    @property
    def path(self) -> str:
        """Where it is, behind the address."""
        return f"/inputs/{self.token}/proof"

    def is_at(self, token: str, name: str) -> bool:
        """Tells whether it is what a path asks for."""
        return hmac.compare_digest(f"{token}/{name}".encode(), f"{self.token}/proof".encode())
