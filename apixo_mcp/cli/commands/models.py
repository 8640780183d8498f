"""`models list` and `show`: the catalog on paper."""

from collections.abc import Mapping

import anyio
import click

from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.own import own_catalog
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.cli.process.start import errors_told, settings_or_exit
from apixo_mcp.cli.terminal.printing import say, say_json
from apixo_mcp.errors import SettingsError, StoreError
from apixo_mcp.settings import Settings
from apixo_mcp.tasks.learning.lesson import Lesson
from apixo_mcp.tasks.learning.memory import Memory
from apixo_mcp.tasks.transitions.context import Contexts
from apixo_mcp.views.faces import SHELL
from apixo_mcp.views.model_list import list_text
from apixo_mcp.views.models import describe


@click.command("list")
@click.argument("query", default="")
@click.option("--modality", type=click.Choice(["image", "video", "audio"]), help="Only those that make this.")
@click.option("--sort", type=click.Choice(["price"]), help="The cheapest first, unknown prices last.")
def list_offered(query: str, modality: str | None, sort: str | None) -> None:
    """List the offered models, or those that fit QUERY: a name or a purpose, in English or Chinese."""
    with errors_told():
        catalog = _catalog(settings_or_exit())
        if not len(catalog) and catalog.warnings:
            raise SettingsError("\n".join(catalog.warnings))
        say(list_text(catalog, modality or "", query, sort=sort or "", face=SHELL))


@click.command("show")
@click.argument("model")
def show_model(model: str) -> None:
    """Show everything about one model as JSON."""
    with errors_told():
        settings = settings_or_exit()
        catalog = _catalog(settings)
        chosen = catalog.find(model)
        say_json(describe(chosen, SHELL, _lessons(settings, catalog, chosen)))


def _lessons(settings: Settings, catalog: Catalog, model: Model) -> Mapping[str, Lesson]:
    """Returns what a model's tasks have taught here; nothing where there is no task store, or none that can be read."""
    if not settings.database_url and not (settings.home / "tasks.sqlite3").exists():
        return {}
    try:
        return anyio.run(_read_lessons, settings, catalog, model)
    except StoreError as error:
        say(f"apixo-mcp: what was learned of {model.id} is not shown: {error}", err=True)
        return {}


async def _read_lessons(settings: Settings, catalog: Catalog, model: Model) -> Mapping[str, Lesson]:
    from apixo_mcp.assembly.stores import store_of  # `models list` needs none

    async with store_of(settings) as store:
        return await Contexts(catalog, settings.poll_scale, memory=Memory(store)).lessons(model)


def _catalog(settings: Settings) -> Catalog:
    catalog, problems = own_catalog(settings)
    for problem in problems:
        say(f"apixo-mcp: {problem}", err=True)
    return catalog
