"""The page of the app: what it is called, what it may load, and who is shown it."""

from collections.abc import Iterable
from importlib.resources import files
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from mcp.server.apps import APP_MIME_TYPE
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.types import Resource

from apixo_mcp.settings import Settings

URI = "ui://apixo/task"
MIME_TYPE = APP_MIME_TYPE

OF_TOOL: dict[str, Any] = {"ui": {"resourceUri": URI}, "ui/resourceUri": URI}
"""Binds a tool to it. The flat key is read by hosts that came before the other."""

OF_APP: dict[str, Any] = {"ui": {"visibility": ["app"]}}
"""Marks a tool that the app calls and a model does not see."""


def resource() -> Resource:
    """Returns the page as it is listed."""
    return Resource(uri=URI, name="task_app", title="Generated media", mime_type=MIME_TYPE)


def contents(settings: Settings, own_url: str) -> list[ReadResourceContents]:
    """Returns the page, with whom it loads media from.

    Args:
        settings: of the program.
        own_url: by which its reader reaches this server, empty over a pipe.
    """
    html = files("apixo_mcp").joinpath("ui", "app.html").read_text(encoding="utf-8")
    domains = media_domains([own_url, *map(str, settings.base_urls.values())])
    meta: dict[str, Any] = {"ui": {"csp": {"resourceDomains": domains, "connectDomains": []}, "prefersBorder": True}}
    return [ReadResourceContents(content=html, mime_type=MIME_TYPE, meta=meta)]


def media_domains(urls: Iterable[str]) -> list[str]:
    """Returns the origins that media come from: this server, and each gateway's domain, of which any host may serve."""
    domains: dict[str, None] = {}
    for parts in map(urlsplit, filter(None, urls)):
        name = parts.hostname or ""
        labels = name.split(".")
        is_domain = len(labels) > 1 and not _is_address(name)
        domains[f"{parts.scheme}://{parts.netloc}"] = None
        if is_domain and parts.scheme == "https":
            domains[f"https://*.{'.'.join(labels[-2:])}"] = None
    return list(domains)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
