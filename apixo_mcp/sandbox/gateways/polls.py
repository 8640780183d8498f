"""The way of a look at a task, the same for both gateways."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from apixo_mcp.sandbox.answers import Later, faulty, word_for
from apixo_mcp.sandbox.backend import Backend
from apixo_mcp.sandbox.facts import Gateway
from apixo_mcp.sandbox.gateways.submits import key_of
from apixo_mcp.sandbox.marks import Mark, named
from apixo_mcp.sandbox.tasks import RemoteTask, prompt_of


def strikes(backend: Backend, gateway: Gateway, model: str, remote_id: str, task: RemoteTask | None) -> list[Mark]:
    """Returns the faults for a look."""
    names = {"model": model, "remote_id": remote_id, "key": ""} | (task.names if task else {})
    about = {**names, "gateway": gateway, "prompt": prompt_of(task.input) if task else ""}
    marks = [mark for mark in task.marks if mark.place == "look"] if task else []
    return list(backend.faults.strikes("look", about, marks, remote_id))


def spoilt(marks: list[Mark], answer: Response) -> Response:
    """Returns the answer to a look as the faults leave it."""
    bad = next((one for mark in marks if (one := faulty(mark)) is not None), answer)
    slow = named(tuple(marks), "look", "slow")
    return Later(slow.number(1.0), bad) if slow else bad


def note(
    backend: Backend, request: Request, gateway: Gateway, model: str, remote_id: str, answer: Response, what: str
) -> Response:
    """Logs a look, and returns its answer."""
    about = {"gateway": gateway, "key": key_of(request), "model": model, "remote_id": remote_id}
    backend.note("look", word_for(answer), what, **about)
    return answer
