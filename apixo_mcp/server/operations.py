"""Tells of every message of MCP how it was answered and how soon."""

import time
from collections.abc import Collection
from typing import Any

from mcp import MCPError
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.types import CallToolResult

from apixo_mcp.server.caller import FromPipe, owner_of
from apixo_mcp.telemetry.facts import OperationDone, Telemetry

_METHODS = frozenset(
    {
        "initialize",
        "ping",
        "server/discover",
        "tools/list",
        "tools/call",
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "resources/subscribe",
        "resources/unsubscribe",
        "prompts/list",
        "prompts/get",
        "completion/complete",
        "logging/setLevel",
        "tasks/get",
        "tasks/list",
        "tasks/cancel",
        "tasks/result",
        "tasks/update",
        "subscriptions/listen",
        "notifications/initialized",
        "notifications/cancelled",
        "notifications/progress",
        "notifications/roots/list_changed",
    }
)
"""Any other is told as `other`: a client may name what it likes."""


class Operations(ServerMiddleware[Any]):
    """Stands around the handlers.

    Args:
        telemetry: told of each message.
        tools: the names of those that there are.
    """

    def __init__(self, telemetry: Telemetry, tools: Collection[str]) -> None:
        self._telemetry = telemetry
        self._tools = frozenset(tools)

    async def __call__(self, context: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """See `ServerMiddleware`."""
        began = time.monotonic()
        error = "cancelled"
        try:
            result = await call_next(context)
            error = "tool_error" if isinstance(result, CallToolResult) and result.is_error else ""
            return result
        except MCPError as failure:
            error = str(failure.error.code)
            raise
        except Exception as failure:
            error = type(failure).__name__
            raise
        finally:
            self._tell(context, error, time.monotonic() - began)

    def _tell(self, context: ServerRequestContext[Any, Any], error: str, seconds: float) -> None:
        given = context.params.get("name") if context.method == "tools/call" and context.params else None
        name = given if isinstance(given, str) else ""
        self._telemetry.emit(
            OperationDone(
                method=context.method if context.method in _METHODS else "other",
                tool=name if name in self._tools else "other" if name else "",
                error=error,
                owner=owner_of(context).name,
                revision=context.protocol_version or "",
                network=context.request is not None and not isinstance(context.request, FromPipe),
                seconds=round(seconds, 4),
            )
        )
