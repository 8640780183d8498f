"""Folders that are meant as they are written, and those of this system. Loads next to nothing: the early stage asks."""

import os
import re

_PLAIN = re.compile(
    r"[A-Za-z]:(?:\\(?!\.(?:\\|$))[^\\/:*?\"<>|\x00-\x1f\ud800-\udfff]+)+"
    if os.name == "nt"
    else r"(?:/(?!\.(?:/|$))[^/\x00-\x1f\ud800-\udfff]+)+"
)
"""A whole path that stays letter by letter what it is, whoever reads it."""


def plain_folder(text: str) -> str | None:
    """Returns the whole path of a folder; None where it takes more than this to tell what the settings read in it.

    Args:
        text: without spaces and quotes around it; may begin with `~`.
    """
    if text == "~" or text.startswith("~" + os.sep):
        text = os.path.expanduser("~") + text[1:]  # noqa: PTH111 - pathlib takes as long as the rest of the early stage
    return text if _PLAIN.fullmatch(text) else None


def pictures_folder() -> str:
    """Returns the folder in which this system keeps pictures, with one of ours in it."""
    import platformdirs  # the early stage asks only where no other folder is set

    return os.path.join(platformdirs.user_pictures_dir(), "apixo-mcp")  # noqa: PTH118


def data_folder() -> str:
    """Returns the folder in which this system keeps data of ours."""
    import platformdirs

    return platformdirs.user_data_dir("apixo-mcp", appauthor=False)
