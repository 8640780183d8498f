"""The tasks that a person means on the command line: by their ids, as the last one, or by when they were made."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast, get_args

import click

from apixo_mcp.app import App
from apixo_mcp.cli.process.start import errors_told
from apixo_mcp.cli.requests.whose import Whose
from apixo_mcp.cli.terminal.printing import say
from apixo_mcp.errors import NotFound
from apixo_mcp.generation import Modality
from apixo_mcp.tasks.asking.last import means_last
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.tasks.search import moment_of
from apixo_mcp.tasks.task import State, Task
from apixo_mcp.views.faces import SHELL, error_text
from apixo_mcp.views.words import counted, in_zone

_MOST = 1000  # tasks of a time


@dataclass(frozen=True, slots=True)
class Wanted:
    """The tasks that are meant.

    Attributes:
        ids: of tasks, ours or a gateway's, or `last`.
        since: Unix seconds, where all are meant that were made since; None where they are named.
        modality: only these, of those that were made since.
        ended_well: whether of those that were made since only these are meant.
        whose: they are.
    """

    ids: tuple[str, ...]
    since: float | None
    modality: Modality | None
    ended_well: bool
    whose: Whose

    async def found(self, app: App) -> tuple[list[Task], list[str]]:
        """Finds them, and says which of several are not there.

        Raises:
            NotFound: the only one is not.
        """
        if self.since is not None:
            return await self._made_since(app, self.since), []
        if len(self.ids) == 1:
            return [await task_named(app, self.ids[0], self.whose)], []
        tasks: dict[str, Task] = {}
        problems: list[str] = []
        for any_id in dict.fromkeys(self.ids):
            try:
                task = await task_named(app, any_id, self.whose)
                tasks[task.task_id] = task
            except NotFound as error:
                problems.append(error_text(error, SHELL))
        return list(tasks.values()), problems

    async def _made_since(self, app: App, since: float) -> list[Task]:
        state = State.SUCCESS if self.ended_well else None
        query = TaskQuery(state=state, modality=self.modality, since=since, limit=_MOST)
        tasks = await self.whose.page(app, query)
        which = "that ended well and were made" if self.ended_well else "made"
        say(f"{counted(len(tasks), 'task')} {which} since {in_zone(since)}.", err=True)
        return [await task_named(app, task.task_id, self.whose) for task in reversed(tasks)]


def wanted_of(
    ids: Sequence[str],
    since: str,
    modality: Modality | None = None,
    *,
    ended_well: bool = False,
    whose: Whose,
) -> Wanted:
    """Reads which tasks are meant.

    Raises:
        click.UsageError: none are, or they are in two ways.
    """
    if bool(ids) == bool(since):
        raise click.UsageError("Give a TASK_ID, several, or --since." if not ids else "Give either TASK_ID or --since.")
    with errors_told():
        moment = moment_of(since, time.time()) if since else None
    return Wanted(tuple(ids), moment, modality, ended_well, whose)


def read_modality(text: str) -> Modality | None:
    """Reads a modality, None where none is given.

    Raises:
        click.BadParameter: there is no such one.
    """
    if text and text not in get_args(Modality):
        raise click.BadParameter(f"{text!r} is not one of {', '.join(get_args(Modality))}", param_hint="--modality")
    return cast(Modality, text) if text else None


async def task_named(app: App, any_id: str, whose: Whose, *, is_shown: bool = False) -> Task:
    """Finds a task by its id, or the last one, which is then named on standard error.

    Args:
        app: the program.
        any_id: ours, the gateway's or `last`.
        whose: it is.
        is_shown: whether it is only shown; else it is polled once more, and its files are saved again, where needed.

    Raises:
        NotFound: there is none.
    """
    if means_last(any_id):
        last = await whose.last(app)
        say(last.note(), err=True)
        any_id = last.task.task_id
    owner, task = await whose.find(app, any_id)
    return task if is_shown else await app.service.check(owner, task.task_id)


async def with_folder(app: App, given: Sequence[str], whose: Whose, *, is_alone: bool) -> tuple[tuple[str, ...], str]:
    """Tells ids from the folder that may stand behind them.

    Args:
        app: the program.
        given: on the command line.
        whose: the tasks are.
        is_alone: whether the folder may be the only one.
    """
    if not given or (len(given) == 1 and not is_alone):
        return tuple(given), ""
    last = given[-1]
    if last.startswith("tsk_") or means_last(last):
        return tuple(given), ""
    try:
        await whose.find(app, last)  # an id of the gateway looks like anything
    except NotFound:
        return tuple(given[:-1]), last
    return tuple(given), ""
