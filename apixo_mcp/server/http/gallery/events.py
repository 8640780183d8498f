"""Changes as they happen, as server-sent events.

    event: task     an entry (`views.entries`), new or changed
    event: gone     the id of a task whose entry was deleted
    event: reset    more has changed than is remembered: look at everything anew

Each stream begins with a comment, so that its reader knows that it is open: what changes from then on is told.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from starlette.responses import StreamingResponse

from apixo_mcp.gallery.feed import Feed, Missed
from apixo_mcp.server.http.gallery.answers import json_of
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.task import Task

COMMENT_AFTER = 10.0
"""Seconds after which a comment goes out: proxies end what is silent, and a reader that has gone is noticed."""
_AGAIN_AFTER = 1_000  # milliseconds until a browser connects anew
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no", "x-content-type-options": "nosniff"}


async def event_stream(feed: Feed, owner: Owner, card: Callable[[Task], Mapping[str, Any]]) -> StreamingResponse:
    """Returns the stream of an owner's changes, once none can be missed."""
    changes = feed.watch(owner, COMMENT_AFTER)
    await anext(changes)

    async def told() -> AsyncGenerator[bytes]:
        yield f"retry: {_AGAIN_AFTER}\n: open\n\n".encode()
        try:
            async for task in changes:
                if task is None:
                    yield b": still here\n\n"
                elif task.deleted_at:
                    yield _event("gone", {"task_id": task.task_id})
                else:
                    yield _event("task", card(task))
        except Missed:
            yield _event("reset", {})

    return StreamingResponse(told(), media_type="text/event-stream", headers=_HEADERS)


def _event(kind: str, told: Mapping[str, Any]) -> bytes:
    return f"event: {kind}\ndata: ".encode() + json_of(told) + b"\n\n"
