"""Reckons what the smallest call of a model costs: models of one modality compare by it, however prices count."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from apixo_mcp.catalog.model import Model, Price
from apixo_mcp.catalog.schema import flat_properties
from apixo_mcp.catalog.translate import common

_LEAST_SECONDS = 5.0
"""Where no input tells the length: infinitetalk bills at least as many, and most models make no less."""


def smallest_call(model: Model) -> float | None:
    """Returns the dollars of one picture, one task or the shortest video, None where no price is known."""
    amounts = [_least(model, price) for price in model.prices]
    return min((amount for amount in amounts if math.isfinite(amount) and amount >= 0), default=None)


def _least(model: Model, price: Price) -> float:
    usd = price.usd if price.least is None else price.least
    return usd * shortest_video(model) if price.per == "second" else usd


def shortest_video(model: Model) -> float:
    """Returns the seconds of the shortest video that a model makes."""
    entry: Mapping[str, Any] = flat_properties(model.input).get(common(model).get("duration", ""), {})
    choices = [float(choice) for choice in entry.get("enum", ()) if str(choice).isdigit()]
    return min(choices, default=0.0) or float(entry.get("minimum", 0.0)) or _LEAST_SECONDS


def by_price(models: Iterable[Model]) -> tuple[Model, ...]:
    """Returns models with the cheapest first, and those without a known price last."""
    costs = [(smallest_call(model), model) for model in models]
    known = sorted(((cost, model) for cost, model in costs if cost is not None), key=lambda pair: pair[0])
    return (*(model for _, model in known), *(model for cost, model in costs if cost is None))
