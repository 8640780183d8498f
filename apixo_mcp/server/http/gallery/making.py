"""The form of a page of pictures: what can be made, for how much, and the click on the price that buys it.

Nothing is bought by looking, by choosing or by asking for a price. A click carries

- the inputs, in the model's own names, as a tool of that model would take them;
- a key that the page made for these very inputs: however often it arrives, it buys once;
- the price that its person saw: at a higher one nothing is bought, nor at one that this server has not told.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response

from apixo_mcp.app import App
from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.schema import input_schema, media_fields
from apixo_mcp.errors import InvalidInput, MissingKey, Problem
from apixo_mcp.foreign import read_json, shorten
from apixo_mcp.gallery.sources import sources_of
from apixo_mcp.server.caller import owner_of_request
from apixo_mcp.server.http.gallery.answers import in_json
from apixo_mcp.server.tools.arguments import read_inputs
from apixo_mcp.server.upload_links import new_upload_link
from apixo_mcp.tasks.asking.request import GenerationRequest, Prospect, Submission
from apixo_mcp.tasks.budget import Agreement
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.task import Task
from apixo_mcp.views.entries import entry_of
from apixo_mcp.views.faces import SCREEN, error_text, problem_text
from apixo_mcp.views.forms import choice_of, form_of
from apixo_mcp.views.quotes import PRICE_AGAIN, quote_structure
from apixo_mcp.views.usage import budget_left

_NO_UPLOAD = "No file can be uploaded now: give its address, or its path on the server's machine."

INPUTS = "/inputs/"
"""Stands in the addresses by which gateways fetch files from here."""

_KEY = re.compile(r"[0-9A-Za-z-]{16,64}")


class Making:
    """Answers the form.

    Args:
        app: the program.
        takes_files: whether there is a route that files are uploaded by.
    """

    def __init__(self, app: App, *, takes_files: bool) -> None:
        self._app = app
        self._takes_files = takes_files

    async def offered(self, request: Request) -> Response:
        """Tells what can be made by the one who asks; of one model all that its form is made from."""
        catalog = self._app.catalog.only(owner_of_request(request).models)
        if name := request.query_params.get("model", ""):
            return in_json(form_of(catalog.find(name)))
        told = {"models": [choice_of(model) for model in catalog]}
        return in_json(told | ({"can_upload": True} if self._takes_files else {}))

    async def upload_link(self, request: Request) -> Response:
        """Tells where one file can be uploaded to, once, beneath the page's own address."""
        owner = owner_of_request(request)
        link = await new_upload_link(self._app, owner.name, "") if self._takes_files else ""
        if not link:
            return in_json({"error": _NO_UPLOAD}, 409)
        return in_json({"link": link.removeprefix("/")})

    async def made_from(self, owner: Owner, task: Task) -> dict[str, Any]:
        """Returns what a task was made from, for a form that begins with it.

        Earlier results are named by their references; files that were handed to the gateway for that task stay away.
        """
        model = self._app.catalog.get(task.model)
        files = media_fields(model.input) if model else frozenset[str]()
        earlier = {
            one.task.results[one.index].url: f"task:{one.task.task_id}/{one.index}"
            for one in await sources_of(self._app.store, owner, task)
        }
        kept = dict[str, Any](task.inputs)
        left_out: list[str] = []
        for name in sorted(files & kept.keys()):
            value = kept.pop(name)
            named = [earlier.get(one, one) for one in cast("list[str]", value if isinstance(value, list) else [value])]
            lasting = [one for one in named if _lasts(one)]
            if lasting:
                kept[name] = lasting if isinstance(value, list) else lasting[0]
            if len(lasting) < len(named):
                left_out.append(name)
        told: dict[str, Any] = {"model": task.model, "inputs": kept, "provider": task.provider}
        return told | ({"left_out": left_out} if left_out else {})

    async def priced(self, request: Request) -> Response:
        """Tells what would be made, for how much, and what speaks against it. Nothing is bought."""
        try:
            asked = await self._asked(request)
            prospect = await self._app.admission.prospect(asked)
        except InvalidInput as error:
            return _refused(error)
        left = await budget_left(self._app, asked.owner)
        return in_json(quote_structure(prospect, face=SCREEN, left=left) | _terms(prospect))

    async def bought(self, request: Request) -> Response:
        """Buys what was priced, and tells of its task at once; a click that arrives again is told of the same one."""
        owner = owner_of_request(request)
        try:
            asked = await self._asked(request, buys=True)
            async with self._app.admission.asking(asked) as submitted:
                if not isinstance(submitted, Submission):
                    return in_json({"error": PRICE_AGAIN, "look_again": True}, 409)
                return in_json(entry_of(self._app, submitted.task, on_disk=owner.is_here))
        except InvalidInput as error:
            return _refused(error)
        except MissingKey as error:
            return in_json({"error": error_text(error, SCREEN)}, 409)

    async def _asked(self, request: Request, *, buys: bool = False) -> GenerationRequest:
        """Reads what is asked for.

        Raises:
            InvalidInput: it cannot be read.
        """
        given = _object(read_json(await request.body())) or {}
        owner = owner_of_request(request)
        model = self._model(owner, given)
        inputs = _object(given.get("inputs"))
        if inputs is None:
            raise InvalidInput([Problem("inputs", shorten(given.get("inputs")), "must be an object")])
        key = given.get("key")
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise InvalidInput([Problem("key", shorten(key), "must be 16 to 64 letters and digits of the page's own")])
        reading = read_inputs(input_schema(model.input), {}, inputs)
        provider = given.get("provider", "")
        return GenerationRequest(
            owner=owner,
            model=model.id,
            modality=model.modality,
            arguments={},
            options=reading.given["options"],
            provider=provider if isinstance(provider, str) else shorten(provider),
            idempotency_key=f"page-{key}",
            own_names=True,
            confirmed=buys,
            only_as_quoted=buys,
            seen=_seen(given) if buys else None,
            problems=reading.problems,
        )

    def _model(self, owner: Owner, given: Mapping[str, Any]) -> Model:
        name = given.get("model")
        if not isinstance(name, str) or not name:
            raise InvalidInput([Problem("model", shorten(name), "required")])
        return self._app.catalog.only(owner.models).find(name)


def _terms(prospect: Prospect) -> dict[str, Any]:
    """Returns what a click on a price is to carry, and whether there is anything to click on."""
    quote = prospect.quote
    return {
        "had": prospect.takes_up is not None,
        "can_buy": prospect.can_be_had,
        "seen": {"usd": quote.usd, "attempts": quote.attempts},
    }


def _seen(given: Mapping[str, Any]) -> Agreement:
    """Returns the price that was seen.

    Raises:
        InvalidInput: none was.
    """
    told = _object(given.get("seen")) or {}
    usd, attempts = told.get("usd", False), told.get("attempts")
    is_price = usd is None or (isinstance(usd, int | float) and not isinstance(usd, bool))
    if not is_price or not isinstance(attempts, int) or isinstance(attempts, bool):
        raise InvalidInput([Problem("seen", shorten(given.get("seen")), "must be the price as it was told")])
    return Agreement(usd, attempts)


def _lasts(reference: Any) -> bool:
    """Tells whether a file may be given once more by the same text: not what this server served for that task alone."""
    return isinstance(reference, str) and not reference.startswith("data:") and INPUTS not in reference


def _object(value: Any) -> Mapping[str, Any] | None:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else None


def _refused(error: InvalidInput) -> Response:
    """Returns what is wrong, each thing under the name of its field."""
    problems = [{"field": one.field, "text": problem_text(one, SCREEN)} for one in error.problems]
    return in_json({"error": error_text(error, SCREEN), "problems": problems}, 400)
