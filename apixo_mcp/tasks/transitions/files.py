"""The results of a task, and their files that are saved."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from apixo_mcp.generation import Produced
from apixo_mcp.tasks.task import FileState, Result, State, Task
from apixo_mcp.tasks.transitions.context import DecisionContext
from apixo_mcp.tasks.transitions.delays import released

HURRIED, HURRIED_EVERY = 3, 30.0  # so many tries come as soon as they are asked for; then one in so many seconds


def succeeded(task: Task, produced: Sequence[Produced], completed_at: float | None, context: DecisionContext) -> Task:
    """Returns the task that ended well, with what the gateway made."""
    # What the submit answer already named (a voice id) stays; the final answer may repeat it.
    repeated = {entry.asset_id for entry in produced}
    known = [Produced(asset_id=old.asset_id, label=old.label) for old in task.results if old.asset_id not in repeated]
    results = results_of(task, (*produced, *known), context)
    is_open = any(result.file is FileState.SAVING for result in results)
    return replace(
        task,
        state=State.SUCCESS,
        results=results,
        failure=None,
        completed_at=context.ended_at(completed_at),
        due=context.now if is_open else None,
        tries=0,
    )


def results_of(task: Task, produced: Sequence[Produced], context: DecisionContext) -> tuple[Result, ...]:
    """Returns what the gateway made as results whose files are still to be saved."""
    expires = context.now + context.result_seconds if context.result_seconds is not None else None
    return tuple(
        Result(
            index=index,
            url=entry.url,
            kind=entry.kind or task.modality,
            asset_id=entry.asset_id,
            label=entry.label,
            file=FileState.SAVING if entry.url else None,
            expires_at=expires if entry.url else None,
        )
        for index, entry in enumerate(produced)
    )


def after_saving(task: Task, results: Sequence[Result], context: DecisionContext) -> Task:
    """Returns the task once each unsaved file was tried: those that failed are tried again while their URL may live."""
    counted = tuple(_tried(old, new, context) for old, new in zip(task.results, results, strict=True))
    last = len(context.save_again_after)
    waits = [
        context.save_again_after[min(result.tries, last) - 1]
        for result in counted
        if result.file is FileState.FAILED
        # The date may be a guess: that it has passed ends nothing, and that it has not is a reason to go on.
        and (result.tries <= last or (result.expires_at is not None and result.expires_at > context.now))
    ]
    due = context.now + min(waits) if waits else None
    return replace(released(task, context.now), results=counted, due=due, failure=None, tries=0)


def _tried(old: Result, new: Result, context: DecisionContext) -> Result:
    """Returns a result after a try to save it. Files that a server says are gone have been known to come back."""
    if new.file not in (FileState.FAILED, FileState.EXPIRED):
        return new
    tries = old.tries + 1
    is_over = new.expires_at is not None and new.expires_at <= context.now
    if new.file is FileState.EXPIRED and not is_over and tries <= len(context.save_again_after):
        return replace(new, file=FileState.FAILED, tries=tries, problem=f"{new.problem} It is tried again by itself.")
    if new.file is FileState.EXPIRED:
        return replace(new, tries=tries, problem=f"{new.problem} Generate it again if you need it.")
    return replace(new, tries=tries)


def save_again(task: Task, missing: Collection[int], context: DecisionContext) -> Task:
    """Has the files of a finished task fetched that could not be saved, or are missing where they were."""
    has_rested = task.due is None or context.now - task.updated_at >= HURRIED_EVERY

    def again(result: Result) -> Result:
        is_failed = result.file is FileState.FAILED and (result.tries <= HURRIED or has_rested)
        if not result.url or not (result.index in missing or is_failed or result.file is FileState.EXPIRED):
            return result
        return replace(result, file=FileState.SAVING, tries=result.tries if is_failed else 0, path="", problem="")

    results = tuple(again(result) for result in task.results)
    return replace(task, results=results, due=context.now) if results != task.results else task


def saving(task: Task) -> Task:
    """Notes that the files of a finished task that could not be saved are being tried again."""
    wanted = unsaved(task)
    if all(result.file is FileState.SAVING for result in wanted):
        return task
    results = (replace(result, file=FileState.SAVING) if result in wanted else result for result in task.results)
    return replace(task, results=tuple(results))


def unsaved(task: Task) -> tuple[Result, ...]:
    """Returns the results whose file is still to be fetched."""
    wanted = (FileState.SAVING, FileState.FAILED)
    return tuple(result for result in task.results if result.url and result.file in wanted)
