"""The bucket of `APIXO_MCP_RESULTS`: opened, tried once, and what keeps files in it. Loaded only where it is set."""

import logging
import secrets
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

from apixo_mcp.errors import SettingsError
from apixo_mcp.media.files import ADDRESS, ResultFiles
from apixo_mcp.settings import Settings

if TYPE_CHECKING:
    from apixo_mcp.media.bucket.results import BucketFiles
    from apixo_mcp.media.bucket.space import BucketSpace

log = logging.getLogger(__name__)

_TRIED_FOR = 5.0  # seconds
_COPIES = "copies"
_ARRIVING = "arriving"
"""Folders of the data folder: of objects on this machine's disk, and of files that are not in the bucket yet."""


def space_of(settings: Settings) -> "BucketSpace":
    """Returns the part of a bucket that the settings name.

    Raises:
        SettingsError: what it takes is not installed.
    """
    try:
        from apixo_mcp.media.bucket.bucket import Bucket
        from apixo_mcp.media.bucket.copies import Copies
        from apixo_mcp.media.bucket.space import BucketSpace
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "obstore":
            raise
        from apixo_mcp.installation import adding  # loaded where something is missing alone

        raise SettingsError(
            f"APIXO_MCP_RESULTS: {settings.results} takes the extra `s3`, which is not installed. {adding('s3')}"
        ) from None
    name, _, prefix = settings.results.removeprefix(ADDRESS).partition("/")
    return BucketSpace(Bucket(name), prefix, Copies(settings.home / _COPIES))


def files_in(space: "BucketSpace", settings: Settings, earlier: ResultFiles) -> "BucketFiles":
    """Returns the place for results in a bucket; what was saved `earlier` stays where it is."""
    from apixo_mcp.media.bucket.results import BucketFiles

    return BucketFiles(space, arriving=settings.home / _ARRIVING, earlier=earlier)


async def try_out(space: "BucketSpace") -> None:
    """Tries the bucket before anything is paid that is to be kept in it. One that is away is waited for later.

    Raises:
        SettingsError: it takes nothing until somebody corrects something.
    """
    from apixo_mcp.media.bucket.troubles import BucketTrouble

    away = "it does not answer"
    with anyio.move_on_after(_TRIED_FOR):
        try:
            await to_thread.run_sync(put_and_delete, space)
            return
        except BucketTrouble as trouble:
            if trouble.is_lasting:
                raise SettingsError(f"APIXO_MCP_RESULTS: {trouble.strerror}.") from None
            away = str(trouble.strerror)
    log.warning("APIXO_MCP_RESULTS: %s. Results wait on this machine's disk meanwhile", away)


async def bucket_trouble(space: "BucketSpace") -> str:
    """Returns what is wrong with a bucket just now, empty where nothing is: it is asked what lies among the probes."""
    from apixo_mcp.media.bucket.troubles import BucketTrouble

    with anyio.move_on_after(_TRIED_FOR):
        try:
            await to_thread.run_sync(lambda: [*space.bucket.list(space.key("probes"))], abandon_on_cancel=True)
            return ""
        except BucketTrouble as trouble:
            return str(trouble.strerror)
    return f"no answer within {_TRIED_FOR:g} s"


def put_and_delete(space: "BucketSpace") -> None:
    """Puts an object, reads, lists and deletes it. Blocking.

    Raises:
        BucketTrouble: one of these is refused.
    """
    bucket, key, content = space.bucket, space.key("probes", secrets.token_hex(8)), b"apixo-mcp tries this bucket\n"
    bucket.put(key, content, mime_type="text/plain", disposition="attachment", only_new=True)
    try:
        bucket.read(key, 0, len(content))
        list(bucket.list(space.key("probes")))
    finally:
        bucket.delete(key)
