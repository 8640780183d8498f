"""Webhooks as their receiver gets them: signed, once under one id, and kept until it has them."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.amounts import here, in_time
from support.asking import submit
from support.program import happens, values_for
from support.receiver import SECRET, Receiver

from apixo_mcp.app import App, open_app
from apixo_mcp.errors import InvalidInput, SettingsError
from apixo_mcp.net.http import Http
from apixo_mcp.net.response import Answered, NotReached
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.asking.request import GenerationRequest, Submission
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.ports.outbox import ALERT_RAISED, TASK_FINISHED, OutboxCount, Webhook
from apixo_mcp.tasks.task import Task
from apixo_mcp.variables.environment import environment_of_others
from apixo_mcp.webhooks.payload import LARGEST_PAYLOAD, payload
from apixo_mcp.webhooks.sender import WebhookLimits, sending_webhooks

pytestmark = pytest.mark.anyio

QUICK = WebhookLimits(again_after=(0.02, 0.02, 0.02), looked_every=0.02)


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=1000) as box:
        yield box


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver().open() as receiver:
        yield receiver


@asynccontextmanager
async def telling(
    box: Sandbox, folder: Path, url: str, limits: WebhookLimits = QUICK, **given: Any
) -> AsyncIterator[App]:
    values = {**values_for(box, folder), "notify_url": url, "notify_secret": SECRET, **given}
    async with open_app(read_settings(**values)) as app, sending_webhooks(app, limits):
        yield app


async def ask(app: App, prompt: str = "a fox [took:0]") -> Task:
    request = GenerationRequest(owner=LOCAL, model="nano-banana", arguments={"prompt": prompt})
    submission = await submit(app, request)
    assert isinstance(submission, Submission)
    return submission.task


async def waiting(app: App) -> OutboxCount:
    return await app.store.outbox.count()


async def reaches(app: App, fits: Callable[[OutboxCount], bool]) -> None:
    with in_time(15):
        while not fits(await waiting(app)):
            await anyio.sleep(0.01)


async def test_the_end_of_a_task_is_told_with_its_structure(box: Sandbox, tmp_path: Path, receiver: Receiver):
    async with telling(box, tmp_path, receiver.url) as app:
        made, failed = await ask(app), await ask(app, "a fox [took:0] [fail:CONTENT_VIOLATION]")
        unclear = await ask(app, "a fox [never] [cut]")
        await happens(lambda: len(receiver.messages) == 3)
        task = await app.service.find(LOCAL, made.task_id)
    [message] = receiver.of(made)
    told = message.told
    assert told["type"] == "task.finished"
    assert told["timestamp"].endswith("Z")
    data = told["data"]
    assert (data["state"], data["owner"], data["remote_id"]) == ("success", "local", task.remote_id)
    assert data["results"][0]["file"] == "saved"
    assert Path(data["results"][0]["path"]).is_file()
    [other] = receiver.of(failed)
    assert (other.told["data"]["state"], other.told["data"]["error"]["code"]) == ("failed", "CONTENT_VIOLATION")
    assert receiver.of(unclear)[0].told["data"]["state"] == "unknown"
    assert message.headers["content-type"] == "application/json"
    assert all("sk-test" not in one.body.decode() for one in receiver.messages)


async def test_what_is_refused_comes_again_under_the_same_id(box: Sandbox, tmp_path: Path, receiver: Receiver):
    receiver.statuses += [500, 302, 404]
    async with telling(box, tmp_path, receiver.url) as app:
        await ask(app)
        await happens(lambda: len(receiver.messages) == 4)
        await reaches(app, lambda count: count == OutboxCount(0, 0))
    assert len({one.webhook_id for one in receiver.messages}) == 1


async def test_the_end_of_a_task_is_told_though_its_entry_was_deleted_first(
    box: Sandbox, tmp_path: Path, receiver: Receiver
):
    patient = WebhookLimits(again_after=(0.02,) * 1000, looked_every=0.02)
    taken, receiver.usually = receiver.usually, 503
    async with telling(box, tmp_path, receiver.url, limits=patient) as app:
        made = await ask(app)
        await happens(lambda: len(receiver.messages) >= 1)
        await app.store.mark_answer([made.task_id], made.asked_by, "given")
        ended = await app.service.find(LOCAL, made.task_id)
        assert await app.store.delete_entry(ended, "deleted")
        receiver.usually = taken
        await reaches(app, lambda count: count == OutboxCount(0, 0))
    first, last = (receiver.messages[place].told["data"] for place in (0, -1))
    assert first["state"] == last["state"] == "success"
    assert last["task_id"] == made.task_id
    assert last["notes"] == ["Its entry was deleted before this could be told."]
    assert "a fox" not in receiver.messages[-1].body.decode()


async def test_what_is_never_taken_is_given_up_and_said_to_be(
    box: Sandbox, tmp_path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
):
    receiver.usually = 503
    async with telling(box, tmp_path, receiver.url) as app:
        await ask(app)
        await reaches(app, lambda count: count == OutboxCount(0, 1))
    assert len(receiver.messages) == 4
    assert "is given up after 4 tries: HTTP 503" in caplog.text
    assert receiver.url not in caplog.text
    assert SECRET not in caplog.text


async def test_the_tries_come_as_those_of_the_gateways_do():
    assert WebhookLimits().again_after == (30.0, 120.0, 600.0)
    assert WebhookLimits().answered_within == 15.0


async def test_a_receiver_that_is_away_over_a_restart_misses_nothing(box: Sandbox, tmp_path: Path):
    receiver = Receiver()
    async with receiver.open():
        pass  # its port is known, and nobody listens there
    patient = WebhookLimits(again_after=(0.02,) * 1000, looked_every=0.02)
    async with telling(box, tmp_path, receiver.url, patient) as app:
        task = await ask(app)
        with in_time(15):
            while not (await waiting(app)).waiting:
                await anyio.sleep(0.01)
    async with open_app(read_settings(**values_for(box, tmp_path))) as app:  # one that tells nobody
        other = await ask(app, "a hare [took:0]")
        await app.service.wait(await app.service.find(LOCAL, other.task_id), here(60))
    async with receiver.open(), telling(box, tmp_path, receiver.url, patient):
        await happens(lambda: len(receiver.of(task)) == len(receiver.of(other)) == 1)
    assert len(receiver.messages) == 2


async def test_what_has_just_ended_is_told_before_a_command_leaves(box: Sandbox, tmp_path: Path, receiver: Receiver):
    values = {**values_for(box, tmp_path), "notify_url": receiver.url, "notify_secret": SECRET}
    for number in range(3):
        async with open_app(read_settings(**values)) as app, sending_webhooks(app, WebhookLimits(), at_last=60.0):
            task = await ask(app, f"a fox {number} [took:0]")
            await app.service.wait(await app.service.find(LOCAL, task.task_id), here(60))
        assert len(receiver.messages) == number + 1


async def test_several_processes_tell_each_end_once(box: Sandbox, tmp_path: Path, receiver: Receiver):
    async with (
        telling(box, tmp_path, receiver.url) as one,
        telling(box, tmp_path, receiver.url) as two,
        telling(box, tmp_path, receiver.url),
    ):
        tasks = [await ask((one, two)[number % 2], f"a fox {number} [took:0]") for number in range(12)]
        await happens(lambda: all(receiver.of(task) for task in tasks))
        await reaches(one, lambda count: count == OutboxCount(0, 0))
    ids = [message.webhook_id for message in receiver.messages]
    assert len(ids) == len(set(ids)) == len(tasks)


async def test_a_receiver_that_is_gone_is_told_nothing_more(
    box: Sandbox, tmp_path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
):
    receiver.usually = 410
    async with telling(box, tmp_path, receiver.url) as app:
        await ask(app)
        await happens(lambda: "wants no more webhooks" in caplog.text)
        await app.service.wait(await ask(app, "a hare [took:0]"), here(60))
        await app.store.outbox.collect()
        assert (await waiting(app)).waiting == 2, "kept for a later start"
    assert len(receiver.messages) == 1
    receiver.usually = 200
    async with telling(box, tmp_path, receiver.url):
        await happens(lambda: len(receiver.messages) == 3)


async def test_a_receiver_that_is_silent_holds_nobody_up(box: Sandbox, tmp_path: Path, receiver: Receiver):
    receiver.silent = anyio.Event()
    limits = WebhookLimits(again_after=(0.02,) * 3, looked_every=0.02, answered_within=0.05)
    async with telling(box, tmp_path, receiver.url, limits) as app:
        await ask(app)
        await happens(lambda: len(receiver.messages) >= 2)
        receiver.silent.set()
        await reaches(app, lambda count: count.waiting == 0)


async def test_what_is_private_is_not_asked_unless_that_is_allowed(receiver: Receiver):
    async with Http() as http:
        for url in ("https://10.0.0.1/hook", "https://169.254.169.254/latest", "https://[fd00::1]/"):
            reply = await http.deliver("POST", url, headers={}, content=b"{}", within=30.0)
            assert isinstance(reply, NotReached), reply
            assert "APIXO_MCP_ALLOW_PRIVATE_HOSTS" in reply.reason
        own = await http.deliver("HEAD", receiver.url.replace("/hook", "/nowhere"), headers={}, within=30.0)
        assert isinstance(own, Answered)
        assert own.status == 404


async def test_a_name_that_leads_to_a_private_address_is_not_asked():
    async def resolve(host: str, port: int) -> list[str]:
        return ["192.168.0.7"]

    async with Http(resolve=resolve) as http:
        reply = await http.deliver("POST", "https://hooks.example/x", headers={}, content=b"{}", within=30.0)
    assert not isinstance(reply, Answered)
    assert "private address" in reply.reason


def webhook(**given: Any) -> Webhook:
    values = {"webhook_id": "msg_1", "kind": TASK_FINISHED, "task_id": "tsk_1", "state": "success", "data": {}}
    return Webhook(**{**values, "made_at": 0.0, "tries": 1, **given})


def test_a_body_is_bounded_and_can_always_be_written():
    data = {"task_id": "tsk_1", "state": "success", "owner": "local", "prompt": "half a fox \ud83e"}
    whole = payload(webhook(), data)
    assert json.loads(whole.encode())["data"] == data
    cut = payload(webhook(), {**data, "results": [{"url": "x" * LARGEST_PAYLOAD}]})
    assert len(cut.encode()) < LARGEST_PAYLOAD
    told = json.loads(cut)["data"]
    assert (told["task_id"], told["state"], told["owner"]) == ("tsk_1", "success", "local")
    assert "results" not in told
    assert "left out" in told["notes"][0]


async def test_an_alert_is_told_as_one(box: Sandbox, tmp_path: Path, receiver: Receiver):
    async with telling(box, tmp_path, receiver.url) as app:
        await app.store.outbox.put("msg_alert", ALERT_RAISED, {"alert": "callbacks_missed", "gateway": "apixo"})
        await happens(lambda: len(receiver.messages) >= 1)
    told = receiver.messages[0].told
    assert (told["type"], told["data"]["alert"]) == ("alert.raised", "callbacks_missed")


async def test_a_limit_that_is_nearly_used_and_a_refusal_are_told(
    box: Sandbox, tmp_path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("WARNING", "apixo_mcp.telemetry.logs")
    async with telling(box, tmp_path, receiver.url, daily_budget_usd=0.07) as app:
        for number in range(3):
            with suppress(InvalidInput):
                await ask(app, f"fox {number} [took:0]")
        await happens(lambda: sum(one.told["type"] == ALERT_RAISED for one in receiver.messages) == 2)
    used, refused = (one.told["data"] for one in receiver.messages if one.told["type"] == ALERT_RAISED)
    assert (used["alert"], used["percent"], used["spent_usd"], used["limit_usd"]) == ("budget_used", 80, 0.06, 0.07)
    assert (refused["alert"], refused["left_usd"]) == ("purchase_refused", 0.01)
    assert used["message"] in caplog.text
    assert refused["message"] in caplog.text


@pytest.mark.parametrize(("mark", "alert"), [("[http:401]", "key_refused"), ("[http:402]", "credits_used_up")])
async def test_a_key_that_a_gateway_refuses_is_told_once(
    box: Sandbox, tmp_path: Path, receiver: Receiver, mark: str, alert: str
):
    async with telling(box, tmp_path, receiver.url) as app:
        tasks = [await ask(app, f"a fox {number} {mark}") for number in range(2)]
        await happens(lambda: len(receiver.messages) == 3)
        await reaches(app, lambda count: count.waiting == 0)
    told = [one.told["data"] for one in receiver.messages if one.told["type"] == ALERT_RAISED]
    assert [(one["alert"], one["gateway"]) for one in told] == [(alert, "apixo")]
    assert "sk-" not in str(told)
    assert all(len(receiver.of(task)) == 1 for task in tasks)


async def test_without_a_secret_nothing_starts(box: Sandbox, tmp_path: Path):
    with pytest.RaisesGroup(
        pytest.RaisesExc(SettingsError, match="APIXO_MCP_NOTIFY_SECRET is needed"), flatten_subgroups=True
    ):
        async with telling(box, tmp_path, "https://hooks.example", notify_secret=""):
            pass


@pytest.mark.parametrize(
    "secret", ["hunter2-plain", "whsec_", "whsec_no base64!", f"whsec_{base64.b64encode(b'short').decode()}", "WHSEC_x"]
)
def test_only_a_secret_of_the_standard_is_taken_and_none_is_shown(secret: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("APIXO_MCP_NOTIFY_SECRET", secret)
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert "APIXO_MCP_NOTIFY_SECRET: must be whsec_ and 24 to 64 random bytes in base64" in str(refused.value)
    assert secret not in str(refused.value).replace("whsec_ and", "").replace("echo whsec_", "")


@pytest.mark.parametrize(
    ("url", "is_taken"),
    [
        ("https://hooks.example/a?token=x", True),
        ("http://127.0.0.1:9000/a", True),
        ("http://[::1]:9000/a", True),
        ("http://hooks.example/a", False),
        ("http://localhost.example/a", False),
        ("ftp://hooks.example", False),
        ("hooks.example", False),
    ],
)
def test_what_an_address_may_be(url: str, is_taken: bool):
    if is_taken:
        assert read_settings(notify_url=url).notify_url == url
        return
    with pytest.raises(SettingsError) as refused:
        read_settings(notify_url=url)
    assert "APIXO_MCP_NOTIFY_URL: must start with https://" in str(refused.value)
    assert url not in str(refused.value), "it may hold a token"
    if url.startswith("http:"):
        assert read_settings(notify_url=url, allow_private_hosts=True).notify_url == url


def test_other_programs_are_not_given_the_secret(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("APIXO_MCP_NOTIFY_SECRET", SECRET)
    monkeypatch.setenv("APIXO_MCP_NOTIFY_URL", "https://hooks.example/token")
    assert not [name for name in environment_of_others() if "NOTIFY" in name]
    assert SECRET not in repr(read_settings())
