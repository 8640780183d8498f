"""The documented facts as inputs: the smallest and the fullest of every mode, and one just outside every limit."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from apixo_mcp.catalog.registry import Catalog

DATA = Path(__file__).parents[1] / "catalog" / "data"
CATALOG = Catalog()


def _load(name: str) -> dict[str, Any]:
    return yaml.load((DATA / name).read_text("utf-8"), yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader)


@dataclass(frozen=True)
class Entry:
    id: str
    facts: str
    modality: str
    modes: tuple[str | None, ...]
    params: Mapping[str, Mapping[str, Any]]
    rules: Mapping[str, Any]
    raw: Mapping[str, Any]

    def __str__(self) -> str:
        return self.id


def _entries() -> Iterator[Entry]:
    rules = _load("rules.yaml")
    for raw in _load("apixo-models.yaml")["models"]:
        modes = tuple(raw["modes"]) or (None,)
        yield Entry(raw["id"], raw["facts"], raw["category"], modes, raw["params"], rules.get(raw["id"], {}), raw)
    for raw in _load("ruxa-models.yaml")["models"]:
        name = f"ruxa/{raw['id']}"
        yield Entry(name, "full", raw["category"], (None,), raw["params"], rules.get(name, {}), raw)


ENTRIES = tuple(_entries())
KNOWN = tuple(entry for entry in ENTRIES if entry.facts != "none")
UNDOCUMENTED_RUXA = tuple(_load("ruxa-models.yaml")["undocumented_models"])


def urls(count: int, name: str = "image_urls") -> list[str]:
    ending = {"video_urls": "mp4", "audio_urls": "mp3"}.get(name, "png")
    return [f"https://example.com/{name}/{index}.{ending}" for index in range(count)]


def _item(name: str, kind: str, index: int) -> Any:
    if kind == "array[url]":
        return f"https://example.com/{name}/{index}.png"
    if kind == "array[object]":
        lora = {"path": f"https://example.com/{index}.safetensors", "scale": 0.5}
        return lora if name == "loras" else {"entry": index}
    return f"{name}-{index}" if kind == "array[string]" else [[index, 0, 10, 10]]


def value(name: str, fact: Mapping[str, Any], *, most: bool) -> Any:
    """A valid value of a field: its least, or the most of it."""
    kind = fact["type"]
    if "enum" in fact:
        return fact["enum"][0]
    if "sample" in fact:
        return fact["sample"]
    if kind.startswith("array"):
        least = fact.get("min_items") or 1
        size = fact.get("max_items", least) if most else least
        return [_item(name, kind, index) for index in range(size)]
    if kind == "integer":
        return fact.get("max" if most else "min", 1)
    if kind == "number":
        return float(fact.get("max" if most else "min", 0.5))
    if kind == "boolean":
        return most
    if kind == "string(url)":
        return f"https://example.com/{name}.png"
    if kind in ("object", "object|string"):
        return {"x": 1}
    if most:
        return ("long text " * 3000)[: fact.get("max_length", 40)]
    return "x" * max(fact.get("min_length", 1), 1)


def _applies(when: Mapping[str, Any] | None, values: Mapping[str, Any]) -> bool:
    return when is not None and all(values.get(name) in allowed for name, allowed in when.items())


def minimal(entry: Entry, mode: str | None) -> dict[str, Any]:
    """The smallest valid input of a mode: what is required and has no documented default."""
    values: dict[str, Any] = {} if mode is None else {"mode": mode}
    assumed = {name: fact["default"] for name, fact in entry.params.items() if "default" in fact} | values
    for name, fact in entry.params.items():
        needed = fact["required"] and "default" not in fact
        if name != "mode" and (needed or _applies(fact.get("required_when"), assumed)):
            values[name] = value(name, fact, most=False)
    return changed(entry, values, entry.rules.get("base", {}).get(mode, {}))


def full(entry: Entry, mode: str | None) -> dict[str, Any]:
    """The fullest valid input of a mode: every documented field that it takes, each at its upper limit."""
    values = {
        name: value(name, fact, most=True)
        for name, fact in entry.params.items()
        if not fact.get("name_unknown") and (mode is None or mode in fact.get("modes", [mode]))
    }
    if mode is not None:
        values["mode"] = mode
    changes = entry.rules.get("full", {})
    return changed(entry, values, changes.get("all", {}) | changes.get(mode, {}))


def changed(entry: Entry, values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with the changes of a line of rules.yaml."""
    out = deepcopy(dict(values))
    for name, change in changes.items():
        fact = entry.params.get(name, {})
        if change is None:
            out.pop(name, None)
        elif isinstance(change, int) and not isinstance(change, bool) and fact.get("type", "").startswith("array"):
            out[name] = [_item(name, fact["type"], index) for index in range(change)]
        elif isinstance(change, str) and change.startswith("*"):
            out[name] = "y" * int(change[1:])
        else:
            out[name] = change
    return out


@dataclass(frozen=True)
class Limit:
    """One documented limit, as an input that breaks only it."""

    entry: Entry
    kind: str
    field: str
    values: Mapping[str, Any]
    says: tuple[str, ...]
    given: str

    def __str__(self) -> str:
        return f"{self.entry.id}-{self.field}-{self.kind}"


def _outside(entry: Entry, name: str, fact: Mapping[str, Any]) -> Iterator[tuple[str, Any, tuple[str, ...], str]]:
    """Values just outside each limit of a field: kind, value, words of the limit, words of what was given."""
    if "enum" in fact:
        wrong: Any = "no such value" if fact["type"] == "string" else max(fact["enum"]) + 1
        yield "enum", wrong, tuple(map(str, fact["enum"])), str(wrong)
    for wrong in fact.get("outside", ()):
        yield f"format {wrong}", str(wrong), (fact["says"],), str(wrong)
    if "max_length" in fact or name == "prompt":
        # 5,000 characters is the general limit of a prompt where no page names one.
        most = fact.get("max_length", 5000)
        yield "max_length", "z" * (most + 1), (f"{most:,} characters",), f"{most + 1}"
    if fact.get("min_length"):
        least = fact["min_length"]
        yield "min_length", "z" * (least - 1), ("not be empty" if least == 1 else f"{least} characters",), "'"
    if "min" in fact:
        yield "min", fact["min"] - 1, (str(fact["min"]),), str(fact["min"] - 1)
    if "max" in fact:
        yield "max", fact["max"] + 1, (str(fact["max"]),), str(fact["max"] + 1)
    if "step" in fact:
        yield "step", fact["min"] + fact["step"] / 2, (f"steps of {fact['step']}",), str(fact["step"] / 2)
    if fact.get("min_items"):
        least = fact["min_items"]
        few = [_item(name, fact["type"], index) for index in range(least - 1)]
        yield "min_items", few, (f"at least {least} item",), f"{least - 1} item"
    if "max_items" in fact:
        most = fact["max_items"]
        many = [_item(name, fact["type"], index) for index in range(most + 1)]
        yield "max_items", many, (f"at most {most} item",), f"{most + 1} items"
    if fact["type"] == "array[url]":
        yield "url", ["C:\\cat.png"], ("URL",), "cat.png"
    if fact["type"] == "string(url)":
        yield "url", "C:\\cat.png", ("URL",), "cat.png"
    if fact["type"] in ("integer", "number", "boolean") and "enum" not in fact:
        yield "type", "much", ("valid",), "much"


_MUST_SAY = ("flux-kontext", "midjourney", "wan-2-7-image")
"""Image models whose modes are not those that the general default is one of."""


def _limits(entry: Entry) -> Iterator[Limit]:
    for name, fact in entry.params.items():
        if fact.get("name_unknown"):
            continue
        fitting = [mode for mode in entry.modes if mode is None or mode in fact.get("modes", [mode])]
        base = full(entry, fitting[-1]) if name in full(entry, fitting[-1]) else minimal(entry, fitting[0])
        for kind, wrong, says, given in _outside(entry, name, fact):
            yield Limit(entry, kind, name, {**base, name: wrong}, says, given)
        # A mode with one value only, or with the general default of images, is always sent.
        always = name == "mode" and (entry.modality == "image" or len(entry.modes) == 1) and entry.id not in _MUST_SAY
        if fact["required"] and "default" not in fact and not always:
            yield Limit(entry, "required", name, changed(entry, minimal(entry, fitting[0]), {name: None}), (), "")
        for mode in entry.modes:
            small = minimal(entry, mode)
            assumed = {key: other["default"] for key, other in entry.params.items() if "default" in other} | small
            if name in small and _applies(fact.get("required_when"), assumed):
                yield Limit(entry, f"required in {mode}", name, changed(entry, small, {name: None}), (), "")
            if mode is not None and mode not in fact.get("modes", [mode]):
                wrong = value(name, fact, most=True)
                yield Limit(entry, f"refused in {mode}", name, {**small, name: wrong}, ("not accepted",), "")
    for mode, changes, name, says in entry.rules.get("refused", []):
        values = changed(entry, minimal(entry, mode), changes)
        yield Limit(entry, f"rule {changes}", name, values, (says,), "")


LIMITS = tuple(limit for entry in KNOWN for limit in _limits(entry))
