"""Several tasks in one answer: a short line and a short entry each, with what they share said once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from apixo_mcp.app import App
from apixo_mcp.foreign import clipped
from apixo_mcp.media.files import is_address
from apixo_mcp.tasks.task import FileState, State, Task
from apixo_mcp.views.faces import CHAT, Face, from_afar
from apixo_mcp.views.holdups import situation_of, waiting_for
from apixo_mcp.views.sentences import WAITS_ITSELF
from apixo_mcp.views.tasks import structure_of
from apixo_mcp.views.whereabouts import HERE, Whereabouts
from apixo_mcp.views.words import counted, given, shown_prompt

MOST_AT_ONCE = 50
"""Tasks that one answer is about, at most."""

_PROMPT = 60
_PROMPT_IN_LINE = 32
_ERROR = 110
_SOON, _LATE = 2, 60  # seconds after which another look is proposed


@dataclass(frozen=True, slots=True)
class Missing:
    """An id that was asked about among others, and why nothing is told of it."""

    task_id: str
    why: str = "there is no such task"


Entry = Task | Missing


def several_of(
    app: App,
    entries: Sequence[Entry],
    *,
    face: Face = CHAT,
    waits: float = 0.0,
    notes: Iterable[str] = (),
    at: Whereabouts = HERE,
) -> dict[str, Any]:
    """Returns the structure of an answer about several tasks of a running program.

    Args:
        app: the program.
        entries: the tasks as they are, and ids that none was found for.
        face: in whose words what to do next is said.
        waits: for how many seconds a call that only asks waits for this reader.
        notes: what is to be known besides, before the notes of the tasks.
        at: where its reader finds files.
    """
    waiting = [entry for entry in entries if isinstance(entry, Task) and not entry.is_settled]
    held_up = {task.task_id: waiting_for(task, app.contexts.of(task), situation_of(app, task)) for task in waiting}
    seconds = [float(structure_of(app, task).get("eta_seconds") or _LATE) for task in waiting]
    return several_structure(
        entries,
        eta_seconds=max(seconds, default=0.0),
        held_up=held_up,
        face=face if at.on_disk else from_afar(face),
        waits=waits,
        notes=notes,
        at=at,
    )


def several_structure(
    entries: Sequence[Entry],
    *,
    eta_seconds: float,
    held_up: Mapping[str, str] = MappingProxyType({}),
    face: Face = CHAT,
    waits: float = 0.0,
    notes: Iterable[str] = (),
    at: Whereabouts = HERE,
) -> dict[str, Any]:
    """Returns the structure of an answer about several tasks: each with what is its own, in a few fields.

    Args:
        entries: as of `several_of`.
        eta_seconds: until the last of them is likely to have ended.
        held_up: why a task is not sent or not asked about just now, by its id.
        face: as of `several_of`.
        waits: as of `several_of`.
        notes: as of `several_of`.
        at: as of `several_of`.
    """
    tasks = [entry for entry in entries if isinstance(entry, Task)]
    shared = _Shared(
        model=_same([task.model for task in tasks]),
        prompt=_same([task.prompt for task in tasks]),
        waiting_for=_same([held_up.get(task.task_id, "") for task in tasks if not task.is_settled]),
    )
    return given(
        {
            "model": shared.model,
            "prompt": shown_prompt(shared.prompt),
            "tasks": [_entry(entry, shared, held_up.get(entry.task_id, ""), at) for entry in entries],
            "waiting_for": shared.waiting_for,
            "cost": _cost(tasks),
            "notes": [*notes, *_notes(entries)] or None,
            "next_step": _next_step(tasks, eta_seconds, face, waits),
        }
    )


def several_lines(entries: Sequence[Entry]) -> str:
    """Tells of several tasks in a line each, with its number, under a line about all of them."""
    tasks = [entry for entry in entries if isinstance(entry, Task)]
    prompt = _same([task.prompt for task in tasks])
    return "\n".join((_summary(entries), *(_line(number, entry, prompt) for number, entry in enumerate(entries, 1))))


def earlier_note(tasks: Sequence[Task]) -> str:
    """Says that tasks are those of an earlier purchase, and that what failed of it was not made again."""
    note = "These are the tasks of an earlier equal call; nothing was bought anew."
    if any(task.state in (State.FAILED, State.CANCELLED) for task in tasks):
        note += " Nor were those that failed or were cancelled: to have them again, call with their prompts alone."
    return note


def are_settled(entries: Iterable[Entry]) -> bool:
    """Tells whether nothing is left to wait for."""
    return all(isinstance(entry, Missing) or entry.is_settled for entry in entries)


def progress_words(entries: Sequence[Entry]) -> str:
    """Tells how many of several tasks are done."""
    return f"{sum(are_settled([entry]) for entry in entries)} of {len(entries)} done"


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all of several tasks have, each empty where they differ."""

    model: str
    prompt: str
    waiting_for: str


def _same(values: Sequence[str]) -> str:
    """Returns what several all have; empty where they differ, or where there is only one."""
    return values[0] if len(values) > 1 and len(set(values)) == 1 else ""


def _entry(entry: Entry, shared: _Shared, waiting_for: str, at: Whereabouts) -> dict[str, Any]:
    if isinstance(entry, Missing):
        return {"task_id": clipped(entry.task_id, _PROMPT), "error": entry.why}
    paths = [path for result in entry.results if (path := at.path_of(result))]
    afar = [result for result in entry.results if not at.on_disk or is_address(result.path)]
    links = [link.url for result in afar if (link := at.link_to(entry, result))]
    return given(
        {
            "task_id": entry.task_id,
            "state": str(entry.state),
            "model": None if shared.model else entry.model,
            "prompt": None if shared.prompt else shown_prompt(entry.prompt, _PROMPT),
            "paths": paths or None,
            "links": links or None,
            # The file is what is wanted; where it is not kept its address is all there is.
            "url": next((result.shown_url for result in entry.results if not result.path and result.shown_url), None),
            "error": _error_words(entry),
            "waiting_for": None if shared.waiting_for else waiting_for,
        }
    )


def _error_words(task: Task) -> str:
    """Tells in a few words why a task failed, or is not known to run, and whether it was charged."""
    if task.state not in (State.FAILED, State.UNKNOWN):
        lost = next((result for result in task.results if result.file in (FileState.FAILED, FileState.EXPIRED)), None)
        return f"not saved: {clipped(lost.problem, _ERROR)}" if lost else ""
    if task.failure is None:
        return ""
    charged = {"no": "not charged", "yes": "charged", "unknown": "may have been charged"}[task.failure.charged]
    return f"{clipped(f'{task.failure.code}: {task.failure.message}', _ERROR).rstrip('.')} ({charged})"


def _line(number: int, entry: Entry, shared_prompt: str) -> str:
    if isinstance(entry, Missing):
        return f"{number}. {clipped(entry.task_id, _PROMPT_IN_LINE)}: {entry.why}"
    what = f"{shown_prompt(entry.prompt, _PROMPT_IN_LINE)}: " if entry.prompt and not shared_prompt else ""
    return f"{number}. {what}{_state_words(entry)}"


def _state_words(task: Task) -> str:
    match task.state:
        case State.SUCCESS if not task.is_settled:
            return "done, being saved"
        case State.SUCCESS:
            lost = sum(result.file in (FileState.FAILED, FileState.EXPIRED) for result in task.results)
            several = f", {len(task.results)} results" if len(task.results) > 1 else ""
            return f"done{several}" + (f", {lost} not saved" if lost else "")
        case State.FAILED:
            return "failed"
        case State.CANCELLED:
            return "cancelled, nothing charged"
        case State.UNKNOWN:
            return "not known whether it runs; do not send it again"
        case State.SUBMITTING:
            return "waiting to be sent" if task.is_unsent else "being sent"
        case _:
            return "running"


def _summary(entries: Sequence[Entry]) -> str:
    tasks = [entry for entry in entries if isinstance(entry, Task)]
    counts = {
        "done": sum(task.state is State.SUCCESS and task.is_settled for task in tasks),
        "running": sum(not task.is_settled for task in tasks),
        "failed": sum(task.state is State.FAILED for task in tasks),
        "cancelled": sum(task.state is State.CANCELLED for task in tasks),
        "unknown": sum(task.state is State.UNKNOWN and task.is_settled for task in tasks),
        "not found": len(entries) - len(tasks),
    }
    parts = [f"{count} {word}" for word, count in counts.items() if count]
    return f"{counted(len(entries), 'task')}: {', '.join(parts)}." if parts else "No tasks."


def _cost(tasks: Sequence[Task]) -> dict[str, Any] | None:
    """Adds up what the paid requests of all cost; None where nothing did."""
    paid = [task for task in tasks if task.posts]
    if not paid:
        return None
    without_price = sum(task.estimate_usd is None for task in paid)
    if without_price == len(paid):
        return {"basis": "unknown"}
    amount = round(sum((task.estimate_usd or 0.0) * task.posts for task in paid), 4)
    return {"amount": amount, "currency": "USD", "basis": "estimated"} | (
        {"without_price": without_price} if without_price else {}
    )


def _notes(entries: Sequence[Entry]) -> list[str]:
    """Returns the notes of several tasks, each once, with the numbers of those that have it where not all do."""
    holders: dict[str, list[int]] = {}
    for number, entry in enumerate(entries, 1):
        if isinstance(entry, Task):
            for note in dict.fromkeys(entry.notes):
                holders.setdefault(note, []).append(number)
    count = sum(isinstance(entry, Task) for entry in entries)
    return [
        note if len(numbers) == count else f"{', '.join(map(str, numbers))}: {note}"
        for note, numbers in holders.items()
    ]


def _next_step(tasks: Sequence[Task], eta_seconds: float, face: Face, waits: float) -> str:
    if not are_settled(tasks):
        if waits >= WAITS_ITSELF:
            again = face.say("{check_several_now}", waits=f"{waits:.0f}")
        else:
            again = face.say("{check_several}", seconds=min(_LATE, max(_SOON, int(eta_seconds))))
        return f"{again} Do not generate them again: each would be charged anew."
    steps: list[str] = []
    if any(task.state is State.FAILED for task in tasks):
        steps.append(f"{face.say('{check}')} says of one that failed what to change.")
    if any(task.state is State.UNKNOWN for task in tasks):
        steps.append(f"{face.say('{check}')} says how one is settled that is not known to run; do not send it again.")
    if any(result.file is FileState.FAILED for task in tasks for result in task.results):
        steps.append(f"{face.say('{fetch}')} tries again to save what is not saved.")
    if any(result.path for task in tasks for result in task.results):
        steps.append(face.say("{show}"))
    return " ".join(steps) or face.say("{see_tasks} shows all of yours.")
