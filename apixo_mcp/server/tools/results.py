"""The answer to a tool call: a task as far as the client takes it, or a refusal that says what to do."""

import base64
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import anyio
from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, ImageContent, ResourceLink, TextContent

from apixo_mcp.app import App
from apixo_mcp.media.preview.previews import Preview, Previews
from apixo_mcp.server.caller import owner_of, profile_of_caller
from apixo_mcp.server.whereabouts import whereabouts_of
from apixo_mcp.tasks.task import FileState, Result, Task
from apixo_mcp.views.faces import chat_of
from apixo_mcp.views.sentences import headline
from apixo_mcp.views.several import Entry, several_lines, several_of
from apixo_mcp.views.tasks import answer_structure, result_uri
from apixo_mcp.views.tiles import legend, tiles_of
from apixo_mcp.views.usage import budget_left
from apixo_mcp.views.words import compact

PREVIEW_TAKES = 3.0  # at most; an answer without its preview is whole
PREVIEW_ADDS = 1.5  # to what the caller bears


async def task_answer(
    app: App,
    task: Task,
    context: Context,
    *,
    waits: float,
    deduplicated: bool = False,
    deadline: float | None = None,
    noted: bool = True,
    step: str = "",
) -> CallToolResult:
    """Returns a task answer, as far as the client takes it.

    Args:
        app: the program.
        task: as it is.
        context: of the call.
        waits: for how many seconds a call of this client that only asks will wait; 0 where that is not to be told.
        deduplicated: whether the call asked for something new and was given this.
        step: what to do next, where this call knows better than the task.
        deadline: until when its caller waits, by `time.monotonic()`.
        noted: whether what is to be noted is told while it runs, too.
    """
    profile = profile_of_caller(context, app.settings)
    structure = answer_structure(
        app,
        task,
        place=await app.service.place(task),
        waits=waits,
        deduplicated=deduplicated,
        budget_left=await budget_left(app, owner_of(context)),
        noted=noted,
        at=await whereabouts_of(app, context),
    )
    structure["next_step"] = step or structure["next_step"]
    saved = [result for result in task.results if result.file is FileState.SAVED]
    shown = await _shown(app.previews, [task], deadline) if profile.preview else None
    answer = text_result(" ".join(filter(None, (headline(task), shown and shown.legend))), structure)
    if shown:
        answer.content.append(picture(shown.preview))
    if profile.links:
        answer.content += [result_link(task, result) for result in saved]
    return answer


async def several_answer(
    app: App,
    entries: Sequence[Entry],
    context: Context,
    *,
    waits: float,
    notes: Iterable[str] = (),
    more: Mapping[str, Any] = MappingProxyType({}),
    deadline: float | None = None,
) -> CallToolResult:
    """Returns an answer about several tasks, as far as the client takes it: a line and a short entry each.

    Args:
        app: the program.
        entries: the tasks in the order of the answer, and ids that none was found for.
        context: of the call.
        waits: as of `task_answer`.
        notes: what is to be known besides.
        more: further fields of the structure.
        deadline: until when its caller waits, by `time.monotonic()`.
    """
    profile = profile_of_caller(context, app.settings)
    at = await whereabouts_of(app, context)
    structure = several_of(app, entries, face=chat_of(app.settings), waits=waits, notes=notes, at=at)
    shown = await _shown(app.previews, entries, deadline) if profile.preview else None
    text = "\n".join(filter(None, (several_lines(entries), shown and shown.legend)))
    answer = text_result(text, {**structure, **more})
    if shown:
        answer.content.append(picture(shown.preview))
    return answer


@dataclass(frozen=True, slots=True)
class _Shown:
    """What an answer shows of the results that it tells of.

    Attributes:
        legend: what its numbers mean; empty where it has none.
    """

    preview: Preview
    legend: str = ""


async def _shown(previews: Previews, entries: Sequence[Entry], deadline: float | None) -> _Shown | None:
    """Returns the one picture that there is, or a sheet of several; None where none can be had in time."""
    tiles = tiles_of(entries)
    left = PREVIEW_TAKES if deadline is None else max(0.0, deadline - time.monotonic()) + PREVIEW_ADDS
    within = min(PREVIEW_TAKES, left)
    with anyio.move_on_after(within):
        if len(tiles) == 1 and tiles[0].path:
            preview = await previews.preview(tiles[0].path, tiles[0].mime_type)
            return _Shown(preview) if preview else None
        if len(tiles) > 1 and (sheet := await previews.sheet(tiles, within)):
            return _Shown(sheet, legend(entries, tiles))
    return None


def result_link(task: Task, result: Result) -> ResourceLink:
    """Returns where a saved result is read."""
    name = result.path.replace("\\", "/").rsplit("/", 1)[-1]
    return ResourceLink(uri=result_uri(task, result), name=name, mime_type=result.mime_type, size=result.bytes)


def picture(shown: Preview) -> ImageContent:
    """Returns a picture for the model to look at."""
    return ImageContent(data=base64.b64encode(shown.data).decode(), mime_type=shown.mime_type)


def text_result(text: str, structure: Mapping[str, Any] | None = None) -> CallToolResult:
    """Returns a result in words, with the structure that they were made of where there is one."""
    lines = text if structure is None else f"{text}\n{compact(structure)}"
    return CallToolResult(content=[TextContent(text=lines)], structured_content=structure)


def refusal_result(reason: str) -> CallToolResult:
    """Returns an error result: nothing was done, for the reason it says."""
    return CallToolResult(content=[TextContent(text=reason)], is_error=True)
