"""The command line. Each command imports what it needs when it runs."""

from pathlib import Path

import click

from apixo_mcp import __version__
from apixo_mcp.cli.group import Commands


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="apixo-mcp")
@click.pass_context
def commands(context: click.Context) -> None:
    """Make images, video, music and speech on APIXO and Ruxa AI, from MCP clients or from here.

    Without a command it serves MCP on standard input and output, as hosts start it.
    """
    if context.invoked_subcommand is None:
        from apixo_mcp.cli.start import serve_stdio

        serve_stdio()


@commands.command()
@click.option("--transport", type=click.Choice(["stdio", "http", "sse"]), default="stdio", show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="For http and sse: a loopback address.")
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="For http and sse; 0 takes any free one.",
)
@click.option("--sandbox", is_flag=True, help="Use a built-in imitation of the gateways: no key, no cost.")
@click.pass_context
def serve(context: click.Context, transport: str, host: str, port: int, sandbox: bool) -> None:
    """Serve MCP to a host.

    stdio: to the program that started it. http: Streamable HTTP at /mcp and legacy SSE at /sse, with /healthz, on one
    port. sse: without /mcp.
    """
    if transport == "stdio":
        for name in ("host", "port"):
            if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
                raise click.UsageError(f"--{name} is for --transport http or sse; stdio has no address")
    if transport != "stdio":
        from apixo_mcp.cli.serve import serve_http

        serve_http(host, port, streamable=transport == "http", sandbox=sandbox)
    elif sandbox:
        from apixo_mcp.cli.sandbox import serve_with_sandbox

        serve_with_sandbox()
    else:
        from apixo_mcp.cli.start import serve_stdio

        serve_stdio()


@commands.command()
@click.argument("prompt", default="a lighthouse on a cliff at sunset, watercolour")
@click.option("--model", default="nano-banana", show_default=True)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("demo-output"),
    show_default=True,
    help="Where the file goes.",
)
def demo(prompt: str, model: str, output: Path) -> None:
    """Make a picture with nothing set up: a sandbox, the server and a real MCP client."""
    from apixo_mcp.cli.demo import run_demo

    run_demo(prompt, model, output)


@commands.command()
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
@click.option("--yes", is_flag=True, help="Yes to the price, and to that of each further attempt.")
def generate(
    model: str,
    prompts: tuple[str, ...],
    inputs: tuple[str, ...],
    provider: str | None,
    output: str | None,
    as_json: bool,
    quote: bool,
    no_wait: bool,
    yes: bool,
) -> None:
    """Generate with MODEL from PROMPT, and save the files.

    Several prompts are a task each, and one purchase: limits are asked for their sum before the first is sent. PROMPT
    may be - for standard input, and is left out where the model takes none. Ctrl-C cancels what is not sent and leaves
    the rest to a worker.

    Ends with 0 where all went well, 1 where something failed or was refused, 2 where the command line is wrong, 130
    after Ctrl-C.
    """
    from apixo_mcp.cli.generate import Request, run_generate

    run_generate(
        Request(
            model=model,
            prompts=prompts,
            inputs=inputs,
            provider=provider or "",
            output=output,
            as_json=as_json,
            quote=quote,
            wait=not no_wait,
            confirmed=yes,
        )
    )


@commands.group()
def tasks() -> None:
    """Look after earlier and running tasks."""


@tasks.command("list")
@click.option("--state", default="", help="Only this state.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
def tasks_list(state: str, limit: int) -> None:
    """List tasks, newest first."""
    from apixo_mcp.cli.tasks import list_tasks

    list_tasks(state, limit)


@tasks.command("show")
@click.argument("task_id")
def tasks_show(task_id: str) -> None:
    """Show one task as JSON."""
    from apixo_mcp.cli.tasks import show_task

    show_task(task_id)


@tasks.command("wait")
@click.argument("task_id")
def tasks_wait(task_id: str) -> None:
    """Wait until a task has ended and its files are saved."""
    from apixo_mcp.cli.tasks import wait_for

    wait_for(task_id)


@tasks.command("download")
@click.argument("task_id")
@click.argument("folder", required=False)
def tasks_download(task_id: str, folder: str | None) -> None:
    """Save a task's files, or copy them into FOLDER: any one, made if missing."""
    from apixo_mcp.cli.tasks import download

    download(task_id, folder)


@tasks.command("cancel")
@click.argument("task_id")
def tasks_cancel(task_id: str) -> None:
    """Cancel a task that was not sent yet."""
    from apixo_mcp.cli.tasks import cancel

    cancel(task_id)


@tasks.command("export")
@click.argument("file", default="-", type=click.Path(path_type=Path, allow_dash=True, dir_okay=False))
def tasks_export(file: Path) -> None:
    """Write every task as JSON Lines to FILE, which must not exist, or to standard output.

    The first line tells the form of the file. Keys are not in it.
    """
    from apixo_mcp.cli.archive import export_tasks

    export_tasks(file)


@tasks.command("import")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True, dir_okay=False, exists=True))
def tasks_import(file: Path) -> None:
    """Add the tasks of FILE, made by `tasks export`, that are not there yet.

    No task is changed and nothing is sent: what was not sent before comes in cancelled.
    """
    from apixo_mcp.cli.archive import import_tasks

    import_tasks(file)


@tasks.command("resolve")
@click.argument("task_id")
@click.option("--remote-id", metavar="ID", help="The gateway's task id, found on its dashboard.")
@click.option("--never-ran", is_flag=True, help="The dashboard does not have it: nothing ran, nothing was charged.")
@click.option("--no-wait", is_flag=True, help="Leave the following to a worker.")
def tasks_resolve(task_id: str, remote_id: str | None, never_ran: bool, no_wait: bool) -> None:
    """Settle a task of which it is not known whether the gateway has it, after looking at the gateway's dashboard."""
    if (remote_id is None) is not never_ran:
        raise click.UsageError("say either --remote-id ID or --never-ran")
    from apixo_mcp.cli.tasks import resolve

    resolve(task_id, remote_id, wait=not no_wait)


@tasks.command("reread")
@click.argument("task_id")
@click.option("--no-wait", is_flag=True, help="Leave the saving to a worker.")
def tasks_reread(task_id: str, no_wait: bool) -> None:
    """Read the answer of a task anew that ended well and named no result, and save what is found.

    The gateway is asked once more where the answer that is kept does not help.
    """
    from apixo_mcp.cli.tasks import reread_answer

    reread_answer(task_id, wait=not no_wait)


@tasks.command("rekey")
@click.argument("task_ids", metavar="[TASK_ID]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every open task whose key is not set here.")
def tasks_rekey(task_ids: tuple[str, ...], every: bool) -> None:
    """Go on with tasks of another API key by the one that is set now.

    Each is moved once the gateway confirms that this key sees it.
    """
    if bool(task_ids) is every:
        raise click.UsageError("say either TASK_ID or --all")
    from apixo_mcp.cli.tasks import rekey

    rekey(task_ids)


@commands.group()
def models() -> None:
    """Look at the models."""


@models.command("list")
@click.argument("query", default="")
@click.option("--modality", type=click.Choice(["image", "video", "audio"]))
def models_list(query: str, modality: str | None) -> None:
    """List the offered models, or those that fit QUERY."""
    from apixo_mcp.cli.models import list_models

    list_models(query, modality or "")


@models.command("show")
@click.argument("model")
def models_show(model: str) -> None:
    """Show everything about one model as JSON."""
    from apixo_mcp.cli.models import show_model

    show_model(model)


@commands.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free one.")
@click.option(
    "--speed",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="How many times faster than the real gateways.",
)
def sandbox(host: str, port: int, speed: float) -> None:
    """Run a local imitation of both gateways."""
    from apixo_mcp.cli.sandbox import run_sandbox

    run_sandbox(host, port, speed)


@commands.command()
@click.option("--until-idle", is_flag=True, help="Leave when nothing is open, or after an hour.")
def worker(until_idle: bool) -> None:
    """Follow and save what is open in the data folder, without serving anybody, until it is told to end."""
    from apixo_mcp.cli.worker import run_worker

    run_worker(until_idle=until_idle)


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(as_json: bool) -> None:
    """Look at settings, keys, gateways and folders, and say what to mend; ends with 1 where something is to mend."""
    from apixo_mcp.cli.doctor import run_doctor

    run_doctor(as_json=as_json)
