"""The alert rules and the dashboard: they ask for metrics that there are, and mean what they say."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from apixo_mcp.telemetry.gauges import Gauges
from apixo_mcp.telemetry.metrics import MOST_OWNERS, Metrics

FOLDER = Path(__file__).resolve().parent.parent.parent / "docs" / "operation"
RULES, RULES_TEST, DASHBOARD = FOLDER / "alerts.yml", FOLDER / "alerts.test.yml", FOLDER / "dashboard.json"
NAME = re.compile(r"\bapixo_[a-z_]+\b")
SUFFIXES = ("_total", "_bucket", "_sum", "_count", "")
has_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="needs Prometheus' promtool (make alerts)")


def labels_of(metrics: Metrics) -> dict[str, set[str]]:
    """The names that a scrape can have, and the labels of each."""
    known: dict[str, set[str]] = {}
    for collector in metrics.registry.collect():
        for name in SUFFIXES:
            known[f"{collector.name}{name}"] = set()
    for name, labels in metrics.labels().items():
        for suffix in SUFFIXES:
            known[f"{name}{suffix}"] = {*labels, "le"}
    for name in ("apixo_process_cpu_seconds_total", "apixo_process_resident_memory_bytes"):
        known[name] = set()
    return known


def alerts() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    return json.loads(DASHBOARD.read_text(encoding="utf-8"))


def panels() -> Iterator[dict[str, Any]]:
    yield from (panel for panel in dashboard()["panels"] if panel["type"] != "row")


def queries() -> dict[str, str]:
    """Every query of the rules and of the dashboard, by where it stands."""
    found = {rule["alert"]: rule["expr"] for rule in alerts()}
    for panel in panels():
        found |= {f"{panel['title']} {target['refId']}": target["expr"] for target in panel["targets"]}
    return found


@pytest.mark.parametrize("where", queries())
def test_each_query_asks_for_what_there_is(where: str):
    known, query = labels_of(Metrics()), queries()[where]
    names = NAME.findall(query)
    assert names or query.startswith("up{"), query
    assert set(names) <= known.keys(), where
    labels = set[str]().union(*(known[name] for name in names))
    for group in re.findall(r"\b(?:by|without) \(([^)]*)\)", query):
        assert {label.strip() for label in group.split(",")} <= labels, where
    for selector in re.findall(r"apixo_\w+\{([^}]*)\}", query):
        assert set(re.findall(r"(\w+)(?:=~|!=|=)", selector)) <= labels, where


def test_what_the_guide_asks_to_be_watched_has_an_alert():
    """A high error rate, odd latencies, sudden spending, rate limits (guide 000)."""
    names = {rule["alert"] for rule in alerts()}
    assert names >= {"ApixoHighErrorRate", "ApixoSlowTasks", "ApixoSlowGateway", "ApixoSpendSurge", "ApixoRateLimited"}
    for rule in alerts():
        assert rule["labels"]["severity"] in ("info", "warning", "critical")
        assert rule["annotations"]["summary"]


def test_each_alert_is_tried():
    tried = RULES_TEST.read_text(encoding="utf-8")
    for rule in alerts():
        assert re.search(rf"alertname: {rule['alert']}\n\s+exp_alerts:\n\s+- ", tried), rule["alert"]


TARGET = {
    "type": "object",
    "additionalProperties": False,
    "required": ["datasource", "expr", "legendFormat", "refId"],
    "properties": {
        "datasource": {"const": {"type": "prometheus", "uid": "${datasource}"}},
        "expr": {"type": "string", "minLength": 5},
        "legendFormat": {"type": "string", "minLength": 1},
        "refId": {"type": "string", "pattern": "^[A-Z]$"},
    },
}
PLACE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["h", "w", "x", "y"],
    "properties": {
        "h": {"type": "integer", "minimum": 1},
        "w": {"type": "integer", "minimum": 1, "maximum": 24},
        "x": {"type": "integer", "minimum": 0, "maximum": 23},
        "y": {"type": "integer", "minimum": 0},
    },
}
PANEL = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "type", "title", "datasource", "gridPos", "fieldConfig", "options", "targets"],
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "type": {"enum": ["timeseries", "stat"]},
        "title": {"type": "string", "minLength": 1},
        "description": {"type": "string"},
        "datasource": {"const": {"type": "prometheus", "uid": "${datasource}"}},
        "gridPos": PLACE,
        "fieldConfig": {
            "type": "object",
            "additionalProperties": False,
            "required": ["defaults", "overrides"],
            "properties": {
                "defaults": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"unit": {"enum": ["short", "none", "s", "currencyUSD", "decbytes", "reqps"]}},
                },
                "overrides": {"type": "array"},
            },
        },
        "options": {"type": "object"},
        "targets": {"type": "array", "minItems": 1, "items": TARGET},
    },
}
ROW = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "type", "title", "gridPos", "collapsed", "panels"],
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "type": {"const": "row"},
        "title": {"type": "string"},
        "gridPos": PLACE,
        "collapsed": {"const": False},
        "panels": {"const": []},
    },
}
SCHEMA = {
    "type": "object",
    "required": ["title", "uid", "schemaVersion", "panels", "templating", "time", "refresh"],
    "properties": {
        "title": {"type": "string"},
        "uid": {"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,40}$"},
        "schemaVersion": {"type": "integer", "minimum": 36},
        "id": False,
        "panels": {
            "type": "array",
            "items": {"if": {"properties": {"type": {"const": "row"}}}, "then": ROW, "else": PANEL},
        },
        "time": {"type": "object", "required": ["from", "to"]},
    },
}
"""What Grafana takes of a classic dashboard, as far as this one uses it: no field beyond these."""


def test_the_dashboard_is_one():
    jsonschema.validate(dashboard(), SCHEMA)
    every = dashboard()["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    [source] = dashboard()["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    taken: set[tuple[int, int]] = set()
    for panel in every:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, f"{panel['title']} stands on another panel"
        taken |= cells


def test_every_metric_is_watched_or_shown():
    asked = {name for query in queries().values() for name in NAME.findall(query)}
    for name in Metrics().labels():
        assert asked & {f"{name}{suffix}" for suffix in SUFFIXES} or name in LEFT_OUT, name


LEFT_OUT = {"apixo_admission_duration_seconds"}
"""For whoever looks for what takes long before a task begins."""


def test_an_exposition_is_read_by_promtool_without_complaint():
    text = Metrics().text(Gauges(in_flight={"apixo": 1})).decode()
    assert 'apixo_tasks_in_flight{gateway="apixo"} 1.0' in text
    assert all(line.split()[2].startswith("apixo_") for line in text.splitlines() if line.startswith("# TYPE"))


def test_what_limits_leave_is_told_of_each_owner_that_has_a_label():
    names = [f"owner{number:02}" for number in range(MOST_OWNERS + 5)]
    left = {(name, "day"): 1.5 for name in names} | {("", "month"): 7.0}
    text = Metrics().text(Gauges(left_usd=left, tasks_left={"": 3, "owner00": 2})).decode()
    assert 'apixo_owner_budget_left_usd{owner="owner00",period="day"} 1.5' in text
    assert text.count("apixo_owner_budget_left_usd{") == MOST_OWNERS
    assert 'owner="other"' not in text
    assert 'apixo_budget_left_usd{period="month"} 7.0' in text
    assert 'apixo_owner_tasks_left{owner="owner00"} 2.0' in text
    assert "\napixo_tasks_left 3.0" in text


def promtool(*arguments: str, given: str | None = None) -> None:
    done = subprocess.run(
        ["promtool", *arguments], input=given, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@has_promtool
def test_the_rules_are_rules():
    promtool("check", "rules", str(RULES))


@has_promtool
def test_each_rule_fires_where_it_should_and_nowhere_else():
    promtool("test", "rules", str(RULES_TEST))


@has_promtool
def test_prometheus_reads_every_query_of_the_dashboard(tmp_path: Path):
    rules = [
        {"record": f"panel:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(queries().values())
    ]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", str(path))


@has_promtool
def test_the_metrics_are_named_as_prometheus_asks():
    promtool("check", "metrics", given=Metrics().text(Gauges(in_flight={"apixo": 1})).decode())


def table() -> str:
    """The metrics, as the document lists them."""
    metrics = Metrics()
    labels = metrics.labels()
    lines = ["| metric | labels | what |", "|---|---|---|"]
    for family in sorted(metrics.registry.collect(), key=lambda family: family.name):
        if family.name in labels:
            name = f"{family.name}_total" if family.type == "counter" else family.name
            named = ", ".join(f"`{label}`" for label in labels[family.name])
            lines.append(f"| `{name}` | {named} | {family.documentation} |")
    return "\n".join(lines)


def test_the_document_lists_every_metric():
    path = FOLDER.parent / "operation.md"
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition("<!-- metrics -->\n")
    _, _, after = rest.partition("<!-- /metrics -->\n")
    present = f"{before}<!-- metrics -->\n{table()}\n<!-- /metrics -->\n{after}"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(present, encoding="utf-8", newline="\n")
        return
    assert text == present, "docs/operation.md is behind the code: run `make snapshots`"
