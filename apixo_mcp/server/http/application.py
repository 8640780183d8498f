"""What the server serves over HTTP on one port: its routes, and what each request passes before it reaches one."""

from urllib.parse import urlsplit

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route

from apixo_mcp.app import App
from apixo_mcp.net.uvicorn_server import Pulse
from apixo_mcp.outside.routes import public_routes
from apixo_mcp.owners.browsers import Browsers
from apixo_mcp.server.http.addresses import ServerAddresses
from apixo_mcp.server.http.files.results import file_routes
from apixo_mcp.server.http.files.uploads import upload_routes
from apixo_mcp.server.http.gallery.routes import gallery_routes
from apixo_mcp.server.http.health import health_routes
from apixo_mcp.server.http.hosts import hosts_of
from apixo_mcp.server.http.limits import HttpLimits
from apixo_mcp.server.http.middleware.access import Access
from apixo_mcp.server.http.middleware.calls import Calls, CallsOverSse, OpenCalls
from apixo_mcp.server.http.middleware.forwarded import ForwardedHeaders, TrustedProxies
from apixo_mcp.server.http.middleware.guard import Guard
from apixo_mcp.server.http.middleware.measured import Measured
from apixo_mcp.server.http.middleware.prefix import Prefix
from apixo_mcp.server.http.paths import MESSAGES, SSE, STREAMABLE
from apixo_mcp.server.http.sessions.ended import EndedSessions
from apixo_mcp.server.http.sessions.ids import SessionIds
from apixo_mcp.server.http.sessions.taken_up import Sessions
from apixo_mcp.server.http.sign_in.routes import entrance_of, sign_in_routes
from apixo_mcp.server.operations import Operations
from apixo_mcp.server.resources import ApixoServer

_GUARDED = TransportSecuritySettings(enable_dns_rebinding_protection=False)
"""The SDK checks no Host and no Origin: `Guard` has, by the names that this server really has."""


def web_app(
    app: App,
    server: ApixoServer,
    *,
    streamable: bool = True,
    pulse: Pulse | None = None,
    limits: HttpLimits = HttpLimits(),
    calls: OpenCalls | None = None,
) -> Starlette:
    """Returns the application; with `streamable`, `server.session_manager` must be run while they are served.

    Args:
        app: the program.
        server: its MCP server.
        streamable: whether `/mcp` is served beside `/sse`.
        pulse: of the loop that it is served on, where it has one.
        limits: of what it takes.
        calls: counts those that are open.
    """
    settings, calls = app.settings, calls or OpenCalls()
    server.middleware.extend((Operations(app.telemetry, server.scopes), CallsOverSse(calls)))
    addresses = ServerAddresses(settings.public_url)
    entrance, browsers = entrance_of(app), Browsers(app.owners, app.sign_ins, app.seal)
    routes: list[BaseRoute] = [*health_routes(app), *file_routes(app, entrance), *upload_routes(app, entrance)]
    routes += [*sign_in_routes(app, addresses), *gallery_routes(app, takes_files=True)]
    if streamable:
        routes += server.streamable_http_app(
            streamable_http_path=STREAMABLE, transport_security=_GUARDED, max_sessions=limits.sessions
        ).routes
    routes += _sse_routes(server)
    routes += public_routes(app.public) if app.public else ()
    ids, ended = SessionIds(server.seal), EndedSessions(app.sign_ins)
    messages = (STREAMABLE, MESSAGES) if streamable else (MESSAGES,)
    passed = [
        Middleware(ForwardedHeaders, TrustedProxies(settings.trusted_proxies)),
        Middleware(Prefix, urlsplit(settings.public_url).path),
        Middleware(Measured, app.telemetry),
        Middleware(Guard, app.telemetry, messages, hosts_of(settings), pulse, limits),
        Middleware(Access, entrance, browsers, addresses, app.telemetry, server.scopes, limits.looks_every),
        Middleware(AuthContextMiddleware),
        Middleware(Calls, limits, calls),
        Middleware(Sessions, ids, ended, STREAMABLE, limits.sessions_of_owner),
    ]
    web = Starlette(routes=routes, middleware=passed)
    web.router.redirect_slashes = False  # one address a thing; a redirect would leave out what a proxy took off
    return web


def _sse_routes(server: ApixoServer) -> list[BaseRoute]:
    routes = server.sse_app(sse_path=SSE, message_path=MESSAGES, transport_security=_GUARDED).routes
    for route in routes:
        if isinstance(route, Route) and route.methods:
            route.methods.discard("HEAD")  # Starlette adds it to GET, and the SDK would open a stream for it
    return routes
