"""What a caller asks for, what becomes of it, and the check before anything is stored, sent or spent."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, Protocol

from apixo_mcp.catalog.inputs import ModelInput, shorten
from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.schema import list_fields, media_fields
from apixo_mcp.catalog.translate import translate
from apixo_mcp.catalog.validate import validate
from apixo_mcp.errors import Problem
from apixo_mcp.gateways.gateway import Gateway
from apixo_mcp.tasks.task import Modality, Task

Find = Callable[[str], Awaitable[Task | None]]

_SOME_PROMPT = "a prompt in place of the empty one"
_TOLD = "https://see.the.problem.above/"


@dataclass(frozen=True, slots=True)
class Account:
    """A gateway with its key, and the print that tasks carry in its place."""

    gateway: Gateway
    key_print: str


@dataclass(frozen=True, slots=True)
class Spending:
    """The owner's limits, None where there is none."""

    daily_usd: float | None = None
    daily_tasks: int | None = None
    confirm_above_usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a caller asks for, in the tools' words.

    Attributes:
        arguments: the common arguments that were given.
        options: inputs under the model's own names.
        own_names: whether the caller speaks of all inputs by the model's own names, and wants problems told so.
        confirmed: whether the caller has agreed to a quoted price.
        problems: what was wrong with other arguments of the same call; told together with the model's.
    """

    owner: str
    model: str
    modality: Modality | None = None
    arguments: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    provider: str = ""
    idempotency_key: str = ""
    own_names: bool = False
    confirmed: bool = False
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Quote:
    """A submit that waits for a yes. Nothing was stored, sent or spent.

    Attributes:
        usd: the estimate, None where no price is known.
    """

    model: str
    usd: float | None
    limit_usd: float


@dataclass(frozen=True, slots=True)
class Submission:
    """The task that a wish became.

    Attributes:
        how: `new`; or an earlier one, found by its idempotency key or because its caller never got the answer.
    """

    task: Task
    how: Literal["new", "same_key", "adopted"]


class Inputs(Protocol):
    """Whoever turns what callers give as files into URLs."""

    async def resolve(
        self, field: str, values: list[str], find: Callable[[str], Awaitable[Task | None]]
    ) -> tuple[list[str], list[Problem]]:
        """The URLs, and what is wrong with the others."""
        ...


async def checked(model: Model, wish: Wish, inputs: Inputs, find: Find) -> tuple[ModelInput, tuple[str, ...]]:
    """A wish as its model's input, and what was filled in for the caller.

    Raises:
        InvalidInput: with all that is wrong with it.
    """
    if wish.own_names:
        model = replace(model, spelling=MappingProxyType({}), sizes=None)
    draft = translate(model, wish.arguments, wish.options)
    problems = [*wish.problems, *draft.problems, *_envelope_problems(model, wish)]
    values = dict(draft.values)
    for name in sorted(media_fields(model.input).intersection(values)):
        given = values[name]
        texts = [given] if isinstance(given, str) else given
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):  # pyright: ignore[reportUnknownVariableType]
            continue  # validation says what is wrong with it
        urls, wrong = await inputs.resolve(name, texts, find)  # pyright: ignore[reportUnknownArgumentType]
        problems += wrong
        # What is wrong with a file is told once; its place is kept, so that counts and conditions are checked too.
        urls += [_TOLD] * len(wrong)
        values[name] = urls if name in list_fields(model.input) else urls[0]
    if isinstance(values.get("prompt"), str) and not values["prompt"].strip():
        problems.append(Problem("prompt", shorten(values.pop("prompt")), "must not be empty"))
        values["prompt"] = _SOME_PROMPT
    return validate(model, values, tuple(problems)), draft.notes


def _envelope_problems(model: Model, wish: Wish) -> list[Problem]:
    problems: list[Problem] = []
    if wish.provider and model.gateway != "apixo":
        problems.append(Problem("provider", shorten(wish.provider), "only models of the gateway apixo have a provider"))
    elif wish.provider not in ("", "auto", "value", "official"):
        problems.append(Problem("provider", shorten(wish.provider), "must be one of auto, value, official"))
    if len(wish.idempotency_key) > 128:
        given = f"{len(wish.idempotency_key)} characters"
        problems.append(Problem("idempotency_key", given, "at most 128 characters"))
    elif wish.idempotency_key.encode(errors="replace").decode() != wish.idempotency_key:
        problems.append(Problem("idempotency_key", shorten(wish.idempotency_key), "must be whole characters"))
    return problems
