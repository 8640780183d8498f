"""A light process that submits, follows and saves until it is killed. It says what it has seen durably stored.

Not a test: `python victim.py SPEC`, a JSON object of settings and of what to do; it begins when a line comes on its
standard input, so that its imports can be done ahead. Each line it writes is one JSON list: `["ready"]`,
`["admitted", task_id, prompt]`, `["moved", task_id, state, remote_id]`, each after its commit; and for what the owner's
limits do not allow `["refused", prompt]`, for what the store did not take `["failed", prompt]`. With `together` in SPEC
so many prompts are one purchase; `every` is how many seconds lie between two, and `marks` what is asked of the sandbox;
with `worker` it is one of those that share a database.
"""

import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import anyio

from apixo_mcp.app import open_app
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.errors import InvalidInput, StoreError
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.asking.request import GenerationRequest, Submission
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.task import Task


def tell(*words: str) -> None:
    """One whole line at once, so that a kill leaves none but the last unfinished."""
    os.write(1, json.dumps(words).encode() + b"\n")


def marks(chance: random.Random) -> str:
    """What a prompt asks of the sandbox, so that a kill may fall into any stage of its life."""
    found = [f"[took:{chance.choice((0, 0.3, 0.8, 2)):g}]"]
    found.append(chance.choice(("", "[slow-submit:0.05]", "[slow-submit:0.2]", "[slow-submit:0.6]")))
    found.append(chance.choice(("", "", "[file:slow:0.3]", "[file:slow:1]", "[file:cutx1]")))
    found.append(chance.choice(("", "", "", "[look:slow:0.2]", "[look:500x1]")))
    found.append(chance.choice(("",) * 12 + ("[http:503x1]", "[fail-once:PROCESSING_TIMEOUT]", "[cut]", "[http:400]")))
    return "".join(found)


async def main(spec: dict[str, Any]) -> None:
    values = spec["settings"] | {name: Path(spec["settings"][name]) for name in ("home", "download_dir")}
    chance = random.Random(spec.get("seed"))
    async with open_app(read_settings(**values), worker=spec.get("worker", False)) as app:

        async def moved(task: Task) -> None:
            tell("moved", task.task_id, str(task.state), task.remote_id)

        app.changes.listen(moved)
        tell("ready")
        together, every = spec.get("together", 1), spec.get("every", 0.04)
        for number in range(0, spec.get("count", 0) or len(spec["prompts"]), together):
            label = f"{spec.get('label')}-"
            asked = chance.choice(spec["marks"]) if "marks" in spec else marks(chance)
            made = [f"{label}{number + place:03d} {asked}" for place in range(together)]
            prompts = spec["prompts"][number : number + together] if "prompts" in spec else made
            request = GenerationRequest(owner=LOCAL, model="nano-banana", arguments={}, prompts=tuple(prompts))
            try:
                async with app.admission.asking(request) as submission:
                    assert isinstance(submission, Submission)
                    for task in submission.tasks:
                        tell("admitted", task.task_id, task.prompt)
            except InvalidInput:
                tell("refused", *prompts)
            except StoreError:
                tell("failed", *prompts)
            await anyio.sleep(chance.uniform(0, 2 * every))
        await anyio.sleep_forever()


if __name__ == "__main__":
    Catalog().load()
    if sys.stdin.readline():
        anyio.run(main, json.loads(sys.argv[1]))
