"""Whether the server is well, and how it does, as whoever watches it asks."""

import logging
import time

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from apixo_mcp import __version__
from apixo_mcp.app import App
from apixo_mcp.errors import StoreError
from apixo_mcp.health import Condition
from apixo_mcp.server.caller import owner_of_request
from apixo_mcp.server.http.neighbours import is_neighbour
from apixo_mcp.server.http.paths import HEALTHZ, METRICS, READYZ
from apixo_mcp.tasks.budget import Allowance, Spent
from apixo_mcp.tasks.owner import Scope
from apixo_mcp.tasks.ports.counts import Totals
from apixo_mcp.tasks.uses import Use, uses

log = logging.getLogger(__name__)

_NO_STORE = {"Cache-Control": "no-store"}
_MISSING = "The metrics take the extra `server`, which is not installed. {} Then start the server again.\n"


def health_routes(app: App) -> list[Route]:
    """Returns the routes that tell of the server's health; from then on facts are counted, where that can be told."""
    try:
        # Imported here: an extra brings it.
        from apixo_mcp.telemetry.gauges import Gauges
        from apixo_mcp.telemetry.metrics import CONTENT_TYPE, Metrics
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "prometheus_client":
            raise
        return [*probes(app), Route(METRICS, _no_metrics)]
    metrics = Metrics()
    app.telemetry.subscribe(metrics)

    async def read(request: Request) -> Response:
        if not _is_admin(request):
            return _refused()
        gauges = None
        try:
            totals = await app.store.totals()
            late = await app.store.due(app.key_prints, limit=1)
            results = (await app.health.condition()).results if app.health else None
            left = await _left(app, totals)
            gauges = Gauges(
                in_flight=totals.in_flight,
                queued=totals.queued,
                spent_usd={owner: spent.usd for owner, spent in totals.spent.items()},
                spent_month_usd={owner: spent.month_usd for owner, spent in totals.spent.items()},
                daily_budget_usd=app.settings.daily_budget_usd,
                monthly_budget_usd=app.settings.monthly_budget_usd,
                left_usd={(owner, use.period): use.left for owner, use in left if use.unit == "usd"},
                tasks_left={owner: use.left for owner, use in left if use.unit == "tasks"},
                sweep_age=app.engine.since_sweep(),
                workers=app.engine.workers(),
                results_up=None if results is None else not results,
                most_overdue=max([0.0, *(-after for _, after in late)]),
            )
        except StoreError:
            log.exception("the metrics are told without what the task store knows")
        return Response(metrics.text(gauges), headers=_NO_STORE, media_type=CONTENT_TYPE)

    return [*probes(app), Route(METRICS, read)]


async def _left(app: App, totals: Totals) -> list[tuple[str, Use]]:
    """Returns how far each limit is used, with the name of the owner whose it is; empty: that of all together."""
    now, every = time.time(), totals.spent.values()
    together = Spent(*(sum(getattr(one, name) for one in every) for name in ("usd", "posts", "month_usd")))
    limited = [("", Allowance(app.budget, together))]
    limited += [
        (one.owner.name, Allowance(one.owner.budget_at(now), totals.spent.get(one.owner.name, Spent()), "owner"))
        for one in await app.owners.all()
        if one.revoked_at is None
    ]
    return [(owner, use) for owner, allowance in limited for use in uses([allowance])]


def probes(app: App) -> list[Route]:
    """Returns the routes that tell whether the process lives, and whether it can do its work."""

    async def readyz(request: Request) -> Response:
        condition = await app.health.condition() if app.health else Condition("", "")
        is_whole = condition.is_ready and not any([condition.workers, condition.results, *condition.gateways.values()])
        status = "ok" if is_whole else "degraded" if condition.is_ready else "unavailable"
        if condition.is_leaving:
            status = "leaving"
        told: dict[str, object] = {"status": status}
        if is_neighbour(request.scope):  # nobody signs in to ask this, and others are told the status alone
            told |= {
                "version": __version__,
                "store": condition.store or "ok",
                "sweep": condition.sweep or ("ok" if app.key_prints else "ok: without an API key"),
                "gateways": {name: trouble or "ok" for name, trouble in sorted(condition.gateways.items())},
            }
            if condition.results is not None:
                told["results"] = condition.results or "ok"
            if app.settings.database_url:
                told["workers"] = condition.workers or "ok"
        return JSONResponse(told, 200 if condition.is_ready else 503, headers=_NO_STORE)

    return [Route(HEALTHZ, _healthz), Route(READYZ, readyz)]


async def _healthz(_: Request) -> Response:
    return JSONResponse({"status": "ok", "version": __version__})


async def _no_metrics(request: Request) -> Response:
    if not _is_admin(request):
        return _refused()
    from apixo_mcp.installation import adding  # loaded where something is missing alone

    return PlainTextResponse(_MISSING.format(adding("server")), 501)


def _is_admin(request: Request) -> bool:
    return owner_of_request(request).scope.includes(Scope.ADMIN)


def _refused() -> Response:
    return PlainTextResponse("The metrics are for owners with the scope admin.\n", 403)
