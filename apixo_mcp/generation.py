"""The nouns that all floors share: what a generation makes, and why it fails."""

from dataclasses import dataclass
from typing import Literal

Modality = Literal["image", "video", "audio"]
Category = Literal[
    "content_policy",
    "invalid_input",
    "media_input",
    "insufficient_credits",
    "auth",
    "rate_limited",
    "timeout",
    "unavailable",
    "generation_failed",
    "unknown",
]
Charged = Literal["no", "yes", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a task failed, for the one who asked.

    Attributes:
        code: the gateway's own failCode, or `HTTP 402` where it gave none.
        message: the gateway's own words.
        advice: what to change or do next, as a sentence.
        retryable: whether the same request may succeed later.
    """

    code: str
    category: Category
    message: str
    advice: str
    retryable: bool
    charged: Charged


@dataclass(frozen=True, slots=True, kw_only=True)
class Produced:
    """One thing that a gateway made: a file behind a URL, or an id to use in a next request.

    Attributes:
        kind: what the file holds, where the answer tells; None means the task's own modality.
        asset_id: an id in place of a file (a voice, a character, an audio asset).
        label: what it is, in a few words (a track's title, `cover`).
    """

    url: str = ""
    kind: Modality | None = None
    asset_id: str = ""
    label: str = ""
