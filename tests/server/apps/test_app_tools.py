"""The app in a chat as its host meets it: what it is told of, and what its clicks buy."""

import base64
import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import TextResourceContents
from support.app_host import SHOWS_APPS
from support.house import ALICE, BOB, made, opened_house
from support.program import Connect, given_up, program, structure, text_of, values_for

from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.apps.page import media_domains
from apixo_mcp.settings import read_settings

pytestmark = pytest.mark.anyio

URI = "ui://apixo/task"
TOOLS_OF_APP = {"app_tasks", "app_bytes", "app_cancel", "app_make"}
FOX = {"model": "nano-banana", "prompt": "a fox [took:0]", "wait_seconds": 20}


async def tools_of(client: Client) -> dict[str, Any]:
    return {tool.name: tool.model_dump(by_alias=True, exclude_none=True) for tool in (await client.list_tools()).tools}


async def card_of(client: Client, task_id: str) -> dict[str, Any]:
    return structure(await client.call_tool("app_tasks", {"task_ids": [task_id]}))["tasks"][0]


def posts(box: Sandbox) -> int:
    return len(box.submits())


async def test_a_host_of_apps_is_told_of_the_page_and_its_tools(connect: Connect) -> None:
    async with connect(own=SHOWS_APPS) as client:
        tools = await tools_of(client)
        page = (await client.read_resource(URI)).contents[0]
        listed = [str(entry.uri) for entry in (await client.list_resources()).resources]
    bound = {name for name, tool in tools.items() if tool.get("_meta", {}).get("ui", {}).get("resourceUri") == URI}
    assert bound == {"generate_image", "generate_video", "generate_audio", "check_task"}
    assert all(tools[name]["_meta"]["ui/resourceUri"] == URI for name in bound)
    hidden = {name for name, tool in tools.items() if tool.get("_meta", {}).get("ui", {}).get("visibility") == ["app"]}
    assert hidden == TOOLS_OF_APP
    assert isinstance(page, TextResourceContents)
    assert page.mime_type == "text/html;profile=mcp-app"
    assert page.meta is not None
    assert all("://" in domain for domain in page.meta["ui"]["csp"]["resourceDomains"])
    assert URI in listed


async def test_nobody_else_is(connect: Connect) -> None:
    async with connect() as client:
        tools = await tools_of(client)
        listed = [str(entry.uri) for entry in (await client.list_resources()).resources]
        refused = [await client.call_tool(name, {"task_id": "last"}) for name in sorted(TOOLS_OF_APP)]
        unknown = await client.call_tool("no_such_tool", {"task_id": "last"})
    assert not TOOLS_OF_APP & set(tools)
    assert not any("_meta" in tool for tool in tools.values())
    assert URI not in listed
    assert {text_of(answer) for answer in refused} == {f"Unknown tool: {name}" for name in TOOLS_OF_APP}
    assert text_of(unknown) == "Unknown tool: no_such_tool"


@pytest.mark.parametrize("offered", ["general", "models"])
async def test_a_host_without_apps_has_the_very_list_that_it_had(connect: Connect, offered: str) -> None:
    """Byte for byte: what a host of apps gets, but for the app's own tools and the marks that bind to the page."""
    async with connect(own=SHOWS_APPS, tools=offered) as client:
        shown = await tools_of(client)
    async with connect(tools=offered) as client:
        plain = await tools_of(client)
    marked = {name for name, tool in shown.items() if tool.pop("_meta", None)}
    without = {name: tool for name, tool in shown.items() if name not in TOOLS_OF_APP}
    assert json.dumps(plain) == json.dumps(without)
    assert marked > TOOLS_OF_APP


async def test_a_task_is_told_as_it_is_drawn(connect: Connect) -> None:
    async with connect(own=SHOWS_APPS) as client:
        asked = {**FOX, "aspect_ratio": "16:9"}
        task_id = structure(await client.call_tool("generate_image", asked))["task_id"]
        card = await card_of(client, task_id)
        gone = await card_of(client, "tsk_" + "a" * 26)
    assert (card["state"], card["prompt"], card["shape"], card["count"]) == ("success", "a fox [took:0]", "16:9", 1)
    assert card["settings"]["aspect_ratio"] == "16:9"
    assert card["elapsed_seconds"] >= 0
    assert [offer["how"] for offer in card["offers"]] == ["again", "vary", "edit", "animate"]
    assert gone == {"task_id": "tsk_" + "a" * 26, "state": "missing"}


async def test_the_task_of_a_call_that_is_still_open_is_found_by_its_prompt(connect: Connect) -> None:
    async with connect(own=SHOWS_APPS) as client:
        told = structure(
            await client.call_tool("generate_image", {**FOX, "prompt": "a hen [took:60]", "wait_seconds": 0})
        )
        question = {"prompts": ["a hen [took:60]"], "seconds": 5}
        found = structure(await client.call_tool("app_tasks", question))["tasks"]
        none = structure(await client.call_tool("app_tasks", {"prompts": ["another"], "seconds": 5}))["tasks"]
    assert [card["task_id"] for card in found] == [told["task_id"]]
    assert none == []


async def test_a_look_of_the_app_is_no_answer_to_the_model(connect: Connect, box: Sandbox) -> None:
    """The call is made again by a model that got no answer: it gets the task that the app has shown, and pays once."""
    asked = {**FOX, "prompt": "a hen [took:1]"}
    async with connect(own=SHOWS_APPS) as client:
        await given_up(client, "generate_image", asked, lambda: len(box.submits()) == 1)
        (seen,) = structure(await client.call_tool("app_tasks", {"prompts": [asked["prompt"]], "seconds": 5}))["tasks"]
        while (await card_of(client, seen["task_id"])).get("results", [{}])[0].get("file") != "saved":
            await anyio.sleep(0.02)
        await client.call_tool("app_bytes", {"task_id": seen["task_id"]})
        again = structure(await client.call_tool("generate_image", asked))
    assert again["task_id"] == seen["task_id"]
    assert len(box.submits()) == 1


async def test_bytes_come_in_parts_that_join_and_a_picture_comes_small(connect: Connect) -> None:
    async with connect(own=SHOWS_APPS) as client:
        answer = structure(await client.call_tool("generate_image", FOX))
        (result,) = answer["results"]
        text, offset, total = "", 0, 1
        while offset < total:
            question = {"task_id": answer["task_id"], "index": 0, "offset": offset}
            part = structure(await client.call_tool("app_bytes", question))
            text, offset, total = text + part["base64"], offset + part["bytes"], part["total"]
        small = structure(await client.call_tool("app_bytes", {"task_id": answer["task_id"], "small": True}))
        beyond = await client.call_tool("app_bytes", {"task_id": answer["task_id"], "index": 7})
    assert base64.b64decode(text) == Path(result["path"]).read_bytes()
    assert small["mime_type"] in ("image/jpeg", "image/png", "image/webp")
    assert beyond.is_error


async def test_a_click_is_priced_first_and_buys_once_however_often_it_arrives(connect: Connect, box: Sandbox) -> None:
    async with connect(own=SHOWS_APPS) as client:
        task_id = structure(await client.call_tool("generate_image", FOX))["task_id"]
        bought = posts(box)
        click = {"task_id": task_id, "how": "again", "click": "c1"}
        quote = structure(await client.call_tool("app_make", {**click, "quote": True}))
        assert posts(box) == bought
        first = structure(await client.call_tool("app_make", click))
        second = structure(await client.call_tool("app_make", click))
        had = structure(await client.call_tool("app_make", {**click, "quote": True}))
        unpriced = await client.call_tool("app_make", {**click, "click": "c2"})
        await client.call_tool("app_make", {**click, "click": "c2", "quote": True})
        other = structure(await client.call_tool("app_make", {**click, "click": "c2"}))
    assert (quote["cost"]["amount"], quote["can_buy"], quote["had"]) == (0.03, True, False)
    assert first["task_id"] == second["task_id"] != task_id
    assert had["had"]
    assert had["cost"]["amount"] == 0
    assert unpriced.is_error, "the price that was shown counts for one click"
    assert other["task_id"] not in (task_id, first["task_id"])


async def test_nothing_is_bought_without_a_click_of_its_own(connect: Connect, box: Sandbox) -> None:
    async with connect(own=SHOWS_APPS) as client:
        task_id = structure(await client.call_tool("generate_image", FOX))["task_id"]
        bought = posts(box)
        refused = await client.call_tool("app_make", {"task_id": task_id, "how": "again"})
        assert posts(box) == bought
    assert refused.is_error
    assert "click" in text_of(refused)


async def test_a_yes_counts_for_the_price_that_was_shown_and_for_nothing_else(connect: Connect, box: Sandbox) -> None:
    async with connect(own=SHOWS_APPS, confirm_above_usd=0.01) as client:
        question = {**FOX, "quote": True}
        await client.call_tool("generate_image", question)
        task_id = structure(await client.call_tool("generate_image", {**FOX, "confirm": True}))["task_id"]
        bought = posts(box)
        edit = {"task_id": task_id, "how": "edit", "prompt": "with a hat [took:0]", "click": "c1"}
        unseen = await client.call_tool("app_make", edit)
        assert unseen.is_error
        assert posts(box) == bought
        quote = structure(await client.call_tool("app_make", {**edit, "quote": True}))
        made_ = structure(await client.call_tool("app_make", edit))
    assert quote["can_buy"]
    assert made_["task_id"] != task_id


async def test_a_click_buys_at_no_other_price_than_its_person_saw(box: Sandbox, tmp_path: Path) -> None:
    """The page may stand open for hours, while whoever runs the server changes prices and starts it anew."""
    values = values_for(box, tmp_path)
    dearer = tmp_path / "prices.toml"
    dearer.write_text('prices."nano-banana" = { usd = 3.0, per = "image" }\n', encoding="utf-8")
    async with program("memory", values) as dial, Client(dial(), **SHOWS_APPS) as client:
        task_id = structure(await client.call_tool("generate_image", FOX))["task_id"]
        click = {"task_id": task_id, "how": "again", "click": "c1"}
        seen = structure(await client.call_tool("app_make", {**click, "quote": True}))
        bought = posts(box)
    async with program("memory", {**values, "prices": dearer}) as dial, Client(dial(), **SHOWS_APPS) as client:
        refused = [await client.call_tool("app_make", click) for _ in range(2)]
        assert posts(box) == bought
        now = structure(await client.call_tool("app_make", {**click, "quote": True}))
        made_ = structure(await client.call_tool("app_make", click))
    assert [text_of(answer)[:27] for answer in refused] == ["Nothing was sent or charged"] * 2
    assert (seen["cost"]["amount"], now["cost"]["amount"]) == (0.03, 3.0)
    assert made_["task_id"] != task_id


async def test_a_price_that_another_frame_was_shown_counts_for_that_frame(box: Sandbox, tmp_path: Path) -> None:
    values = values_for(box, tmp_path)
    dearer = tmp_path / "prices.toml"
    dearer.write_text('prices."nano-banana" = { usd = 3.0, per = "image" }\n', encoding="utf-8")
    async with program("memory", {**values, "prices": dearer}) as dial, Client(dial(), **SHOWS_APPS) as client:
        task_id = structure(await client.call_tool("generate_image", FOX))["task_id"]
        bought = posts(box)
        click = {"task_id": task_id, "how": "again", "click": "of the frame that was opened before"}
        await client.call_tool("app_make", {**click, "click": "of the one behind it", "quote": True})
        for seen in ("0.03", "null", "much"):
            assert (await client.call_tool("app_make", {**click, "seen": seen})).is_error, seen
        assert posts(box) == bought
        assert structure(await client.call_tool("app_make", {**click, "seen": "3"}))["task_id"] != task_id


async def test_a_budget_binds_a_click(connect: Connect) -> None:
    async with connect(own=SHOWS_APPS, daily_budget_usd=0.05) as client:
        task_id = structure(await client.call_tool("generate_image", FOX))["task_id"]
        click = {"task_id": task_id, "how": "again", "click": "c1"}
        quote = structure(await client.call_tool("app_make", {**click, "quote": True}))
        refused = await client.call_tool("app_make", click)
    assert not quote["can_buy"]
    assert refused.is_error


async def test_a_picture_is_edited_and_animated(connect: Connect, box: Sandbox) -> None:
    async with connect(own=SHOWS_APPS) as client:
        task_id = structure(await client.call_tool("generate_image", FOX))["task_id"]
        offers = {offer["how"]: offer for offer in (await card_of(client, task_id))["offers"]}
        asked: dict[str, dict[str, Any]] = {}
        for how in ("edit", "animate"):
            click = {"task_id": task_id, "how": how, "prompt": f"{how} it [took:0]", "click": how}
            click["model"] = offers[how]["models"][0]["id"]
            asked[how] = structure(await client.call_tool("app_make", {**click, "quote": True}))
        stranger = {"task_id": task_id, "how": "edit", "prompt": "x", "model": "suno", "click": "s", "quote": True}
        refused = await client.call_tool("app_make", stranger)
    assert asked["edit"]["inputs"]["prompt"] == "edit it [took:0]"
    assert asked["animate"]["inputs"]["prompt"] == "animate it [took:0]"
    assert refused.is_error


async def test_the_very_inputs_of_an_edit_are_not_sent_again(connect: Connect) -> None:
    """Addresses of files end, and a task that fails on one may be charged."""
    async with connect(own=SHOWS_APPS) as client:
        task_id = structure(await client.call_tool("generate_image", FOX))["task_id"]
        edit = {**FOX, "prompt": "a hat [took:0]", "image_urls": [f"task:{task_id}/0"]}
        edited = structure(await client.call_tool("generate_image", edit))["task_id"]
        offers = [offer["how"] for offer in (await card_of(client, edited))["offers"]]
    assert "again" not in offers
    assert "edit" in offers


async def test_the_app_of_one_owner_sees_nothing_of_another(box: Sandbox, tmp_path: Path, era: str) -> None:
    settings = read_settings(**values_for(box, tmp_path))
    async with opened_house(settings, era) as house:
        async with house.client(ALICE, *SHOWS_APPS["extensions"]) as alice:
            task_id = (await made(alice))["task_id"]
        async with house.client(BOB, *SHOWS_APPS["extensions"]) as bob:
            card = await card_of(bob, task_id)
            bought = posts(box)
            answers = [
                await bob.call_tool("app_bytes", {"task_id": task_id}),
                await bob.call_tool("app_cancel", {"task_id": task_id}),
                await bob.call_tool("app_make", {"task_id": task_id, "how": "again", "click": "c"}),
            ]
            prompts = {"prompts": ["a fox [took:0]"], "seconds": 60}
            assert structure(await bob.call_tool("app_tasks", prompts))["tasks"] == []
    assert card["state"] == "missing"
    assert all(answer.is_error for answer in answers)
    assert posts(box) == bought


def test_media_come_from_this_server_and_from_the_domains_of_the_gateways() -> None:
    urls = ["http://127.0.0.1:8000", "https://api.apixo.ai", "", "http://[::1]:80/x"]
    assert media_domains(urls) == [
        "http://127.0.0.1:8000",
        "https://api.apixo.ai",
        "https://*.apixo.ai",
        "http://[::1]:80",
    ]
