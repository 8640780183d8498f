"""Input files over HTTP: whole, in parts, and never what took their place."""

import os
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from support.media_wire import a_png

from apixo_mcp.media import kinds
from apixo_mcp.media.inputs.input_links import InputLinks
from apixo_mcp.media.roots import Roots
from apixo_mcp.outside.file_answer import FileAnswer, asked_part

pytestmark = pytest.mark.anyio
PICTURE = a_png(padding=700_000)
SIZE = len(PICTURE)


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("", range(10)),
        ("bytes=0-3", range(4)),
        ("bytes=4-", range(4, 10)),
        ("bytes=-3", range(7, 10)),
        ("bytes=-30", range(10)),
        ("bytes=8-99", range(8, 10)),
        ("bytes=10-", None),
        ("bytes=-0", None),
        ("bytes=3-2", range(10)),
        ("bytes=-", range(10)),
        ("bytes=0-1,4-5", range(10)),
        ("lines=0-1", range(10)),
        ("bytes=a-b", range(10)),
        (f"bytes={'9' * 5000}-", range(10)),
    ],
)
def test_the_part_that_is_asked_for(header: str, part: range | None) -> None:
    assert asked_part(header, 10) == part


@pytest.fixture
def links(tmp_path: Path) -> InputLinks:
    return InputLinks("https://here.example", b"secret", tmp_path / "served", Roots([tmp_path]))


@pytest.fixture
def client(links: InputLinks) -> Callable[[], httpx2.AsyncClient]:
    async def answer(request: Request) -> Response:
        opened = links.open(request.path_params["token"], request.path_params["name"])
        return FileAnswer(opened.file) if opened else Response(status_code=404)

    app = Starlette(routes=[Route("/inputs/{token}/{name}", answer)])
    return lambda: httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="https://here.example", timeout=60
    )


async def test_a_file_is_answered_whole_or_in_part(
    links: InputLinks, client: Callable[[], httpx2.AsyncClient], tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PICTURE)
    url = links.url_of(path.resolve(), kinds.PNG)
    async with client() as http:
        whole = await http.get(url)
        assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, PICTURE, "image/png")
        assert whole.headers["accept-ranges"] == "bytes"
        assert "sandbox" in whole.headers["content-security-policy"]
        part = await http.get(url, headers={"range": "bytes=5-600004", "if-range": whole.headers["etag"]})
        assert (part.status_code, part.content) == (206, PICTURE[5:600_005])
        assert part.headers["content-range"] == f"bytes 5-600004/{SIZE}"
        another = await http.get(url, headers={"range": "bytes=5-6", "if-range": '"other"'})
        assert (another.status_code, len(another.content)) == (200, SIZE)
        beyond = await http.get(url, headers={"range": f"bytes={SIZE}-"})
        assert (beyond.status_code, beyond.content) == (416, b"")
        assert beyond.headers["content-range"] == f"bytes */{SIZE}"
        head = await http.head(url)
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(SIZE))


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
async def test_what_took_the_place_of_a_file_is_not_served(links: InputLinks, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    path = folder / "a.png"
    path.write_bytes(PICTURE)
    token = links.url_of(path.resolve(), kinds.PNG).split("/")[-2]
    opened = links.open(token, "image.png")
    assert opened is not None
    file = opened.file
    # What is open stays what it was.
    path.rename(folder / "b.png")
    (tmp_path / "secret.png").write_bytes(PICTURE)
    path.symlink_to(tmp_path / "secret.png")
    file.content.seek(0)
    assert file.content.read(8) == PICTURE[:8]
    file.content.close()
    assert links.open(token, "image.png") is None
    path.unlink()
    folder.rename(tmp_path / "moved")
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.png").write_bytes(PICTURE)
    os.utime(other / "a.png", ns=(0, (tmp_path / "moved" / "b.png").stat().st_mtime_ns))
    folder.symlink_to(other)
    assert links.open(token, "image.png") is None, "its folder leads elsewhere"
