"""The table of tools, in the order in which they are listed."""

from apixo_mcp.server import schemas
from apixo_mcp.server.tools import Definition, Tools


DEFINITIONS = (
    Definition(
        name="generate_image",
        title="Generate an image",
        description="Make or edit pictures with a chosen model. Costs money per call. Waits, then answers with the saved "
        "file's path, its URL and a task_id. If the answer says it is still running, call check_task; never call this "
        "again for the same picture.",
        input=schemas.GENERATE_IMAGE,
        output=schemas.TASK_OUTPUT,
        modality="image",
        reads=False,
    ),
    Definition(
        name="generate_video",
        title="Generate a video",
        description="Make a video from text, pictures or other videos. Takes minutes and costs money per call. Answers with "
        "a task_id at once or the finished file; follow up with check_task.",
        input=schemas.GENERATE_VIDEO,
        output=schemas.TASK_OUTPUT,
        modality="video",
        reads=False,
    ),
    Definition(
        name="generate_audio",
        title="Generate music or speech",
        description="Make music, speech or a voice. Costs money per call. Follow up with check_task if it is still running.",
        input=schemas.GENERATE_AUDIO,
        output=schemas.TASK_OUTPUT,
        modality="audio",
        reads=False,
    ),
    Definition(
        name="check_task",
        title="Check a task",
        description="How a task is: its state, its files, or why it failed and what to do. Waits for it a while.",
        input=schemas.CHECK_TASK,
        output=schemas.TASK_OUTPUT,
        handler=Tools.check_task,
    ),
    Definition(
        name="list_tasks",
        title="List tasks",
        description="Earlier and running tasks, newest first. Finds a task whose id was lost.",
        input=schemas.LIST_TASKS,
        output=schemas.LIST_OUTPUT,
        handler=Tools.list_tasks,
        outside=False,
    ),
    Definition(
        name="cancel_task",
        title="Cancel a task",
        description="Stop a task that was not sent yet. One that was sent is paid for, so it runs on and is saved.",
        input=schemas.CANCEL_TASK,
        output=schemas.TASK_OUTPUT,
        handler=Tools.cancel_task,
        reads=False,
    ),
    Definition(
        name="download_results",
        title="Download results",
        description="Save a task's files, or copy them into another allowed folder.",
        input=schemas.DOWNLOAD_RESULTS,
        output=schemas.TASK_OUTPUT,
        handler=Tools.download_results,
        reads=False,
    ),
    Definition(
        name="view_result",
        title="View a result",
        description="Look at a finished picture yourself.",
        input=schemas.VIEW_RESULT,
        output=None,
        handler=Tools.view_result,
        outside=False,
    ),
    Definition(
        name="list_models",
        title="List models",
        description="The models on offer, a line each: modes, limits, usual time, price if known.",
        input=schemas.LIST_MODELS,
        output=None,
        handler=Tools.list_models,
        outside=False,
    ),
    Definition(
        name="describe_model",
        title="Describe a model",
        description="One model's exact inputs as JSON Schema, with times, tips, prices and fail codes.",
        input=schemas.DESCRIBE_MODEL,
        output=None,
        handler=Tools.describe_model,
        outside=False,
    ),
    Definition(
        name="get_usage",
        title="Usage and balance",
        description="What is left on the account, and what was made and spent each day.",
        input=schemas.GET_USAGE,
        output=schemas.USAGE_OUTPUT,
        handler=Tools.get_usage,
    ),
)
