"""What leaves with a span. Loaded only where an exporter is set (`OTEL_*`).

The SDK of MCP notes an exception with its words and its traceback: these may hold a path, a prompt or a key, none of
which is for whoever keeps the traces. What kind it was stays.
"""

from collections.abc import Sequence

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status

_KIND = "exception.type"


class DiscreetExporter(SpanExporter):
    """Exports spans without the words of exceptions.

    Args:
        exporter: what spans are given to.
        own: name of the scope whose spans hold no such words.
    """

    def __init__(self, exporter: SpanExporter, own: str) -> None:
        self._exporter = exporter
        self._own = own

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See `SpanExporter.export`."""
        return self._exporter.export([span if self._is_own(span) else _discreet(span) for span in spans])

    def shutdown(self) -> None:
        """See `SpanExporter.shutdown`."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """See `SpanExporter.force_flush`."""
        return self._exporter.force_flush(timeout_millis)

    def _is_own(self, span: ReadableSpan) -> bool:
        return span.instrumentation_scope is not None and span.instrumentation_scope.name == self._own


def _discreet(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=span.attributes,
        events=[_without_words(event) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _without_words(event: Event) -> Event:
    kind = (event.attributes or {}).get(_KIND)
    return Event(event.name, {_KIND: kind} if kind is not None else {}, event.timestamp)
