"""A task as it stands before its submit, and a failure of it."""

from dataclasses import replace
from typing import Any

from apixo_mcp.generation import Charged, Failure
from apixo_mcp.tasks.task import State, Task, new_task_id

NOW = 1_790_000_000.0


def why(code: str = "CODE", charged: Charged = "unknown") -> Failure:
    return Failure(code=code, category="unknown", message="", advice="", retryable=True, charged=charged)


def asked(**given: Any) -> Task:
    task = Task(
        task_id=new_task_id(),
        owner="local",
        gateway="apixo",
        base_url="https://api.apixo.ai",
        key_print="key",
        model="nano-banana",
        wire_model="nano-banana",
        modality="image",
        state=State.SUBMITTING,
        prompt="a fox",
        inputs={},
        idempotency_key="mine",
        created_at=NOW,
        updated_at=NOW,
        due=NOW,
    )
    return replace(task, **given)
