"""The nouns that all floors share: what a generation makes, and why it fails."""

from dataclasses import dataclass
from enum import StrEnum
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


class NextAction(StrEnum):
    """The next thing that the reader of a sentence can do; each face says it in its own words (`views.faces`)."""

    SEE_TASKS = "see_tasks"
    """Look through the tasks that there are."""
    SEE_MODELS = "see_models"
    """Look through the models that are offered."""
    SEE_INPUTS = "see_inputs"
    """Read what the model takes."""
    MAKE_IMAGE = "make_image"
    """Use the model to make an image, which is what it makes."""
    MAKE_VIDEO = "make_video"
    """Use the model to make a video."""
    MAKE_AUDIO = "make_audio"
    """Use the model to make audio."""
    SING_OR_DESCRIBE = "sing_or_describe"
    """Say whether a text is to be sung, with a style and a title, or describes the song."""
    FETCH_AGAIN = "fetch_again"
    """Have the task's files fetched once more."""
    REREAD = "reread"
    """Have the gateway's answer about the task, which is kept, read anew."""
    RESTART = "restart"
    """Start this program again, with the setting that was corrected."""
    USE_KEY = "use_key"
    """Start this program again with another key, and have the open tasks follow it."""
    EXAMINE = "examine"
    """Have the set-up looked through."""
    UPLOAD = "upload"
    """Bring the file to the server, where it can be reached over the network."""
    RAISE_LIMIT = "raise_limit"
    """Have whoever runs the server raise the owner's limit for today."""
    TAKE_BACK = "take_back"
    """Go on with a store that was moved, if it was imported nowhere."""
    MOVE_BACK = "move_back"
    """Move a store back from where it was moved."""
    VOUCH = "vouch"
    """Say that a store is imported nowhere else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The reason why a task failed, for the one who asked.

    Attributes:
        code: the gateway's own failCode, or `HTTP 402` where it gave none.
        message: the gateway's own words.
        advice: what to change or do next, as a sentence.
        retryable: whether the same request may succeed later.
        next_action: what more the reader can do, which each face says behind the advice.
    """

    code: str
    category: Category
    message: str
    advice: str
    retryable: bool
    charged: Charged
    next_action: NextAction | None = None


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
