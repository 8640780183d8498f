"""The app in a chat, in a real browser: a host around it, and each message of it held to the protocol's schema."""
# pyright: reportMissingImports=false

import json
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jsonschema import Draft202012Validator
from mcp import Client
from mcp.types import CallToolResult, TextResourceContents
from pydantic import BaseModel

UI = Path(__file__).resolve().parents[1] / "ui"
HOST, SANDBOX = "https://host.example/", "https://sandbox.example/"
URI = "ui://apixo/task"

ALL: dict[str, Any] = {
    "openLinks": {},
    "downloadFile": {},
    "serverTools": {},
    "serverResources": {},
    "updateModelContext": {"text": {}},
}
"""What a host can do that can do everything."""

SCHEMAS = {
    "ui/initialize": "McpUiInitializeRequest",
    "ui/notifications/initialized": "McpUiInitializedNotification",
    "ui/notifications/size-changed": "McpUiSizeChangedNotification",
    "ui/open-link": "McpUiOpenLinkRequest",
    "ui/download-file": "McpUiDownloadFileRequest",
    "ui/update-model-context": "McpUiUpdateModelContextRequest",
    "ui/request-display-mode": "McpUiRequestDisplayModeRequest",
}

_HOST_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>A host</title>
<style>body{margin:0}iframe{display:block;width:100%;height:600px;border:0}</style>
<h1 style="position:absolute;clip-path:inset(50%)">A host</h1><iframe id="app" title="The app"></iframe>
<script type="module">"""
_PROXY = """<!doctype html><html lang="en"><meta charset="utf-8"><title>A sandbox</title>
<style>html,body{margin:0;height:100%}iframe{width:100%;height:100%;border:0;display:block}</style><script>
const inner = document.createElement('iframe')
inner.title = 'The app'
inner.setAttribute('sandbox', 'allow-scripts allow-same-origin allow-forms')
addEventListener('DOMContentLoaded', () => {
  document.body.append(inner)
  parent.postMessage({jsonrpc: '2.0', method: 'ui/notifications/sandbox-proxy-ready', params: {}}, '*')
})
addEventListener('message', ({source, data}) => {
  if (source === inner.contentWindow) return parent.postMessage(data, '*')
  if (source !== parent) return
  if (data?.method !== 'ui/notifications/sandbox-resource-ready') return inner.contentWindow.postMessage(data, '*')
  const page = inner.contentDocument
  page.open()
  page.write(data.params.html)
  page.close()
})
</script>"""
RECORD = """if (window === top) {
  window.fromApp = []
  addEventListener('message', ({data}) => { if (data?.jsonrpc) window.fromApp.push(data) })
}"""


@cache
def pages_build() -> Any:
    """What builds the pages, with its packages installed."""
    spec = spec_from_file_location("pages_build", UI / "build.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.install()
    return module


@cache
def _host_script() -> str:
    return str(pages_build().bundled(UI / "host" / "host.js", "--format=esm")).replace("</script", r"<\/script")


@cache
def _definitions() -> dict[str, Any]:
    pages_build()
    path = UI / "node_modules/@modelcontextprotocol/ext-apps/dist/src/generated/schema.json"
    return json.loads(path.read_text(encoding="utf-8"))["$defs"]


def policy(domains: Mapping[str, list[str]], *, drops: bool) -> str:
    """What the protocol says that a host without more of its own lets an app load.

    Args:
        domains: as the app's resource declares them.
        drops: whether the host passes over them, as some do.
    """
    more = "" if drops else " ".join(domains.get("resourceDomains", ()))
    return (
        f"default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data: {more}; media-src 'self' data: {more}; connect-src 'none'; base-uri 'self'"
    )


def wire(value: BaseModel) -> dict[str, Any]:
    """A value of the protocol as it stands on the wire."""
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)


async def _fetched(route: Any) -> None:
    from playwright.async_api import Error

    try:
        await route.fulfill(response=await route.fetch())
    except Error:  # the server has ended, or nobody waits for it any more
        with suppress(Error):
            await route.abort()


class ShownApp:
    """The app as some host shows it in a page of a browser."""

    def __init__(self, page: Any) -> None:
        self.page = page

    @property
    def frame(self) -> Any:
        """The app itself, to run scripts in."""
        return self.page.frames[-1]

    async def messages(self) -> list[dict[str, Any]]:
        """Every message of the app, in their order."""
        sent = await self.page.evaluate("() => window.fromApp")
        return [message for message in sent if "sandbox-" not in message.get("method", "")]

    async def unlawful(self) -> list[str]:
        """Returns which of its messages the protocol's schema does not allow."""
        found: list[str] = []
        for message in await self.messages():
            name = SCHEMAS.get(message.get("method", ""))
            if name is None:
                continue
            body = {key: value for key, value in message.items() if key not in ("jsonrpc", "id")}
            schema = {**_definitions()[name], "$defs": _definitions()}
            found += [f"{name}: {error.message}" for error in Draft202012Validator(schema).iter_errors(body)]
        return found

    async def violations(self) -> list[str]:
        """Returns what axe objects to, in the app alone."""
        from axe_playwright_python.base import AXE_SCRIPT

        await self.frame.evaluate(AXE_SCRIPT)
        script = """async () => (await axe.run({resultTypes: ['violations']})).violations.map(
          one => `${one.id}: ${one.help} (${one.nodes.map(node => node.html.slice(0, 200)).join(' ')})`)"""
        return await self.frame.evaluate(script)


class AppPage(ShownApp):
    """The app in a host of the tests.

    Attributes:
        client: of the server, by which the host passes calls on.
        calls: the tools that the app called, in their order.
        is_dead: whether the server answers nothing any more.
        held: answers in place of the server's, by the tool's name.
    """

    def __init__(self, page: Any, client: Client) -> None:
        super().__init__(page)
        self.client = client
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.is_dead = False
        self.held: dict[str, Any] = {}

    async def open(
        self,
        tool: str = "generate_image",
        *,
        can: Mapping[str, Any] = ALL,
        drops_domains: bool = False,
        **context: Any,
    ) -> None:
        """Mounts the app as the answer of a tool, and waits for its handshake."""
        contents = (await self.client.read_resource(URI)).contents[0]
        assert isinstance(contents, TextResourceContents)
        csp = ((contents.meta or {}).get("ui") or {}).get("csp") or {}
        description = {"name": tool, "inputSchema": {"type": "object"}}
        usual = {"theme": "light", "locale": "en-US", "displayMode": "inline", "platform": "web"}
        options = {
            "html": contents.text,
            "csp": csp,
            "can": dict(can),
            "sandbox": f"{SANDBOX}?{quote(tool)}",
            "context": usual | {"toolInfo": {"id": 1, "tool": description}} | context,
        }
        await self.page.expose_function("callTool", self._call)
        await self.page.expose_function("readResource", self._read)
        await self.page.add_init_script(f"{RECORD}; window.hostOptions = {json.dumps(options)}")
        html = f"{_HOST_PAGE}{_host_script()}</script></html>"
        await self.page.route(f"{HOST}**", lambda route: route.fulfill(body=html, content_type="text/html"))
        headers = {"content-security-policy": policy(csp, drops=drops_domains), "content-type": "text/html"}
        await self.page.route(f"{SANDBOX}**", lambda route: route.fulfill(body=_PROXY, headers=headers))
        # A page of the web is not let to this machine without being asked; what is tried here are the host's own rules.
        await self.page.route("http://127.0.0.1:*/**", _fetched)
        await self.page.goto(HOST)
        await self.page.wait_for_function("() => window.host")

    async def _call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((name, arguments))
        if self.is_dead:
            raise ConnectionError("the server is gone")
        if name in self.held:
            return self.held[name]
        answer = await self.client.call_tool(name, arguments)
        assert isinstance(answer, CallToolResult)
        return wire(answer)

    async def _read(self, uri: str) -> dict[str, Any]:
        if self.is_dead:
            raise ConnectionError("the server is gone")
        return wire(await self.client.read_resource(uri))

    @property
    def app(self) -> Any:
        """The app itself, to look things up in."""
        return self.page.frame_locator("#app").frame_locator("iframe")

    async def host(self, method: str, *given: Any) -> Any:
        """Has the host say something to the app."""
        return await self.page.evaluate("([method, given]) => window.host[method](...given)", [method, list(given)])

    async def made(self, tool: str, **given: Any) -> dict[str, Any]:
        """Calls a tool as the model does, has the app told of it, and returns what was answered."""
        answer = await self.client.call_tool(tool, given)
        assert isinstance(answer, CallToolResult)
        await self.host("input", given)
        await self.host("result", wire(answer))
        return answer.structured_content or {}

    async def said(self, kind: str, *, at_least: int = 0) -> list[Any]:
        """What the app has asked the host for, of one kind, once there are so many: a message takes its way."""
        found = await self.page.wait_for_function(
            """([kind, least]) => {
                const found = window.hostSaid.filter(one => one.kind === kind).map(one => one.value);
                return found.length >= least && found;
            }""",
            arg=[kind, at_least],
        )
        return await found.json_value()
