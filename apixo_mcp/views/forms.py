"""A model as a form: what a page needs to ask a person for its inputs, and no sentence that only an assistant reads."""

from typing import Any

from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.schema import brief_schema, media_fields
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.views.models import describe
from apixo_mcp.views.words import given


def choice_of(model: Model) -> dict[str, Any]:
    """Returns a model among others that can be chosen."""
    return {
        "id": model.id,
        "title": model.title,
        "vendor": model.vendor,
        "modality": model.modality,
        "also": " ".join((*model.aliases, *model.recommended_for, *model.made_for)),
    }


def form_of(model: Model) -> dict[str, Any]:
    """Returns the fields of a model, from its own schema: those that are needed first, in the order of its page."""
    schema = brief_schema(model.input)
    files = media_fields(model.input)
    needed = [name for name in schema.get("required", ()) if name not in model.quiet_defaults]
    # A model whose inputs are not documented takes a prompt nevertheless.
    properties = ({} if "prompt" in schema["properties"] else _prompt(model)) | schema["properties"]
    fields = [{"name": name, **entry} | _marks(name, needed, files) for name, entry in properties.items()]
    about = describe(model)
    return given(
        {
            **choice_of(model),
            "fields": sorted(fields, key=_place),
            "is_open": model.input.is_open() or None,
            "about": schema.get("description"),
            "tips": about.get("tips"),
            "times": about.get("times"),
            "providers": ["auto", "value", "official"] if GATEWAYS[model.gateway].takes_provider else None,
        }
    )


def _prompt(model: Model) -> dict[str, Any]:
    return {"prompt": {"type": "string"}} if model.input.is_open() else {}


def _marks(name: str, needed: list[str], files: frozenset[str]) -> dict[str, Any]:
    return ({"required": True} if name in needed else {}) | ({"files": True} if name in files else {})


def _place(field: dict[str, Any]) -> int:
    """Returns where a field stands: the prompt, what is needed, files, all others."""
    if field["name"] == "prompt":
        return 0
    return 1 if field.get("required") else 2 if field.get("files") else 3
