"""What tells clients how to sign in: of this server (RFC 9728), and of whoever gives out its tokens (RFC 8414).

At the root and behind each endpoint's path, as clients look for it; `server.http.middleware.prefix` adds the path of
the public URL.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from apixo_mcp.app import App
from apixo_mcp.server.http import paths
from apixo_mcp.server.http.addresses import ServerAddresses
from apixo_mcp.tasks.owner import Scope

ASKED_FOR = (Scope.READ, Scope.GENERATE)
"""The scopes that a client asks for where nobody tells it better."""

_HEADERS = {"Cache-Control": "no-store", "Access-Control-Allow-Origin": "*"}


def metadata_routes(app: App, addresses: ServerAddresses) -> list[BaseRoute]:
    """Returns the routes of metadata."""

    async def resource(request: Request) -> Response:
        told = _of_server(addresses, request)
        told["authorization_servers"] = await _issuers(app, addresses, request)
        return JSONResponse(told, headers=_HEADERS)

    async def issuer(request: Request) -> Response:
        return JSONResponse(_of_issuer(addresses.base(request.scope)), headers=_HEADERS)

    endpoints = ("", paths.STREAMABLE, paths.SSE)
    return [
        *(Route(f"{paths.RESOURCE_METADATA}{endpoint}", resource) for endpoint in endpoints),
        *(Route(f"{paths.ISSUER_METADATA}{endpoint}", issuer) for endpoint in endpoints),
        Route(paths.OPENID_METADATA, issuer),
    ]


def _of_server(addresses: ServerAddresses, request: Request) -> dict[str, Any]:
    """Returns what is told of this server, but for who gives out its tokens."""
    known = addresses.resources(request.scope)
    is_sse = request.scope["path"].endswith(paths.SSE) and len(known) > 1
    return {
        "resource": known[1] if is_sse else known[0],
        "scopes_supported": list(ASKED_FOR),
        "bearer_methods_supported": ["header"],
        "resource_name": "apixo-mcp",
    }


def _of_issuer(base: str) -> dict[str, Any]:
    """Returns what is told of the built-in sign-in."""
    methods = ["none", "client_secret_post", "client_secret_basic"]
    return {
        "issuer": base,
        "authorization_endpoint": f"{base}{paths.AUTHORIZE}",
        "token_endpoint": f"{base}{paths.TOKEN}",
        "registration_endpoint": f"{base}{paths.REGISTER}",
        "revocation_endpoint": f"{base}{paths.REVOKE}",
        "scopes_supported": list(Scope),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": True,
        "ui_locales_supported": ["en", "zh-Hans"],
    }


async def _issuers(app: App, addresses: ServerAddresses, request: Request) -> list[str]:
    """Returns who gives out tokens: the foreign issuer first, as most clients take the first."""
    foreign, own = app.settings.auth_issuer, addresses.base(request.scope)
    if not foreign:
        return [own]
    return [foreign, own] if await app.owners.any() else [foreign]
