"""The bucket of results: whether it takes, gives, lists and deletes, and whether a signed address leads there."""

import secrets
from collections.abc import AsyncIterator

from anyio import to_thread

from apixo_mcp.assembly.bucket import space_of
from apixo_mcp.cli.checks.finding import Finding
from apixo_mcp.errors import SettingsError
from apixo_mcp.media.bucket.endpoint import has_lasting_key
from apixo_mcp.media.files import PlaceTrouble
from apixo_mcp.net.http import Http
from apixo_mcp.outside.file_reach import is_fetched
from apixo_mcp.outside.object_store import gateways_reach_store
from apixo_mcp.settings import Settings

_RESULTS = "APIXO_MCP_RESULTS"
_WHAT = f"bucket ({_RESULTS})"
_SIGNED = "signed addresses"
_NOT_FETCHED = (
    "Results are put and read, but whoever is given a link does not get them: look at AWS_REGION, AWS_ENDPOINT_URL_S3 "
    "and what the bucket's policy denies (signed GET requests must be allowed)."
)
_NOT_REACHED = (
    "The store has an address of a private network, or none with https: this server hands files out itself. Gateways "
    "get input files with APIXO_MCP_PUBLIC_URL, or with an https address of the store in AWS_ENDPOINT_URL_S3."
)


async def bucket_findings(settings: Settings) -> AsyncIterator[Finding]:
    """Yields what comes of putting, reading, listing, signing and deleting an object of our own."""
    try:
        space = await to_thread.run_sync(space_of, settings)
    except SettingsError as error:
        yield Finding(_WHAT, settings.results, f"{error}.", _RESULTS)
        return
    bucket, key, content = space.bucket, space.key("probes", secrets.token_hex(8)), b"apixo-mcp doctor\n"
    try:
        await to_thread.run_sync(lambda: bucket.put(key, content, mime_type="text/plain", only_new=True))
        try:
            await to_thread.run_sync(bucket.read, key, 0, len(content))
            await to_thread.run_sync(lambda: [*bucket.list(space.key("probes"))])
            async with Http() as http:
                is_signed = await is_fetched(http, await to_thread.run_sync(bucket.sign, key, 60.0))
        finally:
            await to_thread.run_sync(bucket.delete, key)
    except PlaceTrouble as trouble:
        reason, _, fix = str(trouble.strerror).partition(". ")
        yield Finding(_WHAT, f"{settings.results}: {reason.partition(': ')[2]}", f"{fix or 'Correct that'}.", _RESULTS)
        return
    yield Finding(_WHAT, f"{settings.results} takes, gives, lists and deletes an object", variable=_RESULTS)
    if not is_signed:
        yield Finding(_SIGNED, "one for an object in the bucket gives nothing", _NOT_FETCHED, _RESULTS)
    elif not gateways_reach_store(settings):
        fix = "" if settings.public_url else _NOT_REACHED
        yield Finding(_SIGNED, "they lead to an object from here; gateways do not reach the store", fix, _RESULTS)
    else:
        ends = "" if has_lasting_key() else "; they end with the key of the session or role that signs them"
        yield Finding(_SIGNED, f"they lead to an object{ends}", variable=_RESULTS)
