"""Whether a URL still answers with a file: a date at which it dies is often no more than a guess."""

import anyio

from apixo_mcp.errors import HostRefused, MediaError
from apixo_mcp.media import refusals
from apixo_mcp.net.fetcher import Fetcher


async def answers(fetcher: Fetcher, url: str, *, within: float = 8.0) -> bool | None:
    """Asks for a file and reads no more than its beginning; None where that cannot be told just now."""
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
