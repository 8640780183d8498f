"""A folder that does not answer, as one on a network share that is gone: nobody else waits for it, nothing is lost."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
import pytest
from PIL import Image
from support.amounts import here, in_time
from support.earlier import nobody
from support.media_wire import a_png, a_result, a_task, whole

from apixo_mcp.errors import MediaError
from apixo_mcp.media.folder_threads import FolderHangs, FolderThreads
from apixo_mcp.media.inputs.inputs import Inputs
from apixo_mcp.media.local import LocalFiles
from apixo_mcp.media.places import TransferLimits
from apixo_mcp.media.preview.contact_sheet import Tile
from apixo_mcp.media.preview.previews import NotShown, Previews
from apixo_mcp.media.preview.thumbnails import Thumbnails
from apixo_mcp.media.roots import Roots
from apixo_mcp.media.saver import Saver
from apixo_mcp.tasks.task import FileState, Result, Task

pytestmark = pytest.mark.anyio

PNG = a_png(padding=2_000_000)
LIMITS = TransferLimits(pauses=(), answers_within=here(0.5))


class Share:
    """A network share that can go away and come back."""

    def __init__(self) -> None:
        self._answers = threading.Event()
        self._answers.set()
        self._lock = threading.Lock()
        self.hanging = 0

    def asked(self) -> None:
        """Waits as a call to the share does: until it is there."""
        with self._lock:
            self.hanging += 1
        self._answers.wait()
        with self._lock:
            self.hanging -= 1

    @contextmanager
    def gone(self) -> Iterator[None]:
        self._answers.clear()
        try:
            yield
        finally:
            self._answers.set()


@pytest.fixture
def share() -> Share:
    return Share()


class SharedFiles(LocalFiles):
    def __init__(self, root: Path, share: Share) -> None:
        super().__init__(root)
        self._share = share

    def arrival(self, task: Task, result: Result):
        self._share.asked()
        return super().arrival(task, result)

    def size(self, path: str) -> int | None:
        self._share.asked()
        return super().size(path)

    def on_disk(self, path: str) -> Path | None:
        self._share.asked()
        return super().on_disk(path)


class SharedRoots(Roots):
    def __init__(self, paths: list[Path], on_share: Path, share: Share) -> None:
        super().__init__(paths)
        self._on_share, self._share = on_share, share

    def real_path(self, text: str) -> Path | None:
        if Path(text).is_relative_to(self._on_share):
            self._share.asked()
        return super().real_path(text)

    def writable_dir(self, text: str, *, field: str = "directory") -> Path:
        if Path(text).is_relative_to(self._on_share):
            self._share.asked()
        return super().writable_dir(text, field=field)


async def test_calls_that_hang_are_few_and_come_back(share: Share):
    threads = FolderThreads("/share", most=2, answers_within=here(0.5))
    returned: list[int | None] = []

    def look() -> int:
        share.asked()
        return 7

    with share.gone():
        for _ in range(5):
            with pytest.raises(FolderHangs, match=r"^/share does not answer"):
                await threads.run(look, afterwards=returned.append)
        assert share.hanging <= 2
    with in_time(10):
        while len(returned) < 2:
            await anyio.lowlevel.checkpoint()
    assert returned == [7, 7]
    assert await threads.run(look, afterwards=returned.append) == 7
    assert returned == [7, 7], "only what was given up has something to be done afterwards"


async def test_a_folder_that_hangs_already_is_waited_for_less(share: Share):
    usual = here(1.0)
    threads = FolderThreads("/share", most=5, answers_within=usual, once_hanging=0.01)
    with share.gone():
        with pytest.raises(FolderHangs):
            await threads.run(share.asked)
        began = anyio.current_time()
        for _ in range(3):
            with pytest.raises(FolderHangs):
                await threads.run(share.asked)
        assert anyio.current_time() - began < 2.5 * usual, "each of three would have taken as long"
    with in_time(10):  # the threads that hung take a moment to come back
        while True:
            with suppress(FolderHangs):
                assert await threads.run(lambda: 7) == 7
                break


async def test_small_pictures_are_done_without_where_the_folder_hangs(tmp_path: Path, share: Share):
    path = tmp_path / "a.png"
    Image.new("RGB", (40, 30), "red").save(path)
    size = path.stat().st_size
    result = a_result("", file=FileState.SAVED, path=str(path), mime_type="image/png", bytes=size, sha256="0" * 64)
    task = a_task(results=(result,))
    previews = Previews(SharedFiles(tmp_path, share), FolderThreads("/share", 2, here(0.5)))
    thumbnails = Thumbnails(previews, tmp_path / "small")
    with share.gone(), in_time(30):
        assert await previews.preview(str(path), "image/png") is None
        assert await previews.sheet([Tile("1", str(path), "image/png")], 5.0) is None
        assert await thumbnails.of(task, result) is None
        with pytest.raises(NotShown, match="cannot be reached just now"):
            await previews.view(str(path), "image/png")
    with in_time(30):  # until it is seen that they have ended
        while await previews.preview(str(path), "image/png") is None:
            await anyio.sleep(0.01)
    assert await thumbnails.of(task, result) is not None, "nobody has noted that it has none"


async def test_what_is_given_from_a_folder_that_hangs_is_refused_and_the_rest_is_not(tmp_path: Path, share: Share):
    gone, here = tmp_path / "gone", tmp_path / "here"
    for folder in (gone, here):
        folder.mkdir()
        (folder / "a.png").write_bytes(a_png())
    roots = SharedRoots([gone, here], gone, share)
    inputs = Inputs(roots, allow_private=False, data_urls=True, answers_within=LIMITS.answers_within)
    with share.gone(), in_time(30):
        for _ in range(6):
            urls, problems = await inputs.resolve("image", [str(gone / "a.png")], nobody)
            assert (urls, "does not answer" in str(problems[0])) == ([], True)
        assert share.hanging <= 4
        urls, problems = await inputs.resolve("image", [str(here / "a.png")], nobody)
        assert (len(urls), problems) == (1, [])
    with in_time(30):
        while (await inputs.resolve("image", [str(gone / "a.png")], nobody))[1]:
            await anyio.sleep(0.01)


async def test_what_a_call_raises_is_raised():
    with pytest.raises(PermissionError):
        await FolderThreads("here", most=1, answers_within=30).run(_refused)


def _refused() -> None:
    raise PermissionError


async def test_who_waits_for_a_turn_is_told_too(share: Share):
    threads = FolderThreads("/share", most=1, answers_within=0.05)
    with share.gone():
        async with anyio.create_task_group() as group:
            group.start_soon(_hangs, threads, share)
            group.start_soon(_hangs, threads, share)
        assert share.hanging <= 1


async def _hangs(threads: FolderThreads, share: Share) -> None:
    with pytest.raises(FolderHangs):
        await threads.run(share.asked)


async def test_a_folder_that_is_merely_slow_is_waited_for(share: Share):
    threads = FolderThreads("/slow", most=1, answers_within=0.01)
    slow = threading.Event()

    async def answer_late() -> None:
        with pytest.raises(FolderHangs):  # it is the second in line, and nothing moves
            await threads.run(slow.set)
        slow.set()

    async with anyio.create_task_group() as group:
        group.start_soon(answer_late)
        assert await threads.run(slow.wait, patient=True)


async def test_results_outlast_a_folder_that_hangs(wire, http, tmp_path, share: Share):
    url, pictures, other = wire.answers(whole(PNG)), tmp_path / "pictures", tmp_path / "other"
    other.mkdir()
    saver = Saver(http, SharedFiles(pictures, share), LIMITS, roots=Roots([other]))
    earlier = await Saver(http, LocalFiles(pictures), TransferLimits()).save(a_task(), a_result(url))
    assert earlier.file is FileState.SAVED
    with share.gone():
        results: list[Result] = []

        async def save(index: int) -> None:
            results.append(await saver.save(a_task(), a_result(url, index=index)))

        async with anyio.create_task_group() as group:
            for index in range(1, 9):
                group.start_soon(save, index)
        assert len(results) == 8
        for result in results:
            assert (result.file, result.url) == (FileState.FAILED, url)
            assert result.problem.startswith(f"The file could not be written: {pictures} does not answer")
            assert result.problem.endswith("It is tried again by itself.")
        assert share.hanging <= LIMITS.looking
        assert await saver.is_there(earlier), "what is not known to be gone is not fetched again"
        assert await saver.copy(a_task(), earlier, other) == other / Path(earlier.path).name
        assert await saver.folder(str(other)) == other
    with in_time(10):  # the threads that hung take a moment to come back
        while (saved := await saver.save(a_task(), a_result(url, index=1))).file is not FileState.SAVED:
            await anyio.lowlevel.checkpoint()
    assert Path(saved.path).read_bytes() == PNG


async def test_a_folder_that_hangs_amid_a_file_is_told_and_the_rest_comes_later(
    wire, http, tmp_path, share: Share, monkeypatch
):
    from apixo_mcp.media.partial import PartialFile

    write = PartialFile.write

    def write_there(part: PartialFile, data: bytes | bytearray) -> None:
        share.asked()
        write(part, data)

    monkeypatch.setattr(PartialFile, "write", write_there)
    url = wire.answers(whole(PNG))
    saver = Saver(http, LocalFiles(tmp_path), LIMITS)
    with share.gone():
        failed = await saver.save(a_task(), a_result(url))
        assert failed.file is FileState.FAILED
        assert f"{tmp_path} does not answer" in failed.problem
    with in_time(10):
        while (saved := await saver.save(a_task(), a_result(url))).file is not FileState.SAVED:
            await anyio.lowlevel.checkpoint()
    assert Path(saved.path).read_bytes() == PNG


async def test_no_other_try_writes_to_a_file_that_a_thread_still_has(wire, http, tmp_path, share: Share, monkeypatch):
    from apixo_mcp.media.partial import PartialFile

    begin, hung = PartialFile.begin, threading.Event()

    def begin_there(part: PartialFile, etag: str, total: int | None) -> None:
        if not hung.is_set():  # the folder answers all others
            hung.set()
            share.asked()
        begin(part, etag, total)

    monkeypatch.setattr(PartialFile, "begin", begin_there)
    url = wire.answers(whole(PNG))
    saver = Saver(http, LocalFiles(tmp_path), LIMITS)
    with share.gone():
        assert (await saver.save(a_task(), a_result(url))).file is FileState.FAILED
        again = await saver.save(a_task(), a_result(url))
        assert again.file is FileState.FAILED, "what hangs would put its own beginning in the place of a whole file"
        assert f"{tmp_path} does not answer" in again.problem
        assert len(wire.asked) == 1
        other = await saver.save(a_task(), a_result(url, index=1))
        assert Path(other.path).read_bytes() == PNG
    with in_time(10):
        while (saved := await saver.save(a_task(), a_result(url))).file is not FileState.SAVED:
            await anyio.lowlevel.checkpoint()
    assert Path(saved.path).read_bytes() == PNG


async def test_a_file_that_gets_no_turn_is_let_go_of(wire, http, tmp_path, share: Share, monkeypatch):
    from apixo_mcp.media.partial import PartialFile

    write, is_open = PartialFile.write, set[int]()

    def write_there(part: PartialFile, data: bytes | bytearray) -> None:
        share.asked()
        write(part, data)

    class CountedFiles(LocalFiles):
        def arrival(self, task: Task, result: Result):
            arrival = super().arrival(task, result)
            close = arrival.close

            def closed() -> None:
                close()
                is_open.discard(result.index)

            monkeypatch.setattr(arrival, "close", closed)
            is_open.add(result.index)
            return arrival

    monkeypatch.setattr(PartialFile, "write", write_there)
    url = wire.answers(whole(PNG))
    saver = Saver(http, CountedFiles(tmp_path), TransferLimits(pauses=(), answers_within=here(0.2), writing=1))
    with share.gone():
        for index in range(3):
            assert (await saver.save(a_task(), a_result(url, index=index))).file is FileState.FAILED
        with in_time(10):
            while is_open != {0}:
                await anyio.lowlevel.checkpoint()
    with in_time(10):
        while (saved := await saver.save(a_task(), a_result(url, index=2))).file is not FileState.SAVED:
            await anyio.lowlevel.checkpoint()
    assert Path(saved.path).read_bytes() == PNG


async def test_copies_into_a_folder_that_hangs_are_told_and_keep_no_others_waiting(wire, http, tmp_path, share: Share):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    saver = Saver(http, LocalFiles(tmp_path / "pictures"), LIMITS, roots=SharedRoots([here, there], there, share))
    with share.gone():
        for name in "abcdefgh":  # however many folders of the share are named
            with pytest.raises(MediaError, match=f"{there} does not answer"):
                await saver.folder(str(there / name))
        assert share.hanging <= LIMITS.looking
        assert await saver.folder(str(here)) == here
    with in_time(10):
        while await _folder(saver, there) != there:
            await anyio.lowlevel.checkpoint()


async def _folder(saver: Saver, folder: Path) -> Path | None:
    try:
        return await saver.folder(str(folder))
    except MediaError:
        return None
