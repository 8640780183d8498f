"""The facts as spans of OpenTelemetry. Loaded only where an exporter is set (`OTEL_*`).

    the client's trace (from `_meta`)     tools/call ──► admission
                                              │ link
    the task's own trace                    task ──► submit ──► poll … ──► save      each with a link to the call

A call ends long before its task may, and the task may be followed by another process. So a task has a trace of its own,
whose id is worked out of the task's: every process puts its spans into the same one, and nothing has to be kept.
"""

import hashlib
import logging
import time
from collections import OrderedDict
from contextvars import ContextVar
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from apixo_mcp import __version__
from apixo_mcp.telemetry.discreet import DiscreetExporter
from apixo_mcp.telemetry.facts import (
    CallbackReceived,
    Fact,
    Finished,
    PollAnswered,
    Saved,
    SubmitAccepted,
    SubmitRefused,
    SubmitUnanswered,
    TaskAdmitted,
    TaskRef,
)
from apixo_mcp.telemetry.logs import parts_of

log = logging.getLogger(__name__)

_SCOPE = "apixo-mcp"
_MOST_CALLS = 10_000  # that are remembered
_FLUSHED_WITHIN = 1500  # milliseconds
_SPANS: dict[type[Fact], tuple[str, SpanKind]] = {
    SubmitAccepted: ("submit", SpanKind.CLIENT),
    SubmitUnanswered: ("submit", SpanKind.CLIENT),
    SubmitRefused: ("submit", SpanKind.CLIENT),
    PollAnswered: ("poll", SpanKind.CLIENT),
    CallbackReceived: ("callback", SpanKind.SERVER),
    Saved: ("save", SpanKind.INTERNAL),
    Finished: ("task", SpanKind.INTERNAL),
}
_NAMES = {
    "task_id": "apixo.task.id",
    "result": "apixo.index",
    "model": "gen_ai.request.model",
    "gateway": "gen_ai.provider.name",
}
_ids: ContextVar[SpanContext | None] = ContextVar("ids of the span of a task", default=None)


class Tracing:
    """Makes a span of each fact that has a duration, and exports it as the environment says."""

    def __init__(self) -> None:
        known = trace.get_tracer_provider()
        self._is_ours = not isinstance(known, TracerProvider)
        if isinstance(known, TracerProvider):
            self._provider = known  # whoever started this program has set one up
        else:
            named = Resource.create({"service.name": "apixo-mcp", "service.version": __version__})
            # What the environment says outranks that.
            self._provider = TracerProvider(
                resource=named.merge(Resource.create()) if _is_named() else named,
                id_generator=_TaskIds(),
                shutdown_on_exit=False,
            )
            self._provider.add_span_processor(BatchSpanProcessor(DiscreetExporter(OTLPSpanExporter(), _SCOPE)))
            trace.set_tracer_provider(self._provider)
        self._tracer = self._provider.get_tracer(_SCOPE, __version__)
        self._calls: OrderedDict[str, SpanContext] = OrderedDict()

    def __call__(self, fact: Fact) -> None:
        """Makes the span of a fact."""
        if isinstance(fact, TaskAdmitted):
            self._admitted(fact)
        elif isinstance(fact, tuple(_SPANS)):
            self._of_task(fact)

    def _admitted(self, fact: TaskAdmitted) -> None:
        call = trace.get_current_span()
        of_task = self._context_of(fact.task)
        is_called = call.get_span_context().is_valid
        if is_called:
            call.add_link(of_task, {"apixo.task.id": fact.task.task_id})
            self._calls[fact.task.task_id] = call.get_span_context()
            if len(self._calls) > _MOST_CALLS:
                self._calls.popitem(last=False)
        now = time.time_ns()
        context = None if is_called else trace.set_span_in_context(NonRecordingSpan(of_task), Context())
        span = self._tracer.start_span(
            "admission",
            context,
            attributes=_attributes(fact),
            links=[Link(of_task)],
            start_time=_before(now, fact.seconds),
        )
        span.end(now)

    def _of_task(self, fact: Any) -> None:
        name, kind = _SPANS[type(fact)]
        now = time.time_ns()
        of_task, is_whole = self._context_of(fact.task), isinstance(fact, Finished) and self._is_ours
        call = self._calls.get(fact.task.task_id)
        # The span of the whole task comes last, and has the id that all others name as their parent.
        token = _ids.set(of_task) if is_whole else None
        try:
            span = self._tracer.start_span(
                name,
                Context() if is_whole else trace.set_span_in_context(NonRecordingSpan(of_task), Context()),
                kind,
                attributes=_attributes(fact),
                links=[Link(call)] if call else (),
                start_time=_before(now, getattr(fact, "seconds", None) or 0.0),
            )
        finally:
            if token is not None:
                _ids.reset(token)
        error = getattr(fact, "error", "") or ("unanswered" if isinstance(fact, SubmitUnanswered) else "")
        if error:
            span.set_attribute("error.type", error)
            span.set_status(Status(StatusCode.ERROR, error))
        span.end(now)
        if isinstance(fact, Finished) and not fact.results:
            self._calls.pop(fact.task.task_id, None)

    def _context_of(self, task: TaskRef) -> SpanContext:
        """Returns the trace of a task and the span of the whole of it, in which every process puts what it does."""
        digest = hashlib.sha256(f"trace {task.task_id}".encode()).digest()
        trace_id, span_id = int.from_bytes(digest[:16]), int.from_bytes(digest[16:24])
        decided = self._provider.sampler.should_sample(None, trace_id, "task")
        flags = TraceFlags.SAMPLED if decided.decision.is_sampled() else TraceFlags.DEFAULT
        return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))

    def flush(self) -> None:
        """Exports what is left, as far as there is time. Blocking."""
        self._provider.force_flush(_FLUSHED_WITHIN)


class _TaskIds(RandomIdGenerator):
    """Gives the span of a whole task the ids that are worked out of the task's."""

    def generate_span_id(self) -> int:
        """See `IdGenerator.generate_span_id`."""
        ids = _ids.get()
        return ids.span_id if ids else super().generate_span_id()

    def generate_trace_id(self) -> int:
        """See `IdGenerator.generate_trace_id`."""
        ids = _ids.get()
        return ids.trace_id if ids else super().generate_trace_id()


def _attributes(fact: Fact) -> dict[str, Any]:
    return {_NAMES.get(name, f"apixo.{name}"): value for name, value in parts_of(fact) if value not in (None, "")}


def _before(now: int, seconds: float) -> int:
    return now - int(seconds * 1e9)


def _is_named() -> bool:
    """Tells whether the environment names the service: the SDK reads that itself."""
    return not str(Resource.create().attributes.get("service.name")).startswith("unknown_service")
