"""The offer to answer a call with the handle of its task in place of a result."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from apixo_mcp.tasks.task import Task


@dataclass(slots=True)
class Offer:
    """An offer to follow a task for the caller, so that its call need not wait; `task` is set once it is taken."""

    task: Task | None = None


# A context variable, because the offer is made around the tool call and taken deep inside it, with the SDK between.
_offer: ContextVar[Offer | None] = ContextVar("handle_offer", default=None)


@contextmanager
def offered() -> Generator[Offer]:
    """Lets the calls inside take the offer."""
    offer = Offer()
    token = _offer.set(offer)
    try:
        yield offer
    finally:
        _offer.reset(token)


def is_taken() -> bool:
    """Tells whether the call that runs has become a handle."""
    offer = _offer.get()
    return offer is not None and offer.task is not None


def taken(task: Task) -> bool:
    """Takes the offer for a task that has not come to rest, if there is one; then its call need not wait."""
    offer = _offer.get()
    if offer is None or task.is_settled:
        return False
    offer.task = task
    return True
