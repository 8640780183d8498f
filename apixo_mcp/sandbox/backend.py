"""The state behind the routes of both gateways: keys, limits, acceptance of tasks, and the log."""

from __future__ import annotations

import secrets
import time
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import anyio

from apixo_mcp.sandbox.facts import Model
from apixo_mcp.sandbox.faults import Faults
from apixo_mcp.sandbox.marks import Mark, Route
from apixo_mcp.sandbox.store import Store
from apixo_mcp.sandbox.tasks import RemoteTask, duration, fail_code, fingerprint, price

REQUESTS_PER_MINUTE = 10_000
CONCURRENT_TASKS = 1_000
DAY = 86_400.0


@dataclass(frozen=True)
class Settings:
    """The settings of one sandbox."""

    speed: float = 1.0
    expiry_seconds: float = DAY
    public_url: str = ""
    balance: float = 100.0


class Refused(Exception):
    """A request that the gateway refuses; each gateway words it in its own way."""

    def __init__(self, reason: str, problems: list[str] | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.problems = problems or []


class Backend:
    """The state that both gateways share."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self.store = store
        self.faults = Faults()
        self._on_accepted: list[Callable[[RemoteTask], None]] = []
        self.inputs: dict[str, bytes] = {}
        self.calls_made: defaultdict[str, anyio.Event] = defaultdict(anyio.Event)
        self._requests: defaultdict[str, deque[float]] = defaultdict(deque)

    @contextmanager
    def following(self, follow: Callable[[RemoteTask], None]) -> Generator[None]:
        """Has each task that is accepted told, as long as the context is open."""
        self._on_accepted.append(follow)
        try:
            yield
        finally:
            self._on_accepted.remove(follow)

    def now(self) -> float:
        """Returns the wall clock: tasks outlive the process."""
        return time.time()

    def reset(self) -> None:
        """Forgets tasks, log, scenario and counts."""
        self.store.clear()
        self.faults.clear()
        self.calls_made.clear()
        self.inputs.clear()
        self._requests.clear()

    def admit(self, authorization: str) -> str:
        """Returns the key of a request, or refuses it: a bad key, or too many requests in a minute."""
        scheme, _, key = authorization.partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not key.startswith("sk-") or key.startswith("sk-bad"):
            raise Refused("auth")
        recent = self._requests[key]
        moment = time.monotonic()
        while recent and recent[0] <= moment - 60:
            recent.popleft()
        if len(recent) >= REQUESTS_PER_MINUTE:
            raise Refused("rate")
        recent.append(moment)
        return key

    def accept(
        self,
        model: Model,
        key: str,
        given: Mapping[str, Any],
        body: Mapping[str, Any],
        base_url: str,
        remote_id: str,
        callback_url: str,
        scripted: tuple[Mark, ...],
    ) -> RemoteTask:
        """Takes a valid submit on: from here on it is paid.

        Raises:
            Refused: The key has too little money left, or too many running tasks.
        """
        owner, now = fingerprint(key), self.now()
        files = model.file_count(given)
        cost = price(model, files)
        if key.startswith("sk-poor") or self.balance(key) < cost:
            raise Refused("credits")
        if self.store.running(owner, now) >= CONCURRENT_TASKS:
            raise Refused("rate")
        draft = RemoteTask(
            remote_id=remote_id,
            gateway=model.gateway,
            model=model.id,
            kind=model.kind,
            key=owner,
            input=given,
            body=body,
            base_url=base_url,
            created=now,
            seconds=0.0,
            files=files,
            price=cost,
            extra_marks=tuple(mark.text for mark in scripted),
            callback_url=callback_url,
        )
        earlier = self.store.same(model.gateway, model.id, given)
        task = replace(
            draft,
            seconds=duration(model, given, draft.marks, self.settings.speed),
            fails=fail_code(draft.marks, earlier),
        )
        self.store.add(task)
        for follow in self._on_accepted:
            follow(task)
        return task

    def balance(self, key: str) -> float:
        """Returns what a key has left."""
        if key.startswith("sk-poor"):
            return 0.0
        return round(self.settings.balance - self.store.spent(fingerprint(key)), 4)

    def check_references(self, model: Model, given: Mapping[str, Any]) -> list[str]:
        """Returns what is wrong with fields that name an earlier task."""
        problems: list[str] = []
        for name, known in model.fields.items():
            value = given.get(name)
            if not known.task_of or not value:
                continue
            task = self.store.get(str(value))
            if task is None or task.gateway != model.gateway or known.task_of not in ("*", task.model):
                kind = "earlier" if known.task_of == "*" else f"earlier {known.task_of}"
                problems.append(f"input.{name} does not name an {kind} task")
            elif model.id == "midjourney" and given.get("mode") == "enhance" and task.input.get("speed") != "draft":
                problems.append(f"input.{name} must name a draft result when mode is enhance")
        return problems

    def note(self, route: Route | Literal["input"], status: int | str, outcome: str, **about: Any) -> None:
        """Writes an entry of the log."""
        entry = {"at": self.now(), "route": route, "status": status, "outcome": outcome, **about}
        self.store.note({"paid": False, **entry})


def new_id(length: int = 32) -> str:
    """Returns an unguessable id of hexadecimal digits."""
    return secrets.token_hex(length // 2)
