"""What can be read of an input before it is sent: its facts, and whether its URL answers."""

from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import anyio

from apixo_mcp.errors import HostRefused, MediaError
from apixo_mcp.media import refusals
from apixo_mcp.media.probing import contents
from apixo_mcp.media.probing.probe import MediaFacts, read_facts
from apixo_mcp.net.fetcher import Fetcher


def facts_at(path: Path) -> MediaFacts:
    """Reads the facts of the file at a path; none where it cannot be read."""
    with suppress(OSError, ValueError), path.open("rb") as file:
        return facts_in(file)
    return MediaFacts()


def facts_in(file: BinaryIO) -> MediaFacts:
    """Reads the facts of an open file; none where it is no media file."""
    kind = contents.kind_in(file)
    return read_facts(file, kind) if kind.modality else MediaFacts()


async def url_answers(fetcher: Fetcher, url: str, *, within: float = 8.0) -> bool | None:
    """Tells whether a URL still gives a file, of which the beginning is read; None where that cannot be told just now.

    A date at which it dies is often no more than a guess.
    """
    try:
        with anyio.move_on_after(within):
            async with fetcher.fetch(url) as download:
                start = await anext(aiter(download.chunks), b"")
                is_whole = download.total is not None and len(start) >= download.total
                return bool(start) and not (
                    refusals.is_text(start) and refusals.content_refusal(start, is_whole=is_whole)
                )
    except HostRefused:
        return False
    except MediaError as error:
        return False if error.gone else None
    return None
