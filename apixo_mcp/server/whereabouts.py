"""Where the caller finds the files that an answer tells of."""

from mcp.server.mcpserver import Context
from starlette.requests import Request

from apixo_mcp.app import App
from apixo_mcp.outside.limits import LOOPBACK
from apixo_mcp.server.caller import owner_of, request_of
from apixo_mcp.server.sdk import RequestContext
from apixo_mcp.settings import Settings
from apixo_mcp.views.whereabouts import Whereabouts, whereabouts_in


async def whereabouts_of(app: App, context: Context | RequestContext) -> Whereabouts:
    """Returns where the caller finds files: by their paths where the caller is here, over HTTP by links.

    Where this server has no address for the caller, links lead to the bucket itself, if files are kept in one.
    """
    is_here, base = owner_of(context).is_here, own_url(app.settings, request_of(context))
    if not base:
        return await whereabouts_in(app, on_disk=is_here)
    # Imported here: nobody gets a link of this server over a pipe.
    from apixo_mcp.server.links import ResultLinks

    return Whereabouts(is_here, ResultLinks(app.seal, base).link)


def own_url(settings: Settings, request: Request | None) -> str:
    """Returns what the caller of a request reaches this server by; empty where that is not known, or it has none.

    Without a public URL that is known of programs of this machine alone: how others come here is a proxy's affair.
    """
    if request is None or settings.public_url:
        return settings.public_url if request else ""
    is_near = request.client is not None and request.client.host in LOOPBACK and request.url.hostname in LOOPBACK
    return f"{request.url.scheme}://{request.url.netloc}" if is_near else ""
