"""The account that is shown is the gateways' own, to the cent: 500 mixed tasks, retried, refused and failed."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from anyio.to_thread import run_sync
from click.testing import CliRunner
from mcp import Client
from support.amounts import in_time
from support.program import environment, structure, text_of, values_for

from apixo_mcp.app import open_app
from apixo_mcp.cli.program import program
from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.sandbox.tasks import fingerprint
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.transport import serving
from apixo_mcp.settings import read_settings

pytestmark = pytest.mark.anyio

MARKS = (
    *("", "", "", "", "", "[look:500x2]", "[429x1]"),
    "[fail:CONTENT_VIOLATION]",  # charged
    "[http:400]",  # refused, so that nothing is charged
    "[http:402]",
    "[fail-once:PROCESSING_TIMEOUT]",  # two requests, both charged
    "[fail:MODEL_UNAVAILABLE]",  # two as well, and none of them makes anything
    "[cut]",  # taken on, and nobody hears of it
)
ASKED: tuple[tuple[str, str, int, dict[str, Any]], ...] = (
    ("generate_image", "nano-banana", 150, {}),
    ("generate_image", "seedream-4-5", 60, {"num_images": 3}),
    ("generate_image", "ruxa/google/nano-banana", 140, {}),
    ("generate_video", "kling-2-6", 60, {"sound": "off", "duration": 5}),
    ("generate_video", "ruxa/sora-2", 40, {}),
    ("generate_audio", "suno", 50, {}),
)
PRICES = "".join(
    f'prices."{model}" = {{ usd = {usd}, per = "{unit}" }}\n'
    for tool, model, _, _ in ASKED
    for usd, unit in [{"image": (0.01, "image"), "video": (0.05, "video"), "audio": (0.02, "task")}[tool[9:]]]
)
"""What the sandbox takes."""
TASKS = 500
WAITING = {"submitting", "pending", "processing"}


async def bought(client: Client, tool: str, model: str, count: int, given: dict[str, Any]) -> None:
    prompts = [f"{model} {number} {MARKS[number % len(MARKS)]}" for number in range(count)]
    asked = {"model": model, "wait_seconds": 0, **given}
    if tool == "generate_image":
        for start in range(0, count, 50):
            structure(await client.call_tool(tool, {**asked, "prompts": prompts[start : start + 50]}))
        return
    for prompt in prompts:
        structure(await client.call_tool(tool, {**asked, "prompt": prompt}))


async def ended(client: Client) -> None:
    with in_time(240):
        while WAITING & set(structure(await client.call_tool("get_usage", {}))["totals"]):
            await anyio.sleep(0.3)


def row_of(told: dict[str, Any], gateway: str) -> dict[str, Any]:
    return next(row for row in told["gateways"] if row["gateway"] == gateway)


async def test_what_is_shown_is_the_gateways_own_account(tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text(PRICES)
    async with Sandbox(speed=1000) as box:
        values = values_for(box, tmp_path) | {"apixo_api_key": "sk-apixo", "ruxa_api_key": "sk-ruxa"}
        values |= {"prices": prices, "auto_retry": 1}
        async with open_app(read_settings(**values)) as app:
            server, listener = build_server(app), listen("127.0.0.1", 0)
            async with Client(server) as client:
                structure(await client.call_tool("get_usage", {}))  # the balance before
                async with anyio.create_task_group() as buyers:
                    for asked in ASKED:
                        buyers.start_soon(bought, client, *asked)
                await ended(client)
                answer = await client.call_tool("get_usage", {})
            told, text = structure(answer), text_of(answer)
            url = url_of(listener)
            async with serving(app, server, listener), httpx2.AsyncClient(base_url=url, timeout=30) as http:
                over_http = (await http.get("/api/usage", params={"days": 7})).json()
        environ = environment(values)
        as_json, as_csv = [
            await run_sync(lambda kind=kind: CliRunner().invoke(program, ["usage", kind], env=environ).stdout)
            for kind in ("--json", "--csv")
        ]
        account = {name: round(box.app.backend.store.spent(fingerprint(f"sk-{name}")), 4) for name in ("apixo", "ruxa")}
        paid = Counter(entry["gateway"] for entry in box.submits())

    assert sum(count for _, _, count, _ in ASKED) == told["totals"]["tasks"] == TASKS
    assert told["totals"]["attempts"] == sum(paid.values())
    assert json.loads(text.partition("\n")[2]) == told, "the text alone tells all of it"
    in_shell = json.loads(as_json)
    for shown in (told, over_http, in_shell):
        assert {name: row_of(shown, name)["spent_usd"] for name in account} == account
        assert shown["totals"]["spent_usd"] == pytest.approx(sum(account.values()), abs=1e-6)
        assert shown["totals"]["without_price"] == 0
        assert sum(day["spent_usd"] for day in shown["days"]) == pytest.approx(sum(account.values()), abs=1e-6)
        assert sum(model["spent_usd"] for day in shown["days"] for model in day["models"]) == pytest.approx(
            sum(account.values()), abs=1e-6
        )
        apixo, ruxa = row_of(shown, "apixo"), row_of(shown, "ruxa")
        assert (apixo["measured_usd"], apixo["basis"]) == (account["apixo"], "measured")
        assert (ruxa.get("measured_usd"), ruxa["basis"]) == (None, "estimated")
    rows = list(csv.DictReader(as_csv.splitlines()))
    assert sum(float(row["spent_usd"] or 0) for row in rows) == pytest.approx(sum(account.values()), abs=1e-6)
    assert sum(float(row["measured_usd"] or 0) for row in rows) == pytest.approx(account["apixo"], abs=1e-6)
    failed = {(one["code"], one["charged"]): (one["tasks"], one.get("retried", 0)) for one in told["failures"]}
    assert failed["CONTENT_VIOLATION", "unknown"][0] > 20
    assert failed["MODEL_UNAVAILABLE", "unknown"][0] == failed["MODEL_UNAVAILABLE", "unknown"][1] > 20
    assert failed["PROCESSING_TIMEOUT", "unknown"] == (0, failed["PROCESSING_TIMEOUT", "unknown"][1])
    assert {code for code, charged in failed if charged == "no"} >= {"HTTP 400", "HTTP 402"}
    assert all("p90_seconds" in model for model in told["models"])
