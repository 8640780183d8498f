"""What a decision depends on besides the task."""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

from apixo_mcp.catalog.model import BY_MODALITY, Model
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.generation import Modality
from apixo_mcp.tasks import schedule
from apixo_mcp.tasks.durations import duration_seen, variant_of
from apixo_mcp.tasks.learning.lesson import Lesson
from apixo_mcp.tasks.learning.memory import Memory
from apixo_mcp.tasks.schedule import NET, PollSchedule
from apixo_mcp.tasks.task import FOLLOWED, Task

SAVE_AGAIN_AFTER = (5.0, 30.0, 120.0, 600.0, 3600.0)


@dataclass(frozen=True, slots=True)
class DecisionContext:
    """What a decision depends on besides the task.

    Attributes:
        now: Unix seconds.
        chance: 0 to 1, spreads the waits.
        poll_schedule: of the task's model; learned, where that is better than the documents'.
        auto_retry: further attempts after a transient failure (setting `APIXO_MCP_AUTO_RETRY`).
        result_seconds: how long the model's result URLs live, None where unknown.
        save_again_after: seconds between tries to save a result's file.
        net: the schedule in the place of the model's, where its end is called back.
        lesson: what earlier tasks like it have taught; None: nothing.
    """

    now: float
    chance: float
    poll_schedule: PollSchedule
    auto_retry: int = 2
    result_seconds: float | None = None
    save_again_after: tuple[float, ...] = SAVE_AGAIN_AFTER
    net: PollSchedule | None = None
    lesson: Lesson | None = None

    @property
    def following(self) -> PollSchedule:
        """The schedule of a task of which there is no news."""
        return self.net or self.poll_schedule

    def running_for(self, task: Task) -> float:
        """Returns the seconds since the gateway took the task."""
        return self.now - (task.accepted_at or self.now)

    def ended_at(self, told: float | None) -> float:
        """Returns when a task ended that was just found ended: as its gateway tells it, and never after that."""
        return min(told or self.now, self.now)

    def under_way_for(self, task: Task) -> float:
        """Returns the seconds since its first attempt left: an estimate does not begin anew with a further one."""
        began = task.attempts[0].sent_at if task.attempts else task.accepted_at or self.now
        return max(0.0, self.now - began)

    def is_overdue(self, task: Task) -> bool:
        """Tells whether the gateway takes longer than the model's maximum wait."""
        return task.state in FOLLOWED and schedule.is_late(self.poll_schedule, self.running_for(task))


@dataclass(frozen=True, slots=True)
class Contexts:
    """The clock, the chance and the settings that decisions depend on, read where a decision is made.

    Attributes:
        catalog: has each model's schedule.
        poll_scale: times each wait (setting `APIXO_MCP_POLL_SCALE`).
        auto_retry: further attempts after a transient failure (setting `APIXO_MCP_AUTO_RETRY`).
        save_again_after: seconds between tries to save a result's file.
        memory: what durations have taught; None: tasks are polled as documented.
    """

    catalog: Catalog
    poll_scale: float = 1.0
    auto_retry: int = 2
    save_again_after: tuple[float, ...] = SAVE_AGAIN_AFTER
    memory: Memory | None = None

    def documented(self, model: str, modality: Modality) -> PollSchedule:
        """Returns the documents' schedule of a model, scaled; that of its modality where the catalog has it no more."""
        entry = self.catalog.get(model)
        plan = entry.schedule if entry else BY_MODALITY[modality]
        return PollSchedule(plan.first_wait, plan.interval, plan.maximum).scaled(self.poll_scale)

    async def learn(self, task: Task) -> None:
        """Sees, now and then, what has been learned about tasks like this one."""
        if self.memory is not None:
            document = self.documented(task.model, task.modality)
            await self.memory.refresh(task.model, variant_of(task.inputs), document, self.poll_scale)

    async def lessons(self, model: Model) -> Mapping[str, Lesson]:
        """Returns what the tasks of a model have taught by now, by variant."""
        if self.memory is None:
            return {}
        return await self.memory.lessons(model.id, self.documented(model.id, model.modality))

    async def note(self, before: Task, now: float, took: float | None) -> None:
        """Notes how long a task took that a poll has found ended (see `duration_seen`)."""
        if self.memory is not None and (duration := duration_seen(before, now, took)):
            await self.memory.note(before.model, variant_of(before.inputs), duration)

    def of(self, task: Task, *, is_called: bool = False) -> DecisionContext:
        """Returns what a decision about this task depends on, right now.

        Args:
            is_called: whether callbacks arrive from its gateway, and one about it is to come.
        """
        model = self.catalog.get(task.model)
        plan = model.schedule if model else BY_MODALITY[task.modality]
        usual = PollSchedule(plan.first_wait, plan.interval, plan.maximum)
        # Where no usual time is documented, the guide's first wait for such models stands for it.
        within = (
            model.usual_seconds[1] if model and model.usual_seconds else BY_MODALITY[task.modality].first_wait * NET
        )
        net = usual.net(within).scaled(self.poll_scale) if is_called else None
        lesson = self.memory.lesson(task.model, variant_of(task.inputs)) if self.memory else None
        seconds = model.result_hours * 3600 if model and model.result_hours is not None else None
        return DecisionContext(
            time.time(),
            random.random(),
            lesson.poll_schedule if lesson else usual.scaled(self.poll_scale),
            self.auto_retry,
            seconds,
            self.save_again_after,
            net,
            lesson,
        )
