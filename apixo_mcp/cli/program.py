"""The program `apixo-mcp`, and the names of its commands: each is loaded when it runs."""

import click

from apixo_mcp import __version__
from apixo_mcp.cli.group import Commands

_TASKS = Commands(
    "tasks",
    help="Look after earlier and running tasks.",
    places={
        "list": ("tasks:list_all", "List tasks, newest first."),
        "show": ("tasks:show_task", "Show one task as JSON, or what a file tells of itself."),
        "wait": ("tasks:wait_for", "Wait until a task has ended and its files are saved."),
        "download": ("tasks:download", "Save a task's files, or copy them into any folder."),
        "cancel": ("tasks:cancel", "Cancel a task that was not sent yet."),
        "resolve": ("settle:resolve", "Settle a task that the gateway may or may not have."),
        "reread": ("settle:reread_answer", "Read an answer anew in which no result was found."),
        "rekey": ("settle:rekey", "Go on with tasks of another API key."),
        "export": ("archive:export_tasks", "Write every task to a file."),
        "import": ("archive:import_tasks", "Add the tasks of such a file."),
    },
)

_MODELS = Commands(
    "models",
    help="Look at the models.",
    places={
        "list": ("models:list_offered", "List the offered models, or those that fit some words."),
        "show": ("models:show_model", "Show everything about one model as JSON."),
    },
)


_RESULTS = Commands(
    "results",
    help="Look after the files of earlier tasks.",
    places={"move": ("results:move", "Move them from the download folder into the bucket.")},
)

_OWNERS = Commands(
    "owners",
    help="Say who may come in over HTTP, and what they may spend.",
    places={
        "add": ("owners:add_and_tell", "Add an owner, and print their token."),
        "list": ("owners:list_owners", "List the owners, and what they have spent."),
        "set": ("owners:set_terms", "Change what an owner may do, or show it."),
        "rotate": ("owners:rotate", "Give an owner another token."),
        "revoke": ("owners:revoke", "End every way in of an owner."),
        "invite": ("owners:invite", "Print a link by which an owner signs in."),
    },
)


@click.group(
    "apixo-mcp",
    cls=Commands,
    places={
        "generate": ("generate:generate", "Make something with a model, and save the files."),
        "tasks": (_TASKS, "Look after earlier and running tasks."),
        "results": (_RESULTS, "Move the files of earlier tasks into the bucket."),
        "models": (_MODELS, "Look at the models."),
        "usage": ("usage:usage", "Show what was made and spent, and what is left."),
        "gallery": ("gallery:gallery", "Show what was made here in a browser."),
        "owners": (_OWNERS, "Say who may come in over HTTP, and what they may spend."),
        "demo": ("demo:demo", "Make a picture with nothing set up."),
        "doctor": ("doctor:doctor", "Look at the set-up, and say what to fix."),
        "install": ("install:install", "Enter this server in the configuration of hosts."),
        "uninstall": ("uninstall:uninstall", "Take it out of there again."),
        "serve": ("serve:serve", "Serve MCP to a host."),
        "worker": ("worker:worker", "Follow and save what is open, without serving anybody."),
        "sandbox": ("sandbox:sandbox", "Run a local imitation of both gateways."),
    },
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="apixo-mcp")
@click.pass_context
def program(context: click.Context) -> None:
    """Make images, video, music and speech on APIXO and Ruxa AI, from MCP clients or from here.

    Without a command it serves MCP on standard input and output, as hosts start it.
    """
    if context.invoked_subcommand is None:
        from apixo_mcp.cli.process.stdio import serve_stdio

        serve_stdio()
