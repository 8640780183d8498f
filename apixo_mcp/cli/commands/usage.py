"""`usage`: what was made and spent, and what is left, of one owner or of all."""

import csv
import sys
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

import click

from apixo_mcp.app import App
from apixo_mcp.cli.process.run import with_app
from apixo_mcp.cli.requests.whose import Whose, of_owner
from apixo_mcp.cli.terminal.printing import is_terminal, say, say_json, width_of
from apixo_mcp.cli.terminal.stripe import stripes
from apixo_mcp.cli.terminal.text import aligned, columns_of, laid_out, on_one_line, printable
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.usage.report import LEDGER, LedgerRow, ledger, measured_ledger, spending_of_each
from apixo_mcp.views.faces import SHELL
from apixo_mcp.views.usage import (
    day_cells,
    failure_cells,
    model_cells,
    owner_cells,
    together_cells,
    usage_sentence,
    usage_structure,
    use_words,
)

_BALANCES_WITHIN = 10.0  # seconds that the gateways are given to tell the balances
_SHORTEST_STRIPE, _LONGEST_STRIPE = 8, 40  # columns


@click.command()
@click.option(
    "--days", default=7, show_default=True, type=click.IntRange(1, 3660), help="How many UTC days, today included."
)
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Answer with a line for each day, owner, model and gateway.")
@of_owner
def usage(days: int, as_json: bool, as_csv: bool, whose: Whose) -> None:
    """Show what was made and spent, by estimated prices and by balances, what failed, and what limits leave."""
    if as_json and as_csv:
        raise click.UsageError("Give either --json or --csv.")
    if as_csv:
        _say_csv(with_app(lambda app: _ledger(app, whose, days)))
        return
    told = with_app(lambda app: _report(app, whose, days))
    if as_json:
        say_json(told)
    else:
        _say(told, days)


async def _ledger(app: App, whose: Whose, days: int) -> list[LedgerRow]:
    owners = await whose.owners(app)
    rows = [row for owner in owners for row in ledger(owner.name, await app.store.usage(owner, days))]
    measured = await app.measured(None if whose.is_all else owners[0], days, _BALANCES_WITHIN)
    rows += measured_ledger("" if whose.is_all else owners[0].name, measured)
    return sorted(rows, key=lambda row: str(row[0]), reverse=True)


async def _report(app: App, whose: Whose, days: int) -> dict[str, Any]:
    owners = await whose.owners(app)
    report = await app.spending(None if whose.is_all else owners[0], days, _BALANCES_WITHIN)
    told = usage_structure(report, SHELL)
    if not whose.is_all:
        return {"owner": owners[0].name, **told}
    return {**await spending_of_each(app.store, owners, app.budget, days), **told}


def _say_csv(rows: Sequence[LedgerRow]) -> None:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows((LEDGER, *rows))
    say(text.getvalue().rstrip("\n"))


def _say(told: Mapping[str, Any], days: int) -> None:
    say(usage_sentence(told))
    if "owners" in told:
        of_owners = [owner_cells(owner, days) for owner in told["owners"] if _is_of_note(owner)]
        _say_table([*of_owners, together_cells(told, days)])
        return
    _say_days(told["days"])
    if len(told["models"]) > 1 or any("median_seconds" in model for model in told["models"]):
        _say_table([model_cells(model) for model in told["models"]])
    _say_table([failure_cells(failure) for failure in told["failures"]])
    for use in told.get("budgets", ()):
        say(f"Of {use_words(use)}.")


def _say_days(days: Sequence[Mapping[str, Any]]) -> None:
    """Prints a line for each day; where a person watches, with a stripe as long as what was spent."""
    cells = [tuple(map(on_one_line, day_cells(day))) for day in days]
    lines = [laid_out(row, None) for row in aligned(cells)] if cells else []
    left = width_of(sys.stdout) - max(map(columns_of, lines), default=0) - 3
    if not is_terminal(sys.stdout) or left < _SHORTEST_STRIPE:
        _say_table(cells)
        return
    amounts = [day["spent_usd"] or day.get("measured_usd", 0.0) for day in days]
    drawn = stripes(amounts, min(left, _LONGEST_STRIPE), sys.stdout)
    for (line,), stripe in zip(aligned([(line,) for line in lines]), drawn, strict=True):
        click.echo(f"{printable(line)}  {stripe}".rstrip())


def _is_of_note(owner: Mapping[str, Any]) -> bool:
    """Tells whether there is anything to say of an owner: this machine's own may have nothing to do with a server."""
    return owner["owner"] != LOCAL.name or bool(owner["totals"]["tasks"] or owner["spent_month_usd"])


def _say_table(rows: Sequence[Sequence[str]]) -> None:
    columns = width_of(sys.stdout) if sys.stdout.isatty() else None
    for row in aligned([tuple(map(on_one_line, row)) for row in rows]):
        say(laid_out(row, columns))
