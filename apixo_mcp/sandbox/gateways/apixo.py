"""The routes of APIXO: submit, look and balance, in its own envelope, states and codes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apixo_mcp.sandbox.answers import MESSAGES, envelope, faulty, word_for
from apixo_mcp.sandbox.backend import Backend, Refused, new_id
from apixo_mcp.sandbox.facts import Model, find
from apixo_mcp.sandbox.files.results import result_of, voice_id
from apixo_mcp.sandbox.gateways import polls, submits
from apixo_mcp.sandbox.rules import problems
from apixo_mcp.sandbox.tasks import RemoteTask, fail_text

PROVIDERS = ("auto", "value", "official")


def routes(backend: Backend) -> list[Route]:
    """Returns APIXO's routes over a backend."""

    async def generate(request: Request) -> Response:
        return await _generate(backend, request)

    async def status(request: Request) -> Response:
        return _status(backend, request)

    async def balance(request: Request) -> Response:
        return _balance(backend, request)

    return [
        Route("/api/v1/generateTask/{model:path}", generate, methods=["POST"]),
        Route("/api/v1/statusTask/{model:path}", status, methods=["GET"]),
        Route("/api/v1/apikeys/current-balance", balance, methods=["GET"]),
    ]


def status_data(task: RemoteTask, now: float) -> dict[str, Any]:
    """Returns what a look at a task shows at that moment."""
    phase = task.phase(now)
    data: dict[str, Any] = {"taskId": task.remote_id}
    created = round(task.created * 1000)
    if phase == "failed":
        # As in the guides' sample: a failed task comes without times.
        return {**data, "state": "failed", "failCode": task.fails, "failMsg": fail_text(task.fails)}
    if phase == "success":
        data["state"] = "success"
        result = result_of(task)
        if task.mark("object-result"):
            data["resultJson"] = result
        elif task.mark("broken-result"):
            data["resultJson"] = "{resultUrls:"
        elif not task.mark("no-result"):
            data["resultJson"] = json.dumps(result, separators=(",", ":"))
        took = round(task.seconds * 1000)
        return {**data, "createTime": created, "completeTime": created + took, "costTime": took}
    model = find("apixo", task.model)
    waits = phase != "processing" and (model is None or model.pending)
    data["state"] = "pending" if waits else "processing"
    odd = task.mark("state")
    if odd and odd.args:
        data["state"] = odd.args[0]
    return {**data, "createTime": created}


def callback_body(task: RemoteTask, now: float) -> dict[str, Any]:
    """Returns what is posted to the callback URL: the answer to a look."""
    return {"code": 200, "message": "success", "data": status_data(task, now)}


async def _generate(backend: Backend, request: Request) -> Response:
    submit = submits.Submit("apixo", submits.sent_key(request), request.path_params["model"], {}, {})
    try:
        key = backend.admit(submits.bearer(request))
        body = await submits.read_body(request)
        submit = submits.Submit("apixo", key, submit.model, body, submits.input_of(body))
        faults, scripted = submits.strikes(backend, submit)
        refusal = submits.refused_by(faults)
        if refusal is not None:
            return submits.note_refused(backend, submit, refusal, "fault")
        model = find("apixo", submit.model)
        if model is None:
            raise Refused("model")
        wrong = _body_problems(model, body) or [
            *problems(model, submit.given),
            *backend.check_references(model, submit.given),
        ]
        if wrong:
            raise Refused("input", wrong)
        callback = str(body.get("callback_url") or "") if body.get("request_type") == "callback" else ""
        task = backend.accept(
            model, key, submit.given, body, submits.base_url(backend, request), new_id(), callback, scripted
        )
    except Refused as refused:
        return submits.note_refused(backend, submit, _refusal(refused, submit.model), refused.reason)
    answer = envelope(200, "success", _accepted_data(model, task))
    answer = submits.spoilt(backend, task, faults, answer)
    return submits.note_accepted(backend, submit, task, answer)


def _accepted_data(model: Model, task: RemoteTask) -> dict[str, Any]:
    direct = model.answer_by_mode.get(str(task.input.get("mode")))
    if direct:
        # Such an asset is final at once: it has an id of its own, and there is no task to look at.
        return {direct: task.remote_id}
    data: dict[str, Any] = {"taskId": task.remote_id}
    if model.answer:
        data["state"] = "processing"
    if model.answer == "voice":
        data |= {"voice_id": voice_id(task), "voice_type": "preparing"}
    return data


def _body_problems(model: Model, body: Mapping[str, Any]) -> list[str]:
    wrong: list[str] = []
    if not isinstance(body.get("input"), dict):
        wrong.append("input is required and must be an object")
    kind = body.get("request_type", "async")
    if kind not in ("async", "callback"):
        wrong.append("request_type must be one of: async, callback")
    callback = body.get("callback_url")
    if kind == "callback" and not (isinstance(callback, str) and callback.startswith(("https://", "http://"))):
        wrong.append("callback_url is required when request_type is callback, and must be a URL")
    provider = body.get("provider", "auto")
    if not isinstance(provider, str) or (provider not in PROVIDERS and not model.any_provider):
        wrong.append("provider must be one of: auto, value, official")
    return wrong


def _refusal(refused: Refused, model_id: str) -> Response:
    match refused.reason:
        case "auth":
            # Documented without a data key.
            return JSONResponse({"code": 401, "message": MESSAGES[401]}, status_code=401)
        case "rate":
            return envelope(429, MESSAGES[429])
        case "credits":
            model = find("apixo", model_id)
            return envelope(model.credits_status if model else 400, "Insufficient credits")
        case "model":
            return envelope(404, f"Model not found: {model_id}")
        case "task":
            return envelope(404, "Task not found")
        case _:
            unsupported = model_id == "hailuo-2-3-fast" and any(
                one.startswith("input.mode") for one in refused.problems
            )
            message = "Invalid mode type" if unsupported else "Invalid parameters"
            return envelope(400, message, {"error": "; ".join(refused.problems)})


def _status(backend: Backend, request: Request) -> Response:
    model_id, remote_id = request.path_params["model"], request.query_params.get("taskId", "")
    outcome = "refused"
    try:
        backend.admit(submits.bearer(request))
        if not remote_id:
            raise Refused("input", ["taskId is required"])
        task = backend.store.get(remote_id)
        model = find("apixo", model_id)
        marks = polls.strikes(backend, "apixo", model_id, remote_id, task)
        if task is None or task.gateway != "apixo" or model is None or task.model != model.id:
            raise Refused("task" if model else "model")
        # A restarted sandbox may listen elsewhere than when the task was submitted.
        task = replace(task, base_url=submits.base_url(backend, request))
        data = status_data(task, backend.now())
        answer = polls.spoilt(marks, envelope(200, "success", data))
        outcome = "fault" if marks else str(data["state"])
    except Refused as refused:
        answer = _refusal(refused, model_id)
        outcome = refused.reason
    return polls.note(backend, request, "apixo", model_id, remote_id, answer, outcome)


def _balance(backend: Backend, request: Request) -> Response:
    owner = submits.key_of(request)
    try:
        key = backend.admit(submits.bearer(request))
        marks = backend.faults.strikes("balance", {"gateway": "apixo", "key": owner}, [], owner)
        bad = [one for mark in marks if (one := faulty(mark)) is not None]
        answer = bad[0] if bad else envelope(200, "success", backend.balance(key))
        outcome = "fault" if bad else "balance"
    except Refused as refused:
        answer = _refusal(refused, "")
        outcome = refused.reason
    backend.note("balance", word_for(answer), outcome, gateway="apixo", key=owner, model="", remote_id="")
    return answer
