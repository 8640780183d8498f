"""The tools that the app calls and no model sees."""

from apixo_mcp.server.apps.handlers import app_bytes, app_cancel, app_make, app_tasks
from apixo_mcp.server.apps.offers import HOWS
from apixo_mcp.server.tools import schemas
from apixo_mcp.server.tools.tool import ToolDefinition

_ID = schemas.text_property("", required=True)

APP_TOOLS = (
    ToolDefinition(
        name="app_tasks",
        description="For the app: how tasks are.",
        input=schemas.tool_input(
            {
                "task_ids": schemas.texts("Up to 50."),
                "prompts": schemas.texts("Of a call that is still open."),
                "seconds": schemas.number("Since that call."),
                "look": schemas.switch("Take up what was given up."),
            }
        ),
        output=None,
        is_read=False,
        handler=app_tasks,
    ),
    ToolDefinition(
        name="app_bytes",
        description="For the app: a part of a saved file.",
        input=schemas.tool_input(
            {
                "task_id": _ID,
                "index": schemas.number(""),
                "offset": schemas.number(""),
                "small": schemas.switch("A small picture of it."),
            },
            "task_id",
        ),
        output=None,
        is_read=False,
        handler=app_bytes,
        outside=False,
    ),
    ToolDefinition(
        name="app_cancel",
        description="For the app: end a task not sent yet.",
        input=schemas.tool_input({"task_id": _ID}, "task_id"),
        output=None,
        is_read=False,
        handler=app_cancel,
        reads=False,
        changes=True,
    ),
    ToolDefinition(
        name="app_make",
        description="For the app: price what can be made of a task, or make it. Costs money.",
        input=schemas.tool_input(
            {
                "task_id": _ID,
                "how": schemas.text_property("", choices=HOWS, required=True),
                "index": schemas.number("Of the result."),
                "prompt": schemas.text_property(""),
                "model": schemas.text_property(""),
                "click": schemas.text_property("The same one buys once."),
                "seen": schemas.text_property("Dollars that were shown, or null."),
                "quote": schemas.switch("Price it, send nothing."),
            },
            "task_id",
            "how",
        ),
        output=None,
        is_read=False,
        handler=app_make,
        reads=False,
        changes=True,
    ),
)
