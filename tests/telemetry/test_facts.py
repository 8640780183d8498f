"""Facts, and who listens to them."""

import logging

import pytest

from apixo_mcp.telemetry import logs
from apixo_mcp.telemetry.facts import (
    CallbackReceived,
    Fact,
    Finished,
    OwnerChanged,
    PollAnswered,
    RequestRefused,
    Saved,
    SignInRefused,
    TaskRef,
    Telemetry,
)

REF = TaskRef("tsk_x", "alice", "m", "apixo")
FACT = CallbackReceived(REF, "pending", 12, 200)


def test_a_subscriber_that_fails_harms_nobody(caplog: pytest.LogCaptureFixture):
    heard: list[Fact] = []

    def fails(_: Fact) -> None:
        raise ValueError("no such thing")

    Telemetry(fails, heard.append).emit(FACT)
    assert heard == [FACT]
    assert "a subscriber failed over a fact: CallbackReceived" in caplog.text


@pytest.mark.parametrize(
    ("fact", "line"),
    [
        (FACT, "callback task=tsk_x owner=alice model=m gateway=apixo state=pending bytes=12 status=200"),
        (Finished(REF, "failed", 1.5, error="NSFW"), "ended task=tsk_x owner=alice model=m gateway=apixo state=failed"),
        (Saved(REF, 0, 5, "image/png", None), "saved task=tsk_x owner=alice model=m gateway=apixo index=0 bytes=5"),
        (RequestRefused("GET", "/a b", 404, "x\n", ""), r"refused a request: method='GET' path='/a b' status=404"),
    ],
)
def test_a_fact_is_a_line_and_its_fields(fact: Fact, line: str, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, logs.log.name)
    logs.write(fact)
    [record] = caplog.records
    assert record.getMessage().startswith(line)
    fields = getattr(record, "facts", {})
    assert next(iter(fields)) in ("task", "method")
    assert None not in fields.values()
    assert "" not in fields.values()
    assert "\n" not in record.getMessage()


def test_what_is_told_by_the_thousand_takes_a_finer_level(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, logs.log.name)
    logs.write(PollAnswered(REF, "running", 0.1))
    assert not caplog.records
    caplog.set_level(logging.DEBUG, logs.log.name)
    logs.write(PollAnswered(REF, "running", 0.1))
    assert [record.levelname for record in caplog.records] == ["DEBUG"]


@pytest.mark.parametrize(
    "fact",
    [SignInRefused("/mcp", 401, "invalid_token\n", "10.0.0.7"), OwnerChanged("alice", "revoked")],
    ids=["refused", "changed"],
)
def test_who_may_come_in_has_a_log_of_its_own(fact: Fact, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, logs.AUDIT)
    logs.write(fact)
    [record] = caplog.records
    assert record.name == "apixo_mcp.audit"
    assert "\n" not in record.getMessage()
