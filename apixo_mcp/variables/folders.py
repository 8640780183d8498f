"""Folders that are meant as they are written, and those of this system. Loads next to nothing: the early stage asks."""

import os
import re
import sys

from apixo_mcp.variables.environment import value_of

_PLAIN = re.compile(
    r"[A-Za-z]:(?:\\(?!\.(?:\\|$))[^\\/:*?\"<>|\x00-\x1f\ud800-\udfff]+)+"
    if os.name == "nt"
    else r"(?:/(?!\.(?:/|$))[^/\x00-\x1f\ud800-\udfff]+)+"
)
"""A whole path that stays letter by letter what it is, whoever reads it."""
_USUAL = {
    ("linux", "pictures"): "~/Pictures",
    ("linux", "data"): "~/.local/share",
    ("darwin", "pictures"): "~/Pictures",
    ("darwin", "data"): "~/Library/Application Support",
}
"""Where those systems keep what, by `platformdirs`, unless a variable or a file says otherwise."""


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
    usual = _usual("pictures", "XDG_PICTURES_DIR", "XDG_CONFIG_HOME")
    if usual is None:
        import platformdirs  # here: it takes as long to load as all else of the early stage

        usual = platformdirs.user_pictures_dir()
    return os.path.join(usual, "apixo-mcp")  # noqa: PTH118


def data_folder() -> str:
    """Returns the folder in which this system keeps data of ours."""
    usual = _usual("data", "XDG_DATA_HOME")
    if usual is not None:
        return os.path.join(usual, "apixo-mcp")  # noqa: PTH118
    import platformdirs  # here, for the same reason

    return platformdirs.user_data_dir("apixo-mcp", appauthor=False)


def _usual(what: str, *variables: str) -> str | None:
    """Returns the folder that platformdirs names where nothing is set; None where something may be, or elsewhere."""
    folder = _USUAL.get((sys.platform, what), "")
    if not folder or not value_of("HOME") or any(map(value_of, (*variables, "ANDROID_DATA"))):
        return None
    if what == "pictures" and os.path.exists(os.path.expanduser("~/.config/user-dirs.dirs")):  # noqa: PTH110, PTH111
        return None  # a Linux desktop may name another one there
    whole = os.path.expanduser(folder)  # noqa: PTH111
    return whole if whole.startswith("/") else None
