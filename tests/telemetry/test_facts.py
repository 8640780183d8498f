"""Facts, and who listens to them."""

import logging

import pytest

from apixo_mcp.telemetry import logs
from apixo_mcp.telemetry.facts import CallbackReceived, Fact, Finished, RequestRefused, Saved, Telemetry

FACT = CallbackReceived("tsk_x", "pending", 12, 200)


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
        (FACT, "callback task=tsk_x state=pending bytes=12 status=200"),
        (Finished("tsk_x", "sora-2", "failed", 1.5, error="NSFW"), "ended task=tsk_x model=sora-2 state=failed"),
        (Saved("tsk_x", "m", 0, 5, "image/png", None), "saved task=tsk_x model=m index=0 bytes=5 type=image/png"),
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
