"""The tools' input and output schemas: flat and inlined, so that every client reads them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

from apixo_mcp.generation import Modality
from apixo_mcp.media.inputs.ways import Way
from apixo_mcp.server.named_folders import named_folders
from apixo_mcp.tasks.task import State

Schema = dict[str, Any]


def text_property(description: str, *, choices: tuple[str, ...] = (), required: bool = False) -> Schema:
    """Returns a text argument; an optional one is neutral when empty."""
    entry: Schema = {"type": "string"} | ({"description": description} if description else {})
    if choices:
        entry["enum"] = [*choices, *([] if required else [""])]
    return entry | ({} if required else {"default": "", "nullable": True})


def _one_of(choices: tuple[str, ...]) -> Schema:
    """Returns an optional text out of a few, neutral when empty."""
    return text_property(f"{', '.join(choices[:-1])} or {choices[-1]}.", choices=choices)


def texts(description: str) -> Schema:
    """Returns an optional list of texts, neutral when empty."""
    return {
        "type": "array",
        "items": {"type": "string"},
        "description": description,
        "default": [],
        "nullable": True,
    }


def number(description: str, *, most: int | None = None, default: int = -1) -> Schema:
    """Returns an optional whole number, neutral at -1."""
    entry: Schema = {"type": "integer"} | ({"description": description} if description else {})
    entry |= {"default": default, "nullable": True}
    return entry | ({"maximum": most} if most is not None else {})


def switch(description: str) -> Schema:
    """Returns an optional yes, neutral when it is none."""
    return {"type": "boolean", "description": description, "default": False, "nullable": True}


def mapping(description: str) -> Schema:
    """Returns an optional object with any keys, neutral when empty."""
    # Said outright: some frameworks take an object that does not say it for one without any key.
    return {
        "type": "object",
        "description": description,
        "default": {},
        "nullable": True,
        "additionalProperties": True,
    }


_FILES = "URLs, task:<id or last>/<n>, "
_OF_WAY = {
    Way.PUBLIC_URL: f"{_FILES}upload:<id>; a local path is answered with a link to upload it.",
    Way.BUCKET: f"{_FILES}paths in allowed folders.",
    Way.TUNNEL: f"{_FILES}paths in allowed folders.",
    Way.INSIDE: f"{_FILES}paths in allowed folders, sent inside the request.",
    Way.NONE: f"{_FILES}paths of saved results, no other local file.",
}


def files_argument(way: Way) -> str:
    """Tells what an argument takes that means files, in a set-up where local ones go this way."""
    return _OF_WAY[way]


def for_way(schema: Schema, way: Way) -> Schema:
    """Returns a tool's input schema with what its first argument of files takes; the others are as that one."""
    name = next((name for name in ("image_urls", "audio_urls") if name in schema["properties"]), "")
    if not name:
        return schema
    argument = schema["properties"][name] | {"description": files_argument(way)}
    return schema | {"properties": schema["properties"] | {name: argument}}


def tool_input(properties: dict[str, Schema], *required: str) -> Schema:
    """Returns a tool's input schema."""
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": list(required)} if required else {})


_MODEL = text_property("Id from list_models.", required=True)
_WAIT = number("0 to 50. -1: what this client bears.", most=50)
_WAIT_AT_MOST = number("0 to 50, at most what this client bears.", most=50)
_TASK = text_property("Ours, the gateway's, or last.", required=True)
_MODALITY = _one_of(get_args(Modality))

_FIRST = {
    "model": _MODEL,
    "prompt": text_property("What to make."),
    "mode": text_property("Left out: by the inputs."),
}
_PICTURE = {
    "image_urls": texts(files_argument(Way.NONE)),
    "aspect_ratio": text_property("1:1, 16:9."),
}
_KEEP_OUT = {"negative_prompt": text_property("What to keep out."), "seed": number("For the same again.")}
CONTROLS = {
    "provider": text_property("auto, value or official."),
    "quote": switch("Price it, send nothing."),
    "wait_seconds": _WAIT_AT_MOST,
    "idempotency_key": text_property("Same key, same task."),
    "confirm": switch("Yes to a quote."),
}
_LAST = {"options": mapping("See describe_model."), **CONTROLS}

GENERATE_IMAGE = tool_input(
    {
        **_FIRST,
        "prompts": texts("Up to 50: a task each, bought together."),
        **_PICTURE,
        "resolution": text_property("1K, 2K, 4K."),
        "output_format": text_property("png, jpeg."),
        "num_images": number("Each is charged."),
        **_KEEP_OUT,
        **_LAST,
    },
    "model",
)
GENERATE_VIDEO = tool_input(
    {
        **_FIRST,
        **_PICTURE,
        "resolution": text_property("720p, 1080p."),
        "duration": number("Seconds."),
        "sound": text_property("on or off.", choices=("on", "off")),
        "video_urls": texts("As image_urls."),
        "audio_urls": texts("As image_urls."),
        **_KEEP_OUT,
        **_LAST,
    },
    "model",
)
GENERATE_AUDIO = tool_input({**_FIRST, "audio_urls": texts(files_argument(Way.NONE)), **_LAST}, "model")
_TASK_OR_LAST = text_property("Ours, the gateway's, or last.")
_TASKS = texts("Up to 50 instead.")
CHECK_TASK = tool_input({"task_id": _TASK_OR_LAST, "task_ids": _TASKS, "wait_seconds": _WAIT})
LIST_TASKS = tool_input(
    {
        "state": _one_of(tuple(str(state) for state in State)),
        "modality": _MODALITY,
        "since": text_property("today, yesterday, 2h, 7d or ISO."),
        "query": text_property("Words of the prompt."),
        "limit": number("1 to 100. -1: 20.", most=100),
        "cursor": text_property("next_cursor of before."),
    }
)
CANCEL_TASK = tool_input({"task_id": _TASK}, "task_id")
DOWNLOAD_RESULTS = tool_input(
    {
        "task_id": _TASK_OR_LAST,
        "task_ids": _TASKS,
        "since": text_property("Instead: as in list_tasks."),
        "modality": _MODALITY,
        "directory": text_property(""),
    }
)


def with_folders(schema: Schema, folders: Iterable[Path]) -> Schema:
    """Returns the input schema of `download_results` with the folders that a directory may be in."""
    argument = text_property(named_folders(map(str, folders)))
    return schema | {"properties": schema["properties"] | {"directory": argument}}


VIEW_RESULT = tool_input({"task_id": _TASK, "index": number("From 0. -1: the first.")}, "task_id")
LIST_MODELS = tool_input(
    {
        "modality": _MODALITY,
        "query": text_property("Name or purpose, English or Chinese: poster."),
        "sort": text_property("price.", choices=("price",)),
    }
)
SEE_INPUTS = tool_input({"model": _MODEL}, "model")
GET_USAGE = tool_input({"days": number("1 to 365. -1: 7.", most=365)})

_TOLD = {"task_id": {"type": "string"}, "state": {"type": "string"}, "next_step": {"type": "string"}}
TASK_OUTPUT: Schema = {"type": "object", "properties": _TOLD, "required": ["task_id", "state", "next_step"]}
"""Of a task; the resource `apixo://schemas/task` names all its fields, which each conversation would pay for."""

SEVERAL_OUTPUT: Schema = {"type": "object", "properties": _TOLD, "required": ["next_step"]}
"""Of a tool that answers about one task, or about several."""

LIST_OUTPUT: Schema = {"type": "object", "properties": {"tasks": {"type": "array"}}, "required": ["tasks"]}
USAGE_OUTPUT: Schema = {"type": "object", "properties": {"days": {"type": "array"}}, "required": ["days"]}
