"""The table of tools, in the order in which they are listed."""

from apixo_mcp.server.tools import schemas
from apixo_mcp.server.tools.handlers.download_results import download_results
from apixo_mcp.server.tools.handlers.models import describe_model, list_models
from apixo_mcp.server.tools.handlers.tasks import cancel_task, check_task, list_tasks
from apixo_mcp.server.tools.handlers.usage import get_usage
from apixo_mcp.server.tools.handlers.view_result import view_result
from apixo_mcp.server.tools.tool import ToolDefinition

GENERAL_TOOLS = (
    ToolDefinition(
        name="generate_image",
        description="Make or edit pictures. Costs money; check_task follows it, never repeat it.",
        input=schemas.GENERATE_IMAGE,
        output=schemas.SEVERAL_OUTPUT,
        modality="image",
        reads=False,
    ),
    ToolDefinition(
        name="generate_video",
        description="Make a video. Costs money, takes minutes; check_task follows it, never repeat it.",
        input=schemas.GENERATE_VIDEO,
        output=schemas.SEVERAL_OUTPUT,
        modality="video",
        reads=False,
    ),
    ToolDefinition(
        name="generate_audio",
        description="Make music, speech or a voice. Costs money; check_task follows it, never repeat it.",
        input=schemas.GENERATE_AUDIO,
        output=schemas.SEVERAL_OUTPUT,
        modality="audio",
        reads=False,
    ),
)
"""The tools that make something, with any model."""

COMMON_TOOLS = (
    ToolDefinition(
        name="check_task",
        description="A task's files, or why it failed and what to do. Waits.",
        input=schemas.CHECK_TASK,
        output=schemas.SEVERAL_OUTPUT,
        handler=check_task,
    ),
    ToolDefinition(
        name="list_tasks",
        description="Your tasks, newest first. Finds a lost task_id.",
        input=schemas.LIST_TASKS,
        output=schemas.LIST_OUTPUT,
        handler=list_tasks,
        outside=False,
    ),
    ToolDefinition(
        name="cancel_task",
        description="Stop a task not sent yet. A sent one is paid for and runs on.",
        input=schemas.CANCEL_TASK,
        output=schemas.TASK_OUTPUT,
        handler=cancel_task,
        reads=False,
        changes=True,
    ),
    ToolDefinition(
        name="download_results",
        description="Save the files of tasks, or copy them into an allowed folder.",
        input=schemas.DOWNLOAD_RESULTS,
        output=schemas.SEVERAL_OUTPUT,
        handler=download_results,
        reads=False,
    ),
    ToolDefinition(
        name="view_result",
        description="Look at a finished picture yourself.",
        input=schemas.VIEW_RESULT,
        output=None,
        handler=view_result,
        outside=False,
    ),
    ToolDefinition(
        name="list_models",
        description="Models that fit a query, or all: modes, limits, sound, time, price.",
        input=schemas.LIST_MODELS,
        output=None,
        handler=list_models,
        outside=False,
    ),
    ToolDefinition(
        name="describe_model",
        description="A model's exact inputs, times, tips, fail codes.",
        input=schemas.SEE_INPUTS,
        output=None,
        handler=describe_model,
        outside=False,
    ),
    ToolDefinition(
        name="get_usage",
        description="Balance, budget, what was made and spent.",
        input=schemas.GET_USAGE,
        output=schemas.USAGE_OUTPUT,
        handler=get_usage,
    ),
)
"""The tools that look after what was made."""
