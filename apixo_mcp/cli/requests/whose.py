"""Whose tasks a command is about: this machine's own, one owner's, or all of them."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from apixo_mcp.app import App
from apixo_mcp.errors import NotFound
from apixo_mcp.tasks.asking.last import LastTask
from apixo_mcp.tasks.asking.repeats import Origin
from apixo_mcp.tasks.owner import LOCAL, Owner, known_by_name
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.tasks.task import Task


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose tasks are meant. Whoever has a shell where the task store is may look after all of them.

    Attributes:
        name: of an owner; empty: this machine's own.
        is_all: whether all owners are meant.
    """

    name: str = ""
    is_all: bool = False

    async def owners(self, app: App) -> Sequence[Owner]:
        """Returns the owners that are meant, those that were revoked too.

        Raises:
            NotFound: there is none of that name.
        """
        if not self.is_all and self.name in ("", LOCAL.name):
            return (LOCAL,)
        known = {one.owner.name: one.owner for one in await app.owners.all()}
        # Whom an identity provider alone knows has tasks here, and no terms.
        known |= {name: known_by_name(name) for name in await app.store.owner_names() if name not in known}
        known.pop(LOCAL.name, None)
        if self.is_all:
            return (LOCAL, *(known[name] for name in sorted(known)))
        if self.name not in known:
            raise NotFound(f"There is no owner {self.name!r}. `apixo-mcp owners list` shows all of them.")
        return (known[self.name],)

    async def others(self, app: App) -> str:
        """Tells, as a further sentence, where other owners have tasks that are not meant; empty where none has."""
        mine = self.name or LOCAL.name
        if self.is_all or not any(name != mine for name in await app.store.owner_names()):
            return ""
        whose = "this machine's own" if mine == LOCAL.name else f"those of {mine}"
        return f" That is {whose}; --all lists those of the owners too."

    async def find(self, app: App, any_id: str) -> tuple[Owner, Task]:
        """Finds a task by its id, ours or the gateway's, and its owner.

        Raises:
            NotFound: none of those that are meant has it.
        """
        owners = await self.owners(app)
        for owner in owners[:-1]:
            try:
                return owner, await _found(app, owner, any_id)
            except NotFound:
                continue
        return owners[-1], await _found(app, owners[-1], any_id)

    async def last(self, app: App) -> LastTask:
        """Finds the newest task.

        Raises:
            NotFound: there is none.
        """
        found: list[LastTask] = []
        for owner in await self.owners(app):
            try:
                found.append(await app.service.last(owner, ""))
            except NotFound:
                continue
        if not found:
            raise NotFound("There is no task yet.")
        return max(found, key=lambda last: last.task.created_at)

    async def page(self, app: App, query: TaskQuery) -> list[Task]:
        """Lists tasks, newest first; as `Service.page` does for one owner."""
        owners = await self.owners(app)
        tasks = [task for owner in owners for task in await app.service.page(owner, query)]
        shown = sorted(tasks, key=lambda task: (task.created_at, task.task_id), reverse=True)[: query.limit]
        await heard_of(app, shown)
        return shown


async def heard_of(app: App, tasks: Iterable[Task]) -> None:
    """Notes that whoever uses this machine's shell has heard of tasks of their own; those of others have not."""
    now = time.monotonic()
    hearer = Origin(at=now, since=now).hearer
    if mention := app.delivery.mention([task for task in tasks if LOCAL.owns(task)], hearer):
        await mention.given()


async def _found(app: App, owner: Owner, any_id: str) -> Task:
    task = await app.service.find(owner, any_id)
    await heard_of(app, [task])
    return task


owner_option = click.option(
    "--owner", default="", metavar="NAME", help="Of this owner, in place of this machine's own."
)


def of_owner(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say whose tasks a command is about; it takes them as `whose`."""

    @wraps(command)
    def with_whose(*args: Any, owner: str, every: bool, **given: Any) -> Any:
        if owner and every:
            raise click.UsageError("Give either --owner NAME or --all.")
        return command(*args, whose=Whose(owner.strip(), every), **given)

    return owner_option(click.option("--all", "every", is_flag=True, help="Of every owner.")(with_whose))
