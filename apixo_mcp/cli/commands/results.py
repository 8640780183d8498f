"""`results move`: the files of earlier tasks go from the download folder into the bucket."""

import sys
import time
from collections import Counter
from dataclasses import dataclass, field

import anyio
import click

from apixo_mcp.app import App
from apixo_mcp.assembly.moving import moves_of
from apixo_mcp.cli.process.run import with_app
from apixo_mcp.cli.terminal.bar import Bar
from apixo_mcp.cli.terminal.printing import is_terminal, say
from apixo_mcp.result_moves import Moved
from apixo_mcp.views.words import amount_of, counted

_SHOWN_EVERY, _WRITTEN_EVERY = 0.2, 10.0  # seconds: on a terminal, and where each is a line


@dataclass(slots=True)
class _Sums:
    """What became of files, added up by `Moved.what`."""

    files: Counter[str] = field(default_factory=Counter[str])
    bytes: Counter[str] = field(default_factory=Counter[str])

    def add(self, moved: Moved) -> None:
        self.files[moved.what] += 1
        self.bytes[moved.what] += moved.size

    def shown(self, what: str) -> str:
        return f"{counted(self.files[what], 'file')} ({amount_of(self.bytes[what])})"


@click.command("move")
@click.option("--dry-run", is_flag=True, help="Say how many files and bytes would be moved, and move none.")
@click.option("--delete", is_flag=True, help="Delete files here that the bucket has, of earlier runs too.")
def move(dry_run: bool, delete: bool) -> None:
    """Move the files of earlier tasks from the download folder into the bucket of APIXO_MCP_RESULTS.

    Servers and workers may run meanwhile. Each file is checked before it is put, its task then leads to the bucket, and
    the file here stays. What was cut short goes on when it is run again.

    Ends with 1 where a file is left that is missing, was changed or cannot be moved; each is named.
    """
    sums = _Sums()

    async def work(app: App) -> str:
        moves = await moves_of(app)
        planned = _Sums()
        async for moved in moves.ahead():
            planned.add(moved)
            if dry_run and moved.why:
                sums.add(moved)
                say(_stays(moved), err=True)
        total = planned.files["moved"] + planned.files["stays"]
        if not total and not delete:
            return _nothing(planned, app)
        if dry_run:
            return f"{planned.shown('moved')} would be moved to {app.files.where}; nothing was done"
        with Bar("moving") as bar:
            tell = _Tell(bar, sums, total)
            try:
                await moves.run(tell)
                if delete:
                    await moves.clear(tell)
            except (anyio.get_cancelled_exc_class(), Exception):
                bar.close()
                say(f"{_summary(sums, app.files.where)}. Run it again: it goes on from there.", err=True)
                raise
        if not total and not sums.files["deleted"]:
            return _nothing(planned, app)
        return _summary(sums, app.files.where)

    say(with_app(work))
    if sums.files["stays"]:
        say(f"{counted(sums.files['stays'], 'file')} left as they are, named above", err=True)
        raise SystemExit(1)


class _Tell:
    """Adds up what is told, and shows how far it is."""

    def __init__(self, bar: Bar, sums: _Sums, total: int) -> None:
        self._bar = bar
        self._sums = sums
        self._total = total
        self._every = _SHOWN_EVERY if is_terminal(sys.stderr) else _WRITTEN_EVERY
        self._shown_at = time.monotonic()
        self._word = "moving"

    def __call__(self, moved: Moved) -> None:
        self._sums.add(moved)
        done = min(self._total, sum(self._sums.files[what] for what in ("moved", "there", "stays")))
        if time.monotonic() - self._shown_at > self._every:
            self._shown_at = time.monotonic()
            self._word = f"{done} of {self._total}"
        self._bar.show(done / max(1, self._total), self._word, _stays(moved) if moved.why else "")


def _stays(moved: Moved) -> str:
    return f"{moved.task_id} result {moved.index}: {moved.path} {moved.why}"


def _nothing(planned: _Sums, app: App) -> str:
    """Says that there was nothing to move, and what was looked through for it."""
    if not planned.files["kept"]:
        return f"Nothing to move to {app.files.where}: no task has a result that is kept as a file"
    kept = planned.files["kept"]
    return (
        f"Nothing to move to {app.files.where}: no task has a result in a folder, and "
        f"{planned.shown('kept')} {'is' if kept == 1 else 'are'} in the bucket already"
    )


def _summary(sums: _Sums, where: str) -> str:
    parts = [f"{sums.shown('moved')} moved to {where}"]
    if sums.files["there"]:
        parts.append(f"{sums.files['there']} there already")
    if sums.files["deleted"]:
        parts.append(f"{sums.shown('deleted')} deleted here")
    return ", ".join(parts)
