"""Advice about failures on pages that speak Chinese: every failure that this program knows has it in both languages."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

import apixo_mcp
from apixo_mcp.gateways import failures
from apixo_mcp.gateways.credential import Credential
from apixo_mcp.gateways.failures import FailureMeaning
from apixo_mcp.gateways.refusals import refused_by_http
from apixo_mcp.generation import Failure
from apixo_mcp.views.chinese import chinese_advice

CREDENTIAL = Credential.of("apixo")
NAMES = {"gateway": CREDENTIAL.gateway, "setting": CREDENTIAL.setting, "dashboard": CREDENTIAL.dashboard}
KNOWN = failures.unusable_key(CREDENTIAL)
MEANINGS = [one for one in vars(failures).values() if isinstance(one, FailureMeaning)]
[CODES] = [one for one in vars(failures).values() if isinstance(one, dict) and "contentviolation" in one]
WRITTEN = {
    keyword.value.value
    for folder in ("tasks", "gateways")
    for path in (Path(apixo_mcp.__path__[0]) / folder).rglob("*.py")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.Call)
    for keyword in node.keywords
    if keyword.arg == "advice" and isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str)
}
"""Advice that stands beside the failure that it is of, anywhere in the life of a task."""


def spoken(failure: Failure) -> str:
    chinese = chinese_advice(failure, "tsk_1")
    assert re.search(r"[\u4e00-\u9fff]", chinese), f"no Chinese for {failure.code}: {failure.advice}"
    assert "{" not in chinese
    return chinese


@pytest.mark.parametrize("code", CODES)
def test_every_code(code: str):
    spoken(failures.task_failure(code, "", CREDENTIAL))


@pytest.mark.parametrize("status", [*range(400, 432), 301, 302, 451, 501, 503, 511])
def test_every_status(status: int):
    spoken(failures.submit_refusal(status, "", CREDENTIAL))
    spoken(refused_by_http(status, CREDENTIAL))


def test_every_meaning():
    assert len(MEANINGS) > 20
    for meaning in MEANINGS:
        spoken(replace(KNOWN, advice=meaning.advice.format(**NAMES), next_action=meaning.next_action))


@pytest.mark.parametrize("advice", sorted(WRITTEN))
def test_what_this_program_says_itself(advice: str):
    assert len(WRITTEN) > 6
    spoken(replace(KNOWN, advice=advice, next_action=None))


@pytest.mark.parametrize(
    "failure",
    [
        failures.empty_result(CREDENTIAL),
        failures.unreachable("no route", CREDENTIAL),
        failures.unusable_setting("x", "HTTPS_PROXY", CREDENTIAL),
        failures.unreadable("x", CREDENTIAL),
        failures.unwritable_input(CREDENTIAL),
        failures.task_failure("", "", CREDENTIAL),
        failures.task_failure("GRUE", "it is dark", CREDENTIAL),
    ],
    ids=lambda failure: failure.code,
)
def test_what_has_no_code_of_a_document(failure: Failure):
    spoken(failure)


def test_names_are_those_of_the_english_advice():
    failure = failures.task_failure("INSUFFICIENT_CREDITS", "", CREDENTIAL)
    assert CREDENTIAL.gateway in spoken(failure)
    assert CREDENTIAL.dashboard in spoken(failure)
    assert "HTTPS_PROXY" in spoken(failures.unusable_setting("x", "HTTPS_PROXY", CREDENTIAL))
    assert "tsk_1" in spoken(failures.empty_result(CREDENTIAL))


def test_what_is_not_known_is_left_in_english():
    assert chinese_advice(replace(KNOWN, advice="Do as you like.")) == ""
