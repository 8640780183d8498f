"""The lists as the server gives them, from a file that was made by asking it.

`make snapshots` writes the file; tests hold it to the server, for every setting that there is. What depends on the
settings stands in it as a word in angle brackets.

A part of the early handshake, which `server.stdio.early` tells whole.
"""

import json
import os

from apixo_mcp.server.named_folders import named_folders
from apixo_mcp.server.server_info import INFO
from apixo_mcp.variables.folders import data_folder, pictures_folder, plain_folder

TYPE_CHECKING = False  # `typing` costs a tenth of the early stage
if TYPE_CHECKING:
    from apixo_mcp.server.stdio.known import Known

FILE = os.path.join(os.path.dirname(__file__), "lists.json")  # noqa: PTH118, PTH120 - pathlib takes too long
"""The answers, by method and kind of client (`name_of`), and what an argument of files takes by way."""

TOOLS, RESOURCES = "tools/list", "resources/list"
METHODS = (TOOLS, "prompts/list", "resources/templates/list", RESOURCES)

FILES, FOLDERS, SERVER = "<files>", "<folders>", "<server>"


def name_of(method: str, *, is_modern: bool, shows_apps: bool) -> str:
    """Returns under which name an answer stands in the file."""
    return f"{method} {'modern' if is_modern else 'handshake'}{' apps' if shows_apps else ''}"


def list_result(method: str, known: "Known", *, is_modern: bool, shows_apps: bool, file: str = FILE) -> str | None:
    """Returns the result of a list, as JSON; None where what is known of the settings is not enough to tell.

    Args:
        method: one of `METHODS`.
        known: of the settings.
        is_modern: whether it is asked for in the way of 2026-07-28.
        shows_apps: whether the client shows apps.
        file: with the answers.
    """
    fitted = {SERVER: json.dumps(INFO)}
    if method == TOOLS and not known.is_typed and (folders := _folders(known)):
        fitted[FOLDERS] = json.dumps(named_folders(folders))
    elif method == TOOLS or (method == RESOURCES and not _is_first(known)):
        return None
    try:
        with open(file, encoding="ascii") as stream:  # noqa: PTH123
            stored = json.load(stream)
        result = json.dumps(stored["results"][name_of(method, is_modern=is_modern, shows_apps=shows_apps)])
        fitted[FILES] = json.dumps(stored["files"][known.way])
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
    ):
        return None  # a part of the installation is missing: the server does without it
    for word, value in fitted.items():
        result = result.replace(f'"{word}"', value)
    return result


def _folders(known: "Known") -> tuple[str, ...]:
    """Returns the folders that files are written to; none where they are not known."""
    if known.folders is None:
        return ()
    first, *others = known.folders
    first = first or plain_folder(pictures_folder())
    return (first, *others) if first else ()


def _is_first(known: "Known") -> bool:
    """Tells whether nothing was ever made: there is no store yet, and nothing from which one would be restored."""
    home = known.home if known.home is None else known.home or plain_folder(data_folder())
    if home is None:
        return False
    try:
        return not any(name.startswith("tasks") for name in os.listdir(home))  # noqa: PTH208
    except FileNotFoundError:
        return True
    except OSError:
        return False
