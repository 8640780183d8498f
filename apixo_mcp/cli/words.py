"""How the command line words what the rest of the program says."""

import re

COMMANDS = {
    "generate_image": "generate",
    "generate_video": "generate",
    "generate_audio": "generate",
    "check_task": "tasks download TASK_ID",  # it fetches what is missing, as the tool does
    "list_tasks": "tasks list",
    "cancel_task": "tasks cancel TASK_ID",
    "download_results": "tasks download TASK_ID",
    "list_models": "models list",
    "describe_model": "models show MODEL",
}
"""The command that does in a shell what a tool does in a chat."""

_TOOL = re.compile(rf"\b({'|'.join(COMMANDS)})\b(?: with task_id \"(\w+)\")?")


def in_shell(text: str) -> str:
    """A text for a client of the server, with a command in place of each tool."""
    return _TOOL.sub(_command, text)


def _command(tool: re.Match[str]) -> str:
    return f"`apixo-mcp {COMMANDS[tool[1]].replace('TASK_ID', tool[2] or 'TASK_ID')}`"


def counted(number: int, noun: str) -> str:
    """A number of things: `1 task`, `2 tasks`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
