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

# Escape sequences and what turns the direction of text round could make a terminal show what is not there.
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def in_shell(text: str) -> str:
    """A text for a client of the server, with a command in place of each tool."""
    return _TOOL.sub(_command, text)


def _command(tool: re.Match[str]) -> str:
    return f"`apixo-mcp {COMMANDS[tool[1]].replace('TASK_ID', tool[2] or 'TASK_ID')}`"


def printable(text: str) -> str:
    """A text without what a terminal obeys instead of showing it; only lines and tabs stay."""
    return UNPRINTABLE.sub("?", text)


def on_one_line(text: str) -> str:
    """A text as one line, for a column."""
    return printable(" ".join(text.split()))


def counted(number: int, noun: str) -> str:
    """A number of things: `1 task`, `2 tasks`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def ordinal(number: int) -> str:
    """A place in a row: `second`, `11th`."""
    return _ORDINALS[number - 1] if 1 <= number <= len(_ORDINALS) else f"{number}th"
