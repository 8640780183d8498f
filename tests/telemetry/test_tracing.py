"""Spans of OpenTelemetry, as a collector gets them."""

import sys
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.types import Implementation
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from support.amounts import in_time
from support.process import started
from support.program import structure, values_for

from apixo_mcp.app import open_app
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.settings import read_settings
from apixo_mcp.telemetry.discreet import DiscreetExporter
from apixo_mcp.variables.environment import exports_traces

pytestmark = pytest.mark.anyio

SECRET = "a very secret fox"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector:
    """Receives spans over OTLP/HTTP."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.bodies.append(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def spans(self) -> list[Any]:
        return [
            span
            for body in list(self.bodies)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    async def has(self, *names: str) -> dict[str, Any]:
        """The last span of each name, once all have come."""
        with in_time(30):
            while True:
                found = {span.name: span for span in self.spans()}
                if found.keys() >= set(names):
                    return found
                await anyio.sleep(0.05)


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=1000.0) as running:
        yield running


def attributes(span: Any) -> dict[str, str]:
    return {entry.key: entry.value.string_value for entry in span.attributes}


@pytest.mark.process
async def test_a_call_and_its_task_are_traced_from_the_client_to_the_gateway(
    collector: Collector, box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    with started(box, tmp_path) as server:
        info = Implementation(name="claude-ai", version="1")
        async with Client(f"{server.url}/mcp", client_info=info) as client:
            asked = {"model": "nano-banana", "prompt": SECRET, "wait_seconds": 20}
            meta: Any = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
            made = structure(await client.call_tool("generate_image", asked, meta=meta))
        found = await collector.has("tools/call generate_image", "admission", "submit", "poll", "save", "task")
        server.end()
        code, said = server.ended()
        assert code == 0, said
    call, admission, task = found["tools/call generate_image"], found["admission"], found["task"]
    assert (call.trace_id.hex(), call.parent_span_id.hex()) == (TRACE, PARENT)
    assert (admission.trace_id, admission.parent_span_id) == (call.trace_id, call.span_id)
    assert [(link.trace_id, link.span_id) for link in call.links] == [(task.trace_id, task.span_id)]
    assert task.parent_span_id == b""
    assert attributes(task)["apixo.task.id"] == made["task_id"]
    assert attributes(task)["gen_ai.request.model"] == "nano-banana"
    for name in ("submit", "poll", "save"):
        span = found[name]
        assert (span.trace_id, span.parent_span_id) == (task.trace_id, task.span_id), name
        assert [link.span_id for link in span.links] == [call.span_id], name
        assert span.end_time_unix_nano >= span.start_time_unix_nano
    assert b"secret" not in b"".join(collector.bodies)
    assert b"sk-test" not in b"".join(collector.bodies)
    assert b"apixo-mcp" in collector.bodies[0]


@pytest.mark.process
async def test_a_failure_is_one_in_its_trace(
    collector: Collector, box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    with started(box, tmp_path) as server:
        async with Client(f"{server.url}/mcp", client_info=Implementation(name="claude-ai", version="1")) as client:
            prompt = f"[fail:CONTENT_VIOLATION] {SECRET}"
            asked = {"model": "nano-banana", "prompt": prompt, "wait_seconds": 20}
            await client.call_tool("generate_image", asked)
        task = (await collector.has("task"))["task"]
    assert (task.status.code, task.status.message) == (2, "CONTENT_VIOLATION")
    assert b"secret" not in b"".join(collector.bodies)


def test_the_words_of_an_exception_leave_with_no_span():
    heard = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(DiscreetExporter(heard, "ours")))
    for scope in ("mcp-python-sdk", "ours"):
        span = provider.get_tracer(scope).start_span("tools/call x", attributes={"error.type": "OSError"})
        if scope != "ours":
            span.record_exception(OSError(f"/home/alice/{SECRET}"))
        span.set_status(StatusCode.ERROR, SECRET if scope != "ours" else "CONTENT_VIOLATION")
        span.end()
    theirs, ours = heard.get_finished_spans()
    assert "secret" not in theirs.to_json()
    assert "alice" not in theirs.to_json()
    assert (theirs.status.status_code, theirs.status.description) == (StatusCode.ERROR, None)
    assert [dict(event.attributes or {}) for event in theirs.events] == [{"exception.type": "OSError"}]
    assert dict(theirs.attributes or {}) == {"error.type": "OSError"}
    assert theirs.get_span_context() is not None
    assert ours.status.description == "CONTENT_VIOLATION"


@pytest.mark.parametrize(
    ("environment", "is_set"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_SERVICE_NAME": "mine"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_traces_are_exported_where_the_environment_says_so(environment: dict[str, str], is_set: bool):
    assert exports_traces(environment) is is_set


async def test_without_the_library_it_is_told_and_all_else_works(
    box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    for name in [name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "apixo_mcp.telemetry.tracing", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter", None)
    async with open_app(read_settings(**values_for(box, tmp_path))) as app:
        assert (await app.store.totals()).queued == {}
    assert "[server]'`." in caplog.text
