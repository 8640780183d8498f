"""`tasks export` and `tasks import`."""

import sys
import time
from pathlib import Path

import click

from apixo_mcp import __version__
from apixo_mcp.app import App
from apixo_mcp.cli.commands import store_moves
from apixo_mcp.cli.process.run import with_app
from apixo_mcp.cli.terminal.printing import say
from apixo_mcp.stores.moving.move_file import is_store
from apixo_mcp.tasks import archive
from apixo_mcp.tasks.accounts import Account
from apixo_mcp.tasks.archive import Archive, Here, Imported
from apixo_mcp.tasks.owner import known_by_name
from apixo_mcp.views.words import counted


@click.command("export")
@click.argument("file", default="-", type=click.Path(path_type=Path, allow_dash=True, dir_okay=False))
@click.option(
    "--move",
    is_flag=True,
    help="Move the whole store, owners and running tasks too: it is closed, and goes on where FILE is imported.",
)
@click.option("--take-back", is_flag=True, help="Go on with a store that was moved, and imported nowhere.")
def export_tasks(file: Path, move: bool, take_back: bool) -> None:
    """Write every task as JSON Lines to FILE, which must not exist, or to standard output.

    The first line tells the form of the file. Keys are not in it.
    """
    if take_back:
        store_moves.take_back_store()
        return
    if not file.name:
        raise click.BadParameter("must name a file", param_hint="FILE")
    if str(file) == "-" and sys.__stdout__ is None:
        raise click.ClickException("standard output is closed; name a file")
    if move:
        store_moves.export_store(file)
        return

    async def work(app: App) -> list[str]:
        return [line async for line in archive.lines(app.store, __version__, time.time())]

    lines = with_app(work)
    content = "".join(f"{line}\n" for line in lines).encode()
    part = file.with_name(f"{file.name}.part")  # half a file would pass for a whole one
    if str(file) == "-":
        sys.stdout.buffer.write(content)
    elif file.exists():
        raise click.ClickException(f"{file} exists already; name another file")
    else:
        try:
            part.write_bytes(content)
            part.rename(file)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise click.ClickException(f"{file} cannot be written: {error}") from error
    say(f"{counted(len(lines) - 1, 'task')} exported", err=True)


async def _key_prints(app: App, contents: Archive) -> dict[tuple[str, str, str], str]:
    """Returns the print of the key with which each owner of a file's tasks would pay here, as `Here` has them."""
    prints: dict[tuple[str, str, str], str] = {}
    for name, gateway in sorted({(task.owner, task.gateway) for task in contents.tasks}):
        account = await app.payers.account(known_by_name(name), gateway)
        if isinstance(account, Account):
            prints[name, gateway, account.base_url] = account.key_print
    return prints


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True, dir_okay=False, exists=True))
@click.option("--move", is_flag=True, help="Go on here with a whole store, made by `tasks export --move`.")
@click.option("--nowhere-else", is_flag=True, help="With --move: FILE is imported into no other store, ever.")
def import_tasks(file: Path, move: bool, nowhere_else: bool) -> None:
    """Add the tasks of FILE, made by `tasks export`, that are not there yet.

    No task is changed and nothing is sent: what was not sent before comes in cancelled.
    """
    if nowhere_else and not move:
        raise click.UsageError("--nowhere-else goes with --move")
    if move:
        store_moves.import_store(file, nowhere_else=nowhere_else)
        return
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error}") from error

    if is_store(content):
        raise click.ClickException(f"{file} is a whole store, with its owners. Import it with --move, if it is yours")

    async def work(app: App) -> Imported:
        contents = archive.read_archive(content.split(b"\n"))
        home, key_prints = await archive.home_of(app.store), await _key_prints(app, contents)
        here = Here(home, key_prints, app.roots.paths, app.settings.results)
        return await archive.bring_in(app.store, contents, here, time.time())

    imported = with_app(work)
    say(f"{counted(len(imported.added), 'task')} imported, {imported.there_already} there already")
    if imported.cancelled:
        say(f"{imported.cancelled} never sent: came in cancelled, for nothing is sent by an import")
    if imported.unknown:
        say(f"{imported.unknown} being sent when exported: came in as unknown, for nobody saw the answer")
    if imported.unfollowed:
        say(f"{len(imported.unfollowed)} still open, not followed for want of a key:")
        for task in imported.unfollowed:
            say(f"  {task.task_id}  {task.state}  {task.gateway} at {task.base_url}")
        say("Set that key and address, then import into an empty data folder (APIXO_MCP_HOME).", err=True)
