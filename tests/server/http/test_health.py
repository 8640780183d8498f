"""What whoever watches the server is told: whether it is ready, and its metrics."""

import logging
import re
import sqlite3
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from support.amounts import here, in_time
from support.program import values_for
from support.s3 import S3
from support.sign_in import bearer, let_in

from apixo_mcp.app import open_app
from apixo_mcp.assembly.limits import Limits
from apixo_mcp.health import HealthLimits
from apixo_mcp.net.uvicorn_server import listen, listening, url_of
from apixo_mcp.owners.key_sources import of_variable
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.application import web_app
from apixo_mcp.server.http.middleware.measured import route_of
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import Owner, Scope
from apixo_mcp.telemetry.logs import AUDIT

pytestmark = pytest.mark.anyio

SECRET = "a very secret fox"
Serve = Callable[..., AbstractAsyncContextManager[httpx2.AsyncClient]]


ROOT, ALICE, READER = Owner("root"), Owner("alice", Scope.GENERATE), Owner("reader", Scope.READ)


@pytest.fixture
def serve(box: Sandbox, tmp_path: Path) -> Serve:
    """Serves the program, and gives a client of its port; keyword arguments are settings."""

    @asynccontextmanager
    async def served(limits: HealthLimits = HealthLimits(), **settings: Any) -> AsyncIterator[httpx2.AsyncClient]:
        listener = listen("127.0.0.1", 0)
        url = url_of(listener)
        values = values_for(box, tmp_path) | settings
        async with open_app(read_settings(**values), lasting=True, limits=Limits(health=limits)) as app:
            server = build_server(app)
            web = web_app(app, server)
            await let_in(app, ROOT, ALICE, READER)
            async with (
                server.session_manager.run(),
                listening(web, listener),
                httpx2.AsyncClient(base_url=url, trust_env=False, timeout=20) as http,
            ):
                yield http

    return served


def samples(text: str) -> dict[str, float]:
    """The samples of an exposition: name and labels as they stand, and the value."""
    lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


async def read(http: httpx2.AsyncClient) -> dict[str, float]:
    answer = await http.get("/metrics", headers=bearer(ROOT))
    assert answer.status_code == 200, answer.text
    return samples(answer.text)


async def generated(http: httpx2.AsyncClient, prompt: str) -> dict[str, Any]:
    async with (
        httpx2.AsyncClient(headers=bearer(ALICE), trust_env=False, timeout=30) as own,
        Client(streamable_http_client(f"{http.base_url}/mcp", http_client=own)) as client,
    ):
        asked = {"model": "nano-banana", "prompt": prompt, "wait_seconds": 20}
        answer = await client.call_tool("generate_image", asked)
        assert answer.structured_content is not None
        return answer.structured_content


class TestReady:
    async def test_a_bucket_that_does_not_answer_is_told_and_takes_no_server_out(self, serve: Serve, s3: S3):
        bucket = s3.bucket(f"results-{uuid.uuid4().hex}")
        async with serve(HealthLimits(fresh_for=0.1, gateways_every=0.2), results=f"s3://{bucket}/team") as http:

            async def until(results: str, up: float) -> None:
                with in_time(60):
                    while results not in (told := (await http.get("/readyz")).json().get("results", "")):
                        await anyio.sleep(0.1)
                assert (await read(http))["apixo_results_up"] == up, told

            await until("ok", 1)
            await anyio.to_thread.run_sync(lambda: s3.client().delete_bucket(Bucket=bucket))
            await until("there is no such bucket", 0)
            answer = await http.get("/readyz")
            assert (answer.status_code, answer.json()["status"]) == (200, "degraded")

    async def test_a_server_that_can_work_is_ready(self, serve: Serve):
        async with serve() as http:
            answer = await http.get("/readyz")
            assert (answer.status_code, answer.json()["status"], answer.json()["store"]) == (200, "ok", "ok")
            assert answer.json()["sweep"] == "ok"
            await gateways_are(http, {"apixo": "ok", "ruxa": "ok"})

    async def test_keys_of_owners_alone_are_something_to_sweep(
        self, serve: Serve, box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("KEY_OF_CAROL", "sk-of-carol")
        carol = Owner("carol", Scope.GENERATE, keys={"apixo": of_variable("KEY_OF_CAROL")})
        async with open_app(read_settings(**values_for(box, tmp_path)), follow=False) as app:
            await let_in(app, carol)
        none = {"apixo_api_key": None, "ruxa_api_key": None}
        async with serve(**none) as http:
            assert (await http.get("/readyz")).json()["sweep"] == "ok"
            await gateways_are(http, {"apixo": "ok"})
            async with (
                httpx2.AsyncClient(headers=bearer(carol), trust_env=False, timeout=30) as own,
                Client(streamable_http_client(f"{http.base_url}/mcp", http_client=own)) as client,
            ):
                assert client.instructions
                assert "No API key is set" not in client.instructions

    async def test_without_a_key_what_takes_none_is_swept(self, serve: Serve):
        none = {"apixo_api_key": None, "ruxa_api_key": None}
        async with serve(**none) as http:
            answer = await http.get("/readyz")
            told = "ok: without an API key"
            assert (answer.status_code, answer.json()["sweep"]) == (200, told)

    async def test_one_without_a_key_that_does_not_sweep_is_not_ready(self, serve: Serve):
        none = {"apixo_api_key": None, "ruxa_api_key": None}
        async with serve(HealthLimits(sweep_within=0.0), **none) as http:
            assert (await http.get("/readyz")).status_code == 503

    async def test_a_gateway_that_is_down_is_told_and_takes_no_server_out(self, serve: Serve):
        with closing(listen("127.0.0.1", 0)) as taken:
            gone = url_of(taken)
        async with serve(apixo_base_url=gone) as http:
            await happens_in(http, "degraded")
            told: dict[str, str] = {}
            with in_time(15):
                while told.keys() != {"apixo", "ruxa"}:
                    told = (await http.get("/readyz")).json()["gateways"]
            assert told["ruxa"] == "ok"
            assert "127.0.0.1" in told["apixo"]

    async def test_a_store_that_cannot_be_written_to_in_time_is_not_ready(self, serve: Serve, tmp_path: Path):
        limits = HealthLimits(answered_within=here(0.2), fresh_for=0.0)
        async with serve(limits) as http:
            await happens_in(http, "ok")
            with closing(sqlite3.connect(tmp_path / "home" / "tasks.sqlite3", isolation_level=None)) as other:
                other.execute("begin immediate")
                answer = await http.get("/readyz")
                assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
                assert f"longer than {limits.answered_within:g} s" in answer.json()["store"]
                assert (await http.get("/healthz")).status_code == 200
            await happens_in(http, "ok")

    async def test_a_sweep_that_stands_still_is_not_ready(self, serve: Serve):
        async with serve(HealthLimits(sweep_within=0.0)) as http:
            answer = await http.get("/readyz")
            assert answer.status_code == 503
            assert "s ago" in answer.json()["sweep"]

    async def test_many_who_ask_cause_no_more_work_than_one(self, serve: Serve, box: Sandbox):
        async with serve(HealthLimits(fresh_for=60.0)) as http:
            await gateways_are(http, {"apixo": "ok", "ruxa": "ok"})
            asked = len(box.log())
            for _ in range(5):
                assert (await http.get("/readyz")).status_code == 200
            assert len(box.log()) == asked

    @pytest.mark.parametrize(
        "headers",
        [
            {"x-forwarded-for": "8.8.8.8"},
            {"forwarded": "for=8.8.8.8"},
            {"host": "apixo.example"},
        ],
        ids=str,
    )
    async def test_whoever_is_no_neighbour_is_told_the_status_alone(self, serve: Serve, headers: dict[str, str]):
        async with serve(public_url="https://apixo.example") as http:
            assert (await http.get("/readyz", headers=headers)).json() == {"status": "ok"}
            assert "version" in (await http.get("/readyz")).json()


async def gateways_are(http: httpx2.AsyncClient, wanted: dict[str, str]) -> None:
    with in_time(15):
        while (await http.get("/readyz")).json().get("gateways") != wanted:
            await anyio.sleep(0.005)


async def happens_in(http: httpx2.AsyncClient, status: str) -> None:
    with in_time(15):
        while (await http.get("/readyz")).json()["status"] != status:
            await anyio.sleep(0.005)


class TestMetrics:
    async def test_a_picture_is_counted_on_its_whole_way(self, serve: Serve):
        async with serve(daily_budget_usd=5, monthly_budget_usd=50, daily_task_limit=9, prices=None) as http:
            await generated(http, "a fox")
            found = await read(http)
            with in_time(15):  # the answer may come before its file
                while not any(name.startswith("apixo_files_saved_total") for name in found):
                    found = await read(http)
        of = 'gateway="apixo",model="nano-banana"'
        assert found['apixo_calls_admitted_total{gateway="apixo",how="new",model="nano-banana"}'] == 1
        assert found[f'apixo_submits_total{{{of},outcome="accepted"}}'] == 1
        assert found[f'apixo_tasks_ended_total{{code="",{of},state="success"}}'] == 1
        assert found[f'apixo_task_duration_seconds_count{{{of},state="success"}}'] == 1
        assert found['apixo_task_polls_count{gateway="apixo"}'] == 1
        assert found['apixo_polls_total{gateway="apixo",outcome="succeeded"}'] == 1
        assert found[f"apixo_files_saved_total{{{of}}}"] == 1
        assert found[f"apixo_file_bytes_total{{{of}}}"] > 100
        assert found[f"apixo_estimated_spend_usd_total{{{of}}}"] > 0
        assert found["apixo_spend_today_usd"] == found['apixo_owner_spend_today_usd{owner="alice"}'] > 0
        spent = found["apixo_spend_today_usd"]
        assert (found["apixo_daily_budget_usd"], found["apixo_monthly_budget_usd"]) == (5, 50)
        assert found["apixo_spend_month_usd"] == found['apixo_owner_spend_month_usd{owner="alice"}'] == spent
        assert found['apixo_budget_left_usd{period="day"}'] == pytest.approx(5 - spent)
        assert found['apixo_budget_left_usd{period="month"}'] == pytest.approx(50 - spent)
        assert found["apixo_tasks_left"] == 8
        assert found["apixo_store_up"] == 1
        assert found["apixo_sweep_age_seconds"] < here(15)
        assert found['apixo_owner_tasks_ended_total{owner="alice",state="success"}'] == 1
        assert found['apixo_http_requests_total{method="POST",route="mcp",status="200"}'] > 0
        [calls] = [name for name in found if "operation_duration_seconds_count" in name and '"tools/call"' in name]
        assert 'gen_ai_tool_name="generate_image"' in calls
        assert 'network_transport="tcp"' in calls
        assert all(name.startswith("apixo_") for name in found)

    async def test_failures_are_counted_by_their_codes(self, serve: Serve):
        async with serve() as http:
            await generated(http, f"[fail:CONTENT_VIOLATION] {SECRET}")
            await generated(http, f"[http:402] {SECRET}")
            found = await read(http)
            text = (await http.get("/metrics", headers=bearer(ROOT))).text
        ended = {
            match[1]: value
            for name, value in found.items()
            if name.startswith("apixo_tasks_ended_total") and (match := re.search(r'code="([^"]*)"', name))
        }
        assert ended["CONTENT_VIOLATION"] == 1
        assert sum(ended.values()) == 2
        assert found['apixo_submits_total{gateway="apixo",model="nano-banana",outcome="refused"}'] == 1
        assert "secret" not in text
        assert "tsk_" not in text

    async def test_a_gateway_that_asks_for_fewer_requests_is_counted(self, serve: Serve):
        async with serve() as http:
            await generated(http, "[http:429] a fox")
            found = await read(http)
        assert found['apixo_rate_limited_total{gateway="apixo",request="submit"}'] >= 1

    @pytest.mark.parametrize("who", [ALICE, READER], ids=["generate", "read"])
    async def test_they_are_for_administrators(self, serve: Serve, who: Owner):
        async with serve() as http:
            answer = await http.get("/metrics", headers=bearer(who))
            assert (answer.status_code, "admin" in answer.text) == (403, True)
            assert (await http.get("/metrics")).status_code == 401

    async def test_who_was_not_let_in_is_counted_and_told(self, serve: Serve, caplog: pytest.LogCaptureFixture):
        caplog.set_level(logging.INFO, AUDIT)
        async with serve() as http:
            await http.get("/metrics", headers={"authorization": "Bearer amt_" + "x" * 43})
            await http.get("/metrics", headers=bearer(READER))
            await http.post("/token", data={"grant_type": "authorization_code", "code": SECRET})
            found = await read(http)
        refused = {name: value for name, value in found.items() if name.startswith("apixo_sign_ins_refused_total")}
        assert refused['apixo_sign_ins_refused_total{reason="invalid_token",status="401"}'] == 1
        assert refused['apixo_sign_ins_refused_total{reason="insufficient_scope",status="403"}'] == 1
        told = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
        assert len(told) == sum(refused.values())
        assert all("address='127.0.0.1'" in line for line in told)
        assert "secret" not in "".join(told) + "".join(found)
        assert "xxxx" not in "".join(told) + "".join(found)

    async def test_without_the_library_they_say_how_to_get_it_and_all_else_works(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch
    ):
        for name in [name for name in sys.modules if name.partition(".")[0] == "prometheus_client"]:
            monkeypatch.delitem(sys.modules, name)
        for name in ("gauges", "metrics"):
            monkeypatch.delitem(sys.modules, f"apixo_mcp.telemetry.{name}", raising=False)
        monkeypatch.setitem(sys.modules, "prometheus_client", None)
        async with serve() as http:
            answer = await http.get("/metrics", headers=bearer(ROOT))
            assert answer.status_code == 501
            assert "[server]'`." in answer.text
            assert (await generated(http, "a fox"))["state"] == "success"


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/mcp", "mcp"),
        ("/messages/?session_id=1", "messages"),
        ("/callbacks/tsk_secret", "callbacks"),
        ("/inputs/secret/a.png", "inputs"),
        ("/elsewhere/secret", "other"),
        ("/nowhere/secret", "other"),
        ("/", "gallery"),
        ("//", "other"),
    ],
)
def test_a_route_is_one_that_there_is(path: str, route: str):
    assert route_of(path) == route
