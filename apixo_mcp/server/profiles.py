"""The MCP clients and what each can take, by the names that they give themselves."""

import difflib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """The limits of one client.

    Attributes:
        wait_seconds: how long a call may last before this client gives up or its user does.
        check_seconds: how long a call may last that only asks how a task is; None: as long as any other.
        preview: whether a small picture in an answer is shown as a picture, not as base64 text.
        links: whether a ResourceLink is understood; several frameworks lose the whole answer over one.
    """

    wait_seconds: float
    preview: bool = False
    links: bool = False
    check_seconds: float | None = None


# Several frameworks give up after 5 s; a task id is told within 3, and a picture of 30 s takes eleven calls.
UNKNOWN = Profile(wait_seconds=2.0, check_seconds=3.6)

_PROFILES = {
    "claude-ai": Profile(50, preview=True, links=True),  # Claude Desktop: about 60 s, 1 MB an answer
    "claude-desktop": Profile(50, preview=True, links=True),
    "local-agent-mode": Profile(50, preview=True, links=True),  # Claude Desktop's agent, with the server's name behind
    "claude-code": Profile(110, preview=True, links=True),  # goes to the background by itself after 2 min
    "codex-mcp-client": Profile(110),
    "gemini-cli-mcp-client": Profile(110, preview=True, links=True),
    "qwen-cli-mcp-client": Profile(110, preview=True),
    "github-copilot-developer": Profile(50),
    "copilot-cli": Profile(110),
    "opencode": Profile(50, preview=True),
    "continue-client": Profile(50),
    "continue-cli-client": Profile(50),
    "visual studio code": Profile(110, preview=True, links=True),
    "code - oss": Profile(110, preview=True, links=True),
    "cursor": Profile(50, preview=True),
    "cline": Profile(50, preview=True),
    "goose": Profile(25, preview=True),  # 300 s, in some sessions 30 s
    "zed": Profile(50, preview=True),
    "lm studio": Profile(50, preview=True),
    "lmstudio": Profile(50, preview=True),
    "windsurf": Profile(50),
    "openai-mcp": Profile(50),  # ChatGPT
    "open webui": Profile(50),
    "open-webui": Profile(50),
    "dify": Profile(50),  # 300 s
    "crush": Profile(50),
    "mcpjam": Profile(50, preview=True, links=True),
    "librechat": Profile(25),  # 30 s
    "@librechat": Profile(25),
    "n8n": Profile(50),
    "@n8n": Profile(50),
    "fastmcp": Profile(50),  # PydanticAI among others: 300 s
    "mcp-use": Profile(50),
    "ai-sdk-mcp-client": Profile(50),
    "mastra": Profile(50),  # 60 s
    "@mastra": Profile(50),
    "openai-agents": Profile(50),  # of JavaScript; the one of Python calls itself mcp: 5 s
    "langchain": Profile(50),  # of JavaScript
    "google-adk": UNKNOWN,  # 5 s
    "mcporter": Profile(50),
    "mcp-inspector": Profile(50, preview=True, links=True),
    "inspector-client": Profile(50, preview=True, links=True),
    "apixo-mcp": Profile(50),
}


def profile_of(client_name: str, fallback: str = "") -> Profile:
    """Returns the profile of a client.

    Args:
        client_name: `clientInfo.name`, as the client sent it.
        fallback: the name whose profile a client that is not in the table gets (`APIXO_MCP_CLIENT_PROFILE`).
    """
    return _known(client_name) or _known(fallback) or UNKNOWN


def doubt(fallback: str) -> str:
    """Says what is wrong with an `APIXO_MCP_CLIENT_PROFILE`; empty where nothing is."""
    if not fallback or _known(fallback):
        return ""
    near = difflib.get_close_matches(fallback.casefold(), _PROFILES, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(_PROFILES)}."
    return f"APIXO_MCP_CLIENT_PROFILE: {fallback[:60]!r} is no known client and is ignored. {hint}"


def _known(client_name: str) -> Profile | None:
    """Returns the profile of the longest name that this one begins with: clients and bridges add their own."""
    name = client_name.casefold()
    fitting = [
        known for known in _PROFILES if name.startswith(known) and not name[len(known) : len(known) + 1].isalnum()
    ]
    return _PROFILES[max(fitting, key=len)] if fitting else None
