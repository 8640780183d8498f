"""The definition of a tool: its name, what it takes, and who does its work."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, InputRequiredResult

from apixo_mcp.generation import Modality
from apixo_mcp.server.tools.parts import ToolParts
from apixo_mcp.server.tools.schemas import Schema
from apixo_mcp.tasks.owner import Scope

Handler = Callable[[ToolParts, dict[str, Any], Context], Awaitable[CallToolResult | InputRequiredResult]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolDefinition:
    """One tool.

    Attributes:
        modality: what it makes; such a tool costs money. None for the others.
        model: the one that it makes it with; empty where the caller names it.
        handler: does the work of the others.
        reads: whether it changes nothing.
        outside: whether it asks a gateway.
        is_read: whether a model reads its answer, and so hears of what else is told with it.
        changes: whether it spends, or ends something: whoever may only read is refused.
    """

    name: str
    description: str
    input: Schema
    output: Schema | None
    modality: Modality | None = None
    model: str = ""
    handler: Handler | None = None
    reads: bool = True
    outside: bool = True
    changes: bool = False
    is_read: bool = True

    @property
    def scope(self) -> Scope:
        """What its caller must be allowed."""
        return Scope.GENERATE if self.changes or self.modality is not None else Scope.READ
