"""Models on offer, and their prices: what the files that are named for them hold."""

from collections.abc import Iterator
from pathlib import Path

from apixo_mcp.catalog.own import own_catalog, own_models
from apixo_mcp.catalog.prices import load_prices
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.cli.checks.finding import Finding
from apixo_mcp.errors import ApixoError
from apixo_mcp.settings import Settings
from apixo_mcp.views.words import counted


def model_findings(settings: Settings) -> Iterator[Finding]:
    """Yields how many models are on offer, and which of a user's own are not."""
    try:
        catalog = Catalog(settings.models, own_models(settings))
        yield Finding("models", f"{len(catalog)} on offer", " ".join(catalog.warnings), "APIXO_MCP_MODELS")
    except ApixoError as error:
        yield Finding("models", "not all can be used", str(error))


def price_findings(settings: Settings, path: Path) -> Iterator[Finding]:
    """Yields whether a file of prices can be used, and which of its lines count for nothing."""
    what, variable = "prices (APIXO_MCP_PRICES)", "APIXO_MCP_PRICES"
    try:
        prices = load_prices(path)
        catalog, _ = own_catalog(settings)
        state = f"{counted(len(prices), 'model')} in {path}"
        yield Finding(what, state, " ".join(catalog.price_warnings), variable)
    except ApixoError as error:
        yield Finding(what, "cannot be used", str(error), variable)
