"""The test side of the sandbox: its log, its tasks, the scenario, and a fresh start."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apixo_mcp.sandbox.answers import AsciiJson
from apixo_mcp.sandbox.backend import Backend, Refused
from apixo_mcp.sandbox.faults import BadScenario
from apixo_mcp.sandbox.files.results import Shelf
from apixo_mcp.sandbox.gateways.submits import read_body
from apixo_mcp.sandbox.marks import MARKS


def tasks_of(backend: Backend) -> list[dict[str, Any]]:
    """Returns every task with where it stands."""
    now = backend.now()
    return [{**asdict(task), "phase": task.phase(now), "ends": task.ends, "paid": True} for task in backend.store.all()]


def routes(backend: Backend, shelf: Shelf) -> list[Route]:
    """Returns the routes of the test side."""

    async def log(request: Request) -> Response:
        return AsciiJson({"log": backend.store.log()})

    async def tasks(request: Request) -> Response:
        return AsciiJson({"tasks": tasks_of(backend)})

    async def scenario(request: Request) -> Response:
        try:
            body = await read_body(request)
            faults = body.get("faults")
            if not isinstance(faults, list):
                raise BadScenario("faults must be a list")
            backend.faults.add(cast("list[dict[str, Any]]", faults))
        except BadScenario as wrong:
            return AsciiJson({"error": str(wrong)}, status_code=400)
        except Refused as refused:
            return AsciiJson({"error": "; ".join(refused.problems)}, status_code=400)
        return AsciiJson({"faults": len(backend.faults.scenario)})

    async def reset(request: Request) -> Response:
        backend.reset()
        shelf.clear()
        return AsciiJson({"reset": True})

    async def health(request: Request) -> Response:
        return AsciiJson({"ok": True, "speed": backend.settings.speed, "marks": dict(MARKS)})

    return [
        Route("/_sandbox/log", log, methods=["GET"]),
        Route("/_sandbox/tasks", tasks, methods=["GET"]),
        Route("/_sandbox/scenario", scenario, methods=["POST"]),
        Route("/_sandbox/reset", reset, methods=["POST"]),
        Route("/_sandbox/health", health, methods=["GET"]),
    ]
