"""`generate`, as a person types it."""

from pathlib import Path

import pytest
from cli.shell import UNHURRIED, Typed, run, shown
from PIL import Image

from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio


async def test_the_path_of_the_saved_file_is_printed(typed: Typed, box: Sandbox):
    done = await run(typed, "generate", "nano-banana", "a fox", "--set", "aspect_ratio=16:9", "--provider", "auto")
    assert done.exit_code == 0, done.output
    with Image.open(done.stdout.strip()) as picture:
        assert picture.width > picture.height
    assert len(box.submits()) == 1


async def test_a_value_may_be_json(typed: Typed):
    done = await run(typed, "generate", "seedream-4-5", "a fox", "--set", "max_images=2")
    assert done.exit_code == 0, done.output
    assert [Path(line).is_file() for line in done.stdout.splitlines()] == [True, True]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nano-banana", "a fox", "--set", "aspect_ratio=7:1"], "aspect_ratio: must be one of "),
        (["nano-banana", ""], "prompt: "),
        (["nano-banana", "a fox", "--set", "colour=red"], "colour: "),
        (["nano-banan", "a fox"], "Did you mean nano-banana"),
    ],
)
async def test_an_input_is_refused_before_anything_is_sent(typed: Typed, box: Sandbox, words: list[str], told: str):
    done = await run(typed, "generate", *words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("apixo-mcp: ")
    assert told in done.stderr
    assert not box.log()


async def test_an_input_has_a_name_and_a_value(typed: Typed):
    done = await run(typed, "generate", "nano-banana", "a fox", "--set", "aspect_ratio")
    assert done.exit_code == 2
    assert "'aspect_ratio' is not NAME=VALUE" in done.stderr


async def test_a_price_above_the_limit_wants_a_yes(typed: Typed, box: Sandbox):
    words = ("generate", "nano-banana", "a fox")
    asked = await run(typed, *words, APIXO_MCP_CONFIRM_ABOVE_USD="0.001")
    assert asked.exit_code == 1
    assert "nano-banana would cost about $0.0" in asked.stderr
    assert "say --yes to agree" in asked.stderr
    assert not box.submits()
    agreed = await run(typed, *words, "--yes", APIXO_MCP_CONFIRM_ABOVE_USD="0.001")
    assert agreed.exit_code == 0, agreed.output
    assert len(box.submits()) == 1


async def test_no_wait_tells_how_to_wait_later(typed: Typed):
    done = await run(typed, "generate", "nano-banana", "a fox", "--no-wait", **UNHURRIED)
    assert done.exit_code == 0, done.output
    words = done.stdout.split()
    assert words[:3] == ["apixo-mcp", "tasks", "wait"]
    waited = await run(typed, *words[1:])
    assert waited.exit_code == 0, waited.output
    assert Path(waited.stdout.strip()).is_file()


async def test_a_failure_says_what_to_change(typed: Typed):
    done = await run(typed, "generate", "nano-banana", "a fox [fail:CONTENT_VIOLATION]")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "CONTENT_VIOLATION" in done.stderr
    task_id = (await run(typed, "tasks", "list")).stdout.split()[0]
    assert (await shown(typed, task_id))["error"]["advice"] in done.stderr


async def test_a_missing_key_is_set_in_the_shell(typed: Typed):
    done = await run(typed, "generate", "nano-banana", "a fox", key="")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "No APIXO_API_KEY is set in this shell, so nothing was sent" in done.stderr
    done = await run(typed, "generate", "ruxa/sora-2", "a fox")
    assert "No RUXA_API_KEY is set in this shell" in done.stderr
