"""A store that has left for another database (`stores.moving.moves`), as whoever would open it is told."""

import time

from apixo_mcp.errors import StoreError
from apixo_mcp.generation import NextAction
from apixo_mcp.stores.database import Readable

OUT = "select * from moved where way = 'out'"


def refuse_moved(database: Readable, shown: str) -> None:
    """Stops before a store is opened that has left.

    Raises:
        StoreError: it is one.
    """
    for mark in database.execute(OUT, {}):
        day = time.strftime("%Y-%m-%d", time.gmtime(mark["at"]))
        if mark["other_id"]:
            raise StoreError(
                f"{shown} was moved to {mark['other']} on {day}, and its tasks go on there. Set APIXO_MCP_DATABASE_URL "
                "or APIXO_MCP_HOME as they are for that one.",
                next_action=NextAction.MOVE_BACK,
            )
        raise StoreError(
            f"{shown} was moved on {day}, and its tasks go on where the export is imported.",
            next_action=NextAction.TAKE_BACK,
        )
