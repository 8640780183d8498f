"""What there is to be reached from outside, and the proof that an address leads to it."""

import hmac
import secrets
import time
from dataclasses import dataclass, field

from anyio import to_thread

from apixo_mcp.errors import StoreError
from apixo_mcp.media.inputs.input_links import InputFiles, OpenedInput
from apixo_mcp.media.served import OpenedFile
from apixo_mcp.tasks.callbacks import Callbacks
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.telemetry.facts import Telemetry

UNKNOWN_FOR = 24 * 3600.0
"""Seconds that an input file is handed out for a task of which nobody knows whether the gateway has it."""


@dataclass(frozen=True, slots=True)
class Public:
    """Holds what the gateways may reach from outside.

    Attributes:
        store: tells whether a task needs a file.
        lingers: seconds that a file is handed out after its URL was given out, and after its last task has ended.
    """

    callbacks: Callbacks
    input_links: InputFiles
    store: Store
    telemetry: Telemetry
    lingers: float = 60.0

    async def input_file(self, token: str, name: str) -> OpenedFile | None:
        """Opens the input file behind a URL, for whoever closes it; None where there is none that a task needs."""
        opened = await to_thread.run_sync(self.input_links.open, token, name)
        if opened is None:
            return None
        is_needed = False
        try:
            is_needed = await self._is_needed(opened, token)
        finally:
            if not is_needed:
                opened.file.content.close()
        return opened.file if is_needed else None

    async def _is_needed(self, opened: OpenedInput, token: str) -> bool:
        if time.time() < opened.given_at + self.lingers:
            return True
        try:
            return await self.store.needs_input(token, self.lingers, UNKNOWN_FOR)
        except StoreError:
            return True  # a paid task may need it


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
