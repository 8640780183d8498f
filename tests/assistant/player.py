"""A scripted model behind a client: it knows what it is shown, and nothing else.

It is shown the instructions, the list of tools and the answers to its calls, as far as its client passes them on. Its
rules are those that any model would follow: it takes the arguments that a schema has, does what `next_step` says,
corrects what a refusal names, and tells the person what it cannot have. It knows no code and no model's inputs.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio
from anyio.abc import TaskGroup
from mcp import Client
from mcp.types import CallToolResult, TextContent

OPEN = ("submitting", "pending", "processing")
_TRIES = 4  # of a call that timed out: frameworks repeat it, then give the turn back
_CORRECTIONS = 4
_NO_ANSWER = "The tool call timed out. Please try again."
_PROBLEM = re.compile(r"^- ([\w.]+): (.*)$", re.MULTILINE)
_MODEL_LINE = re.compile(r"^([\w./-]+): ", re.MULTILINE)


@dataclass(frozen=True)
class Habits:
    """What a client and the framework around it do.

    Attributes:
        name: by which the client introduces itself.
        sees: which half of an answer the model is shown.
        patience: seconds after which the framework gives a call up, without a word to the server; None: never.
        pauses: whether the model lets pass what `next_step` says before it asks again.
    """

    name: str
    sees: Literal["text", "structure"] = "text"
    patience: float | None = None
    pauses: bool = True


@dataclass(frozen=True)
class Shown:
    """An answer, as the model is shown it."""

    text: str
    is_error: bool = False
    pictures: int = 0

    @property
    def structure(self) -> dict[str, Any]:
        """The JSON in it."""
        last = self.text.splitlines()[-1] if self.text else ""
        return json.loads(last) if last.startswith("{") and not self.is_error else {}

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """The tasks that it tells of: one, or several."""
        told = self.structure
        return told.get("tasks", [told] if "task_id" in told else [])

    @property
    def paths(self) -> list[str]:
        """Where the files are."""
        results = [result for task in self.tasks for result in task.get("results", ())]
        paths = [path for task in self.tasks for path in task.get("paths", ())]
        return [*paths, *(result["path"] for result in results if "path" in result)]

    @property
    def said(self) -> str:
        """What the model tells the person of it, where there is no file."""
        notes = " ".join(self.structure.get("notes", ()))
        return f"{self.text} {notes}".strip()


@dataclass
class Player:
    """The model, its client, and what it did.

    Attributes:
        knows: what it can say when it is asked: a title, a style.
        listed: the lines of the models that it was shown.
    """

    client: Client
    habits: Habits
    group: TaskGroup
    tools: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    knows: dict[str, str] = field(default_factory=dict[str, str])
    listed: dict[str, str] = field(default_factory=dict[str, str])
    calls: int = 0
    tokens: float = 0.0
    given_up: int = 0

    async def meet(self) -> None:
        """Is shown the tools."""
        self.tools = {tool.name: tool.input_schema for tool in (await self.client.list_tools()).tools}

    def forget(self) -> None:
        """Counts from here on: what came before was another day's work."""
        self.calls, self.tokens, self.given_up = 0, 0.0, 0

    async def call(self, tool: str, **arguments: Any) -> Shown:
        """Calls a tool; where its framework gave up, again, as frameworks have it do."""
        shown = Shown(_NO_ANSWER, is_error=True)
        for _ in range(_TRIES):
            self.calls += 1
            shown = await self._once(tool, arguments)
            self.tokens += len(shown.text) / 4
            if shown.text != _NO_ANSWER:
                return shown
            self.given_up += 1
        return shown

    async def _once(self, tool: str, arguments: Mapping[str, Any]) -> Shown:
        answers: list[Shown] = []
        answered = anyio.Event()

        async def ask() -> None:
            answers.append(self._shown(await self.client.call_tool(tool, dict(arguments))))
            answered.set()

        self.group.start_soon(ask)
        with anyio.move_on_after(self.habits.patience):
            await answered.wait()
        return answers[0] if answers else Shown(_NO_ANSWER, is_error=True)

    def _shown(self, answer: object) -> Shown:
        assert isinstance(answer, CallToolResult)
        text = "\n".join(part.text for part in answer.content if isinstance(part, TextContent))
        if self.habits.sees == "structure" and answer.structured_content is not None:
            text = json.dumps(answer.structured_content, ensure_ascii=False, separators=(",", ":"))
        pictures = sum(part.type == "image" for part in answer.content)
        return Shown(text, bool(answer.is_error), pictures)

    # Making things

    async def make(self, kind: str, *, model: str = "", agrees: bool = False, **wanted: Any) -> Shown:
        """Has something made, and follows it to its end.

        Args:
            kind: of thing: image, video, audio.
            model: the id; left out, the one that the instructions name for pictures, or that list_models names first.
            agrees: whether the person says yes to a quote.
            wanted: by the words that a schema would use; what no argument is called goes into the options.
        """
        shown = await self.ask_for(kind, model=model, agrees=agrees, **wanted)
        return await self.follow(shown)

    async def ask_for(self, kind: str, *, model: str = "", agrees: bool = False, **wanted: Any) -> Shown:
        """Has something made, and does not wait for it; corrects what a refusal names."""
        tool = next(name for name, schema in self.tools.items() if kind in name and "model" in schema["properties"])
        known = self.tools[tool]["properties"]
        model = model or await self.choose(kind, str(wanted.pop("purpose", "")))
        wanted.pop("purpose", None)
        arguments = {name: value for name, value in wanted.items() if name in known}
        if options := {name: value for name, value in wanted.items() if name not in known}:
            arguments["options"] = options
        arguments = {"model": model, **arguments}
        shown = await self.call(tool, **arguments)
        for _ in range(_CORRECTIONS):
            if not shown.is_error:
                break
            if "confirm: true" in shown.text and "confirm" not in arguments:
                if not agrees:
                    break
                arguments["confirm"] = True
            elif not (correction := self._corrected(tool, arguments, shown.text)):
                break
            else:
                tool, arguments = correction
            shown = await self.call(tool, **arguments)
        return shown

    def _corrected(self, tool: str, arguments: dict[str, Any], refusal: str) -> tuple[str, dict[str, Any]] | None:
        """Returns the call with what a refusal asks for; None where it leaves no way that is still what was wanted."""
        options = dict(arguments.get("options", {}))
        corrected = {name: value for name, value in arguments.items() if name != "options"}
        before = (tool, json.dumps(arguments, sort_keys=True))
        if named := {name: value for name, value in self.knows.items() if f"options.{name}" in refusal}:
            return tool, corrected | {"options": options | named}
        for name, why in _PROBLEM.findall(refusal):
            bare = name.removeprefix("options.")
            place = options if name.startswith("options.") or name not in corrected else corrected
            meant = re.search(r"Did you mean ([^?]+)\?", why)
            other = re.search(r"Use (generate_\w+)", why)
            allowed = re.search(r"must be one of ([^(]+?)(?: \(got|$|\.)", why)
            if other and other[1] in self.tools:
                tool = other[1]
            elif meant and ("unknown argument" in why or "not an input" in why):
                corrected[meant[1].split(" or ")[0]] = place.pop(bare, None)
            elif bare == "num_images" and "prompts" in self.tools[tool]["properties"]:
                corrected["prompts"] = [corrected.pop("prompt")] * int(place.pop(bare))
            elif meant:
                place[bare] = meant[1].split(" or ")[0]
            elif allowed and bare in place:
                place[bare] = _nearest(place[bare], allowed[1].split(", "))
            elif "not an input" in why and bare in self.listed.get(str(corrected["model"]), ""):
                place.pop(bare)  # it does that by itself
            else:
                return None
        if options:
            corrected["options"] = options
        return None if (tool, json.dumps(corrected, sort_keys=True)) == before else (tool, corrected)

    async def choose(self, kind: str, purpose: str) -> str:
        """Chooses a model: the one that the instructions name, else the first that is listed for a purpose."""
        named = re.search(r"([\w./-]+) is quick and cheap", self.client.instructions or "")
        if kind == "image" and not purpose and named:
            return named[1].lstrip("(")
        shown = await self.call("list_models", modality=kind, query=purpose)
        self.listed |= {line.split(": ")[0]: line for line in shown.text.splitlines() if _MODEL_LINE.match(line)}
        return next(iter(_MODEL_LINE.findall(shown.text)), "")

    # Following them

    async def follow(self, shown: Shown) -> Shown:
        """Does what next_step says until nothing runs any more."""
        while not shown.is_error and (running := [task for task in shown.tasks if _runs(task)]):
            step = str(shown.structure.get("next_step", ""))
            if "check_task" not in step:
                break
            later = re.search(r"in about (\d+) s", step)
            if later and self.habits.pauses:
                await anyio.sleep(int(later[1]))
            ids = [task["task_id"] for task in running]
            if len(shown.tasks) > 1:
                earlier = [task for task in shown.tasks if not _runs(task)]
                shown = _joined(earlier, await self.call("check_task", task_ids=ids))
            else:
                shown = await self.call("check_task", task_id=ids[0])
        return shown


def _runs(task: Mapping[str, Any]) -> bool:
    saving = [result for result in task.get("results", ()) if result.get("file") == "saving"]
    return task.get("state") in OPEN or bool(saving)


def _joined(earlier: Sequence[Mapping[str, Any]], shown: Shown) -> Shown:
    """What the model knows after an answer about those that still ran: the others it has been told of before."""
    told = shown.structure
    told["tasks"] = [*earlier, *shown.tasks]
    return Shown(json.dumps(told, ensure_ascii=False), shown.is_error, shown.pictures)


def _nearest(value: Any, allowed: Sequence[str]) -> Any:
    """Returns the allowed value nearest to what was wanted: by number where both are numbers."""
    numbers = [int(one) for one in allowed if one.strip().isdigit()]
    if str(value).isdigit() and numbers:
        return min(numbers, key=lambda one: abs(one - int(value)))
    return allowed[0].strip()
