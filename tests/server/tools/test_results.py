"""What a tool answers about a task."""

import base64
import io
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from mcp import MCPError
from mcp.types import BlobResourceContents
from PIL import Image
from support.amounts import here
from support.program import Connect, happens, text_at, text_of, told_once

from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.resources import LARGEST_RESOURCE

pytestmark = pytest.mark.anyio

FOX = {"model": "nano-banana", "prompt": "a fox [took:0]", "wait_seconds": 20}


async def test_a_finished_picture_is_told_in_text_and_structure_alike(connect: Connect) -> None:
    async with connect() as client:
        answer = await client.call_tool("generate_image", FOX)
    told = answer.structured_content
    assert told is not None
    said, _, as_json = text_of(answer).partition("\n")
    assert json.loads(as_json) == told
    assert told["state"] == "success"
    assert said == f"Done in {said[8]} s: 1 result (image by nano-banana)."
    assert text_of(answer).count(json.dumps(told["results"][0]["path"])) == 1
    assert Path(told["results"][0]["path"]).stat().st_size == told["results"][0]["bytes"]


async def test_the_answer_fits_the_published_schema(connect: Connect) -> None:
    async with connect() as client:
        validator = Draft202012Validator(json.loads(await text_at(client, "apixo://schemas/task")))
        for prompt in ("a fox [took:0]", "[fail:NSFW_DETECTED][took:0]", "[cut-early]", "[never]"):
            answer = await client.call_tool("generate_image", {**FOX, "prompt": prompt, "wait_seconds": 1})
            assert list(validator.iter_errors(answer.structured_content)) == []


async def test_a_model_is_spared_what_it_has_no_use_for_and_the_resource_has_it(connect: Connect) -> None:
    async with connect() as client:
        told = (await client.call_tool("generate_image", FOX)).structured_content
        assert told is not None
        whole = json.loads(await text_at(client, f"apixo://tasks/{told['task_id']}"))
    assert not {"sha256", "resource_uri"} & set(told["results"][0])
    assert "progress" not in told
    assert {"sha256", "resource_uri"} <= set(whole["results"][0])
    assert whole["progress"] == 1
    assert whole["results"][0]["path"] == told["results"][0]["path"]
    assert whole["remote_id"] == told["remote_id"]


@pytest.mark.parametrize(
    ("client_name", "blocks"), [("claude-ai", ["text", "image", "resource_link"]), ("mcp", ["text"])]
)
async def test_previews_and_links_go_only_to_clients_that_take_them(
    connect: Connect, client_name: str, blocks: list[str]
) -> None:
    async with connect(client_name) as client:
        answer = await client.call_tool("generate_image", FOX)
    assert [block.type for block in answer.content] == blocks


async def test_the_preview_is_small(connect: Connect) -> None:
    async with connect() as client:
        answer = await client.call_tool("generate_image", FOX)
    block = answer.content[1]
    assert block.type == "image"
    assert max(Image.open(io.BytesIO(base64.b64decode(block.data))).size) <= 768
    assert len(answer.model_dump_json()) < 700_000


async def test_a_failed_task_is_a_normal_result_that_says_what_to_do(connect: Connect) -> None:
    async with connect() as client:
        answer = await client.call_tool("generate_image", {**FOX, "prompt": "[fail:CONTENT_VIOLATION][took:0]"})
    assert not answer.is_error
    assert answer.structured_content is not None
    error = answer.structured_content["error"]
    assert (error["category"], error["retryable"], error["code"]) == ("content_policy", False, "CONTENT_VIOLATION")
    assert text_of(answer).count(error["advice"]) == 1
    assert answer.structured_content["next_step"] == "Do what error.advice says."


async def test_fields_without_a_value_are_left_out(connect: Connect) -> None:
    async with connect() as client:
        answer = await client.call_tool("generate_image", FOX)
    assert answer.structured_content is not None
    assert None not in answer.structured_content.values()
    assert "error" not in answer.structured_content


async def test_everything_wrong_with_a_call_is_told_at_once_and_nothing_is_sent(connect: Connect, box: Sandbox) -> None:
    wrong = {"model": "nano-banana", "mode": "image-to-image", "aspect_ratio": "7:1", "colour": "red"}
    async with connect() as client:
        answer = await client.call_tool("generate_image", wrong)
    assert answer.is_error
    assert answer.structured_content is None
    for field in ("prompt: required", "colour: unknown argument", "image_urls: required", "Did you mean 21:9?"):
        assert field in text_of(answer)
    assert box.log() == []


async def test_a_lost_task_id_is_found_again_by_the_gateways_own(connect: Connect) -> None:
    async with connect() as client:
        made = (await client.call_tool("generate_image", FOX)).structured_content
        assert made is not None
        found = (await client.call_tool("check_task", {"task_id": made["remote_id"]})).structured_content
    assert found is not None
    assert found["task_id"] == made["task_id"]


async def test_pages_of_tasks_follow_each_other(connect: Connect) -> None:
    async with connect() as client:
        made = [
            (await client.call_tool("generate_image", {**FOX, "prompt": f"fox {n} [never]", "wait_seconds": 0}))
            for n in range(5)
        ]
        seen: list[str] = []
        cursor = ""
        while True:
            page = (await client.call_tool("list_tasks", {"limit": 2, "cursor": cursor})).structured_content
            assert page is not None
            seen += [task["task_id"] for task in page["tasks"]]
            if "next_cursor" not in page:
                break
            cursor = page["next_cursor"]
    assert seen == [answer.structured_content["task_id"] for answer in reversed(made) if answer.structured_content]


async def test_a_quote_asks_before_it_spends(connect: Connect, box: Sandbox) -> None:
    async with connect(confirm_above_usd=0.01) as client:
        quoted = await client.call_tool("generate_image", FOX)
        assert "confirm: true" in text_of(quoted)
        assert box.submits() == []
        answer = await client.call_tool("generate_image", {**FOX, "confirm": True})
    assert answer.structured_content is not None
    assert answer.structured_content["state"] == "success"


async def test_a_budget_stops_what_goes_beyond_it(connect: Connect, box: Sandbox) -> None:
    async with connect(daily_budget_usd=0.05) as client:
        await client.call_tool("generate_image", FOX)
        second = await client.call_tool("generate_image", FOX)
        usage = (await client.call_tool("get_usage", {})).structured_content
    assert second.is_error
    assert "APIXO_MCP_DAILY_BUDGET_USD" in text_of(second)
    assert len(box.submits()) == 1
    assert usage is not None
    assert usage["budget_left_usd"] == 0.02


async def test_an_earlier_result_is_an_input(connect: Connect, box: Sandbox) -> None:
    async with connect() as client:
        first = (await client.call_tool("generate_image", FOX)).structured_content
        assert first is not None
        reference = {**FOX, "prompt": "the same at night [took:0]", "image_urls": [f"task:{first['task_id']}/0"]}
        second = (await client.call_tool("generate_image", reference)).structured_content
    assert second is not None
    assert second["state"] == "success"
    assert box.submits()[1]["input"]["image_urls"] == [first["results"][0]["url"]]
    assert box.submits()[1]["input"]["mode"] == "image-to-image"


async def test_a_picture_is_viewed_without_structured_content(connect: Connect) -> None:
    async with connect() as client:
        made = (await client.call_tool("generate_image", FOX)).structured_content
        assert made is not None
        viewed = await client.call_tool("view_result", {"task_id": made["task_id"]})
    assert [block.type for block in viewed.content] == ["text", "image"]
    assert viewed.structured_content is None


@pytest.mark.parametrize(
    ("client_name", "longest", "most_bytes"),
    [("claude-ai", 1568, 480_000), ("mcp", 512, 60_000), ("codex-mcp-client", 512, 60_000)],
)
async def test_a_client_that_may_hand_a_picture_on_as_text_is_shown_a_small_one(
    connect: Connect, client_name: str, longest: int, most_bytes: int
) -> None:
    async with connect(client_name) as client:
        made = (await client.call_tool("generate_image", FOX)).structured_content
        assert made is not None
        viewed = await client.call_tool("view_result", {"task_id": made["task_id"]})
    block = viewed.content[1]
    assert block.type == "image"
    data = base64.b64decode(block.data)
    assert len(data) <= most_bytes
    size = max(Image.open(io.BytesIO(data)).size)
    assert size <= longest
    assert (size > 512) == (client_name == "claude-ai")


async def test_an_id_in_place_of_a_file_is_told_as_such(connect: Connect) -> None:
    voice = {"model": "gemini-omni", "options": {"voice_key": "warm"}, "wait_seconds": 20}
    async with connect() as client:
        made = (await client.call_tool("generate_video", voice)).structured_content
        assert made is not None
        viewed = await client.call_tool("view_result", {"task_id": made["task_id"]})
        with pytest.raises(MCPError) as unread:
            await client.read_resource(f"apixo://results/{made['task_id']}/0")
    said = f"Result 0 is an id, not a file: {made['results'][0]['asset_id']}; use it in a next request."
    assert viewed.is_error
    assert text_of(viewed) == said
    assert said in unread.value.error.message


@pytest.mark.parametrize("index", ["1", "00", "-1", "x", "9" * 5000, "\u0661"])
async def test_a_result_that_is_not_there_is_said_to_be_missing(connect: Connect, index: str) -> None:
    async with connect() as client:
        made = (await client.call_tool("generate_image", FOX)).structured_content
        assert made is not None
        with pytest.raises(MCPError, match="counted from 0"):
            await client.read_resource(f"apixo://results/{made['task_id']}/{index}")


async def test_a_file_that_is_not_saved_is_told_with_what_to_do(connect: Connect) -> None:
    async with connect() as client:
        broken = {**FOX, "prompt": "a fox [took:0] [file:html]"}
        made = (await client.call_tool("generate_image", broken)).structured_content
        assert made is not None
        (result,) = made["results"]
        assert result["file"] == "failed"
        with pytest.raises(MCPError) as unread:
            await client.read_resource(f"apixo://results/{made['task_id']}/0")
        viewed = await client.call_tool("view_result", {"task_id": made["task_id"]})
    assert viewed.is_error
    for said in (text_of(viewed), unread.value.error.message):
        assert "The file is not saved" in said
        assert (
            f'download_results with task_id "{made["task_id"]}" tries again while its url lives: {result["url"]}'
            in said
        )


async def test_files_are_copied_only_into_allowed_folders(connect: Connect, tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    async with connect(allowed_roots=(allowed,)) as client:
        made = (await client.call_tool("generate_image", FOX)).structured_content
        assert made is not None
        call = {"task_id": made["task_id"], "directory": str(allowed / "here")}
        copied = (await client.call_tool("download_results", call)).structured_content
        refused = await client.call_tool("download_results", {**call, "directory": str(tmp_path / "elsewhere")})
        several = {"task_ids": [made["task_id"]], "directory": call["directory"]}
        all_copied = (await client.call_tool("download_results", several)).structured_content
    assert copied is not None
    assert all_copied is not None
    for answer in (copied, all_copied):
        assert answer["next_step"] == "The files are copied: show the user their paths."
        assert "notes" not in answer, "the call that bought it told them"
    copy = Path(copied["results"][0]["path"])
    assert copy.parent == allowed / "here"
    assert copy.read_bytes() == Path(made["results"][0]["path"]).read_bytes()
    assert refused.is_error
    assert "directory" in text_of(refused)


async def test_resources_hold_the_task_the_file_and_the_model(connect: Connect) -> None:
    async with connect() as client:
        made = (await client.call_tool("generate_image", FOX)).structured_content
        assert made is not None
        task = await text_at(client, f"apixo://tasks/{made['task_id']}")
        file = (await client.read_resource(f"apixo://results/{made['task_id']}/0")).contents[0]
        model = await text_at(client, "apixo://models/ruxa/google/nano-banana")
    assert json.loads(task)["inputs"]["prompt"] == FOX["prompt"]
    assert isinstance(file, BlobResourceContents)
    assert base64.b64decode(file.blob) == Path(made["results"][0]["path"]).read_bytes()
    assert file.mime_type == "image/jpeg"
    assert json.loads(model)["id"] == "ruxa/google/nano-banana"


async def test_without_a_key_a_paid_tool_says_how_to_set_one(connect: Connect) -> None:
    async with connect(apixo_api_key=None, ruxa_api_key=None) as client:
        answer = await client.call_tool("generate_image", FOX)
    assert answer.is_error
    assert "APIXO_API_KEY" in text_of(answer)


async def test_what_was_agreed_to_once_is_not_asked_again(connect: Connect, box: Sandbox) -> None:
    call = {**FOX, "idempotency_key": "the fox"}
    async with connect(confirm_above_usd=0.01) as client:
        await client.call_tool("generate_image", call)
        first = (await client.call_tool("generate_image", {**call, "confirm": True})).structured_content
        again = (await client.call_tool("generate_image", call)).structured_content
    assert first is not None
    assert again is not None
    assert again["task_id"] == first["task_id"]
    assert len(box.submits()) == 1


@pytest.mark.parametrize("key", ["yes\x1f0", "a\x00b", "\n", "a\x7f"])
async def test_a_key_with_control_characters_is_refused(connect: Connect, box: Sandbox, key: str) -> None:
    async with connect() as client:
        answer = await client.call_tool("generate_image", {**FOX, "idempotency_key": key})
    assert answer.is_error
    assert "idempotency_key: must hold no control characters" in text_of(answer)
    assert box.log() == []


QUEUED = "Waiting to be sent; that happens by itself."


@pytest.mark.parametrize("prompt", ["a fox [429]", "a fox [http:503]", "a fox [fail-once:MODEL_UNAVAILABLE][took:0]"])
async def test_a_task_that_is_to_be_sent_again_is_not_one_to_try_again(connect: Connect, prompt: str) -> None:
    async with connect() as client:
        answer = await client.call_tool("generate_image", {**FOX, "prompt": prompt, "wait_seconds": 0})
        told = answer.structured_content
        assert told is not None
        # Not in the moment in which it is being sent again.
        while "again" not in text_of(answer).partition("\n")[0] or not told["next_step"].startswith(QUEUED):
            asked = {"task_id": told["task_id"], "wait_seconds": 0}
            answer = await client.call_tool("check_task", asked)
            told = answer.structured_content
            assert told is not None
    assert told["state"] == "submitting"
    assert "error" not in told
    assert "A second generate would be charged too; cancel_task stops this one" in told["next_step"]
    assert told["next_step"].endswith("free of charge.") == ("attempts" not in told)
    assert "paid for" not in text_of(answer)
    assert told["waiting_for"].startswith(("the gateway, sent again", "its second try"))


async def test_a_submit_under_way_is_not_said_to_be_paid_for(connect: Connect, box: Sandbox) -> None:
    async with connect() as client:
        made = await client.call_tool(
            "generate_image", {**FOX, "prompt": f"a fox [slow-submit:{here(1):.1f}]", "wait_seconds": 0}
        )
        assert made.structured_content is not None
        await happens(lambda: len(box.submits()) == 1)
        asked = {"task_id": made.structured_content["task_id"], "wait_seconds": 0}
        told = (await client.call_tool("check_task", asked)).structured_content
    assert told is not None
    assert told["state"] == "submitting"
    assert told["next_step"].startswith("Being sent.")
    assert "paid for" not in told["next_step"]


async def test_one_is_told_in_the_singular(connect: Connect) -> None:
    async with connect() as client:
        made = (await client.call_tool("generate_image", FOX)).structured_content
        assert made is not None
        listed = text_of(await client.call_tool("list_tasks", {}))
        used = text_of(await client.call_tool("get_usage", {}))
        refused = text_of(await client.call_tool("view_result", {"task_id": made["task_id"], "index": 3}))
    assert listed.startswith("1 task, ")
    assert used.startswith("1 task ")
    assert "the task has 1 result (" in refused


async def test_what_costs_nothing_is_not_said_to_have_cost_nothing(connect: Connect) -> None:
    async with connect() as client:
        limit = text_of(await client.call_tool("list_tasks", {"limit": 101}))
        index = text_of(await client.call_tool("view_result", {"task_id": "x", "index": -2}))
        image = text_of(await client.call_tool("generate_image", {"model": "nano-banana"}))
    assert limit == "Please correct:\n- limit: must be from 1 to 100 (got 101)."
    assert index == "Please correct:\n- index: must not be negative (got -2)."
    assert image.startswith("Nothing was sent or charged. ")


async def test_a_file_that_has_grown_is_not_read_whole(connect: Connect) -> None:
    async with connect() as client:
        made = (await client.call_tool("generate_image", FOX)).structured_content
        assert made is not None
        with Path(made["results"][0]["path"]).open("ab") as file:  # noqa: ASYNC230
            file.truncate(LARGEST_RESOURCE + 1)
        with pytest.raises(MCPError, match="more than fit in an answer"):
            await client.read_resource(f"apixo://results/{made['task_id']}/0")


async def test_what_the_limits_of_the_day_leave_is_told_with_each_task(connect: Connect) -> None:
    async with connect(daily_budget_usd=0.1, daily_task_limit=5) as client:
        made = (await client.call_tool("generate_image", FOX)).structured_content
        assert made is not None
        checked = (await client.call_tool("check_task", {"task_id": made["task_id"]})).structured_content
    async with connect() as client:
        without = (await client.call_tool("check_task", {"task_id": made["task_id"]})).structured_content
    assert made["budget_left"] == {"usd": 0.07, "tasks": 4}
    assert checked is not None
    assert checked["budget_left"] == made["budget_left"]
    assert without is not None
    assert "budget_left" not in without


async def test_notes_are_told_with_the_call_that_asks_and_with_the_result(connect: Connect) -> None:
    async with connect() as client:
        asked = (await client.call_tool("generate_image", {**FOX, "wait_seconds": 0})).structured_content
        assert asked is not None
        question = {"task_id": asked["task_id"], "wait_seconds": 20}
        done = (await client.call_tool("check_task", question)).structured_content
    assert done is not None
    assert asked["state"] != "success" == done["state"]
    assert asked["notes"] == done["notes"] != []


async def test_a_gateway_that_is_not_reached_is_what_a_task_waits_for(connect: Connect) -> None:
    async with connect(apixo_base_url="http://127.0.0.1:9") as client:
        first = (await client.call_tool("generate_image", {**FOX, "wait_seconds": 1})).structured_content
        second = (
            await client.call_tool("generate_image", {**FOX, "prompt": "a hare", "wait_seconds": 1})
        ).structured_content
        assert first is not None
        assert second is not None
        for task in (first, second):
            told = await told_once(client, task, lambda answer: "waiting_for" in answer)
            assert told["state"] == "submitting"
            assert told["waiting_for"].startswith("the gateway, which is not reached")


@pytest.mark.parametrize(
    ("client_name", "said"), [("claude-ai", "now; it waits up to 50 s itself"), ("mcp", "or with wait_seconds: 50")]
)
async def test_a_model_is_told_how_its_client_waits(connect: Connect, client_name: str, said: str) -> None:
    async with connect(client_name) as client:
        asked = (
            await client.call_tool("generate_image", {**FOX, "prompt": "a fox [never]", "wait_seconds": 1})
        ).structured_content
        assert asked is not None
        asked = await told_once(client, asked, lambda answer: "remote_id" in answer)
        cancelled = (await client.call_tool("cancel_task", {"task_id": asked["task_id"]})).structured_content
    assert said in asked["next_step"]
    assert cancelled is not None
    assert cancelled["cancel_requested"] is True
    assert cancelled["next_step"].startswith("It cannot be stopped: already paid; it is saved when done.")
