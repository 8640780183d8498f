"""The sandbox fetches what it is given from this machine, as a gateway fetches it from anywhere."""

import http.server
import io
import threading
from collections.abc import Iterator

import anyio
import httpx2
import pytest
from PIL import Image
from support.amounts import in_time
from support.program import happens

from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio
HEADERS = {"authorization": "Bearer sk-test"}


def a_picture(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(out, "PNG")
    return out.getvalue()


class Files(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        content = a_picture("red") if self.path == "/red.png" else b""
        self.send_response(200 if content else 404)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def files() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


async def edited(box: Sandbox, url: str, seconds: float, **given: str) -> str:
    asked = {"mode": "image-to-image", "prompt": f"a fox [took:{seconds}]", "image_urls": [url], **given}
    async with httpx2.AsyncClient(headers=HEADERS, base_url=box.url, timeout=60) as http:
        body = {"request_type": "async", "input": asked}
        answer = await http.post("/api/v1/generateTask/nano-banana", json=body)
        return answer.json()["data"]["taskId"]


async def told(box: Sandbox, task_id: str) -> dict[str, str]:
    async with httpx2.AsyncClient(headers=HEADERS, base_url=box.url, timeout=60) as http:
        with in_time(15):
            while True:
                answer = await http.get("/api/v1/statusTask/nano-banana", params={"taskId": task_id})
                if answer.json()["data"]["state"] in ("success", "failed"):
                    return answer.json()["data"]
                await anyio.sleep(0.02)


@pytest.mark.parametrize(("ratio", "size"), [("auto", (1024, 768)), ("1:1", (1024, 1024))])
async def test_an_edit_shows_what_it_was_given(box: Sandbox, files: str, ratio: str, size: tuple[int, int]) -> None:
    data = await told(box, await edited(box, f"{files}/red.png", 0.1, aspect_ratio=ratio))
    await happens(lambda: any(entry["route"] == "input" for entry in box.log()))
    (entry,) = [entry for entry in box.log() if entry["route"] == "input"]
    assert (entry["outcome"], entry["bytes"]) == ("fetched", len(a_picture("red")))
    async with httpx2.AsyncClient(timeout=60) as http:
        url = data["resultJson"].partition('["')[2].partition('"')[0]
        with Image.open(io.BytesIO((await http.get(url)).content)) as picture:
            assert picture.size == size, "auto is the shape of the picture that was given"
            colours = picture.convert("RGB").resize((1, 1)).getpixel((0, 0))
    assert isinstance(colours, tuple)
    assert colours[0] > 2 * colours[1]


async def test_an_edit_of_its_own_result_has_that_shape(box: Sandbox, files: str) -> None:
    async with httpx2.AsyncClient(timeout=60) as http:
        url = f"{files}/red.png"
        for _ in range(3):  # each is an edit of the one before
            data = await told(box, await edited(box, url, 0.1, aspect_ratio="auto"))
            url = data["resultJson"].partition('["')[2].partition('"')[0]
        await happens(lambda: any(entry["route"] == "input" for entry in box.log()))
        with Image.open(io.BytesIO((await http.get(url)).content)) as picture:
            assert picture.size == (1024, 768)


async def test_a_task_whose_input_is_missing_fails(box: Sandbox, files: str) -> None:
    data = await told(box, await edited(box, f"{files}/none.png", 3.0))
    assert (data["state"], data["failCode"]) == ("failed", "IMAGE_DOWNLOAD_FAILED")


async def test_nothing_is_fetched_from_elsewhere(box: Sandbox) -> None:
    data = await told(box, await edited(box, "https://example.invalid/a.png", 0.0))
    assert data["state"] == "success"
    await happens(lambda: not [entry for entry in box.log() if entry["route"] == "input"])
