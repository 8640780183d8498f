"""Asks for a task without waiting for the answer."""

from dataclasses import replace

from apixo_mcp.app import App
from apixo_mcp.tasks.asking.request import GenerationRequest, Quote, Submission


async def submit(app: App, request: GenerationRequest) -> Submission | Quote:
    """What becomes of a wish whose caller leaves at once: the same wish again adopts its task."""
    async with app.admission.asking(request) as submitted:
        if isinstance(submitted, Submission):
            submitted.call.hand_over()
    if isinstance(submitted, Quote):
        return submitted
    await submitted.call.lost()
    return replace(submitted, tasks=tuple(replace(task, answer="lost") for task in submitted.tasks))
