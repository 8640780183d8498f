"""Whose key it is that a gateway is asked with."""

import base64
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Self
from urllib.parse import quote, unquote_plus, urlsplit, urlunsplit

from apixo_mcp.foreign import LONGEST_SEEN, clipped, cut
from apixo_mcp.gateways import disguises
from apixo_mcp.gateways.directory import GATEWAYS

HIDDEN = "(key)"
LONGEST_MESSAGE = 500
_PART = 12  # characters of the key that no message shows
_WEIGHTY = 16  # and that no address holds by chance
_LEAST = 6  # a shorter key stands in many an address by chance


@dataclass(frozen=True, slots=True)
class Credential:
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

    @classmethod
    def of(cls, gateway: str, secret: str = "") -> Self:
        """Returns the credential for a gateway of the directory."""
        listing = GATEWAYS[gateway]
        return cls(listing.title, listing.key_variable, listing.site, secret)

    @property
    def base_setting(self) -> str:
        """The variable that holds the base URL."""
        listing = next((one for one in GATEWAYS.values() if one.title == self.gateway), None)
        return listing.base_url_variable if listing else self.setting.replace("_API_KEY", "_BASE_URL")

    def clean(self, text: str) -> str:
        """Returns a gateway's words without any key, control character or lone surrogate, at most 500 characters."""
        text = cut(self.redact(cut(text, 4 * LONGEST_SEEN)))
        text = re.sub(r"\bsk-[A-Za-z0-9_-]{3,}", HIDDEN, text)
        text = re.sub(r"(?i)\bbearer\s{1,20}\S+", f"Bearer {HIDDEN}", text)
        # Of an address of an input file in a bucket, which a gateway may repeat.
        text = re.sub(r"(?i)(\bx-amz-(?:signature|credential|security-token)=)[\w%./+=-]+", rf"\1{HIDDEN}", text)
        text = " ".join(text.encode("utf-8", "replace").decode().split())
        text = "".join(char for char in text if char.isprintable())
        return clipped(text, LONGEST_MESSAGE)

    def redact(self, text: str) -> str:
        """Takes the key out of a text: plain, escaped, spread, in any case, encoded, backwards, or a part."""
        text = disguises.redact(text, self.secret, _PART, HIDDEN)
        for form in _forms(self.secret):
            text = text.replace(form, HIDDEN)
        return text

    def holds(self, text: str) -> bool:
        """Tells whether the key, or enough of it, stands in an id or an address."""
        if len(self.secret) < _LEAST:
            return False
        return any(form in text for form in _forms(self.secret, _WEIGHTY)) or disguises.holds(
            text, self.secret, _WEIGHTY
        )

    def without_key(self, url: str) -> str:
        """Drops the parts of an address's query that hold the key; empty where the key stands anywhere else."""
        if HIDDEN not in url and not self._is_told(url):
            return url
        parts = urlsplit(url)
        kept = [one for one in parts.query.split("&") if HIDDEN not in one and not self._is_told(one)]
        netloc = parts.netloc.rpartition("@")[2] if self._is_told(parts.netloc) else parts.netloc
        left = urlunsplit((parts.scheme, netloc, parts.path, "&".join(kept), ""))
        return "" if HIDDEN in left or self._is_told(left) else left

    def _is_told(self, text: str) -> bool:
        return self.holds(text) or self.holds(unquote_plus(text))


@lru_cache(maxsize=64)
def _forms(secret: str, part: int = _PART) -> tuple[str, ...]:
    """Returns the ways in which a key, or so many characters of it, may turn up, the longest first."""
    if not secret:
        return ()
    found = {secret, quote(secret, safe=""), quote(secret), secret.replace("/", "\\/")}
    if len(secret) >= _LEAST:
        found.add(secret[::-1])
        raw = secret.encode(errors="replace")
        for shift in range(3):  # wherever it stands in what was encoded; the edges depend on what is beside it
            cut = base64.b64encode(b"x" * shift + raw).decode()[4 * (shift > 0) + 2 * (shift > 0) : -4]
            if len(cut) >= part:
                found |= {cut, cut.replace("+", "-").replace("/", "_")}
    found |= {secret[at : at + part] for at in range(len(secret) - part + 1)}
    return tuple(sorted(found, key=lambda form: (-len(form), form)))
