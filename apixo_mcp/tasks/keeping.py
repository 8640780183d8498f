"""What is kept beside a task's row: the answer that nothing could be read in, and files that came inside an answer.

A file of a gateway's answer (a `data:` URL, up to 5 MB) must not stand in the row, which is read and written whole at
each step, nor in what is shown. It is put aside before the row is written, its result's URL becomes `IN_ANSWER`, and it
is let go of once it is saved: its URL cannot be asked for again, so nothing else of it is left then.
"""

import logging
from dataclasses import replace
from typing import Protocol

from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.task import IN_ANSWER, FileState, Result, Task

log = logging.getLogger(__name__)

ANSWER = "answer"


class ResultSaver(Protocol):
    """Whoever saves the file of a result."""

    async def save(self, task: Task, result: Result) -> Result:
        """Returns the result as it is afterwards; never raises for what the wire or the disk does."""
        ...


async def keep_answer(store: Store, task: Task, raw: str) -> None:
    """Keeps an answer to be read anew; that it cannot be kept keeps no task from ending."""
    try:
        await store.keep(task.task_id, ANSWER, raw)
    except Exception:
        log.exception("the answer about task %s is not kept", task.task_id)


async def put_aside(store: Store, task: Task) -> Task:
    """Returns the task without the files that stand in its results' URLs, which are kept beside it."""
    results = list(task.results)
    for result in task.results:
        if result.url != IN_ANSWER and not result.shown_url and result.url:
            await store.keep(task.task_id, _name(result), result.url)
            results[result.index] = replace(result, url=IN_ANSWER, expires_at=None)
    return task if all(one is old for one, old in zip(results, task.results, strict=True)) else _with(task, results)


async def save_from(store: Store, saver: ResultSaver, task: Task, result: Result) -> Result:
    """Has the file of a result saved, from its URL or from what is kept."""
    if result.url != IN_ANSWER:
        return await saver.save(task, result)
    url = await store.kept(task.task_id, _name(result))
    if url is None:
        problem = "The file came inside the gateway's answer and was saved; it is no longer kept here."
        return replace(result, file=FileState.EXPIRED, problem=problem)
    return replace(await saver.save(task, replace(result, url=url)), url=IN_ANSWER)


async def drop_saved(store: Store, task: Task) -> None:
    """Lets go of the files that are saved."""
    for result in task.results:
        if result.url == IN_ANSWER and result.file is FileState.SAVED:
            await store.let_go_of(task.task_id, _name(result))


def _name(result: Result) -> str:
    return f"file {result.index}"


def _with(task: Task, results: list[Result]) -> Task:
    return replace(task, results=tuple(results))
