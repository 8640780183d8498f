"""Which earlier results of its owner a task was made from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.task import Task

_MOST = 8
"""Each takes a look through all tasks of its owner."""


@dataclass(frozen=True, slots=True)
class Source:
    """An earlier result.

    Attributes:
        task: that it is of.
        index: of it.
    """

    task: Task
    index: int


async def sources_of(store: Store, owner: Owner, task: Task) -> list[Source]:
    """Returns the earlier results whose addresses are among the inputs of a task, as far as they are still known."""
    sources: list[Source] = []
    for url in list(dict.fromkeys(_urls(task.inputs)))[:_MOST]:
        earlier = await store.made_at(owner, url)
        found = next((one.index for one in earlier.results if one.url == url), None) if earlier else None
        if earlier is not None and found is not None and earlier.task_id != task.task_id:
            sources.append(Source(earlier, found))
    return sources


def _urls(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith(("https://", "http://")):
            yield value
    elif isinstance(value, Mapping):
        for inner in cast("Mapping[str, Any]", value).values():
            yield from _urls(inner)
    elif isinstance(value, list | tuple):
        for inner in cast("list[Any]", value):
            yield from _urls(inner)
