"""The form of the page of pictures over HTTP: a click buys once, at the price that its person saw, or not at all."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from support.amounts import here
from support.house import ALICE, BOB, House, made, opened_house
from support.program import values_for
from support.sign_in import served

from apixo_mcp.owners.tokens import TOKEN_PREFIX, secret_hash
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import Owner, Scope

pytestmark = pytest.mark.anyio

OURS = {"x-apixo-mcp": "1"}
KEY, OTHER_KEY = "a" * 32, "b" * 32
FOX = {"model": "nano-banana", "inputs": {"prompt": "a fox [took:0]"}, "key": KEY}


@pytest.fixture
def era() -> str:
    return "auto"


@asynccontextmanager
async def a_house(box: Sandbox, folder: Path, **settings: Any) -> AsyncIterator[House]:
    async with opened_house(read_settings(**values_for(box, folder), **settings)) as house:
        yield house


async def priced(http: httpx2.AsyncClient, **given: Any) -> dict[str, Any]:
    answer = await http.post("/api/quote", json={**FOX, **given})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def click(http: httpx2.AsyncClient, seen: Any, **given: Any) -> httpx2.Response:
    return await http.post("/api/make", json={**FOX, "seen": seen, **given})


async def test_models_are_offered_with_the_fields_of_their_own_schema(house: House, box: Sandbox) -> None:
    async with house.http(ALICE) as http:
        models = (await http.get("/api/models")).json()["models"]
        assert {one["modality"] for one in models} == {"image", "video", "audio"}
        for one in models:
            form = (await http.get("/api/models", params={"model": one["id"]})).json()
            assert (form["id"], form["title"]) == (one["id"], one["title"])
            needed = [bool(field.get("required")) for field in form["fields"] if field["name"] != "prompt"]
            assert needed == sorted(needed, reverse=True), f"{one['id']}: what is needed comes first"
        form = (await http.get("/api/models", params={"model": "nano-banana"})).json()
        fields = {field["name"]: field for field in form["fields"]}
        assert fields["prompt"]["maxLength"] == 5000
        assert "16:9" in fields["aspect_ratio"]["enum"]
        assert fields["image_urls"]["files"] is True
        assert (await http.get("/api/models", params={"model": "no-such"})).status_code == 400
    assert box.submits() == []


async def test_an_owner_is_offered_only_what_is_theirs(house: House) -> None:
    carol, token = Owner("carol", models=("nano-banana",)), f"{TOKEN_PREFIX}carol"
    assert await house.app.owners.add(carol, secret_hash(token))
    async with house.http(carol, **OURS) as http:
        assert [one["id"] for one in (await http.get("/api/models")).json()["models"]] == ["nano-banana"]
        answer = await http.post("/api/quote", json={**FOX, "model": "sora-2"})
        assert answer.status_code == 400


async def test_a_price_is_told_and_nothing_is_bought_until_the_click(house: House, box: Sandbox) -> None:
    async with house.http(ALICE, **OURS) as http:
        quote = await priced(http)
        assert (quote["cost"]["basis"], quote["can_buy"], quote["had"]) == ("estimated", True, False)
        assert box.submits() == []
        answer = await click(http, quote["seen"])
        assert answer.status_code == 200, answer.text
        task = await house.app.service.wait(await house.app.service.find(ALICE, answer.json()["task_id"]), here(60))
    assert (task.prompt, task.estimate_usd) == ("a fox [took:0]", quote["seen"]["usd"])
    assert len(box.submits()) == 1


async def test_a_double_click_a_lost_answer_and_a_reload_buy_once(house: House, box: Sandbox) -> None:
    async with house.http(ALICE, **OURS) as http:
        seen = (await priced(http))["seen"]
        answers: list[httpx2.Response] = []

        async def press() -> None:
            answers.append(await click(http, seen))

        async with anyio.create_task_group() as presses:
            for _ in range(5):
                presses.start_soon(press)
        [task_id] = {answer.json()["task_id"] for answer in answers}
        again = await priced(http)  # the page was loaded anew, with the key that it kept
        assert (again["had"], again["cost"]["amount"]) == (True, 0)
        assert (await click(http, again["seen"])).json()["task_id"] == task_id
        await house.app.service.wait(await house.app.service.find(ALICE, task_id), here(60))
    assert len(box.submits()) == 1


async def test_two_tabs_that_saw_one_price_buy_once(house: House, box: Sandbox) -> None:
    async with house.http(ALICE, **OURS) as http:
        one, other = [(await priced(http, key=key))["seen"] for key in (KEY, OTHER_KEY)]
        bought = await click(http, one)
        refused = await click(http, other, key=OTHER_KEY)
        assert (bought.status_code, refused.status_code) == (200, 409)
        assert refused.json()["look_again"] is True
        await house.app.service.wait(await house.app.service.find(ALICE, bought.json()["task_id"]), here(60))
        meant = (await priced(http, key=OTHER_KEY))["seen"]
        assert (await click(http, meant, key=OTHER_KEY)).status_code == 200, "seen anew, it is meant as well"


@pytest.mark.parametrize("usd", [0.0, 0.001, -1, None], ids=str)
async def test_a_price_that_was_made_up_buys_nothing(house: House, box: Sandbox, usd: float | None) -> None:
    async with house.http(ALICE, **OURS) as http:
        seen = (await priced(http))["seen"]
        assert (await click(http, seen | {"usd": usd})).status_code == 409
        assert (await click(http, seen | {"usd": 100}, key=OTHER_KEY, inputs={"prompt": "unseen"})).status_code == 409
        for nothing in (None, {}, {"usd": "0.02", "attempts": 1}, {"usd": True, "attempts": 1}, {"usd": 1}):
            assert (await click(http, nothing)).status_code == 400
    assert box.submits() == []


async def test_a_price_that_rose_since_buys_nothing(box: Sandbox, tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"

    def costs(usd: float) -> dict[str, Any]:
        prices.write_text(f'[prices."nano-banana"]\nusd = {usd}\nper = "image"\n')
        return {"prices": prices}

    async with (
        served(box, tmp_path, **costs(0.02)) as (_, url),
        httpx2.AsyncClient(base_url=url, headers=OURS, timeout=60) as http,
    ):
        seen = (await priced(http))["seen"]
    async with (
        served(box, tmp_path, **costs(0.09)) as (_, url),
        httpx2.AsyncClient(base_url=url, headers=OURS, timeout=60) as http,
    ):
        assert (await click(http, seen)).status_code == 409
        dearer = await priced(http, key=OTHER_KEY)  # in another tab
        assert dearer["cost"]["amount"] > seen["usd"]
        assert (await click(http, seen)).status_code == 409, "this tab shows the old one still"
        assert box.submits() == []
        assert (await click(http, dearer["seen"])).status_code == 200


async def test_a_price_that_is_not_known_is_no_zero(box: Sandbox, tmp_path: Path) -> None:
    async with a_house(box, tmp_path) as house, house.http(ALICE, **OURS) as http:
        unpriced = house.app.catalog.find("minimax-image-01")
        assert not unpriced.prices
        inputs = {"prompt": "a fox [took:0]"}
        answer = await http.post("/api/quote", json={"model": unpriced.id, "inputs": inputs, "key": KEY})
        assert answer.json()["cost"] == {"basis": "unknown"}
        assert answer.json()["seen"]["usd"] is None


async def test_the_budget_binds_a_click_and_tells_why(box: Sandbox, tmp_path: Path) -> None:
    async with a_house(box, tmp_path, daily_budget_usd=0.01) as house, house.http(ALICE, **OURS) as http:
        quote = await priced(http)
        assert quote["can_buy"] is False
        assert any("0.01" in note for note in quote["notes"])
        assert quote["next_step"]
        refused = await click(http, quote["seen"])
        assert refused.status_code == 400
        assert "0.01" in refused.json()["error"]
    assert box.submits() == []


async def test_above_what_wants_a_yes_the_click_on_the_price_is_the_yes(box: Sandbox, tmp_path: Path) -> None:
    async with a_house(box, tmp_path, confirm_above_usd=0.001) as house, house.http(ALICE, **OURS) as http:
        assert (await click(http, {"usd": 1, "attempts": 9})).status_code == 409, "no price was told"
        quote = await priced(http)
        assert any("0.001" in note for note in quote["notes"])
        assert (await click(http, quote["seen"])).status_code == 200


async def test_what_is_wrong_is_told_at_its_field(house: House, box: Sandbox) -> None:
    async with house.http(ALICE, **OURS) as http:
        for path in ("quote", "make"):
            asked = {**FOX, "inputs": {"prompt": "", "aspect_ratio": "7:1"}, "seen": {"usd": 1, "attempts": 1}}
            answer = await http.post(f"/api/{path}", json=asked)
            assert answer.status_code == 400
            assert {one["field"] for one in answer.json()["problems"]} == {"prompt", "aspect_ratio"}
        for broken in ({}, {**FOX, "key": "short"}, {**FOX, "inputs": []}, {**FOX, "model": 3}, [], "x"):
            assert (await http.post("/api/quote", json=broken)).status_code == 400
        assert (await http.post("/api/quote", content=b"{")).status_code == 400
    assert box.submits() == []


async def test_an_earlier_result_is_taken_by_its_reference_and_never_anothers(house: House, box: Sandbox) -> None:
    async with house.client(ALICE) as alice:
        fox = await made(alice)
    edit = {"inputs": {"prompt": "at night [took:0]", "image_urls": [f"task:{fox['task_id']}/0"]}}
    async with house.http(BOB, **OURS) as http:
        answer = await http.post("/api/quote", json={**FOX, **edit})
        assert [one["field"] for one in answer.json()["problems"]] == ["image_urls"]
        assert (await http.get(f"/api/tasks/{fox['task_id']}/inputs")).status_code == 404
    async with house.http(ALICE, **OURS) as http:
        quote = await priced(http, **edit)
        told = (await click(http, quote["seen"], **edit)).json()
        await house.app.service.wait(await house.app.service.find(ALICE, told["task_id"]), here(60))
        again = (await http.get(f"/api/tasks/{told['task_id']}/inputs")).json()
    assert again["inputs"]["prompt"] == "at night [took:0]"
    assert again["inputs"]["image_urls"] == edit["inputs"]["image_urls"]
    assert again["model"] == "nano-banana"
    assert box.submits()[-1]["input"]["image_urls"]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {**OURS, "sec-fetch-site": "cross-site"},
        {**OURS, "origin": "http://127.0.0.1:1"},
        {**OURS, "origin": "null"},
    ],
    ids=str,
)
async def test_no_page_of_another_origin_asks_or_buys(house: House, box: Sandbox, sent: dict[str, str]) -> None:
    async with house.http(ALICE, **OURS) as http:
        seen = (await priced(http))["seen"]
    async with house.http(ALICE, **sent) as http:
        assert (await http.post("/api/quote", json=FOX)).status_code == 403
        assert (await click(http, seen)).status_code == 403
    assert box.submits() == []


async def test_whoever_only_reads_or_was_revoked_buys_nothing(house: House, box: Sandbox) -> None:
    reader = Owner("rosa", Scope.READ)
    assert await house.app.owners.add(reader, secret_hash(f"{TOKEN_PREFIX}rosa"))
    async with house.http(reader, **OURS) as http:
        for answer in (
            await http.get("/api/models"),
            await http.post("/api/quote", json=FOX),
            await click(http, {"usd": 1, "attempts": 1}),
        ):
            assert (answer.status_code, "generate" in answer.json()["error"]) == (403, True)
    async with house.http(ALICE, **OURS) as http:
        seen = (await priced(http))["seen"]
        assert await house.app.owners.revoke(ALICE.name)
        assert (await click(http, seen)).status_code == 401
    assert box.submits() == []


async def test_a_body_without_end_is_not_read(house: House, box: Sandbox) -> None:
    large = json.dumps({**FOX, "inputs": {"prompt": "x" * 10_000_000}}).encode()
    deep = json.dumps(FOX)[:-1] + ', "seen": ' + "[" * 20_000 + "]" * 20_000 + "}"
    async with house.http(ALICE, **OURS) as http:
        for path in ("/api/quote", "/api/make"):
            assert (await http.post(path, content=large)).status_code == 413
        assert (await http.post("/api/make", content=deep)).status_code == 400
        many = {"prompt": "a fox", "image_urls": ["x"] * 15_000}
        assert (await http.post("/api/quote", json={**FOX, "inputs": many})).status_code == 400
    assert box.submits() == []
