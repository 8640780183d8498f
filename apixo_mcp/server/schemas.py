"""The tools' input and output schemas: flat and inlined, so that every client reads them."""

from typing import Any

Schema = dict[str, Any]


def text(description: str, *, choices: tuple[str, ...] = (), required: bool = False) -> Schema:
    """A text argument; an optional one is neutral when empty."""
    entry: Schema = {"type": "string", "description": description}
    if choices:
        entry["enum"] = [*choices, *([] if required else [""])]
    return entry | ({} if required else {"default": "", "nullable": True})


def texts(description: str) -> Schema:
    """An optional list of texts, neutral when empty."""
    return {
        "type": "array",
        "items": {"type": "string"},
        "description": description,
        "default": [],
        "nullable": True,
    }


def number(description: str, *, most: int | None = None, default: int = -1) -> Schema:
    """An optional whole number, neutral at -1."""
    entry: Schema = {"type": "integer", "description": description, "default": default, "nullable": True, "minimum": -1}
    return entry | ({"maximum": most} if most is not None else {})


def mapping(description: str) -> Schema:
    """An optional object with any keys, neutral when empty."""
    return {"type": "object", "description": description, "default": {}, "nullable": True}


def tool_input(properties: dict[str, Schema], *required: str) -> Schema:
    """A tool's input schema."""
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": list(required)} if required else {})


_MODEL = text("Model id, e.g. nano-banana-pro. list_models shows all.", required=True)
_WAIT = number("Seconds to wait for the result, 0 to 50. -1: as long as this client can bear.", most=50)
_TASK = text("A task_id (tsk_...), or the gateway's own task id.", required=True)
_FILES = "http(s) URLs, local paths in the allowed folders, or task:<task_id>/<n> for an earlier result"
_MODALITIES = ("image", "video", "audio")
_STATES = ("submitting", "unknown", "pending", "processing", "success", "failed", "cancelled")

_FIRST = {
    "model": _MODEL,
    "prompt": text("What to make: subject, action, setting, style, technical detail. Nearly every model needs it."),
    "mode": text("The model's mode; chosen by the inputs if left out. describe_model lists them."),
}
_PICTURE = {
    "image_urls": texts(f"Input pictures: {_FILES}."),
    "aspect_ratio": text("e.g. 1:1, 16:9, 9:16."),
    "resolution": text("e.g. 1K, 2K, 4K; video 720p, 1080p."),
}
_LAST = {
    "options": mapping("Any other input of the model under its own name; describe_model lists them."),
    "provider": text("APIXO routing: auto, value or official. Leave out.", choices=("auto", "value", "official")),
    "wait_seconds": _WAIT,
    "idempotency_key": text("At most 128 characters. The same key returns the same task, never a second charge."),
    "confirm": {
        "type": "boolean",
        "description": "true: yes to a price that was quoted.",
        "default": False,
        "nullable": True,
    },
}

GENERATE_IMAGE = tool_input(
    {
        **_FIRST,
        **_PICTURE,
        "output_format": text("png, jpeg or webp."),
        "num_images": number("How many pictures; each is charged."),
        "negative_prompt": text("What to keep out."),
        "seed": number("For repeatable results."),
        **_LAST,
    },
    "model",
)
GENERATE_VIDEO = tool_input(
    {
        **_FIRST,
        **_PICTURE,
        "duration": number("Seconds."),
        "sound": text("on or off.", choices=("on", "off")),
        "video_urls": texts("Input videos, as image_urls."),
        "audio_urls": texts("Input audio, as image_urls."),
        "negative_prompt": text("What to keep out."),
        "seed": number("For repeatable results."),
        **_LAST,
    },
    "model",
)
GENERATE_AUDIO = tool_input(
    {**_FIRST, "audio_urls": texts(f"Input audio: {_FILES}."), **_LAST},
    "model",
)
CHECK_TASK = tool_input({"task_id": _TASK, "wait_seconds": _WAIT}, "task_id")
LIST_TASKS = tool_input(
    {
        "state": text(f"Only this state: {', '.join(_STATES)}.", choices=_STATES),
        "modality": text("Only image, video or audio.", choices=_MODALITIES),
        "limit": number("How many, 1 to 100. -1: 20.", most=100),
        "cursor": text("next_cursor of the page before."),
    }
)
CANCEL_TASK = tool_input({"task_id": _TASK}, "task_id")
DOWNLOAD_RESULTS = tool_input(
    {"task_id": _TASK, "directory": text("A folder inside the allowed ones. Left out: the download folder.")}, "task_id"
)
VIEW_RESULT = tool_input(
    {"task_id": _TASK, "index": number("Which result, from 0. -1: the first.", most=1000)}, "task_id"
)
LIST_MODELS = tool_input(
    {
        "modality": text("Only image, video or audio.", choices=_MODALITIES),
        "query": text("Words to look for: a name, a mode, a purpose (cinematic, prototype)."),
    }
)
DESCRIBE_MODEL = tool_input({"model": _MODEL}, "model")
GET_USAGE = tool_input({"days": number("How many days back, 1 to 365. -1: 7.", most=365)})

TASK_OUTPUT: Schema = {
    "type": "object",
    "properties": {
        "task_id": {"type": "string"},
        "state": {"type": "string"},
        "next_step": {"type": "string"},
        "results": {"type": "array", "items": {"type": "object"}},
        "error": {"type": "object"},
    },
    "required": ["task_id", "state", "next_step"],
}
LIST_OUTPUT: Schema = {
    "type": "object",
    "properties": {"tasks": {"type": "array", "items": {"type": "object"}}, "next_cursor": {"type": "string"}},
    "required": ["tasks"],
}
USAGE_OUTPUT: Schema = {
    "type": "object",
    "properties": {"days": {"type": "array", "items": {"type": "object"}}, "totals": {"type": "object"}},
    "required": ["days"],
}
