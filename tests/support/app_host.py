"""A client that declares that it shows apps."""

from typing import Any

from mcp.client.extension import ClientExtension
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID


class ShowsApps(ClientExtension):
    """What a host declares that shows apps."""

    identifier = EXTENSION_ID

    def settings(self) -> dict[str, Any]:
        return {"mimeTypes": [APP_MIME_TYPE]}


SHOWS_APPS: dict[str, Any] = {"extensions": [ShowsApps()]}
"""For the client of a test."""
