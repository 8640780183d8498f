"""The parts of the running program that the tools work with."""

from dataclasses import dataclass, field

from apixo_mcp.app import App
from apixo_mcp.server.tools.consent.elicitation import Elicitation
from apixo_mcp.server.tools.receipts import Receipts
from apixo_mcp.server.tools.waiting import Waiting
from apixo_mcp.views.faces import Face


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolParts:
    """What the handlers of one server share.

    Attributes:
        receipts: of the connection, where it tells which answers have left.
        questions: those that people have before them.
        face: in whose words what to do next is said.
    """

    app: App
    waiting: Waiting
    face: Face
    receipts: Receipts | None = None
    questions: Elicitation = field(default_factory=Elicitation)
