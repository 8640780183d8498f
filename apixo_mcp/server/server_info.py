"""The identity of this server. Imports next to nothing: the early stage says it before the SDK is loaded."""

from apixo_mcp import __version__
from apixo_mcp.gateways.directory import main_gateway

NAME = "apixo-mcp"
TITLE = "APIXO image, video and music generation"
WEBSITE_URL = "https://apixo.ai"

_INSTRUCTIONS = """Makes images, video, music and speech. Every generate_* call costs the user money: make it once.
1. Model: list_models with a query in the user's words; it also says what no model does. nano-banana is quick and \
cheap. describe_model has the exact inputs. quote: true checks and prices a call, and sends nothing.
2. Call the generate_* tool that list_models names. Several pictures are one call, where it takes several prompts.
3. State submitting, pending or processing: do what next_step says, then check_task with task_id, task_ids or "last". \
The task goes on by itself, also when a call times out; asking anew is charged anew. list_tasks finds lost ids.
4. success: files are saved. Give the user results[].path (or url), and what notes say. Change a result with \
image_urls: ["task:<task_id>/0"] or task:last/0. view_result lets you see it; download_results copies it, or a day's.
5. failed: see error.category. content_policy: change the prompt. generation_failed: change the prompt or the model, \
once. invalid_input, media_input: correct the named field. insufficient_credits, auth: tell the user; do not retry. \
rate_limited, unavailable, timeout: later, if retryable. unknown, as category or state: do not resend; tell the user \
that it may have been charged.
A call that is refused cost nothing: correct what it names, once. Say error.advice and next_step in your own words."""
_NO_KEY = "\nNo API key is set: tell the user to set {} ({}) in this server's env."


def instructions(*, key_set: bool) -> str:
    """Returns what a model should know before its first call, with a word about the key where none is set."""
    return (
        _INSTRUCTIONS if key_set else _INSTRUCTIONS + _NO_KEY.format(main_gateway().key_variable, main_gateway().site)
    )


INFO = {"name": NAME, "title": TITLE, "version": __version__, "websiteUrl": WEBSITE_URL}


def initialize_result(version: str, *, key_set: bool) -> dict[str, object]:
    """Returns the answer to `initialize` of a handshake revision. A test holds it to what the SDK answers."""
    return {
        "protocolVersion": version,
        "capabilities": {
            "completions": {},
            "prompts": {"listChanged": False},
            "resources": {"listChanged": False, "subscribe": True},
            "tools": {"listChanged": False},
        },
        "serverInfo": INFO,
        "instructions": instructions(key_set=key_set),
    }


def discover_result(*, key_set: bool) -> dict[str, object]:
    """Returns the answer to `server/discover`. A test holds it to what the SDK answers."""
    return {
        "resultType": "complete",
        "supportedVersions": ["2026-07-28"],
        "capabilities": {
            "completions": {},
            "extensions": {"io.modelcontextprotocol/tasks": {}},
            "prompts": {"listChanged": True},
            "resources": {"listChanged": True, "subscribe": True},
            "tools": {"listChanged": True},
        },
        "instructions": instructions(key_set=key_set),
        "ttlMs": 0,
        "cacheScope": "private",
        "_meta": {"io.modelcontextprotocol/serverInfo": INFO},
    }
