"""The facts as metrics, in the words of Prometheus. Loaded only by a server that is asked for them."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from apixo_mcp.telemetry.facts import (
    AlertRaised,
    CallbackReceived,
    Fact,
    FileDeleted,
    Finished,
    OperationDone,
    OwnerChanged,
    PollAnswered,
    PurchaseRefused,
    RateLimited,
    RequestServed,
    Saved,
    SaveFailed,
    SignInRefused,
    SubmitAccepted,
    SubmitRefused,
    SubmitUnanswered,
    TaskAdmitted,
    TaskRef,
)
from apixo_mcp.telemetry.gauges import GAUGE_LABELS, OTHER_LABEL, Gauges, PresentGauges

CONTENT_TYPE = CONTENT_TYPE_LATEST
MOST_OWNERS = 50
_MOST = {"owner": MOST_OWNERS, "model": 150, "code": 100, "mcp_method_name": 50, "gen_ai_tool_name": 150}
"""How many values a label may have; any further one counts as `other`: each makes series that last for ever."""
_MOST_OTHERWISE = 50

_REQUEST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_TASK = (1, 2.5, 5, 10, 20, 30, 60, 120, 180, 300, 600, 1200, 1800, 3600, 7200)
_POLLS = (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 100)
# OpenTelemetry semantic conventions for MCP: mcp.server.operation.duration.
_OPERATION = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)


_COUNTERS = (
    ("apixo_calls_admitted", "Tasks that calls got, by how", "gateway model how"),
    ("apixo_purchases_refused", "Calls that the limits did not allow", "gateway reason"),
    ("apixo_submits", "Paid requests, by what became of them", "gateway model outcome"),
    ("apixo_estimated_spend_usd", "Estimated dollars of submits that may cost something", "gateway model"),
    ("apixo_submits_without_price", "Such submits of which no price is known", "gateway model"),
    ("apixo_tasks_ended", "Tasks that ended, or of which nobody knows", "gateway model state code"),
    ("apixo_polls", "Polls, by what they brought", "gateway outcome"),
    ("apixo_rate_limited", "Answers that asked for fewer requests", "gateway request"),
    ("apixo_callbacks", "Callbacks of the gateways, by how they were answered", "gateway status"),
    ("apixo_files_saved", "Files of results that were saved", "gateway model"),
    ("apixo_file_bytes", "Bytes of the files that were saved", "gateway model"),
    ("apixo_saves_failed", "Tries to save a file that failed", "gateway file"),
    ("apixo_files_deleted", "Files that were deleted after the time that they are kept", "gateway"),
    ("apixo_deleted_bytes", "Bytes of the files that were deleted", "gateway"),
    ("apixo_http_requests", "HTTP requests that were answered", "method route status"),
    ("apixo_sign_ins_refused", "Requests that were not let in", "reason status"),
    ("apixo_alerts", "What whoever runs the server was told of by itself", "alert gateway percent"),
    ("apixo_owner_changes", "Changes of owners in this process", "change"),
    ("apixo_owner_tasks_ended", "Tasks that ended, by owner", "owner state"),
    ("apixo_owner_estimated_spend_usd", "Estimated dollars of submits, by owner", "owner"),
    ("apixo_owner_operations", "Messages of MCP, by owner", "owner"),
)
_HISTOGRAMS = (
    ("apixo_submit_duration_seconds", "Until a submit was answered", "gateway", _REQUEST),
    ("apixo_poll_duration_seconds", "Until a poll was answered", "gateway", _REQUEST),
    ("apixo_task_duration_seconds", "From a call to the end of its task", "gateway model state", _TASK),
    ("apixo_task_polls", "Polls of a task until it ended", "gateway", _POLLS),
    ("apixo_save_duration_seconds", "From the end of a task until its file was saved", "gateway", _TASK),
    ("apixo_admission_duration_seconds", "From a call until it had its task", "gateway", _REQUEST),
    ("apixo_http_request_duration_seconds", "Until an answer began", "method route", _REQUEST),
    (
        "apixo_mcp_server_operation_duration_seconds",
        "Until a message of MCP was answered (mcp.server.operation.duration)",
        "mcp_method_name gen_ai_tool_name error_type mcp_protocol_version network_transport",
        _OPERATION,
    ),
)


class Metrics:
    """Counts the facts; a registry of its own, whose names all begin with `apixo_`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._known: dict[str, set[str]] = {}
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        # The library takes most of its time to find these.
        self._counted: dict[tuple[str, tuple[str, ...]], Counter] = {}
        self._observed: dict[tuple[str, tuple[str, ...]], Histogram] = {}
        self._present = PresentGauges(lambda owner: self._one_of("owner", owner))
        self.registry.register(self._present)
        ProcessCollector(namespace="apixo", registry=self.registry)
        for name, words, labels in _COUNTERS:
            self._counters[name] = Counter(name, words, labels.split(), registry=self.registry)
        for name, words, labels, buckets in _HISTOGRAMS:
            self._histograms[name] = Histogram(name, words, labels.split(), registry=self.registry, buckets=buckets)

    def __call__(self, fact: Fact) -> None:
        """Counts a fact."""
        match fact:
            case OperationDone():
                self._operation(fact)
            case RequestServed(method, route, status, seconds):
                self._count("apixo_http_requests", method=method, route=route, status=str(status))
                self._observe("apixo_http_request_duration_seconds", seconds, method=method, route=route)
            case SignInRefused(_, status, reason, _):
                self._count("apixo_sign_ins_refused", reason=reason, status=str(status))
            case AlertRaised(alert, _, gateway, percent=percent):
                self._count("apixo_alerts", alert=alert, gateway=gateway, percent=str(percent or ""))
            case OwnerChanged(_, change):
                self._count("apixo_owner_changes", change=change)
            case PurchaseRefused(_, _, gateway, reason):
                self._count("apixo_purchases_refused", gateway=gateway, reason=reason)
            case SubmitAccepted() | SubmitUnanswered() | SubmitRefused():
                self._submit(fact)
            case Finished():
                self._end(fact)
            case Saved() | SaveFailed() | FileDeleted():
                self._file(fact)
            case TaskAdmitted(task, how, seconds):
                self._count("apixo_calls_admitted", gateway=task.gateway, model=task.model, how=how)
                self._observe("apixo_admission_duration_seconds", seconds, gateway=task.gateway)
            case PollAnswered(task, outcome, seconds):
                self._count("apixo_polls", gateway=task.gateway, outcome=outcome)
                self._observe("apixo_poll_duration_seconds", seconds, gateway=task.gateway)
            case RateLimited(task, request):
                self._count("apixo_rate_limited", gateway=task.gateway, request=request)
            case CallbackReceived(task, _, _, status):
                self._count("apixo_callbacks", gateway=task.gateway, status=str(status))
            case _:
                pass  # the end of an attempt and a refused request are counted with others

    def _operation(self, done: OperationDone) -> None:
        self._observe(
            "apixo_mcp_server_operation_duration_seconds",
            done.seconds,
            mcp_method_name=done.method,
            gen_ai_tool_name=done.tool,
            error_type=done.error,
            mcp_protocol_version=done.revision,
            network_transport="tcp" if done.network else "pipe",
        )
        self._count("apixo_owner_operations", owner=done.owner)

    def _submit(self, fact: SubmitAccepted | SubmitUnanswered | SubmitRefused) -> None:
        task = fact.task
        match fact:
            case SubmitAccepted():
                outcome = "accepted"
            case SubmitUnanswered():
                outcome = "unanswered"
            case SubmitRefused():
                outcome = "refused" if fact.is_final else "later"
        self._count("apixo_submits", **_of(task), outcome=outcome)
        self._observe("apixo_submit_duration_seconds", fact.seconds, gateway=task.gateway)
        if isinstance(fact, SubmitRefused):
            return
        if fact.usd is None:
            self._count("apixo_submits_without_price", **_of(task))
        else:
            self._count("apixo_estimated_spend_usd", fact.usd, **_of(task))
            self._count("apixo_owner_estimated_spend_usd", fact.usd, owner=task.owner)

    def _end(self, fact: Finished) -> None:
        task = fact.task
        self._count("apixo_tasks_ended", **_of(task), state=fact.state, code=fact.error)
        self._count("apixo_owner_tasks_ended", owner=task.owner, state=fact.state)
        self._observe("apixo_task_duration_seconds", fact.seconds, **_of(task), state=fact.state)
        self._observe("apixo_task_polls", fact.polls, gateway=task.gateway)

    def _file(self, fact: Saved | SaveFailed | FileDeleted) -> None:
        gateway = fact.task.gateway
        match fact:
            case Saved():
                self._count("apixo_files_saved", **_of(fact.task))
                self._count("apixo_file_bytes", fact.bytes or 0, **_of(fact.task))
                if fact.seconds is not None:
                    self._observe("apixo_save_duration_seconds", fact.seconds, gateway=gateway)
            case SaveFailed():
                self._count("apixo_saves_failed", gateway=gateway, file=fact.file)
            case FileDeleted():
                self._count("apixo_files_deleted", gateway=gateway)
                self._count("apixo_deleted_bytes", fact.bytes, gateway=gateway)

    def _count(self, name: str, by: float = 1, /, **labels: str) -> None:
        values = self._bounded(labels)
        counter = self._counted.get((name, values))
        if counter is None:
            counter = self._counters[name].labels(**dict(zip(labels, values, strict=True)))
            self._counted[name, values] = counter
        counter.inc(max(0.0, by))

    def _observe(self, name: str, value: float, /, **labels: str) -> None:
        values = self._bounded(labels)
        histogram = self._observed.get((name, values))
        if histogram is None:
            histogram = self._histograms[name].labels(**dict(zip(labels, values, strict=True)))
            self._observed[name, values] = histogram
        histogram.observe(value)

    def _bounded(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(self._one_of(name, value) for name, value in labels.items())

    def _one_of(self, label: str, value: str) -> str:
        known = self._known.setdefault(label, set())
        if value not in known:
            if len(known) >= _MOST.get(label, _MOST_OTHERWISE):
                return OTHER_LABEL
            known.add(value)
        return value

    def labels(self) -> dict[str, tuple[str, ...]]:
        """Returns the labels of every metric, by its name without a suffix."""
        counted = {name: tuple(labels.split()) for name, _, labels in _COUNTERS}
        measured = {name: tuple(labels.split()) for name, _, labels, _ in _HISTOGRAMS}
        return counted | measured | GAUGE_LABELS

    def text(self, gauges: Gauges | None) -> bytes:
        """Returns all metrics as Prometheus reads them.

        Args:
            gauges: what is so just now; None where the store does not tell.
        """
        self._present.gauges = gauges
        return generate_latest(self.registry)


def _of(task: TaskRef) -> dict[str, str]:
    return {"gateway": task.gateway, "model": task.model}
