"""Links to upload a file to, once: told where a call gives a file that only its caller's machine has."""

from collections.abc import Iterable

from mcp.server.mcpserver import Context

from apixo_mcp.app import App
from apixo_mcp.errors import Problem
from apixo_mcp.generation import NextAction
from apixo_mcp.owners.store import Bound, EntryKind, SignInEntry
from apixo_mcp.owners.tokens import new_secret, secret_hash
from apixo_mcp.server.caller import owner_of, request_of
from apixo_mcp.server.links import UPLOADS
from apixo_mcp.server.whereabouts import own_url

UPLOAD_LINK_LASTS = 900.0
"""Seconds that a link waits for its file."""

_MOST_AT_ONCE = 10  # in one answer
_BOUND = Bound(most=200, of_owner=True)
"""Of links that wait for their files: nobody is left without any by what another asks for."""


async def upload_offer(app: App, problems: Iterable[Problem], context: Context) -> str:
    """Returns links for the files that are wanted and not here, as lines; empty where none is, or none can be had."""
    fields = [problem.field for problem in problems if problem.next_action is NextAction.UPLOAD][:_MOST_AT_ONCE]
    base = own_url(app.settings, request_of(context))
    links = [link for _ in fields if base and (link := await new_upload_link(app, owner_of(context).name, base))]
    if not links:
        return ""
    one = "this link" if len(links) == 1 else "a link each"
    listed = "\n".join(f"- {field}: {link}" for field, link in zip(fields, links, strict=False))
    minutes = f"{UPLOAD_LINK_LASTS / 60:.0f}"
    return (
        f"\nUpload to {one}, once and within {minutes} minutes, by `curl -fT FILE LINK` or by opening it "
        f"in a browser, then give the upload:<id> that it answers with in place of the file:\n{listed}"
    )


async def new_upload_link(app: App, owner: str, base: str) -> str:
    """Returns a link to upload a file to, once; empty where too many wait for theirs."""
    secret = new_secret()
    entry = SignInEntry(EntryKind.UPLOAD, secret_hash(secret), "", owner)
    is_kept = await app.sign_ins.put(entry, UPLOAD_LINK_LASTS, _BOUND)
    return f"{base}{UPLOADS}{secret}" if is_kept else ""
