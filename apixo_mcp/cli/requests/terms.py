"""The terms of an owner as they are typed: scope, limits, models, and where their keys are read."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.owners import key_sources
from apixo_mcp.tasks.owner import Owner, Scope

NONE = "none"
"""What takes a limit away, and gives the server's own key back."""
ALL = "all"

Command = TypeVar("Command", bound=Callable[..., Any])


def amount(kind: type[int] | type[float]) -> Callable[[click.Context, click.Parameter, str | None], Any]:
    """Returns what reads an option: a number of dollars or of tasks, or `none`."""

    def read(_: click.Context, parameter: click.Parameter, value: str | None) -> float | int | str | None:
        text = (value or "").strip().removeprefix("$")
        if value is None or text.casefold() == NONE:
            return None if value is None else NONE
        try:
            number = kind(text)
        except ValueError:
            number = kind(-1)
        if not 0 <= number < 1e9:
            what = "a whole number" if kind is int else "a number of dollars"
            raise click.BadParameter(f"{value!r} is not {what} of at least 0, or {NONE}", param=parameter)
        return number

    return read


def terms(command: Command) -> Command:
    """Adds the options of an owner's terms to a command: those of every gateway too."""
    options = [
        click.option("--scope", type=click.Choice([str(scope) for scope in Scope]), help="The most that they may do."),
        click.option(
            "--daily-usd", metavar="USD", callback=amount(float), help="The most of a UTC day, by estimated prices."
        ),
        click.option("--monthly-usd", metavar="USD", callback=amount(float), help="The most of a UTC month."),
        click.option("--daily-tasks", metavar="N", callback=amount(int), help="The most paid requests of a day."),
        click.option("--models", help="Ids, with * for several, separated by commas; all takes that back."),
    ]
    for name, listing in GATEWAYS.items():
        options += [
            click.option(
                f"--{name}-key-env", metavar="VAR", help=f"The server's variable with their own key of {listing.title}."
            ),
            click.option(
                f"--{name}-key-file", metavar="PATH", help=f"The file with it. {NONE}: the server's key is used."
            ),
        ]
    for option in reversed(options):
        command = option(command)
    return command


def changed(owner: Owner, given: Mapping[str, Any]) -> Owner:
    """Returns an owner with the terms that were given.

    Raises:
        click.BadParameter: one cannot be used.
    """
    budget = owner.budget
    for name in ("daily_usd", "monthly_usd", "daily_tasks"):
        if given.get(name) is not None:
            budget = replace(budget, **{name: None if given[name] == NONE else given[name]})
    owner = replace(owner, budget=budget, keys=_keys(owner.keys, given))
    if given.get("scope"):
        owner = replace(owner, scope=Scope(given["scope"]))
    if given.get("models") is not None:
        names = tuple(dict.fromkeys(name for part in given["models"].split(",") if (name := part.strip())))
        if not names or names == (NONE,):
            raise click.BadParameter(
                f"it names no model; {ALL} takes the limit back, and the scope read lets nothing be made",
                param_hint="--models",
            )
        owner = replace(owner, models=() if names == (ALL,) else names)
    return owner


def _keys(before: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, str]:
    keys = dict(before)
    for name in GATEWAYS:
        variable, path = given.get(f"{name}_key_env"), given.get(f"{name}_key_file")
        if variable and path:
            raise click.BadParameter(f"give one of --{name}-key-env and --{name}-key-file", param_hint=f"--{name}-key")
        for option, value in (("env", variable), ("file", path)):
            # One that a script left empty must not leave them to pay with the server's key.
            if value is not None and not value.strip():
                hint = f"--{name}-key-{option}"
                raise click.BadParameter(f"it is empty; {NONE} gives the server's key back", param_hint=hint)
        if NONE in ((variable or "").casefold(), (path or "").casefold()):
            keys.pop(name, None)
        elif variable:
            try:
                keys[name] = key_sources.of_variable(variable)
            except ValueError as error:
                raise click.BadParameter(str(error), param_hint=f"--{name}-key-env") from None
        elif path:
            keys[name] = key_sources.of_file(Path(path))
    return keys
