"""The routes of Ruxa AI: create and query, in its own words for the same life of a task."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apixo_mcp.sandbox.answers import MESSAGES, envelope
from apixo_mcp.sandbox.backend import Backend, Refused, new_id
from apixo_mcp.sandbox.facts import find
from apixo_mcp.sandbox.files.results import result_of
from apixo_mcp.sandbox.gateways import polls, submits
from apixo_mcp.sandbox.rules import problems
from apixo_mcp.sandbox.tasks import RemoteTask, fail_text

STATES = {"waiting": "waiting", "queuing": "queuing", "processing": "generating", "failed": "fail"}
CALLBACK_NAMES = ("callBackUrl", "callback_url")


def routes(backend: Backend) -> list[Route]:
    """Returns Ruxa's routes over a backend."""

    async def create(request: Request) -> Response:
        return await _create(backend, request)

    async def query(request: Request) -> Response:
        return _query(backend, request)

    return [
        Route("/api/v1/tasks/create", create, methods=["POST"]),
        Route("/api/v1/tasks/query/{task_id}", query, methods=["GET"]),
    ]


def state_of(task: RemoteTask, now: float) -> str:
    """Returns Ruxa's word for where a task stands."""
    phase = task.phase(now)
    if phase == "success":
        return "completed" if task.mark("completed") else "success"
    odd = task.mark("state")
    if odd and odd.args and phase != "failed":
        return odd.args[0]
    return STATES[phase]


def query_data(task: RemoteTask, now: float) -> dict[str, Any]:
    """Returns what a look at a task shows at that moment."""
    data: dict[str, Any] = {"taskId": task.remote_id, "state": state_of(task, now)}
    match task.phase(now):
        case "failed":
            data["failMsg"] = fail_text(task.fails)
        case "success":
            result = result_of(task)
            if task.mark("object-result"):
                data["resultJson"] = result
            elif task.mark("broken-result"):
                data["resultJson"] = "{resultUrls:"
            elif not task.mark("no-result"):
                data["resultJson"] = json.dumps(result, separators=(",", ":"))
        case _:
            pass
    return data


def callback_body(task: RemoteTask, now: float) -> dict[str, Any]:
    """Returns what is posted to the callback URL: flat, with a list, and without the task's id.

    Only these three keys are documented; a receiver has to know the task by the URL it gave.
    """
    body: dict[str, Any] = {"state": state_of(task, now)}
    match task.phase(now):
        case "failed":
            body["failMsg"] = fail_text(task.fails)
        case "success":
            body["resultUrls"] = result_of(task)["resultUrls"]
        case _:
            pass
    return body


async def _create(backend: Backend, request: Request) -> Response:
    submit = submits.Submit("ruxa", submits.sent_key(request), "", {}, {})
    try:
        key = backend.admit(submits.bearer(request))
        body = await submits.read_body(request)
        submit = submits.Submit("ruxa", key, str(body.get("model") or ""), body, submits.input_of(body))
        faults, scripted = submits.strikes(backend, submit)
        refusal = submits.refused_by(faults)
        if refusal is not None:
            return submits.note_refused(backend, submit, refusal, "fault")
        wrong = _body_problems(body)
        if wrong:
            raise Refused("input", wrong)
        model = find("ruxa", submit.model)
        if model is None:
            raise Refused("model")
        wrong = [*problems(model, submit.given), *backend.check_references(model, submit.given)]
        if wrong:
            raise Refused("input", wrong)
        callback = next((str(body[name]) for name in CALLBACK_NAMES if body.get(name)), "")
        upstream = model.upstream or model.id.rpartition("/")[2]
        remote_id = f"task_{upstream}_{round(backend.now() * 1000)}_{new_id(16)}"
        task = backend.accept(
            model, key, submit.given, body, submits.base_url(backend, request), remote_id, callback, scripted
        )
    except Refused as refused:
        return submits.note_refused(backend, submit, _refusal(refused, submit.model), refused.reason)
    answer = envelope(200, "success", {"taskId": task.remote_id})
    answer = submits.spoilt(backend, task, faults, answer)
    return submits.note_accepted(backend, submit, task, answer)


def _body_problems(body: Mapping[str, Any]) -> list[str]:
    wrong: list[str] = []
    if not isinstance(body.get("model"), str) or not body["model"]:
        wrong.append("model is required")
    if not isinstance(body.get("input"), dict):
        wrong.append("input is required and must be an object")
    for name in CALLBACK_NAMES:
        value = body.get(name)
        if value is not None and not (isinstance(value, str) and value.startswith(("https://", "http://"))):
            wrong.append(f"{name} must be a URL")
    return wrong


def _refusal(refused: Refused, model_id: str) -> Response:
    match refused.reason:
        case "auth":
            return envelope(401, MESSAGES[401])
        case "rate":
            return envelope(429, MESSAGES[429])
        case "credits":
            # The gateway's texts are Chinese whatever the caller speaks.
            return envelope(402, "积分不足")
        case "model":
            return envelope(404, f"未找到支持模型 {model_id} 的渠道")
        case "task":
            return envelope(404, "Task not found")
        case _:
            wrong = "; ".join(refused.problems)
            return envelope(422, f"Validation failed: {wrong}", {"error": wrong})


def _query(backend: Backend, request: Request) -> Response:
    remote_id = request.path_params["task_id"]
    task = backend.store.get(remote_id)
    model_id = task.model if task else ""
    try:
        backend.admit(submits.bearer(request))
        marks = polls.strikes(backend, "ruxa", model_id, remote_id, task)
        if task is None or task.gateway != "ruxa":
            raise Refused("task")
        # A restarted sandbox may listen elsewhere than when the task was submitted.
        task = replace(task, base_url=submits.base_url(backend, request))
        data = query_data(task, backend.now())
        answer = polls.spoilt(marks, envelope(200, "success", data))
        outcome = "fault" if marks else str(data["state"])
    except Refused as refused:
        answer = _refusal(refused, model_id)
        outcome = refused.reason
    return polls.note(backend, request, "ruxa", model_id, remote_id, answer, outcome)
