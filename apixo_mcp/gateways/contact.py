"""Whose key it is that a gateway is asked with."""

import re
from dataclasses import dataclass

_LONGEST_MESSAGE = 500


@dataclass(frozen=True, slots=True)
class Contact:
    """What advice names, and what no message may show.

    Attributes:
        gateway: its name for people.
        setting: the variable that holds the key.
        dashboard: where credits are bought and keys are made.
        secret: the key itself, to be cut out of whatever a gateway says.
    """

    gateway: str
    setting: str
    dashboard: str
    secret: str = ""

    def clean(self, text: str) -> str:
        """A gateway's words without any key, control character or lone surrogate, at most 500 characters."""
        if self.secret:
            text = text.replace(self.secret, "(key)")
        text = re.sub(r"\bsk-[A-Za-z0-9_-]{3,}", "(key)", text)
        text = re.sub(r"(?i)\bbearer\s+\S+", "Bearer (key)", text)
        text = " ".join(text.encode("utf-8", "replace").decode().split())
        text = "".join(char for char in text if char.isprintable())
        return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"
