"""The MCP clients and what each can take, by the names that they give themselves."""

import difflib
from dataclasses import dataclass, replace
from functools import lru_cache

_REMEMBERED = 64  # names of clients: a call asks for its own again and again


@dataclass(frozen=True, slots=True)
class Profile:
    """The limits of one client.

    Attributes:
        wait_seconds: how long a call may last before this client gives up or its user does.
        check_seconds: how long a call may last that only asks how a task is; None: as long as any other.
        grows: whether that is only where it begins, as nothing is known of this client (`server.patience`).
        preview: whether a small picture in an answer is shown as a picture, not as base64 text.
        links: whether a ResourceLink is understood; several frameworks lose the whole answer over one.
    """

    wait_seconds: float
    preview: bool = False
    links: bool = False
    check_seconds: float | None = None
    grows: bool = False


# Several frameworks give up after 5 s; a task id is told within 3.
UNKNOWN = Profile(wait_seconds=2.0, check_seconds=3.9, grows=True)

# Behind each name stands what its client was found to bear: "seen" when it was driven against this server or a probe,
# "told" by its documentation or its makers, "inferred" from what it is built with. The figure keeps below that.
_PROFILES = {
    "claude-ai": Profile(50, preview=True, links=True),  # Claude Desktop; told: about 60 s, 1 MB an answer
    "claude-desktop": Profile(50, preview=True, links=True),  # another build of it; inferred
    "local-agent-mode": Profile(50, preview=True, links=True),  # its agent, the server's name behind; inferred
    "claude-code": Profile(110, preview=True, links=True),  # seen: 320 s; told: in the background after 120 s
    "codex-mcp-client": Profile(110),  # seen: 300 s, a picture is lost beside a structure
    "gemini-cli-mcp-client": Profile(110, preview=True, links=True),  # seen: 75 s; told: 600 s
    "qwen-cli-mcp-client": Profile(110, preview=True),  # seen: 300 s without a message
    "github-copilot-developer": Profile(50),  # inferred
    "copilot-cli": Profile(110),  # seen: about 180 s
    "opencode": Profile(50, preview=True),  # seen: 60 s, begun anew by progress
    "continue-client": Profile(50),  # inferred from the next
    "continue-cli-client": Profile(50),  # seen: 60 s, a picture becomes text
    "visual studio code": Profile(110, preview=True, links=True),  # told: no limit
    "code - oss": Profile(110, preview=True, links=True),  # its open build; inferred
    "cursor": Profile(50, preview=True),  # told: 60 s
    "cline": Profile(50),  # told: 60 s; seen: a picture becomes text
    "@cline/core": Profile(50),  # seen: 60 s, a picture becomes text
    "goose": Profile(25, preview=True),  # told: 300 s, in some sessions 30 s
    "zed": Profile(50, preview=True),  # told: 60 s
    "lm studio": Profile(50, preview=True),  # told: 60 s
    "lmstudio": Profile(50, preview=True),  # told: 60 s
    "windsurf": Profile(50),  # inferred
    "openai-mcp": Profile(50),  # ChatGPT; inferred
    "dify": Profile(50),  # told: 300 s
    "crush": Profile(50),  # inferred
    "mcpjam": Profile(50, preview=True, links=True),  # inferred
    "librechat": Profile(25),  # told: 30 s
    "@librechat": Profile(25),  # told: 30 s
    "n8n": Profile(50),  # told: 60 s
    "@n8n": Profile(50),  # told: 60 s
    "fastmcp": Profile(8),  # seen: agno gives up after 10 s under this name; PydanticAI, under it too, after 300 s
    "fast-agent-mcp": Profile(50, preview=True),  # seen
    "mcp-use": Profile(50),  # seen: 75 s
    "ai-sdk-mcp-client": Profile(50),  # seen: 75 s, a picture becomes text
    "stdio:": Profile(50),  # seen: OpenAI Agents of JavaScript, a command behind: 60 s
    "streamable-http:": Profile(50),  # seen: the same, an address behind
    "@langchain/mcp-adapters": Profile(50),  # seen: 60 s
    "genkit-host": Profile(50),  # seen, a picture becomes text; inferred from its SDK: 60 s
    "huggingface_hub.mcpclient": UNKNOWN,  # seen; its limit is not known
    "supergateway": UNKNOWN,  # seen: a bridge, which does not tell who is behind it
    "google-adk": Profile(2.0, check_seconds=4.0),  # seen: 5 s
    "mcporter": Profile(50),  # seen: 60 s
    "mcp-inspector": Profile(50, preview=True, links=True),  # told: 60 s
    "inspector-client": Profile(50, preview=True, links=True),  # told: 60 s
    "inspector-cli": Profile(50, preview=True, links=True),  # seen
    "apixo-mcp": Profile(50),  # the demo's own
}


@lru_cache(maxsize=_REMEMBERED)
def profile_of(client_name: str, lender: str = "") -> Profile:
    """Returns the profile of a client.

    Args:
        client_name: `clientInfo.name`, as the client sent it.
        lender: the name whose waits every client gets (`APIXO_MCP_CLIENT_PROFILE`); what a client is shown stays its
            own, as a picture or a link costs some clients the whole answer.
    """
    own, lent = _known(client_name) or UNKNOWN, _known(lender)
    if lent is None:
        return own
    return replace(own, wait_seconds=lent.wait_seconds, check_seconds=lent.check_seconds, grows=lent.grows)


def doubt(lender: str) -> str:
    """Says what is wrong with an `APIXO_MCP_CLIENT_PROFILE`; empty where nothing is."""
    if not lender or _known(lender):
        return ""
    near = difflib.get_close_matches(lender.casefold(), _PROFILES, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(_PROFILES)}."
    return f"APIXO_MCP_CLIENT_PROFILE: {lender[:60]!r} is no known client and is ignored. {hint}"


def _known(client_name: str) -> Profile | None:
    """Returns the profile of the longest name that this one begins with: clients and bridges add their own."""
    name = client_name.casefold()
    fitting = [
        known for known in _PROFILES if name.startswith(known) and not name[len(known) : len(known) + 1].isalnum()
    ]
    return _PROFILES[max(fitting, key=len)] if fitting else None
