"""Owners with gateway keys of their own: who pays, by which key a task is followed, and what is said of one missing."""

import hashlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from support.asking import submit
from support.task_steps import Start, posts, settled, until

from apixo_mcp.app import App
from apixo_mcp.errors import InvalidInput, SettingsError
from apixo_mcp.owners.key_sources import KeyMissing, of_file, of_variable, read_key
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.tasks.asking.request import GenerationRequest, Submission
from apixo_mcp.tasks.owner import LOCAL, Owner
from apixo_mcp.tasks.task import State, Task

pytestmark = pytest.mark.anyio

BY_VARIABLE = Owner("alice", keys={"apixo": of_variable("KEY_OF_ALICE")})


async def made(app: App, owner: Owner, prompt: str = "a fox") -> Task:
    request = GenerationRequest(owner=owner, model="nano-banana", arguments={"prompt": prompt})
    submitted = await submit(app, request)
    assert isinstance(submitted, Submission)
    return submitted.task


def shown(key: str) -> str:
    """A key as the sandbox's log tells of it."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def keys_of(box: Sandbox) -> list[str]:
    return [entry["key"] for entry in posts(box)]


async def test_their_tasks_are_paid_and_followed_with_their_key_and_no_other(
    start: Start, box: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KEY_OF_ALICE", "sk-of-alice")
    async with start() as app:
        assert await app.owners.add(BY_VARIABLE, "")
        hers, ours = await made(app, BY_VARIABLE), await made(app, LOCAL)
        assert hers.key_print != ours.key_print
        assert {(await settled(app, task)).state for task in (hers, ours)} == {State.SUCCESS}
        assert app.accounts["apixo"].key_print == ours.key_print
        assert (await app.spending(BY_VARIABLE, 1, 5.0))["balances"]["apixo"]
        hers = await app.service.find(BY_VARIABLE, hers.task_id)
    assert set(keys_of(box)) == {shown("sk-mine"), shown("sk-of-alice")}
    polls = {(entry["remote_id"], entry["key"]) for entry in box.looks()}
    assert {key for remote_id, key in polls if remote_id == hers.remote_id} == {shown("sk-of-alice")}


async def test_a_key_that_is_missing_is_told_and_nobody_elses_is_taken(start: Start, box: Sandbox, tmp_path: Path):
    file = tmp_path / "secrets" / "alice"
    by_file = replace(BY_VARIABLE, keys={"apixo": of_file(file)})
    async with start() as app:
        assert await app.owners.add(by_file, "")
        with pytest.raises(SettingsError, match="The key that alice has for APIXO cannot be used") as told:
            await made(app, by_file)
        assert f"Put the key into {file}" in str(told.value)
        assert "Nothing was sent" in str(told.value)
        assert str(file) in (await app.spending(by_file, 1, 5.0))["balances"]["apixo"]["note"]
        assert not posts(box)
        file.parent.mkdir()
        file.write_text("Bearer sk-of-alice\n")
        assert (await settled(app, await made(app, by_file))).state is State.SUCCESS
        file.write_text("sk-new-of-alice")
        assert (await settled(app, await made(app, by_file, "a wolf"))).state is State.SUCCESS
    assert keys_of(box) == [shown("sk-of-alice"), shown("sk-new-of-alice")]


async def test_open_tasks_are_followed_after_a_restart_and_after_their_owner_was_revoked(
    start: Start, box: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KEY_OF_ALICE", "sk-of-alice")
    async with start() as app:
        assert await app.owners.add(BY_VARIABLE, "")
        task = await made(app, BY_VARIABLE, "a fox [took:0.3]")
        await until(app, task, lambda now: now.remote_id)
    async with start(apixo_api_key=None) as app:
        await app.owners.revoke("alice")
        assert (await settled(app, task)).state is State.SUCCESS
        await app.payers.sweep()
        assert app.key_prints == ()
    async with start(apixo_api_key=None) as app:
        assert app.key_prints == ()
    assert len(posts(box)) == 1


async def test_accounts_come_and_go_with_the_rows(start: Start, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KEY_OF_ALICE", "sk-of-alice")
    monkeypatch.setenv("KEY_OF_SERVER", "sk-mine")
    async with start(follow=False) as app, start(follow=False) as elsewhere:
        (server,) = app.key_prints
        await elsewhere.owners.add(BY_VARIABLE, "")
        await elsewhere.owners.add(Owner("bob", keys={"apixo": of_variable("KEY_OF_SERVER")}), "")
        await app.payers.sweep()
        assert len(app.key_prints) == 2
        unsent = await made(app, BY_VARIABLE)
        await elsewhere.owners.change("alice", lambda _: replace(BY_VARIABLE, keys={}))
        await app.payers.sweep()
        assert app.key_prints == (server, unsent.key_print), "a task is to be followed with it"
        await app.service.cancel(BY_VARIABLE, unsent.task_id)
        await app.payers.sweep()
        assert app.key_prints == (server,)
        assert app.accounts["apixo"].key_print == server, "that it is an owner's too takes nothing away"


async def test_open_tasks_move_to_the_other_key_of_their_owner_and_to_no_other(
    start: Start, box: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KEY_OF_ALICE", "sk-of-alice")
    async with start() as app:
        assert await app.owners.add(BY_VARIABLE, "")
        task = await made(app, BY_VARIABLE, "a fox [took:2000]")
        await until(app, task, lambda now: now.remote_id)
    monkeypatch.setenv("KEY_OF_ALICE", "sk-new-of-alice")
    async with start(follow=False) as app:
        task = await app.service.find(BY_VARIABLE, task.task_id)
        elsewhere = {"apixo": of_variable("NOWHERE")}
        await app.owners.change("alice", lambda owner: replace(owner, keys=elsewhere))
        with pytest.raises(InvalidInput) as refused:
            await app.settlement.rekey(task, BY_VARIABLE)
        assert "the variable NOWHERE holds no key" in str(refused.value)
        await app.owners.change("alice", lambda _: BY_VARIABLE)
        (own,) = app.accounts.own_prints
        with suppress(InvalidInput):  # the imitation knows a task by the key that it was sent with alone
            task = await app.settlement.rekey(task, BY_VARIABLE)
    assert task.key_print != app.accounts["apixo"].key_print
    assert {entry["key"] for entry in box.looks()} <= {shown("sk-of-alice"), shown("sk-new-of-alice")}
    assert own != app.accounts["apixo"].key_print


@pytest.mark.parametrize("key", ["", "   ", "sk-…", "${KEY}", "your-api-key", "two words", "sk-\x00"])
def test_what_is_no_key_is_none(key: str, tmp_path: Path):
    file = tmp_path / "key"
    file.write_text(key, encoding="utf-8")
    for source in (of_file(file), of_variable("KEY")):
        missing = read_key(source, lambda _: key)
        assert isinstance(missing, KeyMissing)
        assert key.strip() in ("", missing.why) or key not in missing.why


def test_a_file_that_is_no_key_is_told(tmp_path: Path):
    (tmp_path / "large").write_bytes(b"k" * 5000)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xff")
    for name in ("large", "bytes", "missing", "."):
        missing = read_key(of_file(tmp_path / name), str)
        assert isinstance(missing, KeyMissing)
        assert "Put the key into" in missing.why
    assert isinstance(read_key("vault:x", str), KeyMissing)
