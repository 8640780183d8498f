"""The routes that the gateways reach from outside: their callbacks, and the input files they fetch."""

from collections.abc import Sequence

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from apixo_mcp.app import Public
from apixo_mcp.telemetry.facts import CallbackReceived

LARGEST_BODY = 1_000_000
ANSWERED_WITHIN = 20.0  # APIXO webhooks page: an answer is awaited for 30 s


def public_routes(public: Public) -> list[Route]:
    """Returns the routes, at the root and under the public URL's own path, which a proxy may take off."""

    async def callback(request: Request) -> Response:
        status = 503
        with anyio.move_on_after(ANSWERED_WITHIN):
            status = await _taken(public, request)
        return Response(status_code=status)

    async def input_file(request: Request) -> Response:
        token, name = request.path_params["token"], request.path_params["name"]
        file = await anyio.to_thread.run_sync(public.input_links.find, token, name)
        if file is None:
            return Response(status_code=404)
        return FileResponse(file.path, media_type=file.mime_type, headers={"x-content-type-options": "nosniff"})

    return [
        route
        for prefix in public.prefixes
        for route in (
            Route(f"{prefix}/callbacks/{{token}}", callback, methods=["POST"]),
            Route(f"{prefix}/inputs/{{token}}/{{name}}", input_file, methods=["GET"]),
        )
    ]


def open_paths(public: Public) -> Sequence[str]:
    """Returns the beginnings of the paths of these routes."""
    return [f"{prefix}/{kind}/" for prefix in public.prefixes for kind in ("callbacks", "inputs")]


async def _taken(public: Public, request: Request) -> int:
    """Takes a callback and returns the status to answer: 503 asks for it to be delivered again."""
    task = await public.callbacks.task_of(request.path_params["token"])
    if task is None:
        return 404
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_BODY:
            return 413
    state = str(task.state)
    is_done = await public.callbacks.take(task, bytes(body))
    status = 200 if is_done else 503
    public.telemetry.emit(CallbackReceived(task.task_id, state, len(body), status))
    return status
