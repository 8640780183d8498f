"""A program of somebody who installed the wheel: it must type-check under mypy and pyright, both strict."""

from pathlib import Path

import apixo_mcp
from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.errors import ApixoError
from apixo_mcp.settings import Settings


def schedule_of(name: str) -> tuple[str, ...]:
    """Returns the ids of what a name may mean."""
    model: Model = Catalog().find(name)
    return (model.id, model.gateway)


def home_of(settings: Settings) -> Path:
    """Returns the folder that the settings name."""
    return settings.home


try:
    version: str = apixo_mcp.__version__
    print(version, schedule_of("nano-banana"))
except ApixoError as error:
    print(error)
