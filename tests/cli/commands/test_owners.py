"""`owners`, as whoever runs a server types it."""

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from support.shell import Typed, run

from apixo_mcp.owners.store import EntryKind
from apixo_mcp.owners.tokens import secret_hash
from apixo_mcp.stores.sqlite.store import SqliteStore
from apixo_mcp.tasks.budget import Budget
from apixo_mcp.tasks.owner import Scope
from apixo_mcp.telemetry.logs import AUDIT

pytestmark = pytest.mark.anyio

PUBLIC = {"APIXO_MCP_PUBLIC_URL": "https://pictures.example/team"}


def store_of(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "home" / "tasks.sqlite3")


async def told(typed: Typed, *words: object, **variables: str) -> Any:
    done = await run(typed, "owners", *words, **variables)
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


async def test_a_token_is_printed_once_and_only_its_hash_is_kept(typed: Typed, tmp_path: Path):
    done = await run(typed, "owners", "add", "alice", "--daily-usd", "5", "--models", "nano-*, sora-2")
    token = done.stdout.strip()
    assert re.fullmatch(r"amt_[A-Za-z0-9_-]{43}", token)
    assert "alice was added: scope generate, $5.00 a day, models nano-*, sora-2." in done.stderr
    async with store_of(tmp_path) as store:
        owner = await store.owners.of_token(secret_hash(token))
    assert owner is not None
    assert (owner.name, owner.scope, owner.models) == ("alice", Scope.GENERATE, ("nano-*", "sora-2"))
    assert owner.budget == Budget(daily_usd=5.0)
    for file in (tmp_path / "home").iterdir():
        assert token.encode() not in file.read_bytes(), file
    as_json = await told(typed, "add", "bob", "--json")
    assert set(as_json) == {"owner", "token"}


async def test_terms_are_changed_at_once_and_shown(typed: Typed, tmp_path: Path):
    await run(typed, "owners", "add", "alice", "--daily-usd", "5")
    changes = ["--monthly-usd", "50", "--daily-tasks", "20", "--scope", "read", "--models", "nano-*"]
    line = await run(typed, "owners", "set", "alice", *changes)
    assert line.stdout.split("  ")[0] == "alice"
    shown = await told(typed, "set", "alice")
    limits = {name: shown[name] for name in ("daily_usd", "monthly_usd", "daily_tasks", "scope", "models")}
    assert limits == {"daily_usd": 5, "monthly_usd": 50, "daily_tasks": 20, "scope": "read", "models": ["nano-*"]}
    assert (shown["spent_today_usd"], shown["tasks_today"], shown["has_token"]) == (0, 0, True)
    less = await told(typed, "set", "alice", "--daily-usd", "none", "--models", "all", "--json")
    assert "daily_usd" not in less
    assert "models" not in less
    assert less["monthly_usd"] == 50


async def test_a_day_is_raised_and_lowered_again(typed: Typed):
    await run(typed, "owners", "add", "alice", "--daily-usd", "5", "--monthly-usd", "50")
    assert (await told(typed, "set", "alice", "--raise", "2", "--json"))["raised_today_usd"] == 2
    assert (await told(typed, "set", "alice", "--raise", "$1.5", "--json"))["raised_today_usd"] == 3.5
    assert "$0.00 of $8.50 today" in (await run(typed, "owners", "list")).stdout
    assert "raised_today_usd" not in await told(typed, "set", "alice", "--raise", "none", "--json")
    await run(typed, "owners", "add", "bob")
    refused = await run(typed, "owners", "set", "bob", "--raise", "2")
    assert "bob has no budget that could be raised" in refused.stderr


async def test_keys_are_named_and_never_kept(typed: Typed, tmp_path: Path):
    file = tmp_path / "key of alice"
    file.write_text("sk-of-alice\n")
    missing = await run(typed, "owners", "add", "alice", "--apixo-key-env", "ALICE_KEY", "--ruxa-key-file", file)
    assert "the key of alice on apixo cannot be read from here: the variable ALICE_KEY holds no key." in missing.stderr
    assert "ruxa cannot" not in missing.stderr
    known = await run(typed, "owners", "set", "alice", "--apixo-key-env", "ALICE_KEY", ALICE_KEY="sk-also-of-alice")
    assert known.stderr == ""
    assert (await told(typed, "set", "alice"))["keys"] == {"apixo": "env:ALICE_KEY", "ruxa": f"file:{file}"}
    await run(typed, "owners", "set", "alice", "--ruxa-key-file", "none")
    assert (await told(typed, "set", "alice"))["keys"] == {"apixo": "env:ALICE_KEY"}
    key = await run(typed, "owners", "set", "alice", "--apixo-key-env", "sk-0123456789")
    assert key.exit_code == 2
    assert "is not the name of an environment variable; the key itself is never stored" in key.stderr
    assert "sk-0123456789" not in key.stderr
    for kept in (tmp_path / "home").iterdir():
        assert b"of-alice" not in kept.read_bytes(), kept


async def test_a_new_token_ends_the_one_before_and_lets_in_who_was_revoked(typed: Typed, tmp_path: Path):
    first = (await told(typed, "add", "alice", "--json"))["token"]
    second = (await run(typed, "owners", "rotate", "alice")).stdout.strip()
    assert "cannot come in any more" in (await run(typed, "owners", "revoke", "alice")).stdout
    async with store_of(tmp_path) as store:
        assert await store.owners.of_token(secret_hash(second)) is None
    assert "revoked_at" in (await told(typed, "list", "--json"))["owners"][0]
    assert "revoked" in (await run(typed, "owners", "list")).stdout
    again = await run(typed, "owners", "add", "alice")
    assert "`apixo-mcp owners rotate alice` lets them in again" in again.stderr
    third = (await told(typed, "rotate", "alice", "--json"))["token"]
    assert len({first, second, third}) == 3
    async with store_of(tmp_path) as store:
        found = [await store.owners.of_token(secret_hash(token)) for token in (first, second, third)]
    assert [owner and owner.name for owner in found] == [None, None, "alice"]


async def test_an_invitation_is_a_link_with_a_secret_of_which_the_hash_is_kept(typed: Typed, tmp_path: Path):
    await run(typed, "owners", "add", "alice")
    nowhere = await run(typed, "owners", "invite", "alice")
    assert "set APIXO_MCP_PUBLIC_URL, or give --url" in nowhere.stderr
    link = (await run(typed, "owners", "invite", "alice", **PUBLIC)).stdout.strip()
    secret = link.removeprefix("https://pictures.example/team/sign-in/")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", secret)
    other = await told(typed, "invite", "alice", "--json", "--url", "https://other.example/")
    assert (other["owner"], other["days"]) == ("alice", 7)
    assert other["link"].startswith("https://other.example/sign-in/")
    async with store_of(tmp_path) as store:
        entry = await store.sign_ins.get(EntryKind.INVITATION, secret_hash(secret))
        assert entry is not None
        assert (json.loads(entry.value), entry.owner) == ({"owner": "alice"}, "alice")
        await store.owners.revoke("alice")
        assert await store.sign_ins.get(EntryKind.INVITATION, secret_hash(secret)) is None
    revoked = await run(typed, "owners", "invite", "alice", **PUBLIC)
    assert "alice was revoked" in revoked.stderr


@pytest.mark.parametrize("name", ["local", "LOCAL", "", " ", "-x", "a b", "a/b", "ä", "a" * 65, "a\nb"])
async def test_what_is_no_name_is_refused(typed: Typed, name: str):
    done = await run(typed, "owners", "add", "--", name)
    assert done.exit_code == 2
    assert "NAME" in done.stderr


@pytest.mark.parametrize("name", ["alice", "Bob.1", "a@b.example", "auth0|5f7c", "a" * 64])
async def test_what_people_and_identity_providers_are_called_is_a_name(typed: Typed, name: str):
    assert (await told(typed, "add", name, "--json"))["owner"] == name
    twice = await run(typed, "owners", "add", name.upper())
    assert f"There is an owner {name} already" in twice.stderr


@pytest.mark.parametrize("command", ["set", "rotate", "revoke", "invite"])
async def test_nobody_is_taken_for_somebody(typed: Typed, command: str):
    none = await run(typed, "owners", command, "alice", **PUBLIC)
    assert none.exit_code == 1
    assert "There is no owner 'alice'. There are no owners yet. `apixo-mcp owners add NAME` makes one." in none.stderr
    await run(typed, "owners", "add", "bob")
    assert "There are bob." in (await run(typed, "owners", command, "alice", **PUBLIC)).stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--daily-usd", "much"], "'much' is not a number of dollars of at least 0, or none"),
        (["--daily-usd", "-1"], "'-1' is not a number of dollars"),
        (["--monthly-usd", "nan"], "'nan' is not a number of dollars"),
        (["--daily-tasks", "1.5"], "'1.5' is not a whole number of at least 0, or none"),
        (["--scope", "all"], "is not one of 'read', 'generate', 'admin'"),
        (["--models", ""], "it names no model; all takes the limit back"),
        (["--models", " , "], "it names no model"),
        (["--apixo-key-env", ""], "it is empty; none gives the server's key back"),
        (["--ruxa-key-file", " "], "it is empty; none gives the server's key back"),
        (["--daily-usd", ""], "'' is not a number of dollars"),
        (["--monthly-usd", "1e999"], "'1e999' is not a number of dollars"),
        (["--apixo-key-env", "A", "--apixo-key-file", "b"], "give one of --apixo-key-env and --apixo-key-file"),
    ],
)
async def test_terms_that_cannot_be_are_refused(typed: Typed, words: list[str], why: str):
    done = await run(typed, "owners", "add", "alice", *words)
    assert done.exit_code == 2
    assert why in done.stderr
    assert "no owners yet" in (await run(typed, "owners", "list")).stderr


async def test_a_pattern_of_no_model_is_told(typed: Typed):
    done = await run(typed, "owners", "add", "alice", "--models", "nano-*,nanobanana-pr")
    assert "No model on offer matches 'nanobanana-pr'." in done.stderr
    assert done.exit_code == 0


async def test_each_change_is_in_the_log(typed: Typed, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, AUDIT)
    token = (await told(typed, "add", "alice", "--json"))["token"]
    await run(typed, "owners", "set", "alice", "--daily-usd", "3")
    link = (await run(typed, "owners", "invite", "alice", **PUBLIC)).stdout.strip()
    await run(typed, "owners", "rotate", "alice")
    await run(typed, "owners", "revoke", "alice")
    lines = [record.getMessage() for record in caplog.records if record.name == AUDIT]
    changes = [re.sub(r"changed an owner: owner='alice' change='([a-z ]+)'.*", r"\1", line) for line in lines]
    assert changes == ["added", "changed", "invited", "token set", "revoked"]
    assert "$3.00 a day" in lines[1]
    assert token not in caplog.text
    assert link.rpartition("/")[2] not in caplog.text


async def test_doctor_tells_which_key_of_an_owner_is_missing(typed: Typed):
    await run(typed, "owners", "add", "alice", "--apixo-key-env", "ALICE_KEY", "--ruxa-key-env", "ALICE_OTHER")
    told_by_doctor = (await run(typed, "doctor", ALICE_KEY="sk-of-alice")).stdout
    assert "key of alice on apixo: read from env:ALICE_KEY" in told_by_doctor
    assert "key of alice on ruxa: the variable ALICE_OTHER holds no key." in told_by_doctor
    await run(typed, "owners", "revoke", "alice")
    assert "alice" not in (await run(typed, "doctor")).stdout


async def test_no_models_at_all_is_a_slip_and_the_words_say_what_was_meant(typed: Typed):
    done = await run(typed, "owners", "add", "alice", "--models", "none")
    assert done.exit_code == 2
    assert "all takes the limit back" in " ".join(done.stderr.split())


async def test_what_a_day_was_raised_by_counts_in_the_month_too(typed: Typed):
    await run(typed, "owners", "add", "alice", "--daily-usd", "5", "--monthly-usd", "50")
    raised = await run(typed, "owners", "set", "alice", "--raise", "5")
    assert "$0.00 of $10.00 today  $0.00 of $55.00 this month" in raised.stdout
    assert (await told(typed, "set", "alice"))["raised_month_usd"] == 5


async def test_another_token_of_who_was_revoked_says_that_it_lets_them_in_again(typed: Typed):
    await run(typed, "owners", "add", "alice")
    assert "alice has another token" in (await run(typed, "owners", "rotate", "alice")).stderr
    await run(typed, "owners", "revoke", "alice")
    assert "alice may come in again, with another token" in (await run(typed, "owners", "rotate", "alice")).stderr
