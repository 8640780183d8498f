"""Which number is whose on a sheet of pictures."""

from typing import Any

from support.store_tasks import make_followed

from apixo_mcp.media.preview.contact_sheet import MOST_TILES
from apixo_mcp.tasks.task import FileState, Result, State, Task
from apixo_mcp.views.several import Missing
from apixo_mcp.views.tiles import legend, tiles_of


def result(index: int, **given: Any) -> Result:
    values: dict[str, Any] = {"file": FileState.SAVED, "path": f"{index}.png", "mime_type": "image/png"}
    return Result(**{"index": index, **values, **given})


def done(*results: Result) -> Task:
    return make_followed(state=State.SUCCESS, due=None, results=results)


def test_of_one_task_the_index_is_the_number():
    task = done(result(0, file=FileState.FAILED), result(1), result(2, kind="audio", mime_type="audio/mpeg"), result(3))
    tiles = tiles_of([task])
    assert [(tile.number, tile.path) for tile in tiles] == [("0", ""), ("1", "1.png"), ("3", "3.png")]
    assert legend([task], tiles) == "The numbers in the picture are the indexes of the results."


def test_of_several_tasks_the_line_is_the_number_with_the_index_where_there_are_several():
    entries = [done(result(0)), Missing("x"), done(result(0), result(1)), make_followed()]
    tiles = tiles_of(entries)
    assert [tile.number for tile in tiles] == ["1", "3/0", "3/1"]
    assert legend(entries, tiles).endswith("those of the lines; 3/0 is index 0 of line 3.")


def test_an_id_is_no_picture_and_a_video_is_one():
    assert (
        tiles_of([done(result(0, file=None, asset_id="a"), result(1, kind="video", mime_type="video/mp4"))])[0].number
        == "1"
    )


def test_what_is_not_shown_is_said():
    entries = [done(result(0)) for _ in range(MOST_TILES + 1)]
    assert legend(entries, tiles_of(entries)).endswith(f"it shows the first {MOST_TILES}.")
