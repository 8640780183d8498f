"""Tasks for the tests of a store, and hypothesis strategies for any task."""

from collections.abc import Mapping
from typing import Any, get_args

from hypothesis import strategies as st

from apixo_mcp.generation import Category, Charged, Failure, Modality
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.ports.terms import Terms
from apixo_mcp.tasks.task import Attempt, Delivered, FileState, Result, State, Task, new_task_id

NOW = 1_790_000_000.0
KEYS = ("key-print",)
PROCESS = "this process"
CALL = f"{PROCESS}/1"
NO_LIMITS = Terms(budget=Budget())
REFUSED = Failure(code="X", category="unknown", message="no", advice="", retryable=False, charged="no")


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


CLOCK = Clock()
"""The clock of the stores under test; each test begins at `NOW`."""


def make(**given: Any) -> Task:
    """A task that was just asked for, but for what is given."""
    values: Mapping[str, Any] = {
        "task_id": new_task_id(),
        "owner": "local",
        "gateway": "apixo",
        "base_url": "https://api.apixo.ai",
        "key_print": KEYS[0],
        "model": "nano-banana",
        "wire_model": "nano-banana",
        "modality": "image",
        "state": State.SUBMITTING,
        "prompt": "a fox",
        "inputs": {"prompt": "a fox"},
        "fingerprint": new_task_id(),
        "created_at": NOW,
        "updated_at": NOW,
        "due": NOW,
        "asked_by": CALL,
        "asked_until": NOW + 8,
    }
    return Task(**{**values, **given})


def make_followed(**given: Any) -> Task:
    """A task that the gateway has."""
    values: Mapping[str, Any] = {
        "state": State.PENDING,
        "sent_at": NOW,
        "accepted_at": NOW,
        "remote_id": new_task_id(),
        "attempts": (Attempt(sent_at=NOW, remote_id="r"),),
    }
    return make(**{**values, **given})


_moments = st.floats(0, 4e9, allow_nan=False)
_maybe_moment = st.none() | _moments
_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20) | st.sampled_from(
    ("日本語 🦊", "'; drop table task; --", '\\u0000 "quoted"', ":name %s ?", "\u202eleft")
)
# A gateway's JSON may hold what no encoding can: half of a surrogate pair.
_wild = st.text(st.characters(exclude_categories=()), max_size=20) | st.just("\ud83e half a fox")
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | _wild,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_wild, inner, max_size=3),
    max_leaves=8,
)
_count = st.integers(0, 2**40)

failures = st.builds(
    Failure,
    code=_wild,
    category=st.sampled_from(get_args(Category)),
    message=_wild,
    advice=_wild,
    retryable=st.booleans(),
    charged=st.sampled_from(get_args(Charged)),
)
results = st.builds(
    Result,
    index=st.integers(0, 9),
    url=_wild,
    kind=st.sampled_from(get_args(Modality)),
    asset_id=_wild,
    label=_wild,
    file=st.none() | st.sampled_from(FileState),
    path=_wild,
    mime_type=_text,
    bytes=st.none() | _count,
    width=st.none() | _count,
    height=st.none() | _count,
    duration_seconds=_maybe_moment,
    sha256=_text,
    expires_at=_maybe_moment,
    problem=_wild,
    tries=_count,
)
attempts = st.builds(Attempt, sent_at=_moments, remote_id=_wild, failure_code=_wild)
tasks = st.builds(
    Task,
    task_id=st.builds(new_task_id),
    owner=_text,
    gateway=_text,
    base_url=_text,
    key_print=_text,
    model=_text,
    wire_model=_text,
    modality=st.sampled_from(get_args(Modality)),
    state=st.sampled_from(State),
    prompt=_text,
    inputs=st.dictionaries(_wild, _json, max_size=4),
    provider=_text,
    fingerprint=st.builds(new_task_id),
    idempotency_key=st.just(""),
    created_at=_moments,
    updated_at=_moments,
    completed_at=_maybe_moment,
    sent_at=_maybe_moment,
    accepted_at=_maybe_moment,
    remote_id=_text,
    attempts=st.lists(attempts, max_size=3).map(tuple),
    results=st.lists(results, max_size=3).map(tuple),
    failure=st.none() | failures,
    cancel_requested=st.booleans(),
    due=_maybe_moment,
    polls=_count,
    tries=_count,
    fence=_count,
    lease_holder=_text,
    lease_until=_moments,
    notes=st.lists(_wild, max_size=3).map(tuple),
    answer=st.sampled_from(get_args(Delivered)),
    estimate_usd=_maybe_moment,
)
"""Any task at all, whether or not its life could have led there."""
