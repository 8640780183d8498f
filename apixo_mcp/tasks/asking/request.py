"""What a caller asks for, what becomes of it, and the check before anything is stored, sent or spent."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, cast

from apixo_mcp.catalog.inputs import ModelInput
from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.shapes import first_picture
from apixo_mcp.catalog.strays import strays
from apixo_mcp.catalog.translate import complete, spell
from apixo_mcp.catalog.unmet import explained, remarks
from apixo_mcp.catalog.validate import validate
from apixo_mcp.errors import InvalidInput, Problem
from apixo_mcp.foreign import shorten
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.generation import Modality
from apixo_mcp.tasks.asking.delivery import Call
from apixo_mcp.tasks.asking.references import FindTask, InputResolver, resolve_references, seconds_of_inputs
from apixo_mcp.tasks.asking.repeats import Origin
from apixo_mcp.tasks.budget import Agreement, Verdict
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.task import Task

_SOME_PROMPT = "a prompt in place of the empty one"


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """What a caller asks for, in the tools' words.

    Attributes:
        arguments: the common arguments that were given.
        prompts: in place of one among the arguments: a task each, bought together; none: a single task.
        options: inputs under the model's own names.
        own_names: whether the caller speaks of all inputs by the model's own names, and wants problems told so.
        confirmed: whether the caller says yes to a quote that it was given before.
        only_as_quoted: whether it is bought at a price that a quote has told for it, and at none that it has by now.
        seen: the price that its person saw, where a page says so: it is bought at no higher one.
        agreed: a quote that the owner has just said yes to, asked in person.
        origin: how the call came, and when; None: just now, over nothing that another could have come over.
        notes: what its tasks are to tell its caller, as sentences.
        meant_last: the id of the task that stands in the place of `last`, empty where nothing said so.
        problems: what was wrong with other arguments of the same call; told together with the model's.
    """

    owner: Owner
    model: str
    modality: Modality | None = None
    arguments: Mapping[str, Any]
    prompts: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    provider: str = ""
    idempotency_key: str = ""
    own_names: bool = False
    confirmed: bool = False
    only_as_quoted: bool = False
    seen: Agreement | None = None
    agreed: "Quote | None" = None
    origin: Origin | None = None
    notes: tuple[str, ...] = ()
    meant_last: str = ""
    problems: tuple[Problem, ...] = ()

    @property
    def connection(self) -> str:
        """The connection that the call came over, empty where there is none that lasts."""
        return self.origin.connection if self.origin else ""


@dataclass(frozen=True, slots=True)
class Quote:
    """A purchase that waits for a yes. Nothing was stored, sent or spent.

    Attributes:
        fingerprint: of the request that it is for.
        usd: the estimate of all its tasks, with one attempt each; None where no price is known.
        limit_usd: above which the owner wants to be asked.
        attempts: up to how many may be made of each task, at its price: further ones follow failures that pass.
        count: of how many tasks.
        last: names the task that stands in the place of `last`, as a sentence; empty where nothing said so.
    """

    model: str
    fingerprint: str
    usd: float | None
    limit_usd: float
    attempts: int = 1
    count: int = 1
    last: str = ""

    @property
    def agreement(self) -> Agreement:
        """What a yes to it agrees to."""
        return Agreement(self.usd, self.attempts)


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a request would be: checked, filled in and priced. Nothing was stored, sent or spent.

    Attributes:
        tasks: that it would become. Without a key for their gateway they have no key's print.
        quote: of their price.
        verdict: what the owner's limits say to it now.
        why: why they would refuse it, as the end of a sentence; empty where they would not.
        fits: how many of the first tasks they would let pass alone; 0 where they let all pass.
        takes_up: None where it would be bought; else its tasks are those of an earlier equal call that it would get,
            and these are notes about that.
    """

    tasks: tuple[Task, ...]
    quote: Quote
    verdict: Verdict
    why: str = ""
    fits: int = 0
    takes_up: tuple[str, ...] | None = None

    @property
    def can_be_had(self) -> bool:
        """Whether a yes gets it: it is there already, or limits allow it and there is a key to buy it with."""
        return self.takes_up is not None or (not self.why and bool(self.tasks[0].key_print))


@dataclass(frozen=True, slots=True)
class Submission:
    """The tasks that a request became.

    Attributes:
        tasks: one, or one for each prompt in their order.
        how: `new`; or earlier ones, found by their idempotency key, because their caller never got the answer, or
            because the call repeats one that is still open.
        call: whose answer is to be given.
        after: how many seconds after the call that it repeats it came; 0 where it repeats none.
        notes: what is to be told of this call, and not of its tasks, as sentences.
    """

    tasks: tuple[Task, ...]
    how: Literal["new", "same_key", "adopted", "joined"]
    call: Call
    after: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def task(self) -> Task:
        """The first of the tasks, and for most requests the only one."""
        return self.tasks[0]


@dataclass(frozen=True, slots=True)
class Checked:
    """A request that is valid.

    Attributes:
        input: what its model takes.
        notes: what was filled in for the caller, as sentences.
        seconds: how long the files are together that give what is made its length, where that is known.
        kept: the field in which a shape was put, as the inputs were looked at; empty where none was.
    """

    input: ModelInput
    notes: tuple[str, ...]
    seconds: float | None
    kept: str = ""


async def checked(model: Model, request: GenerationRequest, inputs: InputResolver, find: FindTask) -> Checked:
    """Returns a request as its model's input.

    Raises:
        InvalidInput: with all that is wrong with it.
    """
    sizes = model.sizes
    if request.own_names:
        model = replace(model, spelling=MappingProxyType({}), sizes=None)
    spelt = spell(model, request.arguments, request.options)
    spelt = replace(spelt, values=_without_ends(model, spelt.values))
    picture = first_picture(model, spelt.values)
    draft = complete(model, spelt, await inputs.size_of(picture, find) if picture else None, sizes)
    seconds = await seconds_of_inputs(model, draft.values, inputs, find)
    values, wrong = await resolve_references(model, draft.values, inputs, find)
    slips, strayed = strays(model, request.options, request.arguments)
    problems = [*request.problems, *draft.problems, *slips, *_envelope_problems(model, request), *wrong]
    if isinstance(values.get("prompt"), str) and not values["prompt"].strip():
        problems.append(Problem("prompt", shorten(values.pop("prompt")), "must not be empty"))
        values["prompt"] = _SOME_PROMPT
    try:
        model_input = validate(model, values, tuple(problems))
    except InvalidInput as error:
        raise InvalidInput(explained(model, problem) for problem in error.problems) from None
    notes = (*draft.notes, *strayed, *remarks(model, spelt.values, draft.values))
    return Checked(model_input, notes, seconds, draft.kept)


def _without_ends(model: Model, values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a model's input without the white space around its texts: a call repeats another that differs in that.

    What no page of the model names is left as it is.
    """
    named = {"prompt", *model.input.names()}
    return {name: _trimmed(value) if name in named else value for name, value in values.items()}


def _trimmed(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip() or value  # an empty one is told as it was given
    return [_trimmed(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value


def _envelope_problems(model: Model, request: GenerationRequest) -> list[Problem]:
    problems: list[Problem] = []
    if request.provider and not GATEWAYS[model.gateway].takes_provider:
        takers = " or ".join(listing.name for listing in GATEWAYS.values() if listing.takes_provider)
        allowed = f"only models of the gateway {takers} have a provider"
        problems.append(Problem("provider", shorten(request.provider), allowed))
    elif request.provider not in ("", "auto", "value", "official"):
        problems.append(Problem("provider", shorten(request.provider), "must be one of auto, value, official"))
    if len(request.idempotency_key) > 128:
        given = f"{len(request.idempotency_key)} characters"
        problems.append(Problem("idempotency_key", given, "at most 128 characters"))
    elif request.idempotency_key.encode(errors="replace").decode() != request.idempotency_key:
        problems.append(Problem("idempotency_key", shorten(request.idempotency_key), "must be whole characters"))
    return problems
