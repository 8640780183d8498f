"""What became of a task, and what becomes of one that is waited for no longer: told, with the command that goes on."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from apixo_mcp.app import App
from apixo_mcp.cli.requests.folders import in_command
from apixo_mcp.cli.terminal.printing import say
from apixo_mcp.cli.waiting.reasons import no_worker
from apixo_mcp.errors import MediaError
from apixo_mcp.generation import Charged
from apixo_mcp.media.files import is_address
from apixo_mcp.tasks.task import FOLLOWED, FileState, State, Task
from apixo_mcp.views.copies import copied
from apixo_mcp.views.faces import SHELL, advice_of
from apixo_mcp.views.sentences import sentence, to_fetch_again

_CHARGED: Mapping[Charged, str] = MappingProxyType(
    {"no": "Nothing was charged.", "yes": "It was charged.", "unknown": "It may have been charged."}
)


def lost_if_ended(tasks: Sequence[Task]) -> str:
    """Says what an end at once leaves uncertain, and how each task is settled then."""
    lines = [
        f"Task {task.task_id} may have reached {task.gateway}, and may have been charged. What became of it: "
        f"apixo-mcp tasks wait {task.task_id}\nWhere its answer was lost:\n{_to_settle(task)}"
        for task in tasks
        if task.state is State.SUBMITTING
    ]
    lines += [
        f"Task {task.task_id} was sent and is paid for: {_to_wait(task)}" for task in tasks if task.state in FOLLOWED
    ]
    return "\n".join(("Ended at once.", *lines))


def say_what_stays(app: App, task: Task, *, which: str = "", then: str = "", err: bool = False) -> None:
    """Says what becomes of a task, and of its money, that is waited for no longer.

    Args:
        which: names it where there are several, at the beginning of a sentence.
        then: the command that goes on with it; by default the one that waits.
        err: whether that command goes to standard error too.
    """
    match task.state:
        case State.CANCELLED:
            say(f"{which}Stopped before it was sent: nothing was charged.", err=True)
        case State.SUBMITTING | State.PENDING | State.PROCESSING:
            is_left = app.settings.linger or bool(app.settings.database_url)
            whose = "a worker" if is_left else "the next server, or apixo-mcp worker,"
            is_unsent = task.state is State.SUBMITTING
            kept = f"{which}The task is kept{', not sent yet' if is_unsent else '. It was sent and is paid for'}"
            if app.engine.workers() == 0:
                say(f"{kept}; it waits for a worker. {no_worker()}", err=True)
                say("To wait for the task then:", err=True)
            else:
                then_it = "goes on with it" if is_unsent else "follows it and saves its files"
                say(f"{kept}; {whose} {then_it}. To wait for it:", err=True)
            say(then or f"apixo-mcp tasks wait {task.task_id}", err=err)
        case _:
            is_saving = task.state is State.SUCCESS and not task.is_settled
            kept = "The task is kept. It is done and paid for; its files are still being saved. To wait for them:"
            say(f"{which}{kept if is_saving else sentence(task)}", err=True)
            if is_saving or task.state is State.UNKNOWN:
                say(_to_settle(task) if task.state is State.UNKNOWN else then or _to_wait(task), err=err)


def _to_wait(task: Task) -> str:
    return f"apixo-mcp tasks wait {task.task_id}"


def _to_settle(task: Task) -> str:
    resolve = f"apixo-mcp tasks resolve {task.task_id}"
    return f"{resolve} --remote-id ID  # if the dashboard has it\n{resolve} --never-ran  # if it does not"


async def placed(app: App, tasks: Sequence[Task], folder: Path | None) -> tuple[list[Task], list[str]]:
    """Copies the saved files of tasks into a folder, which need not be an allowed one: a person names it.

    Returns:
        The tasks, each with its files there, or where they are saved if they could not be copied; and what was wrong
        then, with the command that copies them.
    """
    there, problems = list(tasks), list[str]()
    for index, task in enumerate(tasks):
        if folder is not None and task.state is State.SUCCESS:
            try:
                there[index] = await copied(app, task, folder)
            except MediaError as error:
                problems.append(f"{error} To copy the files then: {to_download(task, str(folder))}")
    return there, problems


def to_download(task: Task, folder: str) -> str:
    """Returns the command that copies the files of a task into a folder."""
    return f"apixo-mcp tasks download {task.task_id} {in_command(folder)}"


def is_well(task: Task) -> bool:
    """Tells whether a task has not failed, and no file of it could not be saved."""
    lost = [result for result in task.results if result.file in (FileState.FAILED, FileState.EXPIRED)]
    return task.state in (State.SUCCESS, State.SUBMITTING, *FOLLOWED) and not lost


def tell(task: Task) -> None:
    """Prints what became of a task: the paths of its files on standard output, all else on standard error."""
    if task.state is State.SUCCESS:
        for result in task.results:
            say(result.path or result.shown_url or result.asset_id)
            if is_address(result.path):
                say(f"  It is in a bucket. To copy it: {to_download(task, 'FOLDER')}", err=True)
            if result.problem:
                say(f"  {result.problem}", err=True)
        if any(result.file is FileState.FAILED for result in task.results):
            by_hand = SHELL.say("{fetch}", task.task_id)
            is_tried = task.due is not None
            again = f"A worker or a server tries it again; {by_hand} does so at once" if is_tried else ""
            say(f"{again or to_fetch_again(task, SHELL)}.", err=True)
        return
    say(sentence(task), err=True)
    if task.state in (State.SUBMITTING, State.PENDING, State.PROCESSING):
        say(_to_wait(task))
        return
    if task.failure:
        say(advice_of(task.failure, SHELL, task.task_id), err=True)
        if task.state is State.FAILED:
            say(_CHARGED[task.failure.charged], err=True)
    if task.state is State.UNKNOWN:
        say(_to_settle(task))


def report(task: Task, problems: Sequence[str] = ()) -> None:
    """Prints what became of a task; ends with 1 where it failed, or a file of it could not be saved or copied."""
    tell(task)
    end_well([task], problems)


def report_all(tasks: Sequence[Task], problems: Sequence[str] = ()) -> None:
    """Prints what became of tasks, one after the other; ends with 1 as `report` does."""
    for task in tasks:
        tell(task)
    end_well(tasks, problems)


def end_well(tasks: Sequence[Task], problems: Sequence[str] = ()) -> None:
    """Tells problems that came after all was made; ends with 1 where there are any, or a task is not well."""
    for problem in problems:
        say(f"apixo-mcp: {problem}", err=True)
    if problems or not all(map(is_well, tasks)):
        raise SystemExit(1)
