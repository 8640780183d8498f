"""`models`: the catalog on paper."""

import json

import click

from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.cli.start import fail, settings_or_exit
from apixo_mcp.errors import ApixoError
from apixo_mcp.server.models import describe, list_text


def show_list(query: str, modality: str) -> None:
    """A line a model."""
    try:
        click.echo(list_text(_catalog(), modality, query))
    except ApixoError as error:
        fail(error)


def show_one(name: str) -> None:
    """Everything about one model."""
    try:
        click.echo(json.dumps(describe(_catalog().find(name)), indent=2, ensure_ascii=False))
    except ApixoError as error:
        fail(error)


def _catalog() -> Catalog:
    from apixo_mcp.app import own_models

    settings = settings_or_exit()
    return Catalog(settings.models, own_models(settings))
