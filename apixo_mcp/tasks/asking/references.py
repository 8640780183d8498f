"""Names that only this server knows (files, earlier results, our task ids), as what a gateway understands."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, cast

from apixo_mcp.catalog.marks import EarlierTask, Files, earlier_tasks, files, timed
from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.schema import media_fields
from apixo_mcp.catalog.shapes import PictureSize
from apixo_mcp.catalog.validate import as_called
from apixo_mcp.errors import Problem
from apixo_mcp.foreign import shorten
from apixo_mcp.generation import NextAction
from apixo_mcp.tasks.task import Task

_TOLD = "https://see.the.problem.above/"
_DEEP = 20  # no input that means something is nested deeper


class FindTask(Protocol):
    """Looks up the earlier tasks of the one who asks, and what they uploaded."""

    @property
    def is_here(self) -> bool:
        """Whether they are at this machine, so that its files are theirs."""
        ...

    async def __call__(self, any_id: str, /) -> Task | None:
        """Returns the task with this id, ours or the gateway's."""
        ...

    async def saved_at(self, path: str) -> Task | None:
        """Returns the task that has a result saved at this path."""
        ...

    def uploaded(self, upload_id: str) -> Path | None:
        """Returns the file that they uploaded under this id. Blocking."""
        ...


class InputResolver(Protocol):
    """Whoever turns what callers give as files into URLs."""

    def means_file(self, field: str, value: str) -> bool:
        """Tells whether a text can only mean a file that the gateway cannot fetch by that name."""
        ...

    async def resolve(
        self, field: str, values: list[str], find: FindTask, files: Files | None = None
    ) -> tuple[list[str], list[Problem]]:
        """Returns the URLs, and what is wrong with the others."""
        ...

    async def size_of(self, value: str, find: FindTask) -> PictureSize | None:
        """Returns the size of a picture; None where it is not known here, or is no picture that can be used."""
        ...

    async def seconds_of(self, value: str, find: FindTask) -> float | None:
        """Returns the length of a recording or a video; None where it is not known here."""
        ...


async def resolve_references(
    model: Model, given: Mapping[str, Any], inputs: InputResolver, find: FindTask
) -> tuple[dict[str, Any], list[Problem]]:
    """Returns a model's input with files as URLs and earlier tasks as the gateway's ids, and what is wrong with it.

    What is wrong with a file is told once; its place is kept, so that counts and conditions can be checked too.
    """
    values = dict(given)
    problems: list[Problem] = []
    media, tasks = media_fields(model.input), earlier_tasks(model.input)
    for name in sorted(values):
        if name in tasks:
            values[name], wrong = await _task(name, values[name], tasks[name], model, find)
        elif name in media:
            values[name], wrong = await _media(name, values[name], files(model.input).get(name), inputs, find)
        elif model.input.is_open() and name != "prompt":
            values[name], wrong = await _anywhere(name, values[name], inputs, find)
        else:
            continue
        problems += [as_called(model, problem) for problem in wrong]
    return values, problems


async def _media(
    name: str, given: Any, described: Files | None, inputs: InputResolver, find: FindTask
) -> tuple[Any, list[Problem]]:
    texts = _texts(given)
    if texts is None:
        return given, []  # validation says what is wrong with it
    urls, wrong = await inputs.resolve(name, texts, find, described)
    urls += [_TOLD] * len(wrong)
    # A list stays one: where a single file is taken, validation says so, and none is dropped.
    kept: Any = urls[0] if isinstance(given, str) else urls
    return kept, wrong


async def seconds_of_inputs(
    model: Model, given: Mapping[str, Any], inputs: InputResolver, find: FindTask
) -> float | None:
    """Returns how long the files are together that give what is made its length; None where not each is known."""
    for name, mark in timed(model.input).items():
        texts = _texts(given.get(name))
        if texts and (not mark.modes or given.get("mode") in mark.modes):
            lengths = [await inputs.seconds_of(text, find) for text in texts]
            known = [length for length in lengths if length]
            return sum(known) if len(known) == len(lengths) else None
    return None


def _texts(given: Any) -> list[str] | None:
    items = cast(list[Any], given) if isinstance(given, list) else [given]
    return items if all(isinstance(item, str) for item in items) else None


async def _anywhere(
    name: str, given: Any, inputs: InputResolver, find: FindTask, depth: int = 0
) -> tuple[Any, list[Problem]]:
    """Returns a value of a field that no page describes, with the files in it as URLs."""
    if isinstance(given, str) and inputs.means_file(name, given):
        urls, wrong = await inputs.resolve(name, [given], find)
        return (urls or [_TOLD])[0], wrong
    if depth == _DEEP or not isinstance(given, list | dict):
        return given, []
    problems: list[Problem] = []
    if isinstance(given, list):
        items: list[Any] = []
        for number, item in enumerate(cast(list[Any], given)):
            value, wrong = await _anywhere(f"{name}[{number}]", item, inputs, find, depth + 1)
            items.append(value)
            problems += wrong
        return items, problems
    table: dict[str, Any] = {}
    for key, item in cast(dict[str, Any], given).items():
        table[key], wrong = await _anywhere(f"{name}.{key}", item, inputs, find, depth + 1)
        problems += wrong
    return table, problems


async def _task(name: str, given: Any, mark: EarlierTask, model: Model, find: FindTask) -> tuple[Any, list[Problem]]:
    """Returns the gateway's id of the task that is meant; an id that is not ours is taken to be the gateway's."""
    text = given.strip() if isinstance(given, str) else ""
    if not text.startswith(("task:", "tsk_")):
        return given, []
    task_id, _, number = text.removeprefix("task:").partition("/")
    task = await find(task_id)
    see = None
    if number:
        wrong = f"names a task and not one of its results; give task:{task_id}"
    elif task is None:
        wrong, see = "there is no such task", NextAction.SEE_TASKS
    elif task.gateway != model.gateway or (mark.models and task.wire_model not in mark.models):
        wanted = " or ".join(mark.models) or f"the gateway {model.gateway}"
        wrong = f"must be a task of {wanted}, and that is one of {task.model}"
    elif not task.remote_id:
        wrong = f"the gateway has given that task no id; it is {task.state.value}"
    else:
        return task.remote_id, []
    return given, [Problem(name, shorten(given), wrong, next_action=see)]
