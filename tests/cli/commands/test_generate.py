"""`generate`, as a person types it."""

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.to_thread import run_sync
from PIL import Image
from support.amounts import in_time
from support.shell import COMMAND, UNHURRIED, Typed, newest, run, shown, started
from support.stand_in_tunnel import stand_in

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


async def test_lyrics_are_refused_with_the_two_ways_on(typed: Typed, box: Sandbox):
    done = await run(typed, "generate", "suno", "[Verse] the river runs")
    assert done.exit_code == 1
    assert "give --set style=... and --set title=...; " in done.stderr
    assert "give --set customMode=false." in done.stderr
    assert not box.log()


async def test_an_option_that_may_be_ignored_is_said_to_be_so(typed: Typed):
    words = ("minimax-speech-2-8", "hello [took:0]", "--set", "emotion=happy")
    done = await run(typed, "generate", *words)
    assert done.exit_code == 0, done.output
    assert "emotion: passed on as given; no page of minimax-speech-2-8 names it" in done.stderr
    slip = await run(typed, "generate", "minimax-speech-2-8", "hello", "--set", "voice=preset_calm_man")
    assert slip.exit_code == 1
    assert "Did you mean voice_id?" in slip.stderr


async def test_an_input_has_a_name_and_a_value(typed: Typed):
    done = await run(typed, "generate", "nano-banana", "a fox", "--set", "aspect_ratio")
    assert done.exit_code == 2
    assert "'aspect_ratio' is not NAME=VALUE" in done.stderr


async def test_a_price_above_the_limit_wants_a_yes(typed: Typed, box: Sandbox):
    words = ("generate", "nano-banana", "a fox")
    asked = await run(typed, *words, APIXO_MCP_CONFIRM_ABOVE_USD="0.001")
    assert asked.exit_code == 1
    assert "nano-banana would cost about $0.0" in asked.stderr
    assert "that is above APIXO_MCP_CONFIRM_ABOVE_USD; say --yes to agree" in asked.stderr
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


async def structures(typed: Typed, *words: object, **given: str) -> Any:
    done = await run(typed, "generate", *words, "--json", **given)
    return json.loads(done.stdout)


async def test_a_model_that_needs_no_prompt(typed: Typed, box: Sandbox):
    done = await run(typed, "generate", "topaz-image-upscale", "--set", "image_urls=https://a.example/1.png", "--quote")
    assert done.exit_code in (0, 1), done.output
    refused = await run(typed, "generate", "nano-banana")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == "apixo-mcp: prompt: required.\n"
    assert not box.log()


async def test_each_prompt_is_a_task(typed: Typed, box: Sandbox, tmp_path: Path):
    done = await run(typed, "generate", "nano-banana", " a fox ", "an owl", "a fox", "--output", tmp_path / "there")
    assert done.exit_code == 0, done.output
    paths = [Path(line) for line in done.stdout.splitlines()]
    assert len(set(paths)) == 3
    assert {path.parent for path in paths} == {tmp_path / "there"}
    assert all(path.is_file() for path in paths)
    assert sorted(submit["body"]["input"]["prompt"] for submit in box.submits()) == ["a fox", "a fox", "an owl"]


async def test_one_that_fails_takes_no_other_down(typed: Typed):
    done = await run(typed, "generate", "nano-banana", "a fox", "an owl [fail:CONTENT_VIOLATION]")
    assert done.exit_code == 1
    assert Path(done.stdout.strip()).is_file()
    assert "CONTENT_VIOLATION" in done.stderr


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        ({"APIXO_MCP_DAILY_BUDGET_USD": "0.05"}, "APIXO_MCP_DAILY_BUDGET_USD"),
        ({"APIXO_MCP_DAILY_TASK_LIMIT": "2"}, "APIXO_MCP_DAILY_TASK_LIMIT"),
        ({"APIXO_MCP_CONFIRM_ABOVE_USD": "0.05"}, "say --yes to agree"),
    ],
)
async def test_several_prompts_are_one_purchase(typed: Typed, box: Sandbox, limit: dict[str, str], told: str):
    words = ("generate", "nano-banana", "a fox", "an owl", "a crow")
    done = await run(typed, *words, **limit)
    assert (done.exit_code, done.stdout) == (1, "")
    assert told in done.stderr
    assert "3 tasks of nano-banana" in done.stderr
    assert ("the first " in done.stderr) is ("--yes" not in told)
    assert not box.submits()
    assert "There are no tasks yet." in (await run(typed, "tasks", "list")).stderr


@pytest.mark.parametrize(
    ("limit", "fitting"),
    [
        ({"APIXO_MCP_DAILY_TASK_LIMIT": "3"}, "the first 2 of them alone would be within it"),
        ({"APIXO_MCP_DAILY_TASK_LIMIT": "1"}, "not even one would be"),
    ],
)
async def test_how_many_would_pass_is_told_before_any_is_bought(
    typed: Typed, box: Sandbox, limit: dict[str, str], fitting: str
):
    await run(typed, "generate", "nano-banana", "a fox")
    done = await run(typed, "generate", "nano-banana", "an owl", "a crow", "a hen", **limit)
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"the day ends at midnight UTC; {fitting}." in done.stderr
    assert len(box.submits()) == 1


async def test_what_cost_nothing_is_not_in_the_sum(typed: Typed, box: Sandbox):
    refused = await run(typed, "generate", "nano-banana", "a fox [http:401]", APIXO_MCP_AUTO_RETRY="0")
    assert refused.exit_code == 1
    done = await run(typed, "generate", "nano-banana", "an owl", "a crow", APIXO_MCP_DAILY_TASK_LIMIT="2")
    assert done.exit_code == 0, done.output


async def test_a_yes_to_the_sum_is_one_to_each(typed: Typed, box: Sandbox):
    words = ("generate", "nano-banana", "a fox", "an owl", "--yes")
    done = await run(typed, *words, APIXO_MCP_CONFIRM_ABOVE_USD="0.001")
    assert done.exit_code == 0, done.output
    assert len(box.submits()) == 2


async def test_json_is_all_that_is_printed(typed: Typed, tmp_path: Path):
    one = await structures(typed, "nano-banana", "a fox", "--output", tmp_path / "there")
    assert (one["state"], one["prompt"]) == ("success", "a fox")
    assert Path(one["results"][0]["path"]).parent == tmp_path / "there"
    two = await structures(typed, "nano-banana", "a fox", "an owl [fail:CONTENT_VIOLATION]")
    assert [task["state"] for task in two] == ["success", "failed"]
    open_one = await structures(typed, "nano-banana", "a fox", "--no-wait", **UNHURRIED)
    assert open_one["state"] in ("pending", "processing")


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        ({"APIXO_MCP_DAILY_BUDGET_USD": "0.01"}, "It would be refused: "),
        ({"APIXO_MCP_CONFIRM_ABOVE_USD": "0.01"}, "with --yes in place of --quote"),
        ({"APIXO_MCP_DAILY_BUDGET_USD": "5"}, ""),
    ],
)
async def test_a_quote_says_what_the_limits_would_say(typed: Typed, limit: dict[str, str], told: str):
    done = await run(typed, "generate", "nano-banana", "a fox", "--quote", **limit)
    assert done.exit_code == 0
    assert (told in done.stdout) if told else ("would be refused" not in done.stdout)


@pytest.mark.parametrize(
    ("prompt", "told"),
    [("a fox [fail:CONTENT_VIOLATION]", "It may have been charged."), ("a fox [http:401]", "Nothing was charged.")],
)
async def test_a_failure_says_whether_it_was_charged(typed: Typed, prompt: str, told: str):
    done = await run(typed, "generate", "nano-banana", prompt)
    assert done.exit_code == 1
    assert told in done.stderr


@pytest.mark.process
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
async def test_what_could_not_be_printed_is_named(typed: Typed, environment: dict[str, str], box: Sandbox):
    def shell() -> "subprocess.CompletedProcess[str]":
        command = f"{shlex.join(COMMAND)} generate nano-banana 'a fox' > /dev/full"
        env = {**os.environ, **environment}
        return subprocess.run(["/bin/sh", "-c", command], env=env, capture_output=True, text=True, check=False)

    done = await run_sync(shell)
    task = await newest(typed)
    assert done.returncode == 1
    assert f"apixo-mcp tasks wait {task['task_id']}" in done.stderr
    assert "Traceback" not in done.stderr
    assert task["state"] == "success"


async def test_a_quote_sends_nothing(typed: Typed, box: Sandbox, tmp_path: Path):
    quote = await structures(typed, "nano-banana", "a fox", "--quote", key="", APIXO_MCP_DAILY_BUDGET_USD="5")
    assert quote["model"] == "nano-banana"
    assert quote["inputs"]["prompt"] == "a fox"
    assert (quote["cost"]["currency"], quote["cost"]["basis"]) == ("USD", "estimated")
    assert quote["budget_left"] == {"usd": 5.0}
    assert "APIXO_API_KEY" in " ".join(quote["notes"])
    assert quote["next_step"] == "It cannot be bought now: no APIXO_API_KEY is set."
    several = await structures(typed, "nano-banana", "a fox", "an owl", "--quote")
    assert (several["count"], several["prompts"]) == (2, ["a fox", "an owl"])
    assert "prompt" not in several["inputs"]
    there = tmp_path / "there"
    said = await run(typed, "generate", "nano-banana", "a fox", "an owl", "--quote", "--output", there)
    assert said.exit_code == 0, said.output
    assert "2 tasks of nano-banana would cost about $0.06 together" in said.stdout
    assert said.stdout.endswith("Nothing was sent. The same command without --quote buys it.\n")
    assert not box.log()
    assert not there.exists()
    assert await newest(typed) == {}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nano-banana", "  "], "prompt: must not be empty."),
        (["nano-banana", "a fox", ""], "prompt: must not be empty."),
        (["nano-banana", "a fox", "--set", "prompt=an owl"], "prompt: given as PROMPT and by --set"),
        (["nano-banana", "a fox", "--set", "aspect_ratio=1:1", "--set", "aspect_ratio=16:9"], "got '1:1' and '16:9')"),
        (["nano-banana", "a fox", "--set", "image_urls="], "image_urls: is empty"),
        (["nano-banana", "a fox", "--set", "aspectratio=1:1"], "Did you mean aspect_ratio?"),
        (["nano-banana", "a fox", "b" * 6000], "PROMPT 2: prompt: at most"),
        (["nano-banana", "a fox", "--output", "/dev/null/x"], "cannot be written to"),
    ],
)
async def test_a_mistake_costs_nothing(typed: Typed, box: Sandbox, words: list[str], told: str):
    done = await run(typed, "generate", *words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert told in done.stderr
    assert not box.log()


async def test_a_repeated_name_is_a_list_where_one_is_taken(typed: Typed):
    urls = [f"https://a.example/{number}.png" for number in range(2)]
    words = ("nano-banana", "a fox", "--quote", *(word for url in urls for word in ("--set", f"image_urls={url}")))
    assert (await structures(typed, *words))["inputs"]["image_urls"] == urls


async def test_what_a_prompt_holds_is_not_obeyed(typed: Typed):
    prompt = "a fox \x1b]0;owned\x07\x9b2J\u202e"
    done = await run(typed, "generate", "nano-banana", prompt)
    assert done.exit_code == 0, done.output
    listed = await run(typed, "tasks", "list")
    showing = await run(typed, "tasks", "show", listed.stdout.split()[0])
    for output in (done.output, listed.output, showing.output):
        assert not set(output) & set("\x1b\x07\x9b\u202e")
    assert "a fox ?]0;owned??2J?" in listed.stdout
    assert json.loads(showing.stdout)["prompt"] == prompt


@pytest.mark.skipif(os.name == "nt", reason="nothing can be made beneath /dev/null")
async def test_a_download_folder_that_cannot_be_had_is_refused_before_anything_is_bought(typed: Typed, box: Sandbox):
    done = await run(typed, "generate", "nano-banana", "a fox", APIXO_MCP_DOWNLOAD_DIR="/dev/null/nope")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "APIXO_MCP_DOWNLOAD_DIR: /dev/null/nope cannot be written to" in done.stderr
    assert not box.log()


async def test_a_local_file_goes_through_the_tunnel_while_the_command_runs(typed: Typed, tmp_path: Path, box: Sandbox):
    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (64, 64)).save(tmp_path / "pictures" / "pic.jpg")
    path = tmp_path / "pictures" / "pic.jpg"
    words = ("generate", "nano-banana", "a fox", "--set", f"image_urls={path}")
    refused = await run(typed, *words, "--no-wait", APIXO_MCP_TUNNEL=stand_in())
    assert refused.exit_code == 1
    assert "the tunnel, which ends with this command" in refused.stderr
    assert not box.submits()
    done = await run(typed, *words, APIXO_MCP_TUNNEL=stand_in())
    assert done.exit_code == 0, done.output
    assert [entry["bytes"] for entry in box.log() if entry["route"] == "input"] == [path.stat().st_size]


@pytest.mark.parametrize("value", ["pic.jpg", "./pic.jpg", '["pic.jpg"]'])
async def test_a_file_is_meant_from_the_current_folder(
    typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
):
    here = tmp_path / "here"
    here.mkdir()
    Image.new("RGB", (64, 64)).save(here / "pic.jpg")
    monkeypatch.chdir(here)
    words = ("generate", "nano-banana", "a fox", "--set", f"image_urls={value}", "--quote")
    sent = await run(typed, *words, APIXO_MCP_DATA_URLS="1", APIXO_MCP_ALLOWED_ROOTS=str(here))
    assert sent.exit_code == 0, sent.output
    assert "data:image/jpeg" in sent.stdout
    refused = await run(typed, *words)
    assert "APIXO_MCP_ALLOWED_ROOTS allows more" in refused.stderr
    missing = await run(typed, *words[:-2], "image_urls=none.jpg", "--quote")
    assert f"there is no such file; looked for at {tmp_path / 'pictures' / 'none.jpg'}" in missing.stderr


async def test_who_fetches_a_file_again_is_told_once(typed: Typed):
    done = await run(typed, "generate", "nano-banana", "a fox [file:404]")
    assert done.exit_code == 1
    task_id = (await newest(typed))["task_id"]
    assert done.stderr.endswith(
        f"It is tried again by itself.\nA worker or a server tries it again; `apixo-mcp tasks download {task_id}` "
        "does so at once.\n"
    )
    assert "while its url lives" not in done.stderr
    assert "  not saved " in (await run(typed, "tasks", "list")).stdout


@pytest.mark.process
async def test_files_that_cannot_be_copied_are_told_of_where_they_are(
    typed: Typed, environment: dict[str, str], tmp_path: Path
):
    there = tmp_path / "there"
    process = started("generate", "nano-banana", "a fox [took:2]", "--output", str(there), variables=environment)
    try:
        with in_time(60):
            while not (task := await newest(typed)):
                await anyio.sleep(0.05)
        there.rmdir()
        there.touch()
        printed, complaint = await run_sync(lambda: process.communicate(timeout=60))
    finally:
        process.kill()
    assert process.returncode == 1
    assert Path(printed.strip()).is_file(), "it is saved, and paid for"
    assert f"To copy the files then: apixo-mcp tasks download {task['task_id']} " in complaint
