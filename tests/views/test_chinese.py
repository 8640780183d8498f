"""Advice about failures on pages that speak Chinese: every failure that this program knows has it in both languages."""

import re
from dataclasses import replace

import pytest
from support.store_tasks import NOW, make_followed

from apixo_mcp.gateways import failures
from apixo_mcp.gateways.credential import Credential
from apixo_mcp.gateways.failures import _FAIL_CODES as FAIL_CODES  # pyright: ignore[reportPrivateUsage]
from apixo_mcp.gateways.failures import FailureMeaning
from apixo_mcp.gateways.refusals import refused_by_http
from apixo_mcp.generation import Failure
from apixo_mcp.tasks.running import sending
from apixo_mcp.tasks.task import State
from apixo_mcp.tasks.transitions import delays, polls, submits, unsent
from apixo_mcp.views.chinese import chinese_advice

CREDENTIAL = Credential.of("apixo")
MEANINGS = [one for one in vars(failures).values() if isinstance(one, FailureMeaning)]


def spoken(failure: Failure) -> str:
    chinese = chinese_advice(failure, "tsk_1")
    assert re.search(r"[\u4e00-\u9fff]", chinese), f"no Chinese for {failure.code}: {failure.advice}"
    assert "{" not in chinese
    return chinese


@pytest.mark.parametrize("code", FAIL_CODES)
def test_every_documented_code(code: str):
    spoken(failures.task_failure(code, "", CREDENTIAL))


@pytest.mark.parametrize(
    "status", [301, 302, 400, 401, 402, 403, 404, 407, 413, 418, 422, 426, 429, 451, 501, 503, 511]
)
def test_every_status(status: int):
    spoken(failures.submit_refusal(status, "", CREDENTIAL))
    spoken(refused_by_http(status, CREDENTIAL))


def test_every_meaning():
    assert len(MEANINGS) > 20
    for meaning in MEANINGS:
        spoken(failures._failure(meaning, "X", "x", CREDENTIAL, charged="no"))  # pyright: ignore[reportPrivateUsage]
    assert {one.advice for one in MEANINGS} >= {one.advice for one in FAIL_CODES.values()}


@pytest.mark.parametrize(
    "failure",
    [
        failures.empty_result(CREDENTIAL),
        failures.unreachable("no route", CREDENTIAL),
        failures.unusable_setting("x", "HTTPS_PROXY", CREDENTIAL),
        failures.unreadable("x", CREDENTIAL),
        failures.unwritable_input(CREDENTIAL),
        failures.unusable_key(CREDENTIAL),
        failures.task_failure("", "", CREDENTIAL),
        failures.task_failure("GRUE", "it is dark", CREDENTIAL),
        *(one for one in vars(sending).values() if isinstance(one, Failure)),
        delays.crashed(make_followed(), "ValueError", NOW, 1.0).failure,
        polls._unanswered("x", too_fast=False),  # pyright: ignore[reportPrivateUsage]
        submits.unclear(make_followed(state=State.SUBMITTING), NOW, "x").failure,
        unsent.not_sent(make_followed(attempts=()), "x", NOW).failure,
    ],
)
def test_what_this_program_says_itself(failure: Failure | None):
    if failure is not None:
        spoken(failure)


def test_names_are_those_of_the_english_advice():
    failure = failures.task_failure("INSUFFICIENT_CREDITS", "", CREDENTIAL)
    assert CREDENTIAL.gateway in spoken(failure)
    assert CREDENTIAL.dashboard in spoken(failure)
    assert "HTTPS_PROXY" in spoken(failures.unusable_setting("x", "HTTPS_PROXY", CREDENTIAL))
    assert "tsk_1" in spoken(failures.empty_result(CREDENTIAL))


def test_what_is_not_known_is_left_in_english():
    known = failures.task_failure("PROMPT_TOO_LONG", "", CREDENTIAL)
    assert chinese_advice(replace(known, advice="Do as you like.")) == ""
