"""Options that no page names: a slip for one that it does, or something that the gateway may ignore."""

import re
from collections.abc import Mapping
from typing import Any

from apixo_mcp.catalog.marks import inferred_names
from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.near_names import nearest_name, respelt
from apixo_mcp.catalog.translate import COMMON_ARGUMENTS, inputs
from apixo_mcp.catalog.unmet import unmet
from apixo_mcp.errors import Problem
from apixo_mcp.foreign import shorten


def strays(
    model: Model, options: Mapping[str, Any], arguments: Mapping[str, Any] | None = None
) -> tuple[list[Problem], tuple[str, ...]]:
    """Tells what is odd about options that no page names: what is wrong, and what is to be said.

    A name near to one that the page has is a slip, and refused; another is passed on, and it is said that it may be
    ignored. Of a model without a page a common argument in another spelling is refused, as neither is known and one
    name is to be tried; what is near to one otherwise is said, and so is each common argument.

    Args:
        arguments: the common ones that were given beside the options.
    """
    if model.facts == "full" or not model.input.is_open():
        return [], ()
    names = dict.fromkeys((*inputs(model), *model.input.names()))
    # Of a model without a page the tips name what client code sends.
    told = set(re.findall(r"\w+", " ".join(model.tips))) if model.facts == "none" else set[str]()
    problems: list[Problem] = []
    passed: list[str] = []
    reasons: list[str] = []
    if model.facts == "none":
        given = (name for name, value in (arguments or {}).items() if value not in (None, "", []))
        passed += [name for name in given if name != "prompt" and name not in told]
    for name, value in options.items():
        if value in (None, "", []) or name in names or name in told:
            continue
        near = nearest_name(name, tuple(names | dict.fromkeys(COMMON_ARGUMENTS)))
        if model.facts == "none" and (common := respelt(name, COMMON_ARGUMENTS)) and common != name:
            allowed = f"another spelling of {common}; no page of {model.id} names either, so give it by that name"
            problems.append(Problem(name, shorten(value), allowed, common))
        elif near and model.facts == "partial" and near not in inferred_names(model.input):
            problems.append(_slip(model, name, value, near, takes_it=near in names))
        elif (why := unmet(model, name, value)) or near or model.facts == "partial":
            passed.append(f"{name} (did you mean {near}?)" if near else name)
            reasons += [why] if why else []
    if not passed:
        return problems, ()
    what = "names it, so it" if len(passed) == 1 else "names them, so they"
    note = f"{', '.join(passed)}: passed on as given; no page of {model.id} {what} may be ignored."
    return problems, (note, *dict.fromkeys(reasons))


def _slip(model: Model, name: str, value: Any, near: str, *, takes_it: bool) -> Problem:
    takes = ", ".join(inputs(model))
    if takes_it:
        return Problem(name, shorten(value), f"not an input of {model.id}; its page names {takes}", near)
    return Problem(name, shorten(value), f"means {near}, which is not an input of {model.id}; its page names {takes}")
