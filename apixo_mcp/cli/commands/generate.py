"""`generate`: requests from the command line."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import click

from apixo_mcp.app import App
from apixo_mcp.catalog.translate import COMMON_ARGUMENTS
from apixo_mcp.cli.process.run import with_app
from apixo_mcp.cli.process.start import errors_told
from apixo_mcp.cli.requests import purchase
from apixo_mcp.cli.requests.folders import from_here, made, trouble_with
from apixo_mcp.cli.requests.values import named, values_of
from apixo_mcp.cli.requests.whose import heard_of
from apixo_mcp.cli.terminal.interrupts import leave_last_words
from apixo_mcp.cli.terminal.printing import say, say_json
from apixo_mcp.cli.terminal.text import columns_of, on_one_line
from apixo_mcp.cli.waiting.follow import follow, stop_unsent
from apixo_mcp.cli.waiting.outcome import end_well, lost_if_ended, placed, say_what_stays, tell, to_download
from apixo_mcp.cli.waiting.reasons import no_worker
from apixo_mcp.errors import InvalidInput, Problem, SettingsError
from apixo_mcp.foreign import clipped
from apixo_mcp.media.inputs.requirement import modality_of_field
from apixo_mcp.tasks.asking.request import GenerationRequest, Prospect
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.task import Task
from apixo_mcp.views.faces import SHELL
from apixo_mcp.views.quotes import quote_sentence, quote_structure
from apixo_mcp.views.tasks import structure_of
from apixo_mcp.views.usage import budget_left, would_cost
from apixo_mcp.views.whereabouts import whereabouts_in


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What was asked for on the command line.

    Attributes:
        output: where the files are copied to, None for where they are saved.
        as_json: whether standard output is JSON and nothing else.
    """

    model: str
    prompts: tuple[str, ...]
    inputs: tuple[str, ...]
    provider: str | None
    output: str | None
    as_json: bool
    quote: bool
    no_wait: bool
    confirmed: bool


@click.command()
@click.argument("model")
@click.argument("prompts", metavar="[PROMPT]...", nargs=-1)
@click.option(
    "--set",
    "inputs",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any input, e.g. aspect_ratio=16:9; several times where it takes a list.",
)
@click.option("--provider", type=click.Choice(["auto", "value", "official"]), help="How APIXO routes it.")
@click.option("--output", metavar="DIR", help="Copy the files there too; any folder, made if missing.")
@click.option("--json", "as_json", is_flag=True, help="Print each task as JSON, several as a list, and nothing else.")
@click.option("--quote", is_flag=True, help="Say what would be sent and what it would cost; send nothing.")
@click.option("--no-wait", is_flag=True, help="Return once it is submitted; a worker goes on with it.")
@click.option("--yes", "confirmed", is_flag=True, help="Yes to the price, and to that of each further attempt.")
def generate(**given: Any) -> None:
    """Generate with MODEL from PROMPT, and save the files.

    Several prompts are a task each, and one purchase: limits are asked for their sum, all or none. PROMPT
    may be - for standard input, and is left out where the model takes none. Ctrl-C cancels what is not sent and leaves
    the rest to a worker.

    Ends with 0 where all went well, 1 where something failed or was refused, 2 where the command line is wrong, 130
    after Ctrl-C.
    """
    request = _Request(**given)
    pairs = named(request.inputs)
    with errors_told():
        prompts = _prompts(request.prompts)
        folder = made(request.output) if request.output and not request.quote else None

    async def work(app: App) -> tuple[list[Task], list[str]]:
        generation = _generation(app, request, prompts, pairs)
        if request.quote:
            await _tell_quote(app, request, await purchase.prospect_of(app, generation))
            return [], []
        drafts = await purchase.checked_ahead(app, generation)
        if request.no_wait and any(draft.is_tunnelled for draft in drafts):
            raise click.ClickException(
                "--no-wait: a local file goes to the gateway through the tunnel, which ends with this command. Nothing "
                "was sent; leave --no-wait out."
            )
        if app.space is None and (why := trouble_with(app.settings.download_dir)):
            at = f"APIXO_MCP_DOWNLOAD_DIR: {app.settings.download_dir}"
            raise SettingsError(f"{at} cannot be written to: {why}. Nothing was sent; set it to another folder.")
        return await _made(app, request, generation, folder)

    end_well(*with_app(work, follow=not request.quote))


async def _made(
    app: App, request: _Request, generation: GenerationRequest, folder: Path | None
) -> tuple[list[Task], list[str]]:
    tasks: list[Task] = []
    try:
        async with purchase.bought(app, generation, confirmed=request.confirmed) as submission:
            tasks = [*submission.tasks]
            leave_last_words(lost_if_ended(tasks))
            if submission.how != "new":
                goes_on = "that task goes on" if len(tasks) == 1 else "those tasks go on"
                say(f"The same was asked for before, and nobody took the answer: {goes_on}.", err=True)
            if not request.as_json:
                for note in dict.fromkeys((*submission.notes, *(note for task in tasks for note in task.notes))):
                    say(note, err=True)
            tasks = await follow(app, tasks, until_sent=request.no_wait)
    except anyio.get_cancelled_exc_class():
        stopped = await stop_unsent(app, tasks, lambda task: _tell_stopped(app, request, task))
        await heard_of(app, stopped)
        if tasks and request.as_json:
            await _say_structures(app, request, stopped)
        raise
    except Exception:
        # Nobody waits for it any more: what can still be stopped is not bought.
        await heard_of(app, await stop_unsent(app, tasks, lambda task: _tell_stopped(app, request, task)))
        raise
    tasks, problems = await placed(app, tasks, folder)
    try:
        if request.as_json:
            await _say_structures(app, request, tasks)
        else:
            for task in tasks:
                tell(task)
            if app.engine.workers() == 0 and not all(task.is_settled for task in tasks):
                say(no_worker(), err=True)
    except OSError as error:  # a script that sees a bare error buys the same again
        to_see = ", ".join(f"apixo-mcp tasks wait {task.task_id}" for task in tasks)
        why = error.strerror or str(error)
        raise click.ClickException(f"What came of it could not be printed ({why}), and is kept: {to_see}") from None
    return tasks, problems


def _tell_stopped(app: App, request: _Request, task: Task) -> None:
    which = f"{clipped(on_one_line(task.prompt), 40, columns_of)}: " if len(request.prompts) > 1 else ""
    there = to_download(task, request.output) if request.output else ""
    say_what_stays(app, task, which=which, then=there, err=request.as_json)


async def _say_structures(app: App, request: _Request, tasks: Sequence[Task]) -> None:
    at = await whereabouts_in(app)
    structures = [structure_of(app, task, face=SHELL, at=at) for task in tasks]
    say_json(structures if len(request.prompts) > 1 else structures[0])


def _generation(
    app: App, request: _Request, prompts: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> GenerationRequest:
    """Returns the request for one prompt, several, or none.

    Raises:
        InvalidInput: there is no such model.
    """
    given, problems = values_of(app.catalog.find(request.model), pairs)
    given = {name: from_here(value) if modality_of_field(name) else value for name, value in given.items()}
    if prompts and "prompt" in given:
        problems = (*problems, Problem("prompt", "", "given as PROMPT and by --set; give it once"))
    common = {name: value for name, value in given.items() if name in COMMON_ARGUMENTS}
    if len(prompts) == 1:
        common["prompt"] = prompts[0]
    return GenerationRequest(
        owner=LOCAL,
        model=request.model,
        arguments=common,
        prompts=tuple(prompts) if len(prompts) > 1 else (),
        options={name: value for name, value in given.items() if name not in COMMON_ARGUMENTS},
        provider=request.provider or "",
        problems=problems,
    )


def _prompts(words: Sequence[str]) -> list[str]:
    """Returns the prompts, trimmed; `-` stands for standard input.

    Raises:
        InvalidInput: one is empty.
    """
    if words.count("-") > 1:
        raise click.UsageError("- (the prompt from standard input) can be given once")
    prompts = [(_typed() if word == "-" else word).strip() for word in words]
    for word, prompt in zip(words, prompts, strict=True):
        if not prompt:
            where = " (standard input)" if word == "-" else ""
            raise InvalidInput([Problem(f"prompt{where}", "", "must not be empty")])
    return prompts


def _typed() -> str:
    if sys.stdin.isatty():
        say("The prompt is read from here; an empty line and Ctrl-D (on Windows Ctrl-Z) end it.", err=True)
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput([Problem("prompt (standard input)", "", "must be text in UTF-8")]) from None


async def _tell_quote(app: App, request: _Request, prospect: Prospect) -> None:
    quote = quote_structure(prospect, face=SHELL, left=await budget_left(app, LOCAL), whole=True)
    if request.as_json:
        say_json(quote)
        return
    bought = prospect.takes_up is not None
    say(quote_sentence(prospect) if bought else f"{would_cost(prospect.quote)}, and be sent this:")
    say(json.dumps(quote["inputs"], indent=2, ensure_ascii=False))
    for prompt in quote.get("prompts", ()):
        say(f"- {prompt}")
    for note in quote.get("notes", ()):
        say(note)
    say(quote["next_step"] if bought else f"Nothing was sent. {quote['next_step']}")
