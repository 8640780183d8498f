"""`models`: the catalog on paper."""

import json

import click

from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.cli.start import errors_told, settings_or_exit
from apixo_mcp.cli.words import in_shell
from apixo_mcp.server.catalog_text import describe, list_text


def show_list(query: str, modality: str) -> None:
    """A line a model."""
    with errors_told():
        click.echo(in_shell(list_text(_catalog(), modality, query)))


def show_one(name: str) -> None:
    """Everything about one model."""
    with errors_told():
        click.echo(json.dumps(describe(_catalog().find(name)), indent=2, ensure_ascii=False))


def _catalog() -> Catalog:
    from apixo_mcp.app import own_catalog

    catalog, problems = own_catalog(settings_or_exit())
    for problem in problems:
        click.echo(f"apixo-mcp: {problem}", err=True)
    return catalog
