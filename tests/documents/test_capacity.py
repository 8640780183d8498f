"""docs/capacity.md says what follows from what was measured, and its facts stand where it says."""

import os
import re
from pathlib import Path

import pytest
from documents import capacity

from apixo_mcp.postgres.standing import MOST_OF_A_PROCESS
from apixo_mcp.tasks.ports.terms import MOST_IN_FLIGHT
from apixo_mcp.tasks.running.throttle import ThrottleLimits

PAGE = Path(__file__).resolve().parents[2] / "docs" / "capacity.md"
TABLES = {
    "limits": capacity.limits_table,
    "keys": capacity.keys_table,
    "storage": capacity.storage_table,
    "replicas": capacity.replicas_table,
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_follows_from_the_figures(name: str):
    text = PAGE.read_text(encoding="utf-8")
    between = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    assert between.search(text)
    present = between.sub(lambda match: f"{match[1]}{TABLES[name]()}\n{match[2]}", text)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        PAGE.write_text(present, encoding="utf-8", newline="\n")
        return
    assert text == present, "docs/capacity.md is behind the figures: run `make snapshots`"


def test_the_facts_are_those_that_the_program_goes_by():
    assert capacity.CONNECTIONS == MOST_OF_A_PROCESS
    assert ThrottleLimits().per_minute == capacity.REQUESTS
    assert MOST_IN_FLIGHT <= capacity.TOGETHER


def test_each_part_is_reckoned_by_what_ends_first():
    """By hand: 1,000 tasks of 60 s are 16.7 a second, of 10 s the requests end first: 10,000 / 60 / 5."""
    assert capacity.of_key(60.0) == pytest.approx(16.67, abs=0.01)
    assert capacity.of_key(10.0) == pytest.approx(33.33, abs=0.01)
    costs = capacity.Costs(0.01, 0.02, 0.002, 0.015, 0.0125, 0.005, 40, 7_000, 28_000)
    assert capacity.of_replica(costs) == pytest.approx(35)
    assert capacity.of_worker(costs) == pytest.approx(20)
    assert capacity.of_database(costs) == pytest.approx(140)
