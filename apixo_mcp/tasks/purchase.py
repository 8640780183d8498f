"""Several tasks that are bought as one: all of them or none.

A call with several prompts asks for a task each, and is one purchase. Its tasks stand in the store from one transaction
on, which asks the owner's limits for their sum. Each carries

- the id of the purchase (that of its first task) and its place in it, from 0;
- the fingerprint of the whole purchase, so that only an equal one, with the same inputs in the same order, finds it;
- under an idempotency key the key and the place, the first of them the key itself: no other request can have it.

An equal purchase finds the earlier one whole: all its tasks, also those that failed meanwhile, and buys none anew.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

from apixo_mcp.tasks.task import Task, fingerprint

AT_PLACE = "\x1e"
"""Stands between an idempotency key and the place of a task behind the first: no caller's key holds it."""

_APART = 1e-6  # seconds between the creation of two tasks of a purchase, so that lists keep their order


def bought_together(tasks: Sequence[Task]) -> tuple[Task, ...]:
    """Returns the tasks as one purchase; a single one is its own."""
    if len(tasks) == 1:
        return tuple(tasks)
    first, whole = tasks[0], _whole([task.fingerprint for task in tasks])
    return tuple(
        replace(
            task,
            purchase=first.task_id,
            place=place,
            fingerprint=whole,
            idempotency_key=_key_at(task.idempotency_key, place),
            created_at=first.created_at + place * _APART,
        )
        for place, task in enumerate(tasks)
    )


def purchase_fingerprint(tasks: Sequence[Task]) -> str:
    """Returns the fingerprint of what would be sent, which is what somebody agrees to."""
    return _whole([fingerprint(task) for task in tasks])


def _whole(prints: Sequence[str]) -> str:
    return prints[0] if len(prints) == 1 else hashlib.sha256(json.dumps(prints).encode()).hexdigest()


def _key_at(key: str, place: int) -> str:
    return f"{key}{AT_PLACE}{place}" if key and place else key
