"""A list of tasks: short entries, from which each path can be had."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.amounts import examples
from support.store_tasks import make, make_followed

from apixo_mcp.tasks.task import FileState, Result, State, Task
from apixo_mcp.views.listing import tasks_listed
from apixo_mcp.views.words import compact

CHARACTERS_A_TOKEN = 4
FOLDER = "/home/somebody/Pictures/apixo-mcp/2026-11-27/"


def done(number: int, *paths: str, model: str = "nano-banana-pro") -> Task:
    results = tuple(Result(index=index, file=FileState.SAVED, path=path) for index, path in enumerate(paths))
    prompt = f"{number} A red fox that sits in the snow under a birch tree, seen from far away"
    return make_followed(state=State.SUCCESS, due=None, results=results, prompt=prompt, model=model)


def paths_of(tasks: Sequence[Task]) -> list[str]:
    told = tasks_listed(tasks)
    return [told.get("folder", "") + path for entry in told["tasks"] for path in entry.get("paths", ())]


@pytest.mark.parametrize("models", [("nano-banana-pro",), ("nano-banana-pro", "seedream-4.0")])
def test_a_task_more_takes_at_most_60_tokens(models: tuple[str, ...]):
    tasks = [
        done(number, f"{FOLDER}{number}-a-red-fox-that-sits-in-the-sn-abcdef.png", model=models[number % len(models)])
        for number in range(30)
    ]
    whole, less = (len(compact(tasks_listed(some)).encode()) for some in (tasks, tasks[:-10]))
    assert (whole - less) / 10 / CHARACTERS_A_TOKEN <= 60


def test_one_file_has_its_whole_path():
    assert tasks_listed([done(0, f"{FOLDER}a.png"), make()])["tasks"][0]["paths"] == [f"{FOLDER}a.png"]


def test_what_several_share_is_said_once():
    told = tasks_listed([done(0, f"{FOLDER}a.png"), done(1, f"{FOLDER}b.png", f"{FOLDER}b-2.png")])
    assert (told["folder"], told["model"]) == (FOLDER, "nano-banana-pro")
    assert [entry["paths"] for entry in told["tasks"]] == [["a.png"], ["b.png", "b-2.png"]]


@given(st.lists(st.text("ab/\\.", min_size=1, max_size=8), max_size=6))
@settings(max_examples=examples(200))
def test_each_path_can_be_had_whole(paths: list[str]):
    assert paths_of([done(number, path) for number, path in enumerate(paths)]) == paths
