"""Builds what moves earlier results into the bucket. Loaded by the command alone that does."""

from apixo_mcp.assembly.lasting import removal_of
from apixo_mcp.assembly.parts import Parts
from apixo_mcp.errors import SettingsError
from apixo_mcp.media.local import LocalFiles
from apixo_mcp.result_moves import ResultMoves


async def moves_of(parts: Parts) -> ResultMoves:
    """Returns what moves earlier results into the bucket.

    Raises:
        SettingsError: there is none.
    """
    if parts.space is None:
        raise SettingsError("APIXO_MCP_RESULTS names no bucket that results could be moved to: set it, as s3://NAME")
    # Imported here: an extra brings what it takes.
    from apixo_mcp.assembly.bucket import files_in

    folder = LocalFiles(parts.settings.download_dir)
    files = files_in(parts.space, parts.settings, folder)
    return ResultMoves(parts.store, files, folder, (await removal_of(parts)).is_deleted)
