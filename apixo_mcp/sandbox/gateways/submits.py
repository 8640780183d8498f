"""The way of a submit, the same for both gateways: refuse, or accept and then answer or fail to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response

from apixo_mcp.sandbox.answers import After, Cut, Hang, Later, envelope, faulty, word_for
from apixo_mcp.sandbox.backend import Backend, Refused
from apixo_mcp.sandbox.facts import Gateway
from apixo_mcp.sandbox.marks import Mark, marks_in, named
from apixo_mcp.sandbox.tasks import RemoteTask, digest, fingerprint, prompt_of


@dataclass(frozen=True)
class Submit:
    """A submit as read from the wire."""

    gateway: Gateway
    key: str
    model: str
    body: Mapping[str, Any]
    given: Mapping[str, Any]


def bearer(request: Request) -> str:
    """Returns the Authorization header."""
    return request.headers.get("authorization", "")


def sent_key(request: Request) -> str:
    """Returns the API key that came with a request, good or bad."""
    return bearer(request).partition(" ")[2].strip()


def key_of(request: Request) -> str:
    """Returns the fingerprint of the key that came with a request, good or bad."""
    key = sent_key(request)
    return fingerprint(key) if key else ""


def base_url(backend: Backend, request: Request) -> str:
    """Returns what result URLs begin with: where this very request arrived, unless set."""
    return backend.settings.public_url or str(request.base_url).rstrip("/")


async def read_body(request: Request) -> dict[str, Any]:
    """Returns a JSON object from the body, or refuses."""
    try:
        body = json.loads(await request.body(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused("input", ["the body is not JSON"]) from None
    if not isinstance(body, dict):
        raise Refused("input", ["the body must be a JSON object"])
    return cast("dict[str, Any]", body)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def input_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the input object of a submit, or an empty one: its absence is told with its other problems."""
    given = body.get("input")
    return cast("dict[str, Any]", given) if isinstance(given, dict) else {}


def strikes(backend: Backend, submit: Submit) -> tuple[tuple[Mark, ...], tuple[Mark, ...]]:
    """Returns the faults for this submit: those of the answer, and those a scenario adds to the task."""
    about = {
        "gateway": submit.gateway,
        "model": submit.model,
        "key": fingerprint(submit.key),
        "prompt": prompt_of(submit.given),
    }
    marks = [mark for mark in marks_in(submit.given) if mark.place == "submit"]
    who = digest(submit.gateway, submit.model, json.dumps(submit.given, sort_keys=True)).hex()
    struck = backend.faults.strikes("submit", about, marks, who)
    answer = tuple(mark for mark in struck if mark.place == "submit")
    return answer, tuple(mark for mark in struck if mark.place != "submit")


def refused_by(marks: tuple[Mark, ...]) -> Response | None:
    """Returns the refusal that a fault asks for, before anything is accepted."""
    for mark in marks:
        if mark.name in ("http", "code", "cut-early"):
            return faulty(mark)
    return None


def spoilt(backend: Backend, task: RemoteTask, marks: tuple[Mark, ...], answer: Response) -> Response:
    """Returns the answer to an accepted submit as the faults leave it."""
    if named(marks, "submit", "cut"):
        return Cut()
    if named(marks, "submit", "hang"):
        return Hang()
    if named(marks, "submit", "null-data"):
        answer = envelope(200, "success", None)
    if named(marks, "submit", "after-callback"):
        answer = After(backend.calls_made[task.remote_id], answer)
    slow = named(marks, "submit", "slow-submit")
    return Later(slow.number(1.0), answer) if slow else answer


def note_refused(backend: Backend, submit: Submit, answer: Response, why: str) -> Response:
    """Logs a submit that was not accepted, and returns its answer."""
    return _noted(backend, submit, answer, why, "")


def note_accepted(backend: Backend, submit: Submit, task: RemoteTask, answer: Response) -> Response:
    """Logs a paid submit, and returns its answer."""
    return _noted(backend, submit, answer, "accepted", task.remote_id)


def _noted(backend: Backend, submit: Submit, answer: Response, outcome: str, remote_id: str) -> Response:
    backend.note(
        "submit",
        word_for(answer),
        outcome,
        paid=bool(remote_id),
        gateway=submit.gateway,
        key=fingerprint(submit.key),
        model=submit.model,
        remote_id=remote_id,
        input=submit.given,
        body=submit.body,
    )
    return answer
