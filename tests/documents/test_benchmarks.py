"""The page of results shows the figures that were measured, and no others."""

import re
from pathlib import Path
from typing import Any

from benchmarks.page import KEPT, PAGE, RUNNER, SECTIONS, page, read

RUN: dict[str, Any] = {
    "measured": "2026-11-01 10:00 UTC",
    "load": 0.5,
    "cores": 2,
    "processor": "a processor",
    "system": "Linux 6",
    "python": "3.11.7",
}


def test_the_page_is_made_from_the_figures_that_are_kept():
    assert PAGE.read_text(encoding="utf-8") == page(read()), "run tests/benchmarks/page.py, which `make bench` ends in"


def test_what_was_not_measured_is_not_on_the_page():
    assert "|" not in page({})
    shown = page({"calls": {**RUN, "figures": {"call": {"ours": 0.003, "beside": 0.002, "ratio": 1.5, "n": 200}}}})
    assert "| A later call | 3.00 ms | 2.00 ms | **1.50** |  | 200 |" in shown
    assert "Measured 2026-11-01, a processor, 2 cores, Linux 6, Python 3.11.7, load 0.5." in shown
    assert "Handshake" not in shown


def test_a_figure_that_falls_short_of_its_aim_says_so():
    def told(ratio: float, **aim: float) -> str:
        figure = {"ours": 1.0, "beside": 1.0, "ratio": ratio, "aim": aim, "n": 1}
        return page({"saving-small": {**RUN, "figures": {"saving-small": figure}}})

    assert "| ≥ 0.50: **missed** |" in told(0.4, at_least=0.5)
    assert "| ≥ 0.50 |" in told(0.5, at_least=0.5)
    assert "| ≤ 1.50: **missed** |" in told(1.6, at_most=1.5)
    assert "| ≤ 1.50 |" in told(1.5, at_most=1.5)


def test_polls_through_the_runner_are_told_before_those_that_are_simulated():
    polls = {"ours": 2.9, "beside": 3.8, "ratio": 0.76, "of": "ours", "aim": {"at_most": 3.0}, "n": 50}
    figures = {"polls": polls, "lag": {**polls, "ours": 1.2, "aim": {"at_most": 1.0}}}
    simulated = {"bimodal: polls": polls, "bimodal: lag": polls}
    shown = page({"schedule-runner": {**RUN, "figures": figures}, "schedule-pro": {**RUN, "figures": simulated}})
    assert "| Polls of a task | 2.90 | 3.80 | **0.76** | ≤ 3.00 | 50 |" in shown
    assert "| Lag | 1.20 s | 3.80 s | **0.76** | ≤ 1.00 s: **missed** | 50 |" in shown
    assert shown.count("## When tasks are polled") == 1
    assert shown.index("Lag") < shown.index("bimodal")


def test_a_server_that_did_not_start_is_named_with_why():
    row = dict.fromkeys(("initialized", "listed", "cpu", "cpu_settled", "memory", "tools", "size"), 1.0)
    row |= {f"{name}_ratio": 1.0 for name in ("initialized", "listed", "cpu", "cpu_settled", "memory")}
    names = ("apixo-mcp", "bare SDK server")
    run = {**RUN, "rounds": 3, "node": "v24.0.0", "missing": {"other-mcp": "did not start: no room"}}
    run |= {
        "figures": dict.fromkeys(names, row),
        "versions": {name: {"version": "1", "registry": "", "sdk": "2"} for name in names},
    }
    assert "- other-mcp: not measured, it did not start: no room" in page({"peers": run})


def test_every_kept_figure_is_on_the_page():
    rows = {(row.benchmark, row.figure) for section in (*SECTIONS, RUNNER) for row in section.rows}
    for path in Path(KEPT).glob("*.json"):
        if not re.match("peers|schedule-(pro|fast)", path.stem):
            assert path.stem in {benchmark for benchmark, _ in rows}
