"""What each MCP client can take, by the name it gives itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """What one client bears.

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
UNKNOWN = Profile(wait_seconds=2.5, check_seconds=3.6)

_PROFILES = {
    "claude-ai": Profile(50, preview=True, links=True),  # Claude Desktop: about 60 s, 1 MB an answer
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
    "cursor-vscode": Profile(50, preview=True),
    "cursor": Profile(50, preview=True),
    "cline": Profile(50, preview=True),
    "goose": Profile(110, preview=True),
    "zed": Profile(50, preview=True),
    "lm studio": Profile(50, preview=True),
    "windsurf": Profile(50),
    "mcpjam-inspector": Profile(50, preview=True, links=True),
    "librechat": Profile(25),  # 30 s
    "n8n": Profile(50),
    "fastmcp": Profile(50),  # PydanticAI among others: 300 s
    "mcp-use": Profile(50),
    "ai-sdk-mcp-client": Profile(50),
    "google-adk": UNKNOWN,  # 5 s
    "mcp-inspector": Profile(50, preview=True, links=True),
    "inspector-client": Profile(50, preview=True, links=True),
    "apixo-mcp": Profile(50),
}


def profile_of(client_name: str, fallback: str = "") -> Profile:
    """The profile of a client.

    Args:
        client_name: `clientInfo.name`, as the client sent it.
        fallback: the name whose profile a client that is not in the table gets (`APIXO_MCP_CLIENT_PROFILE`).
    """
    name = client_name.casefold().partition(" (via ")[0]  # bridges such as mcp-remote add their own name
    return _PROFILES.get(name) or _PROFILES.get(fallback.casefold()) or UNKNOWN


def names() -> tuple[str, ...]:
    """The clients in the table."""
    return tuple(_PROFILES)
