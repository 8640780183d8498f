"""Notes what became of the answers to calls, and who has heard of a task."""

from collections.abc import Sequence

from apixo_mcp.stores import statements
from apixo_mcp.stores.database import Database
from apixo_mcp.tasks.hearing import Hearer, heard_after, hearer_of
from apixo_mcp.tasks.task import Delivered

_TRIES = 10
"""Times that it is noted who hears of a task, where others are noted at the same moments: each of them is kept."""


def mark_answer(database: Database, task_ids: Sequence[str], call: str, answer: Delivered, then: str) -> None:
    """See `Store.mark_answer`."""
    with database.transaction():
        for task_id in task_ids:
            database.execute(statements.ANSWERED, {"answer": answer, "task_id": task_id, "call": call, "then": then})
        if answer == "given":
            _mark_heard(database, task_ids, hearer_of(call))


def mark_heard(database: Database, task_ids: Sequence[str], hearer: Hearer) -> None:
    """See `Store.mark_heard`."""
    with database.transaction():
        _mark_heard(database, task_ids, hearer)


def _mark_heard(database: Database, task_ids: Sequence[str], hearer: Hearer) -> None:
    for task_id in task_ids:
        for _ in range(_TRIES):
            if not (rows := database.execute(statements.HEARD_BY, {"task_id": task_id})):
                break
            before = rows[0]["heard_by"]
            after = heard_after(before, rows[0]["asked_by"], hearer)
            named = {"task_id": task_id, "heard_by": after, "before": before}
            if after == before or database.execute(statements.HEAR, named):
                break  # or somebody else was noted meanwhile, and is kept
