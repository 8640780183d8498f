"""A tool per model, for agents that use a few models and want them typed (setting `APIXO_MCP_TOOLS`)."""

from collections.abc import Iterable
from typing import Any

from apixo_mcp.catalog.model import Model
from apixo_mcp.catalog.schema import input_schema, media_fields
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.media.inputs.ways import Way
from apixo_mcp.server.tools import schemas
from apixo_mcp.server.tools.tool import ToolDefinition
from apixo_mcp.views.faces import TYPED_CHAT
from apixo_mcp.views.models import tool_of

MANY = 20
_TOKENS_EACH = 485  # measured: the mean of all offered models, four bytes a token


def model_definitions(models: Iterable[Model], way: Way) -> tuple[ToolDefinition, ...]:
    """Returns one `generate_<model>` for each model, with exactly its inputs; local files go this way."""
    return tuple(_definition(model, way) for model in models)


def advice(count: int) -> str:
    """Says what many typed tools cost, and how to have fewer; empty where they are few."""
    if count <= MANY:
        return ""
    cost = f"{count} typed tools take about {count * _TOKENS_EACH:,} tokens of every conversation."
    return (
        f'{cost} APIXO_MCP_MODELS narrows them, e.g. APIXO_MCP_MODELS="nano-banana,seedream-*,sora-2"; '
        "APIXO_MCP_TOOLS=general has three tools for all models."
    )


def _definition(model: Model, way: Way) -> ToolDefinition:
    schema = input_schema(model.input)
    needed = [name for name in schema.get("required", ()) if name not in model.quiet_defaults]
    properties = {name: _argument(entry, name in needed) for name, entry in schema["properties"].items()}
    for name in media_fields(model.input).intersection(properties):
        told = properties[name].get("description", "")
        properties[name]["description"] = f"{told} {schemas.files_argument(way)}".strip()
    makes = f"{model.title}: make {_article(model.modality)} {model.modality}."
    rules = schema.get("description", "")
    controls = {
        name: entry
        for name, entry in schemas.CONTROLS.items()
        if name != "provider" or GATEWAYS[model.gateway].takes_provider
    }
    is_open = {"additionalProperties": model.input.is_open()}
    return ToolDefinition(
        name=tool_of(model, TYPED_CHAT),
        description=f"{makes} Costs money; follow it with check_task, never repeat it. {rules}".strip(),
        input=schemas.tool_input(properties | controls, *needed) | is_open,
        output=schemas.SEVERAL_OUTPUT,
        modality=model.modality,
        model=model.id,
        reads=False,
    )


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _argument(entry: dict[str, Any], needed: bool) -> schemas.Schema:
    """Returns a field as an argument. A file may also be a path or an earlier result, so its text has no format."""
    argument = {name: value for name, value in entry.items() if name not in ("format", "nullable")}
    # Where no page tells a field's shape, clients still want a type; the server takes what comes.
    argument.setdefault("type", "object")
    if "items" in argument:
        argument["items"] = {
            name: value for name, value in argument["items"].items() if name not in ("format", "minLength")
        }
        argument["items"].setdefault("type", "object")
    return argument if needed else argument | {"nullable": True}
