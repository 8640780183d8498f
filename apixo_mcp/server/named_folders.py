"""The words for the folders of a set-up. Imports next to nothing: the early stage says them too."""

TYPE_CHECKING = False  # `typing` costs a tenth of the early stage
if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMED = 200  # characters of folders that are named: each conversation pays for them


def named_folders(folders: "Iterable[str]") -> str:
    """Tells in which folders a directory may be."""
    named: list[str] = []
    left = _NAMED
    for folder in folders:
        if (left := left - len(folder)) >= 0:
            named.append(folder)
    return f"In {' or '.join(named)}." if named else "An allowed folder."
