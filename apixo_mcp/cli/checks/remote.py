"""Does what each kind of host does with a server over HTTP, hop by hop, and names the one that breaks.

    address ── /healthz ── a call without a token ── metadata of the resource ── of the authorization server
      ── registration ── the page ── the token endpoint ── a token that is none
      ── with a token: initialize, tools/list, both eras, and the stream of `/sse`

Nothing is generated and nothing is paid. A registration is left behind, which runs out by itself.
"""

import base64
import hashlib
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from mcp.types.version import LATEST_HANDSHAKE_VERSION, LATEST_MODERN_VERSION

from apixo_mcp import __version__
from apixo_mcp.cli.checks import answers
from apixo_mcp.cli.checks.answers import HopReading
from apixo_mcp.cli.checks.finding import Finding
from apixo_mcp.net.http import Http
from apixo_mcp.net.response import Answered, HttpResponse
from apixo_mcp.views.words import counted

_WITHIN = 20.0  # seconds that a hop may take
_STREAMED_WITHIN = 4.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_CALLBACK = "http://127.0.0.1:33418/callback"  # nobody listens: no code is ever sent there
_CLIENT = {"name": "apixo-mcp-doctor", "version": __version__}
_TAKES = "application/json, text/event-stream"


class Remote:
    """A server somewhere else, as hosts see it.

    Args:
        http: the connections to it.
        url: its address, with or without `/mcp`.
        token: of an owner; without one, what comes behind the sign-in is not tried.
    """

    def __init__(self, http: Http, url: str, token: str = "") -> None:
        address = url.strip().rstrip("/")
        for path in ("/mcp", "/sse"):
            address = address.removesuffix(path)
        self._http = http
        self._base = address
        self._mcp = f"{address}/mcp"
        self._token = token

    async def findings(self) -> AsyncIterator[Finding]:
        """Yields what each hop shows, until one breaks that the next ones need."""
        where = urlsplit(self._base)
        is_here = where.hostname in _LOOPBACK
        if where.scheme not in ("http", "https") or not where.hostname:
            yield Finding("address", self._base, "Give the server's address, as https://mcp.example.com.")
            return
        if where.scheme == "http" and not is_here:
            yield Finding("address", self._base, "Serve it by https: hosts refuse http, and tokens would be readable.")
        health = answers.health(await self._get(f"{self._base}/healthz"))
        yield _finding("server", health)
        if health.fix:
            return
        reply = await self._say("initialize", _opening())
        refused = answers.sent_away(reply, with_token=False)
        is_open = isinstance(reply, Answered) and reply.status == 200
        yield _finding("a host without a token", HopReading(refused.state) if is_open and is_here else refused)
        if not is_open and not refused.fix:
            async for finding in self._sign_in(answers.challenge(reply)["resource_metadata"]):
                yield finding
            wrong = await self._say("initialize", _opening(), token="amt_" + "x" * 43)
            yield _finding("a host with a wrong token", answers.sent_away(wrong, with_token=True))
        if is_open or self._token:
            async for finding in self._inside():
                yield finding
        else:
            yield Finding(
                "behind the sign-in",
                "not tried: give the token of an owner in a variable, and its name with --token-env",
            )

    async def _sign_in(self, named: str) -> AsyncIterator[Finding]:
        """Tries what a host does that has no token of a person: claude.ai, Claude Desktop, ChatGPT."""
        resource = await self._get(named)
        reading = answers.resource_metadata(resource, self._mcp)
        yield _finding("metadata of the resource", reading)
        root = urlsplit(self._base)
        # Under a path the bare root is another site's; hosts look with the path behind.
        for path in (f"{root.path}/mcp",) if root.path else ("", "/mcp"):
            at = f"{root.scheme}://{root.netloc}/.well-known/oauth-protected-resource{path}"
            if at != named:
                yield _finding(
                    f"metadata at {urlsplit(at).path}", answers.resource_metadata(await self._get(at), self._mcp)
                )
        if reading.fix:
            return
        issuer = str((answers.document(resource) or {})["authorization_servers"][0])
        metadata = await self._metadata_of(issuer)
        reading = answers.issuer_metadata(metadata, issuer)
        yield _finding("metadata of the authorization server", reading)
        told = answers.document(metadata) or {}
        if reading.fix or urlsplit(issuer).netloc != root.netloc:
            return  # another's: nothing is registered there
        client_id = ""
        if endpoint := told.get("registration_endpoint"):
            reply = await self._register(str(endpoint))
            yield _finding("registration", answers.registration(reply))
            client_id = str((answers.document(reply) or {}).get("client_id", ""))
        if client_id:
            asked = f"{told['authorization_endpoint']}?{urlencode(_authorization(client_id, self._mcp))}"
            yield _finding("the page for signing in", answers.sign_in_page(await self._get(asked), self._base))
            reply = await self._exchange(str(told["token_endpoint"]), client_id)
            yield _finding("the token endpoint", answers.token_refusal(reply))

    async def _metadata_of(self, issuer: str) -> HttpResponse:
        where = urlsplit(issuer)
        origin, path = f"{where.scheme}://{where.netloc}", where.path.rstrip("/")
        reply = await self._get(f"{origin}/.well-known/oauth-authorization-server{path}")
        if answers.document(reply) is None:
            # As OpenID Connect has it, which foreign issuers serve.
            openid = await self._get(f"{origin}{path}/.well-known/openid-configuration")
            return openid if answers.document(openid) is not None else reply
        return reply

    async def _inside(self) -> AsyncIterator[Finding]:
        """Tries what a host does that was let in, in each way that hosts speak."""
        reply = await self._say("initialize", _opening(), token=self._token)
        opened = answers.not_let_in(reply) or answers.result(reply)
        yield _finding("initialize (earlier revisions)", opened)
        if answers.not_let_in(reply):
            return
        session = reply.headers.get("mcp-session-id", "") if isinstance(reply, Answered) else ""
        if not opened.fix:
            more = {"mcp-session-id": session, "mcp-protocol-version": LATEST_HANDSHAKE_VERSION}
            listed = await self._say("tools/list", {}, token=self._token, more=more)
            yield self._tools(listed, "earlier revisions")
            await self._http.call("DELETE", self._mcp, headers=self._headers(self._token) | more, read_timeout=_WITHIN)
        envelope = {
            "io.modelcontextprotocol/protocolVersion": LATEST_MODERN_VERSION,
            "io.modelcontextprotocol/clientInfo": _CLIENT,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        more = {"mcp-protocol-version": LATEST_MODERN_VERSION, "mcp-method": "tools/list"}
        reply = await self._say("tools/list", {"_meta": envelope}, token=self._token, more=more)
        yield self._tools(reply, LATEST_MODERN_VERSION)
        reply = await self._get(f"{self._base}/sse", within=_STREAMED_WITHIN, takes="text/event-stream")
        yield _finding("/sse", answers.stream(reply, f"{urlsplit(self._base).path}/messages/"))

    @staticmethod
    def _tools(reply: HttpResponse, era: str) -> Finding:
        reading = answers.result(reply)
        told: Any = answers.message(reply) or {}
        if not reading.fix:
            tools = told["result"].get("tools", ())
            reading = HopReading(counted(len(tools), "tool"), "" if tools else "Look at the server's log.")
        return _finding(f"tools/list ({era})", reading)

    async def _get(self, url: str, *, within: float = _WITHIN, takes: str = "*/*") -> HttpResponse:
        # The token goes to this server alone.
        token = self._token if takes == "text/event-stream" else ""
        headers = {name: value for name, value in self._headers(token).items() if name != "accept"}
        return await self._http.call("GET", url, headers={**headers, "accept": takes}, read_timeout=within)

    async def _say(
        self, method: str, params: Mapping[str, Any], *, token: str = "", more: Mapping[str, str] | None = None
    ) -> HttpResponse:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        headers = {name: value for name, value in {**self._headers(token), **(more or {})}.items() if value}
        return await self._http.call("POST", self._mcp, headers=headers, json=body, read_timeout=_WITHIN)

    async def _register(self, endpoint: str) -> HttpResponse:
        wanted = {
            "client_name": _CLIENT["name"],
            "redirect_uris": [_CALLBACK],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        }
        return await self._http.call("POST", endpoint, headers={}, json=wanted, read_timeout=_WITHIN)

    async def _exchange(self, endpoint: str, client_id: str) -> HttpResponse:
        form = {
            "grant_type": "authorization_code",
            "code": secrets.token_urlsafe(32),
            "client_id": client_id,
            "redirect_uri": _CALLBACK,
            "code_verifier": secrets.token_urlsafe(48),
            "resource": self._mcp,
        }
        return await self._http.call("POST", endpoint, headers={}, form=form, read_timeout=_WITHIN)

    @staticmethod
    def _headers(token: str) -> dict[str, str]:
        return {"accept": _TAKES} | ({"authorization": f"Bearer {token}"} if token else {})


def _opening() -> dict[str, Any]:
    return {"protocolVersion": LATEST_HANDSHAKE_VERSION, "capabilities": {}, "clientInfo": _CLIENT}


def _authorization(client_id: str, resource: str) -> dict[str, str]:
    verifier = secrets.token_urlsafe(48)
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    return {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": _CALLBACK,
        "code_challenge": digest,
        "code_challenge_method": "S256",
        "scope": "read generate",
        "resource": resource,
        "state": secrets.token_urlsafe(8),
    }


def _finding(what: str, reading: HopReading) -> Finding:
    return Finding(what, reading.state, reading.fix)
