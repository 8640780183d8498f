"""The routes that the gateways reach from outside: their callbacks, and the input files they fetch."""

import anyio
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from apixo_mcp.outside.file_answer import SAFE, FileAnswer
from apixo_mcp.outside.public import Proof, Public
from apixo_mcp.tasks.changes import ref_of
from apixo_mcp.telemetry.facts import CallbackReceived

LARGEST_BODY = 1_000_000
ANSWERED_WITHIN = 20.0  # APIXO webhooks page: an answer is awaited for 30 s


def public_routes(public: Public, proof: Proof | None = None) -> list[Route]:
    """Returns the routes, at the root: the public URL's own path is taken off before."""

    async def callback(request: Request) -> Response:
        status = 503
        with anyio.move_on_after(ANSWERED_WITHIN):
            status = await _taken(public, request)
        return Response(status_code=status)

    async def input_file(request: Request) -> Response:
        token, name = request.path_params["token"], request.path_params["name"]
        if proof is not None and proof.is_at(token, name):
            return PlainTextResponse(proof.content, headers=SAFE)
        file = await public.input_file(token, name)
        return Response(status_code=404) if file is None else FileAnswer(file)

    return [
        Route("/callbacks/{token}", callback, methods=["POST"]),
        Route("/inputs/{token}/{name}", input_file, methods=["GET"]),
    ]


def public_app(public: Public, proof: Proof) -> Starlette:
    """Returns an application of these routes and nothing else."""
    app = Starlette(routes=public_routes(public, proof))
    app.router.redirect_slashes = False  # one address a file, and no answer that tells of another
    return app


async def _taken(public: Public, request: Request) -> int:
    """Takes a callback and returns the status to answer: 503 asks for it to be delivered again."""
    task = await public.callbacks.task_of(request.path_params["token"])
    if task is None:
        return 404
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > LARGEST_BODY:
                return 413
    except ClientDisconnect:  # nobody hears the answer; it is delivered again, and polled for besides
        return 400
    state = str(task.state)
    is_done = await public.callbacks.take(task, bytes(body))
    status = 200 if is_done else 503
    public.telemetry.emit(CallbackReceived(ref_of(task), state, len(body), status))
    return status
