"""Several tasks in one answer: short, and with all that is to be known of each."""

from dataclasses import replace
from typing import Any

from support.store_tasks import REFUSED, make, make_followed

from apixo_mcp.tasks.task import FileState, Result, State, Task
from apixo_mcp.views.several import Missing, several_lines, several_structure
from apixo_mcp.views.words import compact

CHARACTERS_A_TOKEN = 4
LONG_PATH = "/home/somebody/Pictures/apixo-mcp/2026-11-27/".ljust(96, "x") + ".png"
LONG_PROMPT = "A red fox that sits in the snow under a birch tree, seen from far away, in the light of the evening"


def done(number: int = 0, **given: Any) -> Task:
    result = Result(index=0, url="https://x/a.png", file=FileState.SAVED, path=LONG_PATH)
    values: dict[str, Any] = {"state": State.SUCCESS, "due": None, "results": (result,), "estimate_usd": 0.05}
    return make_followed(**{**values, "prompt": f"{number} {LONG_PROMPT}", **given})


def failed(**given: Any) -> Task:
    failure = replace(REFUSED, code="CONTENT_VIOLATION", message="The prompt breaks a rule. " * 20)
    return make(**{"state": State.FAILED, "failure": failure, "due": None, **given})


def told(*entries: Task | Missing, **given: Any) -> dict[str, Any]:
    return several_structure(entries, **{"eta_seconds": 20.0, **given})


def tokens_of_each(tasks: list[Task]) -> float:
    """What one task more takes, in the text and in the structure that stands in it."""
    whole, less = (several_lines(some) + compact(told(*some)) for some in (tasks, tasks[:-10]))
    return (len(whole.encode()) - len(less.encode())) / 10 / CHARACTERS_A_TOKEN


def test_a_task_more_takes_at_most_90_tokens():
    assert tokens_of_each([done(number) for number in range(20)]) <= 90
    assert tokens_of_each([failed(prompt=f"{number} {LONG_PROMPT}") for number in range(20)]) <= 90


def test_what_all_share_is_said_once():
    answer = told(done(prompt="a fox"), done(prompt="a fox"))
    assert (answer["model"], answer["prompt"]) == ("nano-banana", "a fox")
    assert all(not {"model", "prompt"} & set(task) for task in answer["tasks"])
    answer = told(done(prompt="a fox"), done(prompt="an owl", model="seedream-4.0"))
    assert [(task["model"], task["prompt"]) for task in answer["tasks"]] == [
        ("nano-banana", "a fox"),
        ("seedream-4.0", "an owl"),
    ]
    assert not {"model", "prompt"} & set(answer)


def test_one_task_alone_says_all_in_its_entry():
    assert told(done(prompt="a fox"))["tasks"][0]["model"] == "nano-banana"


def test_each_has_its_state_and_file_or_why_not():
    expired = Result(index=0, url="https://x/b.png", file=FileState.EXPIRED, problem="the gateway has it no longer")
    answer = told(done(), failed(), done(results=(expired,)), Missing("tsk_gone"), make_followed())
    first, second, third, fourth, fifth = answer["tasks"]
    assert (first["state"], first["paths"]) == ("success", [LONG_PATH])
    assert "url" not in first
    assert second["error"].startswith("CONTENT_VIOLATION: The prompt breaks a rule.")
    assert second["error"].endswith("(not charged)")
    assert (third["url"], third["error"]) == ("https://x/b.png", "not saved: the gateway has it no longer")
    assert fourth == {"task_id": "tsk_gone", "error": "there is no such task"}
    assert fifth["state"] == "pending"
    said = several_lines(
        [done(), failed(), done(results=(expired,)), Missing("tsk_gone"), make_followed()]
    ).splitlines()
    assert said[0] == "5 tasks: 2 done, 1 running, 1 failed, 1 not found."
    assert [line.rpartition(": ")[2] for line in said[1:]] == [
        "done",
        "failed",
        "done, 1 not saved",
        "there is no such task",
        "running",
    ]


def test_the_cost_is_that_of_all_and_says_how_many_have_no_price():
    assert told(done(), done())["cost"] == {"amount": 0.1, "currency": "USD", "basis": "estimated"}
    assert told(done(), done(estimate_usd=None))["cost"]["without_price"] == 1
    assert told(done(estimate_usd=None))["cost"] == {"basis": "unknown"}
    assert "cost" not in told(make(state=State.CANCELLED), Missing("x"))


def test_a_note_of_all_is_said_once_and_one_of_some_with_their_numbers():
    some = [done(notes=("all", "some")), done(notes=("all",)), done(notes=("all", "some"))]
    assert told(*some, notes=("first",))["notes"] == ["first", "all", "1, 3: some"]


def test_what_to_do_next():
    assert "check_task with the task_ids" in told(done(), make_followed())["next_step"]
    assert "in about 20 s" in told(done(), make_followed())["next_step"]
    assert told(done(), done())["next_step"].startswith("Show the user")
    assert "what to change" in told(done(), failed())["next_step"]
    assert "do not send it again" in told(done(), make(state=State.UNKNOWN, due=None))["next_step"]
    assert told(Missing("x"))["next_step"] == "list_tasks shows all of yours."


def test_what_holds_up_all_that_run_is_said_once():
    first, second = make_followed(), make_followed()
    held_up = {first.task_id: "the gateway's rate limit, 9 s", second.task_id: "the gateway's rate limit, 9 s"}
    answer = told(first, second, done(), held_up=held_up)
    assert answer["waiting_for"] == "the gateway's rate limit, 9 s"
    assert all("waiting_for" not in task for task in answer["tasks"])
    answer = told(first, second, held_up=held_up | {second.task_id: ""})
    assert [task.get("waiting_for") for task in answer["tasks"]] == ["the gateway's rate limit, 9 s", None]


def test_a_call_that_waits_itself_is_proposed_at_once():
    assert "now; it waits up to 50 s" in told(make_followed(), make_followed(), waits=50.0)["next_step"]
