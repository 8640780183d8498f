"""What a reader can do next, in the words of the face that is talked to: tools in a chat, commands in a shell.

All floors below hand up plain sentences and, beside them, a `NextAction`. Its sentence is one for all faces; what they
call the things in it differs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from apixo_mcp.errors import ApixoError, InvalidInput, MissingKey, Problem
from apixo_mcp.generation import Failure, NextAction
from apixo_mcp.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One way to talk with this program, and its names for what its reader can do.

    Attributes:
        task: how a task is named behind what is to be done with it.
        some_task: the same where it is not known which task.
        names: by what they mean; `{task}`, `{seconds}`, `{modality}` and `{model}` are filled in.
        is_typed: whether each model has a tool of its own.
    """

    task: str
    some_task: str
    names: Mapping[str, str]
    is_typed: bool = False

    def say(self, template: str, task_id: str = "", **given: object) -> str:
        """Returns a template of names as a sentence. What others wrote must not stand in it."""
        task = self.task.format(task_id) if task_id else self.some_task
        return template.format_map(self.names).format(task=task, task_id=task_id or "TASK_ID", **given)


CHAT = Face(
    task=' with task_id "{}"',
    some_task="",
    names={
        "generate": "generate_{modality}",
        "check": "check_task{task}",
        "then_check": "Then call check_task{task}.",
        "check_later": "Call check_task{task} in about {seconds} s.",
        "check_several": "Call check_task with the task_ids of those that still run in about {seconds} s.",
        "check_several_now": "Call check_task with the task_ids of those that still run now; it waits up to {waits} s "
        "for all of them.",
        "check_later_or_longer": "Call check_task{task} in about {seconds} s, or with wait_seconds: 50 if your client "
        "bears it.",
        "check_now": "Call check_task{task} now; it waits up to {waits} s itself.",
        "buy": "Make the same call without quote to buy it.",
        "take_up": "The same call without quote gets it; nothing more is charged.",
        "buy_after_yes": "Ask the user; after a yes make the same call with confirm: true in place of quote, within 30 "
        "minutes.",
        "fetch": "download_results{task}",
        "cancel": "cancel_task",
        "see_tasks": "list_tasks",
        "see_usage": "get_usage",
        "see_models": "list_models",
        "describe": "describe_model",
        "sung": "options.style and options.title",
        "described": "options.customMode: false",
        "restart": "start the server again",
        "with_key": "Start the server with that key and address",
        "no_key": "No {variable} is set, so nothing was sent. Get a key at {site}, put it into the `env` of this "
        'server in the client\'s MCP configuration ("{variable}": "sk-…") and restart the client.',
        "look": "the user can look",
        "show": "Show the user the path or url; download_results copies the files.",
        "show_picture": "Show the user the path or url. view_result shows it to you; download_results copies it.",
    },
)
"""The tools of the server."""

BESIDE_ID = replace(CHAT, task="")
"""The same, where the task's id stands beside."""

TYPED_CHAT = replace(
    CHAT,
    names={**CHAT.names, "generate": "generate_{model}", "sung": "style and title", "described": "customMode: false"},
    is_typed=True,
)
"""The tools of the server where each model has one of its own (`APIXO_MCP_TOOLS=models`)."""

SHELL = Face(
    task=" {}",
    some_task=" TASK_ID",
    names={
        "generate": "`apixo-mcp generate`",
        "check": "`apixo-mcp tasks wait{task}`",
        "then_check": "Then run `apixo-mcp tasks wait{task}`.",
        "check_later": "`apixo-mcp tasks wait{task}` waits for it.",
        "check_several": "`apixo-mcp tasks wait TASK_ID…` waits for several.",
        "check_several_now": "`apixo-mcp tasks wait TASK_ID…` waits for several.",
        "check_later_or_longer": "`apixo-mcp tasks wait{task}` waits for it.",
        "check_now": "`apixo-mcp tasks wait{task}` waits for it.",
        "buy": "The same command without --quote buys it.",
        "take_up": "The same command without --quote gets it; nothing more is charged.",
        "buy_after_yes": "The same command with --yes in place of --quote buys it.",
        "fetch": "`apixo-mcp tasks download{task}`",
        "cancel": "`apixo-mcp tasks cancel{task}`",
        "see_tasks": "`apixo-mcp tasks list`",
        "see_usage": "`apixo-mcp usage`",
        "see_models": "`apixo-mcp models list`",
        "describe": "`apixo-mcp models show MODEL`",
        "sung": "--set style=... and --set title=...",
        "described": "--set customMode=false",
        "restart": "run the command again",
        "with_key": "Set that key and address",
        "no_key": "No {variable} is set in this shell, so nothing was sent. Get a key at {site}, set the variable to "
        "it and run the command again. `apixo-mcp demo` needs no key.",
        "look": "look",
        "show": "`apixo-mcp tasks download{task} FOLDER` copies the files.",
        "show_picture": "`apixo-mcp tasks download{task} FOLDER` copies the files.",
    },
)
"""The commands of `apixo-mcp`."""

SCREEN = replace(
    BESIDE_ID,
    names={
        **CHAT.names,
        "generate": "the chat, for {modality}",
        "check": "another look here",
        "then_check": "Then look here again.",
        "check_later": "It is shown here as soon as there is news.",
        "check_several": "They are shown here as soon as there is news.",
        "check_several_now": "They are shown here as soon as there is news.",
        "check_later_or_longer": "It is shown here as soon as there is news.",
        "check_now": "It is shown here as soon as there is news.",
        "buy": "",
        "take_up": "Nothing more would be charged.",
        "buy_after_yes": "",
        "fetch": "a click on Download",
        "cancel": "Cancel",
        "see_tasks": "The chat",
        "see_usage": "The spending",
        "see_models": "The chat",
        "describe": "The chat",
        "look": "you can look",
        "show": "",
        "show_picture": "",
    },
)
"""A page with buttons, which looks after a task by itself."""

_SENTENCES: Mapping[NextAction, str] = {
    NextAction.SEE_TASKS: "{see_tasks} shows all of yours.",
    NextAction.SEE_MODELS: "{see_models} shows all that are offered.",
    NextAction.SEE_INPUTS: "{describe} tells what the model takes.",
    NextAction.MAKE_IMAGE: "Use {generate}.",
    NextAction.MAKE_VIDEO: "Use {generate}.",
    NextAction.MAKE_AUDIO: "Use {generate}.",
    NextAction.SING_OR_DESCRIBE: "To have it sung, give {sung}; to have a song made by it as a description, give "
    "{described}.",
    NextAction.FETCH_AGAIN: "{fetch} fetches it again.",
    NextAction.REREAD: "`apixo-mcp tasks reread {{task_id}}` reads it anew, also with a later version.",
    NextAction.RESTART: "Then {restart}.",
    NextAction.USE_KEY: "Then {restart}; `apixo-mcp tasks rekey --all` has open tasks followed with it.",
    NextAction.RAISE_LIMIT: "Whoever runs this server can raise it for today: `apixo-mcp owners set NAME --raise USD`.",
    NextAction.TAKE_BACK: "`apixo-mcp tasks export --move` writes it once more. If it was imported nowhere, "
    "`apixo-mcp tasks export --take-back` goes on with it here.",
    NextAction.MOVE_BACK: "To come back: `apixo-mcp tasks export --move` there, `apixo-mcp tasks import --move` here.",
    NextAction.VOUCH: "If it is imported nowhere else and never will be, say so: --nowhere-else.",
    NextAction.UPLOAD: "",  # the server adds a link, where it has one to give
    NextAction.EXAMINE: "If it stays so, run `apixo-mcp doctor`.",
}


def from_afar(face: Face) -> Face:
    """Returns the words of a chat whose user is not at the server's machine: there are links in place of paths."""
    show = "Show the user the link, good for an hour; each answer about the task has a new one."
    return replace(face, names={**face.names, "show": show, "show_picture": f"{show} view_result shows it to you."})


def chat_of(settings: Settings) -> Face:
    """Returns the words of the chat with a server that has these settings."""
    return TYPED_CHAT if settings.tools == "models" else CHAT


def with_action(plain: str, action: NextAction | None, face: Face, task_id: str = "") -> str:
    """Returns a plain text followed by what its reader can do next."""
    if action is None:
        return plain
    modality = action.value.partition("_")[2]
    return f"{plain} {face.say(_SENTENCES[action], task_id, modality=modality, model='*')}".strip()


def advice_of(failure: Failure, face: Face, task_id: str = "") -> str:
    """Returns what to do about a failure."""
    return with_action(failure.advice, failure.next_action, face, task_id)


def problem_text(problem: Problem, face: Face) -> str:
    """Returns what is wrong with an input, and what to do about it."""
    return with_action(str(problem), problem.next_action, face)


def error_text(error: ApixoError, face: Face) -> str:
    """Returns an error as its reader is told of it."""
    if isinstance(error, InvalidInput):
        return "\n".join(problem_text(problem, face) for problem in error.problems)
    if isinstance(error, MissingKey):
        return face.say("{no_key}", variable=error.variable, site=error.site)
    return with_action(str(error), error.next_action, face)
