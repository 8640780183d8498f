"""The catalog with the user's own models and prices, from the files that the settings name."""

from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.prices import load_prices
from apixo_mcp.catalog.registry import Catalog, OwnPrices
from apixo_mcp.errors import SettingsError
from apixo_mcp.settings import Settings


def own_models(settings: Settings) -> tuple[Model, ...]:
    """Returns the models of the user's own file in the data folder, if there is one."""
    for name in ("models.toml", "models.json"):
        path = settings.home / name
        if path.is_file():
            from apixo_mcp.catalog.custom import load_custom

            return load_custom(path)
    return ()


def own_catalog(settings: Settings) -> tuple[Catalog, tuple[str, ...]]:
    """Returns the models on offer with the user's own and their prices, and what is wrong with the files of those.

    A broken file takes nothing else down; but while that of the prices is broken, no price counts.
    """
    problems: list[str] = []
    models: tuple[Model, ...] = ()
    prices: OwnPrices | None = {}
    try:
        models = own_models(settings)
    except SettingsError as error:
        problems.append(str(error))
    try:
        prices = load_prices(settings.prices) if settings.prices else {}
    except SettingsError as error:
        prices = None
        problems.append(f"{error}. Until it is mended, no price is known.")
    return Catalog(settings.models, models, prices), tuple(problems)
