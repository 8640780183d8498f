"""The likely cost of a generation, from prices that were seen somewhere: estimates, never promises."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from apixo_mcp.catalog.model import Model, Price, Spelling
from apixo_mcp.errors import SettingsError
from apixo_mcp.generation import Modality

_UNITS = ("image", "video", "second", "task")
_USUAL_UNIT: Mapping[Modality, str] = {"image": "image", "video": "video", "audio": "task"}


def estimate(model: Model, values: Mapping[str, Any], seconds: float | None = None) -> float | None:
    """Returns the US dollars that this input is likely to cost, None where that is not known.

    Args:
        model: what is asked; it has the user's own prices where they gave any.
        values: its input, by the wire's field names.
        seconds: how long the files are together that give what is made its length (`marks.Timed`), where that is known.
    """
    full = model.input.defaults() | {name: value for name, value in values.items() if value is not None}
    for price in model.prices:
        if all(_same(full.get(name), wanted) for name, wanted in price.when.items()):
            amount = _amount(model, price, full, seconds)
            if amount is None:
                continue  # a price by the second says nothing where the seconds are not known
            usd = price.usd * max(amount, price.fewest)
            # What is no amount of money counts as unknown: a sum with it would be none either.
            return round(usd, 6) if math.isfinite(usd) and usd >= 0 else None
    return None


def dollars(amount: float) -> str:
    """Returns an amount of dollars, small ones to a hundredth of a cent."""
    amount = round(amount, 6)  # sums are not exact
    return f"${amount:.2f}" if amount == 0 or amount >= 0.01 else f"${amount:.4f}"


def price_line(model: str, modality: Modality) -> str:
    """Returns a line that prices a model, for the top of the file that `APIXO_MCP_PRICES` names.

    Its amount stands for the true one, and is above all that were seen of an image or a song.
    """
    return f'prices."{model}" = {{ usd = 1.00, per = "{_USUAL_UNIT[modality]}" }}'


def _same(given: Any, wanted: Any) -> bool:
    return given is wanted or (given is not None and str(given).casefold() == str(wanted).casefold())


def _amount(model: Model, price: Price, values: Mapping[str, Any], seconds: float | None) -> float | None:
    """Tells how many units the input asks for, None where it does not say."""
    match price.per:
        case "image":
            return _number(values.get(_field(model, "num_images")), missing=1)
        case "second":
            # That a second that has begun is paid whole is inferred; so an estimate is rather above than below.
            given = _number(values.get(_field(model, "duration")), missing=None)
            return math.ceil(seconds) if given is None and seconds is not None else given
        case _:
            return 1


def _field(model: Model, name: str) -> str:
    return model.spelling.get(name, Spelling(name)).field


def _number(value: Any, *, missing: float | None) -> float | None:
    if value is None:
        return missing
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    # A duration of 0 means "as long as the given video".
    return number if number > 0 else None


def load_prices(path: Path) -> Mapping[str, tuple[Price, ...]]:
    """Returns the user's prices (setting `APIXO_MCP_PRICES`), by the names that the file gives the models.

    A name is a model's, or has `*` for a part of several; `image`, `video` and `audio` stand for each model that makes
    it. The file holds a table a name, or a list of tables where the price depends on the input::

        [prices."seedream-*"]
        usd = 0.03
        per = "image"

        [[prices."veo-3-1"]]
        usd = 0.2
        per = "video"
        when = { mode = "fast" }

    Raises:
        SettingsError: naming the file, the entry and what is wrong with it.
    """
    import tomllib  # only whoever has such a file needs it

    try:
        document = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"APIXO_MCP_PRICES: {path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise SettingsError(f"APIXO_MCP_PRICES: {path} is not valid TOML: {error}") from None
    table = document.get("prices")
    if not isinstance(table, dict) or set(document) != {"prices"}:
        raise SettingsError(f'APIXO_MCP_PRICES: {path} must hold tables named [prices."model-id"] and nothing else')
    prices: dict[str, tuple[Price, ...]] = {}
    for name, entry in cast(dict[str, Any], table).items():
        entries = cast(list[Any], entry if isinstance(entry, list) else [entry])
        prices[name] = tuple(_price(path, name, item) for item in entries)
    return prices


def _price(path: Path, name: str, entry: Any) -> Price:
    where = f'APIXO_MCP_PRICES: {path}: prices."{name}"'
    if not isinstance(entry, dict):
        raise SettingsError(f"{where} must be a table with usd and per")
    fields = cast(dict[str, Any], entry)
    if "prices" in fields:
        raise SettingsError(f"{where} holds a line that begins with prices; put it at the top of the file")
    if unknown := sorted(set(fields) - {"usd", "per", "when"}):
        raise SettingsError(f"{where}: {unknown[0]} is not known; use usd, per and when")
    usd, per, when = fields.get("usd"), fields.get("per"), fields.get("when", {})
    if isinstance(usd, bool) or not isinstance(usd, int | float) or not 0 <= usd < float("inf"):
        raise SettingsError(f"{where}: usd must be a number from 0 up")
    if per not in _UNITS:
        raise SettingsError(f"{where}: per must be one of {', '.join(_UNITS)}")
    if not isinstance(when, dict):
        raise SettingsError(f"{where}: when must be a table of input values")
    return Price(float(usd), per, path.name, cast(dict[str, Any], when))
