"""Runs an example without a key: against the sandbox, with the scripted model in place of a real one.

    .venv/bin/python examples/scripted/run_example.py python examples/langchain/agent.py

`python` is that of the example's own environment; this file needs the project's. It checks what the model was shown.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

from model import OPEN, PROMPT, Request, ScriptedModel, Shown, task_in
from PIL import Image

TOOLS = {
    "generate_image",
    "generate_video",
    "generate_audio",
    "check_task",
    "list_tasks",
    "cancel_task",
    "download_results",
    "view_result",
    "list_models",
    "describe_model",
    "get_usage",
}
SPEED = 2  # times as fast as the real gateways: slow enough that a first answer is often "still running"


class Wrong(Exception):
    """What an example did or showed is not as it should be."""


@dataclass(frozen=True)
class Played:
    """One run of an example.

    Attributes:
        results: what was shown of each tool call, in order.
        wire: the one the model was asked on; empty where none is asked.
        longest: the longest call in seconds, as the model saw it from outside; 0 where no model is asked.
    """

    results: list[Shown]
    wire: str
    longest: float
    seconds: float


@contextmanager
def sandbox(command: str, folder: Path) -> Iterator[dict[str, str]]:
    """A running sandbox; the variables that lead a server to it."""
    with (folder / "sandbox.log").open("w", encoding="utf-8") as log:
        box = subprocess.Popen(
            [command, "sandbox", "--port", "0", "--speed", str(SPEED)], stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            assert box.stdout
            # It says where it is once it listens, and then the six variables, one a line.
            variables = dict(line.strip().split("=", 1) for line in islice(box.stdout, 1, 7))
            if not variables:
                raise SystemExit("the sandbox did not start")
            yield {"APIXO_MCP_COMMAND": command, **variables}
        finally:
            box.terminate()
            box.communicate(timeout=10)


def play(
    command: list[str], gateways: Mapping[str, str], folder: Path, *, longest: float = 0, asks_model: bool = True
) -> Played:
    """Runs one example to its end and checks it.

    Args:
        command: what runs it.
        gateways: the variables that lead to the sandbox.
        folder: an empty one for its data and files.
        longest: no call may take so many seconds, where its framework gives up soon after; 0 where it has time.
        asks_model: whether it is an agent; a plain client prints what it was answered.

    Raises:
        Wrong: if something is not as it should be.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("APIXO_", "RUXA_"))}
    places = {"APIXO_MCP_HOME": str(folder / "home"), "APIXO_MCP_DOWNLOAD_DIR": str(folder / "files")}
    began = time.monotonic()
    with ScriptedModel() as model:
        env = {**kept, **gateways, **places, **model.environment, "PYTHONUTF8": "1", "NO_PROXY": "127.0.0.1"}
        try:
            done = subprocess.run(
                command, env=env, capture_output=True, text=True, encoding="utf-8", check=False, timeout=180
            )
        except subprocess.TimeoutExpired as error:
            raise Wrong(f"not at its end after 180 s: {error.stdout!r} {error.stderr!r}"[-4000:]) from None
    took = time.monotonic() - began
    try:
        _hold(done.returncode == 0, f"it ended with {done.returncode}")
        if asks_model:
            calls = check_model(model.seen, longest)
            results, wire = model.seen[-1].results, model.seen[-1].wire
        else:
            calls, results, wire = [0.0], printed(done.stdout), ""
        check_results(results)
        path = task_in(results[-1].text)["results"][0]["path"]
        _hold(path in done.stdout, "its user is not told the path")
    except Wrong as error:
        raise Wrong(f"{error}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}") from None
    return Played(results, wire, max(calls), took)


def check_model(seen: list[Request], longest: float) -> list[float]:
    """Holds what a model was offered, and how long each call took, to what it should be; the calls' seconds."""
    _hold(bool(seen), "the model was never asked")
    for request in seen:
        # Some frameworks offer prompts as tools too, and a tool of their own to answer with.
        _hold(set(request.tools) >= TOOLS, f"the model was offered {sorted(request.tools)}")
    offered = seen[0].tools["generate_image"]
    inputs = offered.get("properties", {})
    _hold({"model", "prompt", "aspect_ratio", "options"} <= set(inputs), f"generate_image was offered with {inputs}")
    # A framework that asks for strict arguments has all required, and null for what is not given.
    _hold("model" in offered.get("required", ()), f"generate_image was offered as requiring {offered.get('required')}")
    _hold(inputs["options"].get("additionalProperties") is not False, f"options take no key: {inputs['options']}")
    calls = [after.arrived - before.answered for before, after in pairwise(seen)]
    _hold(bool(calls), "it called no tool")
    _hold(not longest or max(calls) <= longest, f"the longest call took {max(calls):.1f} s, more than {longest:g}")
    return calls


def check_results(results: list[Shown]) -> None:
    """Holds what was shown of each call to what it should be."""
    shown = [result for result in results if result.tool in ("generate_image", "check_task")]
    _hold(len(shown) > 0, f"no task was shown, only {[result.tool for result in results]}")
    _hold(sum(result.tool == "generate_image" for result in shown) == 1, "it was generated more than once")
    tasks = [task_in(result.text) for result in shown]
    for task, result in zip(tasks, shown, strict=True):
        _hold(bool(re.fullmatch(r"tsk_[a-z2-7]{26}", task.get("task_id", ""))), f"no task_id in {result.text[:500]}")
        _hold(task["prompt"] == PROMPT, f"the prompt became {task['prompt']!r}")
        _hold(bool(task.get("next_step")), "no next_step")
        _hold(len(result.text) < 8000, f"{len(result.text)} characters in one result")
        if task["state"] in OPEN:
            told = re.search(r"check_task\b.* (in about \d+ s|now)\b", task["next_step"])
            _hold(told is not None, f"the next step does not say when to ask again: {task['next_step']}")
    _hold(len({task["task_id"] for task in tasks}) == 1, "there was more than one task")
    _hold(tasks[-1]["state"] == "success", f"it ended {tasks[-1]['state']}: {tasks[-1].get('error')}")
    for result in tasks[-1]["results"]:
        with Image.open(result["path"]) as picture:
            picture.load()
            _hold(min(picture.size) > 100, f"the picture is {picture.size}")


def printed(output: str) -> list[Shown]:
    """What a plain client was answered, from what it printed."""
    tools = re.search(r"^Tools: (.*)$", output, re.MULTILINE)
    _hold(tools is not None and set(tools[1].split(", ")) == TOOLS, "it did not list the eleven tools")
    answers = [line for line in output.splitlines() if line.startswith('{"task_id"')]
    return [Shown("check_task" if index else "generate_image", line) for index, line in enumerate(answers)]


def _hold(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise Wrong(otherwise)


def own_command() -> str:
    """The `apixo-mcp` beside this Python, or else the one on the path."""
    found = shutil.which("apixo-mcp", path=str(Path(sys.executable).parent)) or shutil.which("apixo-mcp")
    if found is None:
        raise SystemExit("apixo-mcp is not installed beside this Python: run `make demo` once and use .venv's")
    return found


def main() -> None:
    """Runs the example that is given."""
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with sandbox(own_command(), folder) as gateways:
            try:
                played = play(sys.argv[1:], gateways, folder, asks_model="client" not in Path(sys.argv[-1]).stem)
            except Wrong as error:
                raise SystemExit(f"Wrong: {error}") from None
    for result in played.results:
        print(f"\n{result.tool}:\n{result.text}" + (f"\n[{result.pictures} picture]" if result.pictures else ""))
    longest = f"; the longest call took {played.longest:.1f} s" if played.wire else ""
    print(f"\nAs it should be, in {played.seconds:.0f} s{longest}.")


if __name__ == "__main__":
    main()
