"""The parts of the documents that are made from the code: a function each, by the name of its marks in the document."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click

from apixo_mcp.catalog.model import Model, Price
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.cli.program import program
from apixo_mcp.gateways.credential import Credential
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.gateways.failures import is_transient, task_failure
from apixo_mcp.hosts.machine import Machine, Platform
from apixo_mcp.hosts.table import HOSTS
from apixo_mcp.settings import Settings, variables

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "tests" / "server" / "snapshots" / "tools"
PLATFORMS = {
    "home": "`apixo-mcp` in the platform's data folder",
    "download_dir": "`apixo-mcp` in the Pictures folder",
}
"""Defaults that differ from machine to machine."""
WORDS = {
    "AbsolutePath": "a path",
    "DatabaseUrl": "`postgresql://user:password@host:5432/database`, or what else libpq takes",
    "BucketAddress": "`s3://` and the name of a bucket, with a prefix where one is wanted",
    "Folders": "paths, separated as the system does it",
    "Names": "ids, separated by commas",
    "HostNames": "names, separated by commas",
    "Networks": "addresses and networks, separated by commas",
    "WebAddress": "a URL",
    "NotifyUrl": "an https URL",
    "NotifySecret": "`whsec_` and base64",
    "TunnelProgram": "`cloudflared`, `ngrok`, or a command line with `{port}`",
}
"""What a value of a kind may be; the names are those of `apixo_mcp/variables`."""


def cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


# Settings.


def settings(page: str) -> str:
    """Each setting with its default and what it may hold. Its meaning is written by hand, and kept from the page."""
    meanings = dict(
        re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| [^|]*(?:\\\|[^|]*)* \| [^|]*(?:\\\|[^|]*)* \|$", page, re.MULTILINE)
    )
    annotations = Settings.__annotations__
    lines = ["| variable | meaning | default | what it may hold |", "|---|---|---|---|"]
    for listing in GATEWAYS.values():
        lines.append(f"| `{listing.key_variable}` | {meanings.get(listing.key_variable, '')} | none | a key |")
        lines.append(
            f"| `{listing.base_url_variable}` | {meanings.get(listing.base_url_variable, '')} | "
            f"`{listing.base_url}` | a URL |"
        )
    for name, field in Settings.model_fields.items():
        if str(field.alias) in variables():
            holds = allowed(annotations[name], field.metadata)
            lines.append(f"| `{field.alias}` | {meanings.get(str(field.alias), '')} | {default(name)} | {holds} |")
    return "\n".join(lines)


def default(name: str) -> str:
    if name in PLATFORMS:
        return PLATFORMS[name]
    value = Settings.model_fields[name].default
    if isinstance(value, bool):
        return "on" if value else "off"
    if value in (None, "", ()) or type(value).__name__ == "SecretStr":
        return "none"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def allowed(annotation: Any, metadata: list[Any]) -> str:
    """Tells what a value may be, from its type and its limits."""
    from apixo_mcp.variables import addresses, kinds

    for name, words in WORDS.items():
        kind = getattr(kinds, name, None) or getattr(addresses, name)
        if annotation in (kind, kind | None):
            return words
    bare = get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation
    if get_origin(bare) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(bare))
    types = get_args(bare) or (bare,)
    if bool in types:
        return "`1` or `0`"
    what = "a whole number" if int in types else "a number" if float in types else "text"
    words = {"ge": "at least", "gt": "above", "le": "at most"}
    limits = [
        f"{word} {getattr(limit, name)}" for limit in metadata for name, word in words.items() if hasattr(limit, name)
    ]
    return ", ".join([what, *limits])


# Models.


def models(_: str) -> str:
    """The catalog, a table for each modality."""
    parts: list[str] = []
    catalog = list(Catalog())
    for modality, title in (("image", "Images"), ("video", "Video"), ("audio", "Sound")):
        of_it = [model for model in catalog if model.modality == modality]
        parts += [
            f"### {title}",
            "",
            "| model | by | modes | inputs | usual time | price seen |",
            "|---|---|---|---|---|---|",
        ]
        parts += [model_row(model) for model in of_it] + [""]
    return "\n".join(parts).rstrip()


def model_row(model: Model) -> str:
    known = {"full": "documented", "partial": "documented in part", "none": "not documented, passed on as given"}
    prices = ", ".join(dict.fromkeys(map(price, model.prices)))
    modes = ", ".join(f"`{mode}`" for mode in model.modes if mode != model.wire_id)
    row = [f"`{model.id}`", model.vendor, modes, known[model.facts], model.times, prices]
    return "| " + " | ".join(map(cell, row)) + " |"


def price(entry: Price) -> str:
    least = f"{entry.least:g} to " if entry.least is not None else ""
    return f"${least}{entry.usd:g} per {entry.per}"


def model_count(_: str) -> str:
    catalog = list(Catalog())
    numbers = {name: sum(model.gateway == name for model in catalog) for name in GATEWAYS}
    listed = " and ".join(f"{number} of {GATEWAYS[name].title}" for name, number in numbers.items())
    bare = sum(model.facts == "none" for model in catalog)
    return f"{len(catalog)} models: {listed}. {bare} of them have inputs that no document lists."


# Tools.


def tools(_: str) -> str:
    """The tools with their arguments, from what clients are shown."""
    parts: list[str] = []
    for path in sorted(TOOLS.glob("*.json")):
        tool = json.loads(path.read_text(encoding="utf-8"))
        needed = tool["inputSchema"].get("required", [])
        parts += [f"### `{tool['name']}`", "", cell(tool["description"]), ""]
        if properties := tool["inputSchema"].get("properties"):
            parts += ["| argument | type | default | what it says |", "|---|---|---|---|"]
            parts += [argument_row(name, schema, name in needed) for name, schema in properties.items()]
            parts += [""]
    return "\n".join(parts).rstrip()


def argument_row(name: str, schema: dict[str, Any], is_needed: bool) -> str:
    kind = schema.get("type", "anything")
    if kind == "array":
        kind = f"list of {schema.get('items', {}).get('type', 'anything')}"
    choices = ", ".join(f"`{value}`" for value in schema.get("enum", []) if value != "")
    value = "needed" if is_needed else f"`{json.dumps(schema.get('default'), ensure_ascii=False)}`"
    words = " ".join(filter(None, (schema.get("description", ""), f"One of {choices}." if choices else "")))
    return f"| `{name}` | {kind} | {value} | {cell(words)} |"


# Commands.


def leaves(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            yield from leaves(command, *path, name)
        elif command is not None:
            yield (*path, name), command


def commands(_: str) -> str:
    """The commands with their arguments and options, as they tell them with `--help`."""
    parts: list[str] = []
    for path, command in leaves(program):
        words = " ".join(["apixo-mcp", *path])
        context = click.Context(command, info_name=words)
        usage = " ".join([words, *command.collect_usage_pieces(context)])
        parts += [f"### `{words}`", "", "```text", usage, "```", "", told(command), ""]
        given = [parameter for parameter in command.get_params(context) if isinstance(parameter, click.Option)]
        options = [entry for option in given if (entry := option.get_help_record(context)) and "--help" not in entry[0]]
        if options:
            parts += ["| option | what it does |", "|---|---|"]
            parts += [f"| `{cell(names)}` | {cell(help)} |" for names, help in options] + [""]
    return "\n".join(parts).rstrip()


def told(command: click.Command) -> str:
    text = re.sub(r"[\b\f]", "", command.help or "").strip()
    return "\n\n".join(re.sub(r"\s+", " ", paragraph) for paragraph in re.split(r"\n\s*\n", text))


# Hosts.


def hosts(_: str) -> str:
    """Where each host keeps its configuration, and what makes a change count."""
    platforms: tuple[tuple[Platform, str], ...] = (("linux", "Linux"), ("macos", "macOS"), ("windows", "Windows"))
    lines = ["| host | `apixo-mcp install` | file | servers stand under | then |", "|---|---|---|---|---|"]
    for host in HOSTS.values():
        paths: dict[str, list[str]] = {}
        for platform, title in platforms:
            path = host.config_path(Machine(platform, Path("~"), {})).as_posix()
            paths.setdefault(path, []).append(title)
        files = (
            f"`{next(iter(paths))}`"
            if len(paths) == 1
            else "; ".join(f"{', '.join(titles)}: `{path}`" for path, titles in paths.items())
        )
        lines.append(f"| {host.title} | `{host.name}` | {files} | `{'.'.join(host.keys)}` | {host.after} |")
    return "\n".join(lines)


# Faults.

DOCUMENTED_CODES = (
    "CONTENT_VIOLATION",
    "NSFW_DETECTED",
    "PROMPT_TOO_LONG",
    "INVALID_PROMPT",
    "INVALID_IMAGE_URL",
    "IMAGE_TOO_LARGE",
    "IMAGE_DOWNLOAD_FAILED",
    "UNSUPPORTED_FORMAT",
    "INVALID_AUDIO_URL",
    "INVALID_LORA_URL",
    "PROCESSING_TIMEOUT",
    "MODEL_UNAVAILABLE",
    "GENERATION_FAILED",
    "INSUFFICIENT_CREDITS",
)
"""Those of the APIXO error-codes page and its model pages, as they are written there."""


def codes(_: str) -> str:
    """The documented fail codes, as the answers tell of them."""
    lines = ["| code | category | trying again helps | sent again by itself | what to do |", "|---|---|---|---|---|"]
    for code in DOCUMENTED_CODES:
        failure = task_failure(code, "", Credential.of("apixo"))
        again = "yes, as `APIXO_MCP_AUTO_RETRY` says" if is_transient(code) else "no"
        helps = "yes" if failure.retryable else "no"
        lines.append(f"| `{code}` | `{failure.category}` | {helps} | {again} | {cell(failure.advice)} |")
    return "\n".join(lines)
