"""The pictures of an answer about several results, and the number of each."""

from collections.abc import Sequence

from apixo_mcp.media.preview.contact_sheet import MOST_TILES, Tile
from apixo_mcp.tasks.task import FileState, Result, Task
from apixo_mcp.views.several import Entry


def tiles_of(entries: Sequence[Entry]) -> list[Tile]:
    """Returns the pictures and videos of tasks, each with its number, those that are not saved without a file.

    The number of a single task's result is its index. Of several tasks it is that of the task's line, followed by the
    index where the task has more than one.
    """
    if len(entries) == 1 and isinstance(entries[0], Task):
        return [_tile(str(result.index), result) for result in _visible(entries[0])]
    tiles: list[Tile] = []
    for number, entry in enumerate(entries, 1):
        visible = _visible(entry) if isinstance(entry, Task) else []
        tiles += [_tile(f"{number}/{one.index}" if len(visible) > 1 else str(number), one) for one in visible]
    return tiles


def legend(entries: Sequence[Entry], tiles: Sequence[Tile]) -> str:
    """Says what the numbers on a sheet of the pictures of these tasks mean."""
    if len(entries) == 1:
        words = "The numbers in the picture are the indexes of the results"
    elif pair := next((tile.number for tile in tiles if "/" in tile.number), ""):
        line, _, index = pair.partition("/")
        words = f"The numbers in the picture are those of the lines; {pair} is index {index} of line {line}"
    else:
        words = "The numbers in the picture are those of the lines"
    return f"{words}; it shows the first {MOST_TILES}." if len(tiles) > MOST_TILES else f"{words}."


def _visible(task: Task) -> list[Result]:
    return [
        result
        for result in task.results
        if result.file is not None and (result.mime_type or result.kind).startswith(("image", "video"))
    ]


def _tile(number: str, result: Result) -> Tile:
    is_saved = result.file is FileState.SAVED
    return Tile(number, result.path if is_saved else "", result.mime_type if is_saved else "")
