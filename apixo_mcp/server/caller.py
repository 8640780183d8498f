"""Who makes a call: whose tasks it is about, what its client bears, and whether it is still there."""

from typing import TYPE_CHECKING, Any

from apixo_mcp.server.profiles import Profile, profile_of
from apixo_mcp.settings import Settings

# The command line wants the owner's name from here, and not the SDK with it.
if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext
    from mcp.server.mcpserver import Context

LOCAL = "local"
"""The owner of what is asked for on this machine: over stdio, and on the command line."""


def owner_of(_: "Context | ServerRequestContext[Any, Any]") -> str:
    """Whose tasks a call is about."""
    return LOCAL


def profile_of_caller(context: "Context", settings: Settings) -> Profile:
    """What the client of a call can take, by the name it gave itself."""
    parameters = context.session.client_params
    return profile_of(parameters.client_info.name if parameters else "", settings.client_profile)


async def has_left(context: "Context") -> bool:
    """Whether the client of a call over Streamable HTTP has hung up.

    The SDK cancels a call of the modern era then, but lets one of the earlier revisions run to an answer for nobody.
    """
    from starlette.requests import Request

    request = context.request_context.request
    # Over SSE the POST that brought the call has long been answered; its stream's end cancels the call.
    return isinstance(request, Request) and request.url.path.endswith("/mcp") and await request.is_disconnected()
