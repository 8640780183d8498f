"""Where a file came from, as a value and as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, cast

from apixo_mcp.foreign import clipped

_LONGEST_WORD = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a file came from.

    Whoever wrote a file can claim anything in it: it is shown, and never decided by.

    Attributes:
        index: of the file among the results of its task, from 0.
        created_at: when it was asked for, ISO 8601 in UTC.
        app: what wrote it into the file, with its version.
        inputs: those that the prompt is none of; empty where they did not fit too.
    """

    prompt: str
    model: str
    task_id: str
    index: int = 0
    gateway: str = ""
    created_at: str = ""
    app: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def structure(self) -> dict[str, Any]:
        """The same as plain JSON values; what is not known is left out."""
        entries: dict[str, Any] = {
            "app": self.app,
            "task_id": self.task_id,
            "index": self.index,
            "gateway": self.gateway,
            "model": self.model,
            "prompt": self.prompt,
            "inputs": dict(self.inputs),
            "created_at": self.created_at,
        }
        return {name: entry for name, entry in entries.items() if entry not in ("", {})}

    @classmethod
    def read(cls, value: object) -> Self | None:
        """Returns what a JSON value tells, None where that is nothing of ours. Names are cut, the prompt is not."""
        if not isinstance(value, Mapping):
            return None
        entries = cast("Mapping[str, Any]", value)
        model, task_id = _word(entries.get("model")), _word(entries.get("task_id"))
        prompt, index, inputs = entries.get("prompt"), entries.get("index"), entries.get("inputs")
        if not model or not task_id:
            return None
        return cls(
            prompt=prompt if isinstance(prompt, str) else "",
            model=model,
            task_id=task_id,
            index=index if isinstance(index, int) and 0 <= index < 1000 else 0,
            gateway=_word(entries.get("gateway")),
            created_at=_word(entries.get("created_at")),
            app=_word(entries.get("app")),
            inputs=cast("dict[str, Any]", inputs) if isinstance(inputs, dict) else {},
        )


def _word(value: object) -> str:
    return clipped(value, _LONGEST_WORD) if isinstance(value, str) else ""
