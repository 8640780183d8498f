"""What can be read of an input before it is sent: its facts, and whether its URL answers."""

import base64
import io
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import anyio
from anyio import to_thread

from apixo_mcp.errors import ApixoError, HostRefused, MediaError
from apixo_mcp.media import refusals
from apixo_mcp.media.files import PlaceTrouble
from apixo_mcp.media.folder import file_size, has_hash
from apixo_mcp.media.folder_threads import RootThreads
from apixo_mcp.media.inline import is_inline
from apixo_mcp.media.inputs.written import DATA_URL, EARLIER_RESULT, UPLOAD
from apixo_mcp.media.probing import contents
from apixo_mcp.media.probing.probe import MediaFacts, read_facts
from apixo_mcp.media.roots import Roots
from apixo_mcp.net.fetcher import Fetcher
from apixo_mcp.tasks.asking.references import FindTask
from apixo_mcp.tasks.task import Result
from apixo_mcp.variables.written import trimmed


def facts_at(path: Path) -> MediaFacts:
    """Reads the facts of the file at a path; none where it cannot be read."""
    with suppress(OSError, ValueError), path.open("rb") as file:
        return facts_in(file)
    return MediaFacts()


def facts_in(file: BinaryIO) -> MediaFacts:
    """Reads the facts of an open file; none where it is no media file."""
    kind = contents.kind_in(file)
    return read_facts(file, kind) if kind.modality else MediaFacts()


class InputFacts:
    """Reads the facts of what callers give.

    Args:
        roots: the folders that may be read.
        threads: that read in them.
    """

    def __init__(self, roots: Roots, threads: RootThreads) -> None:
        self._roots = roots
        self._threads = threads

    async def of(self, value: str, find: FindTask) -> MediaFacts:
        """Returns the facts of an earlier result or a local file; none of a URL, which only the gateway fetches."""
        text = trimmed(value)
        if upload := UPLOAD.fullmatch(text):
            path = None
            with suppress(PlaceTrouble):
                path = await to_thread.run_sync(find.uploaded, upload[1].lower())
            return await to_thread.run_sync(facts_at, path) if path else MediaFacts()
        if earlier := EARLIER_RESULT.fullmatch(text):
            task = await find(earlier[1])
            results = [result for result in task.results if result.index == int(earlier[2] or 0)] if task else []
            if not results:
                return MediaFacts()
            result = results[0]
            known = MediaFacts(width=result.width, height=result.height, duration_seconds=result.duration_seconds)
            if known != MediaFacts():
                return known
            text = result.path
        elif not find.is_here and not is_inline(text):
            return MediaFacts()
        if not text or ("://" in text and not text.lower().startswith("file:")):
            return MediaFacts()
        with suppress(ApixoError, OSError, ValueError):
            return await self._threads.of(Path(text)).run(self._measured, text)
        return MediaFacts()

    def _measured(self, text: str) -> MediaFacts:
        if data := DATA_URL.match(text):
            return facts_in(io.BytesIO(base64.b64decode(text[data.end() :], validate=True)))
        with self._roots.readable(text, field="").open("rb") as file:
            return facts_in(file)


def is_as_saved(result: Result) -> bool:
    """Tells whether the file of a result is what was saved, or gone; one that was changed is another file."""
    size = file_size(Path(result.path))
    if size is None:
        return not os.path.lexists(result.path)
    return size == result.bytes and has_hash(Path(result.path), result.sha256_on_disk)


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
