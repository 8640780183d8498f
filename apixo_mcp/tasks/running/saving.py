"""Saves the files of a finished task."""

import time
from dataclasses import replace

import anyio

from apixo_mcp.gateways.gateway import Gateway
from apixo_mcp.tasks.keeping import ResultSaver, drop_saved, save_from
from apixo_mcp.tasks.ports.leases import LEASE_LASTS
from apixo_mcp.tasks.running.parts import StepParts
from apixo_mcp.tasks.task import Result, Task
from apixo_mcp.tasks.transitions import files


async def save_files(parts: StepParts, saver: ResultSaver, task: Task) -> Task | None:
    """Saves each file that is not saved yet. Returns the task as it is stored then."""
    gateway, changes = parts.accounts.gateway(task.key_print), parts.changes
    before, task = task, files.saving(task)  # who asks meanwhile waits for this try
    if task is not before:
        now = time.time()
        before = await changes.commit(before, replace(task, updated_at=now, lease_until=now + LEASE_LASTS)) or before
    results = list(task.results)
    lock, unsaved = anyio.Lock(), list(files.unsaved(task))

    async def save(result: Result) -> None:
        nonlocal before
        saved = await save_from(parts.store, saver, task, result)
        results[result.index] = _without_key(gateway, saved)
        unsaved.remove(result)
        if lock.statistics().tasks_waiting:
            return  # it stores this one too
        async with lock:
            if unsaved:  # those that are still coming may take long
                partly = replace(task, results=tuple(results), updated_at=time.time())
                before = await changes.commit(before, partly) or before

    async with anyio.create_task_group() as group:
        for result in tuple(unsaved):
            group.start_soon(save, result)
    after = await changes.commit(before, files.after_saving(task, results, parts.contexts.of(task)))
    if after:
        await drop_saved(parts.store, after)
    return after


def _without_key(gateway: Gateway, result: Result) -> Result:
    """Takes the key out of what the host of a file said of it: it may be the gateway's own."""
    is_clean = gateway.redact(result.mime_type) == result.mime_type
    mime_type = result.mime_type if is_clean else "application/octet-stream"
    return replace(result, problem=gateway.redact(result.problem), mime_type=mime_type)
