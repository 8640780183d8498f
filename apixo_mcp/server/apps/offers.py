"""What can be made of a task from a page, and the call of `generate_*` that each offer stands for.

Nothing is bought here: an offer becomes arguments, and those go the way of every other call.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from apixo_mcp.catalog.model import Model, Spelling
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.catalog.schema import media_fields
from apixo_mcp.errors import InvalidInput, Problem
from apixo_mcp.generation import Modality
from apixo_mcp.tasks.task import FileState, State, Task

How = Literal["again", "vary", "edit", "animate"]
HOWS: tuple[str, ...] = get_args(How)

_MODELS_OFFERED = 12
_SEEDS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class OfferedCall:
    """The arguments of a call of `generate_*`."""

    modality: Modality
    arguments: dict[str, Any]


def offers_of(task: Task, catalog: Catalog) -> list[dict[str, Any]]:
    """Returns what can be made of a task, with the models where there is a choice.

    Args:
        task: as it is.
        catalog: of what its owner may use.
    """
    offers: list[dict[str, Any]] = []
    model = catalog.get(task.model)
    if model and _is_repeatable(task, model) and _may_repeat(task):
        offers.append({"how": "again"})
    if not _has_picture(task):
        if model and task.state is State.SUCCESS and _is_repeatable(task, model) and _field(model, "seed"):
            offers.append({"how": "vary"})
        return offers
    if model and (_field(model, "image_urls") or (_is_repeatable(task, model) and _field(model, "seed"))):
        offers.append({"how": "vary"})
    for how, modality in (("edit", "image"), ("animate", "video")):
        if models := _taking_pictures(task, catalog, modality):
            named = [{"id": one.id, "title": one.title} for one in models]
            offers.append({"how": how, "words": True, "models": named})
    return offers


def call_of(task: Task, catalog: Catalog, given: Mapping[str, Any]) -> OfferedCall:
    """Returns the call that an offer stands for.

    Args:
        task: what it is made of.
        catalog: of what its owner may use.
        given: the arguments of the app's tool.

    Raises:
        InvalidInput: there is no such offer.
    """
    how: str = given["how"]
    offer = next((one for one in offers_of(task, catalog) if one["how"] == how), None)
    if offer is None:
        raise InvalidInput([Problem("how", how, f"is not offered of task {task.task_id}")])
    if how in ("again", "vary"):
        model = catalog.find(task.model)
        return OfferedCall(task.modality, _once_more(task, model, given, differs=how == "vary"))
    named = [one["id"] for one in offer["models"]]
    name = given.get("model") or named[0]
    if name not in named:
        raise InvalidInput([Problem("model", name, f"must be one of {', '.join(named)}")])
    modality: Modality = "image" if how == "edit" else "video"
    return OfferedCall(
        modality, {"model": name, "prompt": given.get("prompt", ""), "image_urls": [_picture(task, given)]}
    )


def _once_more(task: Task, model: Model, given: Mapping[str, Any], *, differs: bool) -> dict[str, Any]:
    options = {name: value for name, value in task.inputs.items() if name != "prompt"}
    asked: dict[str, Any] = {"model": task.model} | ({"prompt": task.prompt} if task.prompt else {})
    if task.provider:
        asked["provider"] = task.provider
    if differs and _has_picture(task) and _field(model, "image_urls"):
        return asked | {"image_urls": [_picture(task, given)]}
    if differs:
        # Of the click, so that its second arrival is the same call.
        options[_field(model, "seed")] = _seed(given.get("click", ""))
    return asked | {"options": options}


def _seed(click: str) -> int:
    return int.from_bytes(click.encode(errors="replace")[-8:]) % _SEEDS if click else secrets.randbelow(_SEEDS)


def _picture(task: Task, given: Mapping[str, Any]) -> str:
    return f"task:{task.task_id}/{max(0, given.get('index', 0))}"


def _field(model: Model, name: str) -> str:
    """Returns the name on a model's wire of a common argument, empty where its page names none."""
    field = model.spelling.get(name, Spelling(name)).field
    return field if field in model.input.names() and not model.input.is_open() else ""


def _is_repeatable(task: Task, model: Model) -> bool:
    """Tells whether its very inputs can be sent again: addresses of files end, and a failure on one may be charged."""
    return not any(task.inputs.get(name) for name in media_fields(model.input))


def _may_repeat(task: Task) -> bool:
    if task.state is State.FAILED:
        return bool(task.failure and task.failure.retryable)
    return task.state in (State.SUCCESS, State.CANCELLED)


def _has_picture(task: Task) -> bool:
    return task.modality == "image" and any(result.file is FileState.SAVED for result in task.results)


def _taking_pictures(task: Task, catalog: Catalog, modality: str) -> Iterable[Model]:
    """Returns models of its gateway that take a picture, its own first."""
    fitting = [
        model
        for model in catalog
        if model.modality == modality and model.gateway == task.gateway and _field(model, "image_urls")
    ]
    return sorted(fitting, key=lambda model: model.id != task.model)[:_MODELS_OFFERED]
