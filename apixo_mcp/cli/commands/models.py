"""`models list` and `show`: the catalog on paper."""

import click

from apixo_mcp.catalog.own import own_catalog
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.cli.process.start import errors_told, settings_or_exit
from apixo_mcp.cli.terminal.printing import say, say_json
from apixo_mcp.errors import SettingsError
from apixo_mcp.views.faces import SHELL
from apixo_mcp.views.models import describe, list_text


@click.command("list")
@click.argument("query", default="")
@click.option("--modality", type=click.Choice(["image", "video", "audio"]))
@click.option("--sort", type=click.Choice(["price"]), help="The cheapest first, unknown prices last.")
def list_offered(query: str, modality: str | None, sort: str | None) -> None:
    """List the offered models, or those that fit QUERY: a name or a purpose, in English or Chinese."""
    with errors_told():
        catalog = _catalog()
        if not len(catalog) and catalog.warnings:
            raise SettingsError("\n".join(catalog.warnings))
        say(list_text(catalog, modality or "", query, sort=sort or "", face=SHELL))


@click.command("show")
@click.argument("model")
def show_model(model: str) -> None:
    """Show everything about one model as JSON."""
    with errors_told():
        say_json(describe(_catalog().find(model), SHELL))


def _catalog() -> Catalog:
    catalog, problems = own_catalog(settings_or_exit())
    for problem in problems:
        say(f"apixo-mcp: {problem}", err=True)
    return catalog
