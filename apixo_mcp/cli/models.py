"""`models`: the catalog on paper."""

from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.cli.start import errors_told, settings_or_exit
from apixo_mcp.cli.terminal import say, say_json
from apixo_mcp.errors import SettingsError
from apixo_mcp.views.faces import SHELL
from apixo_mcp.views.models import describe, list_text


def list_models(query: str, modality: str) -> None:
    """A line a model."""
    with errors_told():
        catalog = _catalog()
        if not len(catalog) and catalog.warnings:
            raise SettingsError("\n".join(catalog.warnings))
        say(list_text(catalog, modality, query, face=SHELL))


def show_model(name: str) -> None:
    """Everything about one model."""
    with errors_told():
        say_json(describe(_catalog().find(name), SHELL))


def _catalog() -> Catalog:
    from apixo_mcp.catalog.own import own_catalog

    catalog, problems = own_catalog(settings_or_exit())
    for problem in problems:
        say(f"apixo-mcp: {problem}", err=True)
    return catalog
