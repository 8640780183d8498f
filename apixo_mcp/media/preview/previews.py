"""Small pictures of saved pictures, for a chat and for the model to look at.

Cheap ones are decoded in this process, others in one of their own: that can be ended, and gives all its memory back.
"""

import subprocess
import sys
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import anyio
from anyio import to_thread

from apixo_mcp.errors import MediaError
from apixo_mcp.media.files import PlaceTrouble, ResultFiles
from apixo_mcp.media.folder_threads import FolderHangs, FolderThreads, reading_threads
from apixo_mcp.media.preview import contact_sheet, shrink
from apixo_mcp.media.preview.contact_sheet import Tile
from apixo_mcp.media.preview.cost import USUAL_SIDE, Cost, cost_of, facts_of_picture

_LARGE = 1568
_MODEST, _MODEST_BYTES = 512, 60_000
"""Where a picture may become text in the model's eyes: 80 kB of base64 at most."""
PATIENCE_IN_PASSING = 1.0
"""Seconds that decoding may take, as estimated, for a preview that nobody asked for."""

_LARGEST_SHEET = 300_000  # bytes: beside many tasks in one answer
_AROUND_SHEET = 0.7  # seconds for starting the process that paints, and for what it writes


class NotShown(MediaError):
    """A file cannot be shown as a picture, for a reason that its reader is told."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A picture small enough to go into an answer."""

    data: bytes
    mime_type: str


_Key = tuple[str, int, int, int, int]


_BY_VIDEO = ("image/heic", "image/heif")  # pictures that only the decoder of videos reads


class Kept:
    """The last few previews, for a task that is asked about again and again."""

    def __init__(self, most_bytes: int = 8_000_000) -> None:
        self._most_bytes = most_bytes
        self._previews: OrderedDict[_Key, Preview] = OrderedDict()

    def get(self, key: _Key) -> Preview | None:
        """Returns a preview that is kept."""
        if key in self._previews:
            self._previews.move_to_end(key)
        return self._previews.get(key)

    def put(self, key: _Key, preview: Preview) -> None:
        """Keeps a preview, and drops those that have not been asked for longest."""
        self._previews[key] = preview
        while sum(len(kept.data) for kept in self._previews.values()) > self._most_bytes:
            self._previews.popitem(last=False)


class Previews:
    """Makes and keeps small pictures.

    A decoded picture is large: two at once would double the peak. Who looks at one holds up no answer about another.

    Args:
        files: where the pictures are kept.
        patience: seconds that a decoder may take.

    Attributes:
        for_answers: the turn of those that go into answers unasked.
    """

    def __init__(self, files: ResultFiles, reading: FolderThreads | None = None, *, patience: float = 4.0) -> None:
        self._files = files
        self._reading = reading or reading_threads(files)
        self._patience = patience
        self.for_answers = anyio.CapacityLimiter(1)
        self._for_views = anyio.CapacityLimiter(1)
        self._for_thumbnails = anyio.CapacityLimiter(1)
        self._kept = Kept()

    async def preview(
        self, place: str, mime_type: str, *, longest: int = USUAL_SIDE, max_bytes: int = 500_000
    ) -> Preview | None:
        """Makes a small picture of a file, or of a video's first frame; None where that cannot be decoded.

        What would take long is not tried: an answer is not to wait for its picture.
        """
        try:
            return await self._shown(place, mime_type, longest, max_bytes, self.for_answers, PATIENCE_IN_PASSING)
        except (NotShown, PlaceTrouble):
            return None

    async def sheet(self, tiles: Sequence[Tile], within: float) -> Preview | None:
        """Paints small pictures side by side, each under its number; None where none of them can be read in time.

        Args:
            tiles: at least one, with places of files in place of paths.
            within: seconds; pictures that are not read by then leave empty tiles.
        """
        began = anyio.current_time()
        async with self.for_answers:
            tiles = tuple(tiles[: contact_sheet.MOST_TILES])
            try:
                tiles = await self._reading.run(self._tiles_on_disk, tiles)
            except FolderHangs:
                return None
            seconds = min(within, self._patience) - (anyio.current_time() - began) - _AROUND_SHEET
            made = await self._painted(tiles, seconds)
        return Preview(*made) if made else None

    def _tiles_on_disk(self, tiles: Sequence[Tile]) -> list[Tile]:
        """Returns tiles with the paths of their files, empty for those that cannot be decoded."""
        there: list[Tile] = []
        for tile in tiles:
            path = self._on_disk(tile.path) if tile.path else None
            is_fit = path is not None and not cost_of(path, tile.mime_type).is_too_large
            there.append(replace(tile, path=str(path) if is_fit else ""))
        return there

    def _on_disk(self, place: str) -> Path | None:
        """Returns where a file is on this machine's disk; None where it is not, or cannot be had just now."""
        with suppress(PlaceTrouble):
            return self._files.on_disk(place)
        return None

    async def _painted(self, tiles: Sequence[Tile], seconds: float) -> tuple[bytes, str] | None:
        if getattr(sys, "frozen", False):  # this executable is then no interpreter
            painted = partial(contact_sheet.contact_sheet, tiles, USUAL_SIDE, _LARGEST_SHEET, seconds)
            return await to_thread.run_sync(painted, abandon_on_cancel=True)
        # The package may be found by this process's working directory alone.
        script = "import sys; sys.path.append(sys.argv[1]); from apixo_mcp.media.preview import contact_sheet as c"
        root = str(Path(__file__).parents[3])
        work = contact_sheet.asked(tiles, USUAL_SIDE, _LARGEST_SHEET, seconds)
        done = await _run([sys.executable, "-P", "-c", f"{script}; sys.exit(c.write_sheet(sys.argv[2]))", root, work])
        mime, _, data = done.stdout.partition(b"\n")
        return (data, mime.decode()) if done.returncode == 0 else None

    async def thumbnail(self, place: str, mime_type: str, *, longest: int, max_bytes: int) -> Preview | None:
        """Makes a small picture as `preview` does, however long it takes; its turn is none of an answer's.

        Raises:
            PlaceTrouble: where the file is kept cannot be reached just now.
        """
        try:
            return await self._shown(place, mime_type, longest, max_bytes, self._for_thumbnails, None)
        except NotShown:
            return None

    async def size(self, place: str) -> int | None:
        """Returns the bytes of a file, None where it is gone.

        Raises:
            PlaceTrouble: where it is kept cannot be reached just now.
        """
        return await self._reading.run(self._files.size, place)

    async def view(self, place: str, mime_type: str, *, modest: bool = False) -> Preview:
        """Returns the picture for the model to look at: as large as models make use of, and its base64 under 700 KB.

        Args:
            modest: for a client that may hand it on as text: small enough to cost little then.

        Raises:
            NotShown: there is none, for the reason that it says.
        """
        longest, max_bytes = (_MODEST, _MODEST_BYTES) if modest else (_LARGE, 480_000)
        try:
            return await self._shown(place, mime_type, longest, max_bytes, self._for_views, None)
        except PlaceTrouble:
            raise NotShown("where it is kept cannot be reached just now; try again in a minute") from None

    async def _shown(
        self, place: str, mime_type: str, longest: int, max_bytes: int, turn: anyio.CapacityLimiter, most: float | None
    ) -> Preview:
        """Returns a picture as wanted, from those that are kept or decoded anew in its turn.

        Args:
            most: seconds that decoding may take, as estimated beforehand; None lets it try.
        """
        is_video = mime_type.startswith("video/")
        if is_video and not shrink.has_decoder():
            raise NotShown('only pictures can be looked at (videos with the extra "video")')
        if mime_type not in shrink.FORMATS and not is_video and not (mime_type in _BY_VIDEO and shrink.has_decoder()):
            raise NotShown(await self._reading.run(self._why_not, place, mime_type))
        async with turn:
            path = await self._reading.run(self._files.on_disk, place)
            if path is None:
                raise NotShown("it is no longer there, or a link stands in its place")
            try:
                stat = await self._reading.run(path.stat)
                key = (str(path), stat.st_size, stat.st_mtime_ns, longest, max_bytes)
                if preview := self._kept.get(key):
                    return preview
                cost = await self._reading.run(cost_of, path, mime_type)
                if cost.is_too_large:
                    raise shrink.TooLarge
                if most is not None and cost.seconds > most:
                    raise NotShown("it takes too long to decode")
                made = await self._decoded(path, mime_type, longest, max_bytes, cost)
            except shrink.TooLarge:
                raise NotShown(await self._reading.run(_too_large, path, mime_type)) from None
            except FolderHangs:
                raise
            except (OSError, ValueError):
                raise NotShown("it cannot be read") from None
            if made is None:
                raise NotShown("it cannot be read")
            preview = Preview(*made)
            self._kept.put(key, preview)
        return preview

    async def _decoded(
        self, path: Path, mime_type: str, longest: int, max_bytes: int, cost: Cost
    ) -> tuple[bytes, str] | None:
        if cost.is_small(longest):
            with suppress(shrink.TooLarge):  # its headers tell of fewer pixels than it has
                return await self._reading.run(
                    shrink.shrink, path, mime_type, longest, max_bytes, cost.pixels, patient=True
                )
        return await self._elsewhere(path, mime_type, longest, max_bytes)

    async def _elsewhere(self, path: Path, mime_type: str, longest: int, max_bytes: int) -> tuple[bytes, str] | None:
        """Decodes a picture in a short-lived process, which takes all its memory with it.

        Raises:
            NotShown: it took too long.
            TooLarge: it has too many pixels.
        """
        if getattr(sys, "frozen", False):  # this executable is then no interpreter
            return await self._reading.run(shrink.shrink, path, mime_type, longest, max_bytes, patient=True)
        command = [sys.executable, "-P", shrink.__file__, str(path), mime_type, str(longest), str(max_bytes)]
        with anyio.move_on_after(self._patience):
            done = await _run(command)
            if done.returncode == shrink.TOO_LARGE:
                raise shrink.TooLarge
            if done.returncode == 0:
                mime, _, data = done.stdout.partition(b"\n")
                return data, mime.decode()
            return None
        raise NotShown("it takes too long to decode")

    def _why_not(self, place: str, mime_type: str) -> str:
        """Says why a format has no picture to look at, and how large it is where its headers tell."""
        if not mime_type.startswith("image/"):
            return 'only pictures can be looked at (videos with the extra "video")'
        facts = facts_of_picture(self._on_disk(place), mime_type)
        size = f"; it has {facts.width} x {facts.height} pixels" if facts.width else ""
        return f"this format cannot be shown{size}"


async def _run(command: Sequence[str]) -> "subprocess.CompletedProcess[bytes]":
    return await anyio.run_process(
        command,
        stdin=subprocess.DEVNULL,  # the parent's is the protocol's line
        stderr=subprocess.DEVNULL,
        check=False,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def _too_large(path: Path, mime_type: str) -> str:
    facts = facts_of_picture(path, mime_type)
    size = (facts.width or 0) * (facts.height or 0)
    return f"it is too large to view: {round(size / 1e6)} megapixels" if size else "it is too large to view"
