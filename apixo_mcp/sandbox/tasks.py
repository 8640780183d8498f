"""One generation as the gateway sees it, and where it stands at a moment: values and pure functions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from apixo_mcp.sandbox.facts import Gateway, Kind, Model
from apixo_mcp.sandbox.marks import Mark, marks_in, named, parse

Phase = Literal["waiting", "queuing", "processing", "success", "failed"]

QUEUED_SHARE = 0.2
"""How much of its time a task waits before it runs."""

FAIL_TEXTS: Mapping[str, str] = {
    "CONTENT_VIOLATION": "Content does not meet safety guidelines",
    "NSFW_DETECTED": "Adult content was detected",
    "PROMPT_TOO_LONG": "The prompt is too long",
    "INVALID_PROMPT": "The prompt is empty or malformed",
    "INVALID_IMAGE_URL": "Cannot access the provided image URL",
    "INVALID_AUDIO_URL": "Cannot access the provided audio URL",
    "INVALID_LORA_URL": "Cannot access the provided LoRA URL",
    "IMAGE_TOO_LARGE": "The image is larger than 10 MB",
    "UNSUPPORTED_FORMAT": "The image is not a JPEG, PNG or WebP",
    "IMAGE_DOWNLOAD_FAILED": "The reference image could not be downloaded",
    "PROCESSING_TIMEOUT": "The task took too long",
    "MODEL_UNAVAILABLE": "The model is temporarily unavailable",
    "GENERATION_FAILED": "The generation failed",
    "INSUFFICIENT_CREDITS": "Insufficient credits",
}

PRICES: Mapping[Kind, float] = {"image": 0.01, "video": 0.05, "audio": 0.02}
"""Made up, and low: a balance of 100 lasts for 10,000 pictures."""


@dataclass(frozen=True)
class RemoteTask:
    """An accepted, and so a paid, generation."""

    remote_id: str
    gateway: Gateway
    model: str
    kind: Kind
    key: str
    input: Mapping[str, Any]
    body: Mapping[str, Any]
    base_url: str
    created: float
    seconds: float
    files: int
    price: float
    fails: str = ""
    extra_marks: tuple[str, ...] = ()
    callback_url: str = ""
    called_back: bool = False

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The marks of the scenario that were in force at the submit, then those of the prompt."""
        scripted = [mark for word in self.extra_marks if (mark := parse(word)) is not None]
        return (*scripted, *marks_in(self.input))

    @property
    def names(self) -> dict[str, str]:
        """What the log and the scenarios know the task by."""
        return {"gateway": self.gateway, "key": self.key, "model": self.model, "remote_id": self.remote_id}

    def mark(self, name: str) -> Mark | None:
        """Returns the mark of that name about the task itself."""
        return named(self.marks, "task", name)

    @property
    def ends(self) -> float | None:
        """When the task ends, or None if it never does."""
        return None if self.mark("never") else self.created + self.seconds

    def phase(self, now: float) -> Phase:
        """Returns where the task stands at that moment."""
        ends = self.ends
        if ends is not None and now >= ends:
            return "failed" if self.fails else "success"
        share = (now - self.created) / self.seconds if self.seconds > 0 else 1.0
        if share < QUEUED_SHARE / 2:
            return "waiting"
        return "queuing" if share < QUEUED_SHARE else "processing"

    def expires(self, expiry_seconds: float) -> float | None:
        """Returns when the result URLs stop working, or None while the task has no end."""
        if self.ends is None:
            return None
        return self.ends if self.mark("expired") else self.ends + expiry_seconds


def prompt_of(given: Mapping[str, Any]) -> str:
    """Returns the text to draw or to log: the prompt, or what stands in its place."""
    for name in ("prompt", "preview_text", "style", "title"):
        if isinstance(given.get(name), str) and given[name]:
            return given[name]
    return ""


def digest(*parts: object) -> bytes:
    """Returns 32 bytes that depend on the parts only: where every drawing and duration comes from."""
    return hashlib.sha256("\x1f".join(str(part) for part in parts).encode("utf-8", "replace")).digest()


def fingerprint(key: str) -> str:
    """Returns what stands for an API key in logs and in the store: never the key."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:12]


def duration(model: Model, given: Mapping[str, Any], marks: tuple[Mark, ...], speed: float) -> float:
    """Returns how many seconds this task takes: within the documented range, sped up, or exactly as marked."""
    took = named(marks, "task", "took")
    if took is not None:
        return max(0.0, took.number(0.0))
    low, high = model.usual_seconds(given)
    share = digest(model.id, prompt_of(given))[0] / 255
    return (low + (high - low) * share) / speed


def fail_code(marks: tuple[Mark, ...], earlier: int) -> str:
    """Returns the fail code a task will end with, or an empty text.

    Args:
        marks: The marks of the task.
        earlier: How many tasks with the same input were accepted before.
    """
    always, once = named(marks, "task", "fail"), named(marks, "task", "fail-once")
    if always is not None:
        return always.args[0] if always.args else "GENERATION_FAILED"
    if once is not None and earlier < (once.times or 1):
        return once.args[0] if once.args else "PROCESSING_TIMEOUT"
    return ""


def fail_text(code: str) -> str:
    """Returns the sentence that goes with a fail code."""
    return FAIL_TEXTS.get(code, f"The generation failed ({code})")


def price(model: Model, files: int) -> float:
    """Returns what a task costs here."""
    return PRICES[model.kind] * (files if model.kind == "image" and not model.files_fixed > 1 else 1)
