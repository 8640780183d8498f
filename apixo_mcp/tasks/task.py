"""The values of a task's life, and the moves between its states."""

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal, cast

from apixo_mcp.generation import Failure, Modality

_TASK_ID = re.compile(r"tsk_[a-z2-7]{26}")

INTERNAL_KEY = "yes\x1f"
"""Begins the idempotency keys of our own: one stands for a yes to one quote, however often that yes arrives."""

IN_ANSWER = "data:,in-the-answer"
"""Stands for the URL of a result whose file came inside the gateway's answer: the store keeps it until it is saved."""

TUNNELLED = "https://tunnel.invalid/"
"""Begins the URLs, in a task's inputs, of files that are fetched through a tunnel.

The tunnel's own address is put in when the task is sent: it is another one each time, and an equal request must be
known by its inputs. The domain is one that never leads anywhere (RFC 2606).
"""

BUCKETED = "https://bucket.invalid/"
"""The same of files that are fetched from a bucket: a signed address is put in when it is sent, and kept nowhere."""

POLLS_TO_CONFIRM = 2
"""Looks at the id of a broken answer that a waiter waits for."""

HEARD_BY_ALL = "*"
"""Stands for everybody in `Task.heard_by`: for tasks of which it was not kept who has heard of them."""

Delivered = Literal["awaited", "given", "lost"]


class State(StrEnum):
    """Where a task stands."""

    SUBMITTING = "submitting"
    """Stored; its POST has not left yet, or is not answered."""
    UNKNOWN = "unknown"
    """Sent; whether the gateway took it is not known."""
    PENDING = "pending"
    """Taken by the gateway, which has not begun."""
    PROCESSING = "processing"
    """Being made."""
    SUCCESS = "success"
    """Made; the gateway told its results."""
    FAILED = "failed"
    """Refused, or broken off by the gateway."""
    CANCELLED = "cancelled"
    """Ended before it was sent."""


TERMINAL = frozenset({State.SUCCESS, State.FAILED, State.CANCELLED})
FOLLOWED = frozenset({State.PENDING, State.PROCESSING})

MOVES: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.SUBMITTING: frozenset({State.PENDING, State.FAILED, State.UNKNOWN, State.CANCELLED, State.SUCCESS}),
        State.UNKNOWN: frozenset({State.PENDING, State.FAILED, State.SUCCESS}),
        # Back to submitting: a further attempt after a failure that the gateway itself says to retry.
        State.PENDING: frozenset({State.PROCESSING, State.SUCCESS, State.FAILED, State.SUBMITTING}),
        State.PROCESSING: frozenset({State.SUCCESS, State.FAILED, State.SUBMITTING}),
        State.SUCCESS: frozenset(),
        # But for one that failed with EMPTY_RESULT, when a person has its answer read anew: `Store.reread` alone.
        State.FAILED: frozenset(),
        State.CANCELLED: frozenset(),
    }
)
"""Every allowed move. Submitting and unknown go straight to success where the submit answer holds the result."""


class FileState(StrEnum):
    """What became of a result's file."""

    SAVING = "saving"
    """To be fetched, or under way."""
    SAVED = "saved"
    """On the disk."""
    FAILED = "failed"
    """Not fetched; it is tried again while its URL lives."""
    EXPIRED = "expired"
    """Gone from the gateway before it was fetched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One result of a task, and what became of its file.

    Attributes:
        index: counts from 0.
        file: None where there is no file to save (an asset id).
        bytes: of the file on the disk.
        sha256: of the bytes that the gateway handed out.
        file_sha256: of the file on the disk, empty where that holds just these bytes.
        expires_at: Unix seconds, None where unknown.
        problem: why the file is not saved, or what is odd about one that is, for the reader.
    """

    index: int
    url: str = ""
    kind: Modality = "image"
    asset_id: str = ""
    label: str = ""
    file: FileState | None = FileState.SAVING
    path: str = ""
    mime_type: str = ""
    bytes: int | None = None
    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None
    sha256: str = ""
    file_sha256: str = ""
    expires_at: float | None = None
    problem: str = ""
    tries: int = 0

    @property
    def sha256_on_disk(self) -> str:
        """The hash that its file on the disk has, while nobody changed it."""
        return self.file_sha256 or self.sha256

    @property
    def shown_url(self) -> str:
        """The URL for a reader, empty where it is the file itself."""
        return "" if self.url[:5].lower() == "data:" else self.url


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One submit that the gateway has seen, or may have.

    Attributes:
        sent_at: Unix seconds, when the POST was about to leave.
        remote_id: the gateway's task id, empty where none came back.
        failure_code: how it ended, empty while it runs or when it ended well.
        failed_at: Unix seconds, when that was seen.
    """

    sent_at: float
    remote_id: str = ""
    failure_code: str = ""
    failed_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The durable record of one generation. The row in the store is the truth; this is a copy of it.

    Attributes:
        task_id: ours, unguessable.
        owner: the name of the one whose it is (`tasks.owner`).
        base_url: of the gateway it was submitted to.
        key_print: of the API key (`accounts.key_fingerprint`); only a process that holds this key follows the task.
        inputs: the `input` object as sent, but for the address of a tunnel (`TUNNELLED`).
        provider: APIXO's routing choice, empty where the user set none.
        fingerprint: of the request, for adoption (see `fingerprint`); of a purchase of several that of all of them.
        sent_at: Unix seconds when the present attempt's POST was about to leave; None: not sent yet.
        due: Unix seconds of the next step; None: nothing is left to do.
        polls: how often the present attempt was polled.
        fence: grows with every claim; a write with an older one is refused.
        notes: what was filled in for the caller, as sentences.
        answer: what became of the answer to the call that asked for it; a `lost` one lets the same request adopt it.
        asked_by: the last call that asked for it, by its process, its connection, its client's mark and a name.
        asked_until: Unix seconds, prolonged while that call is waited for; one still awaited after it is lost.
        asked_at: Unix seconds, when it was asked for anew by an equal request; 0: never since it was made.
        wanted_until: Unix seconds, prolonged while the process lives that asked for it (`tasks.transitions.unsent`).
        agreed_attempts: how many attempts the owner's yes named; 0: no yes was given.
        is_copy: imported or salvaged: whoever has it too may go on with it, so it is never sent again.
        named_id: in state `unknown`: the gateway's task id that its broken answer named, to be confirmed.
        meant_last: the id of the task that those who asked for it meant by `last`, empty where no input said so.
        heard_by: who was given an answer that names it (`tasks.asking.hearing`), as words; empty: nobody.
        purchase: what it was bought with (`tasks.purchase`): the id of the first of them; empty: it was bought alone.
        place: its place among them, from 0.
        reached_at: the public address at which the gateway is to call back about the present attempt; empty: nowhere.
        calls: how often the present attempt was called about and is polled for that (`tasks.ports.arrivals`).
        called_at: Unix seconds, when the last of these polls was to be made; 0: it was not called about.
        deleted_at: Unix seconds, when its owner deleted its entry: what counts of it stays; 0: it is there.
    """

    task_id: str
    owner: str
    gateway: str
    base_url: str
    key_print: str
    model: str
    wire_model: str
    modality: Modality
    state: State
    prompt: str
    inputs: Mapping[str, Any]
    provider: str = ""
    fingerprint: str = ""
    idempotency_key: str = ""
    created_at: float
    updated_at: float
    completed_at: float | None = None
    sent_at: float | None = None
    accepted_at: float | None = None
    remote_id: str = ""
    attempts: tuple[Attempt, ...] = ()
    results: tuple[Result, ...] = ()
    failure: Failure | None = None
    cancel_requested: bool = False
    due: float | None = None
    polls: int = 0
    tries: int = 0
    fence: int = 0
    lease_holder: str = ""
    lease_until: float = 0.0
    notes: tuple[str, ...] = ()
    answer: Delivered = "awaited"
    asked_by: str = ""
    asked_until: float = 0.0
    estimate_usd: float | None = None
    is_copy: bool = False
    asked_at: float = 0.0
    wanted_until: float = 0.0
    agreed_attempts: int = 0
    named_id: str = ""
    meant_last: str = ""
    heard_by: str = HEARD_BY_ALL
    purchase: str = ""
    place: int = 0
    reached_at: str = ""
    # Not compared: a call makes a task no other one.
    calls: int = field(default=0, compare=False)
    called_at: float = field(default=0.0, compare=False)
    deleted_at: float = 0.0

    @property
    def is_confirming(self) -> bool:
        """Whether the gateway is still to be asked about the id that its broken answer named."""
        return self.state is State.UNKNOWN and bool(self.named_id) and self.due is not None

    @property
    def is_settled(self) -> bool:
        """Whether a waiter has nothing left to wait for: it ended, and every file is settled; or it is stuck."""
        if self.state is State.SUCCESS:
            return all(result.file is not FileState.SAVING for result in self.results)
        if self.is_confirming:
            return self.tries >= POLLS_TO_CONFIRM
        return self.state in TERMINAL or self.state is State.UNKNOWN

    @property
    def is_over(self) -> bool:
        """Whether it has ended, and nobody works on it or will."""
        return self.state in TERMINAL and self.due is None and not self.lease_until

    @property
    def is_unsent(self) -> bool:
        """Whether its next POST, the first or a further one, has not left yet."""
        return self.state is State.SUBMITTING and self.sent_at is None

    @property
    def is_tunnelled(self) -> bool:
        """Whether the gateway fetches a file of its inputs through a tunnel."""
        return any(text.startswith(TUNNELLED) for text in self.texts)

    @property
    def is_bucketed(self) -> bool:
        """Whether the gateway fetches a file of its inputs from a bucket."""
        return any(text.startswith(BUCKETED) for text in self.texts)

    @property
    def texts(self) -> Iterator[str]:
        """Every text in its inputs, however deep."""
        return _texts_in(self.inputs)

    def inputs_at(self, url: str) -> Mapping[str, Any]:
        """Returns the inputs with files behind the address at which this machine is reached."""
        return with_texts(self.inputs, lambda text: _led(text, f"{url}/"))

    @property
    def posts(self) -> int:
        """How many of its POSTs may cost something: those that the gateway has or may have, and one to come.

        Each counts, failed or not: no document of APIXO or Ruxa names a refund, so that a failed task is charged is
        inferred.
        """
        return len(self.attempts) + (self.state is State.SUBMITTING)

    @property
    def counted_at(self) -> float:
        """Unix seconds on whose day its newest POST counts: when it left, else when it was decided on."""
        of_attempts = [context for attempt in self.attempts for context in (attempt.sent_at, attempt.failed_at)]
        return max(context or 0.0 for context in (self.created_at, self.sent_at, *of_attempts))


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        entries = cast("Mapping[str, Any]", value).values() if isinstance(value, Mapping) else cast("list[Any]", value)
        for entry in entries:
            yield from _texts_in(entry)


def _led(text: str, start: str) -> str:
    """Returns a URL through a tunnel with another beginning, and any other text as it is."""
    return start + text.removeprefix(TUNNELLED) if text.startswith(TUNNELLED) else text


def with_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Returns inputs in which every text was changed, however deep."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {name: with_texts(entry, change) for name, entry in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [with_texts(entry, change) for entry in cast("list[Any]", value)]
    return value


def is_task_id(text: str) -> bool:
    """Tells whether a text is an id as `new_task_id` makes them."""
    return _TASK_ID.fullmatch(text) is not None


def new_task_id() -> str:
    """Returns `tsk_` and 26 base32 characters: 128 random bits and more, unguessable."""
    return "tsk_" + base64.b32encode(secrets.token_bytes(17)).decode()[:26].lower()


def fingerprint(task: Task, asked_for: Mapping[str, Any] | None = None) -> str:
    """Returns the same for two tasks that would cause the same submit.

    Args:
        task: whose owner, place and model count.
        asked_for: counts in place of its inputs, where not all of them were asked for.
    """
    inputs = dict(task.inputs if asked_for is None else asked_for)
    submission = [task.owner, task.gateway, task.base_url, task.wire_model, task.provider, inputs]
    text = json.dumps(submission, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def may_move(start: State, end: State) -> bool:
    """Tells whether the table of moves allows it."""
    return end in MOVES[start]
