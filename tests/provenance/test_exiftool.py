"""Files of the sandbox that tell where they came from, read by a program that is not ours; through the front door."""

import hashlib
import io
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from support.described import FILMS, PICTURES, described, exiftool, pixels
from support.program import program, structure, text_at, told_once, values_for

from apixo_mcp.provenance.embedded import told_by
from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio

PROMPT = 'A red <fox> & "its" den, 狐狸 🦊'
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "png": ("generate_image", {"model": "nano-banana", "output_format": "png", "prompt": PROMPT}),
    "jpg": ("generate_image", {"model": "image-watermark-remover", "image_urls": ["task:last/0"]}),
    "webp": (
        "generate_image",
        {"model": "image-upscaler", "output_format": "webp", "image_urls": ["task:last/0"]},
    ),
    "mp4": ("generate_video", {"model": "veo-3-1", "prompt": PROMPT}),
}
ALL = {**PICTURES, **FILMS}


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=1000) as box:
        yield box


@pytest.mark.parametrize("kind", ASKED)
async def test_a_file_of_the_sandbox_is_read_by_another_program(box: Sandbox, tmp_path: Path, kind: str):
    exiftool(Path(__file__).parents[1] / "media" / "files" / "ok.png")  # or this is left out
    tool, arguments = ASKED[kind]
    async with program("memory", {**values_for(box, tmp_path), "embed": True}) as dial, Client(dial()) as client:
        for name, given in (ASKED["png"], (tool, arguments)):
            task = structure(await client.call_tool(name, {**given, "wait_seconds": 40}))
            assert task["state"] == "success", task
        await told_once(client, task, lambda now: "path" in now["results"][0])  # its file may be on its way still
        whole = json.loads(await text_at(client, f"apixo://tasks/{task['task_id']}"))["results"][0]
        async with httpx2.AsyncClient(timeout=60) as http:
            served = (await http.get(whole["url"])).content
    path = Path(whole["path"])
    assert path.suffix == f".{kind}"
    on_disk = path.read_bytes()
    assert whole["sha256"] == hashlib.sha256(served).hexdigest()
    assert whole["file_sha256"] == hashlib.sha256(on_disk).hexdigest()
    assert whole["bytes"] == len(on_disk)
    if kind == "mp4":
        assert on_disk[: len(served)] == served
    else:
        assert pixels(on_disk) == pixels(served)
    told = told_by(on_disk)
    assert told is not None
    prompt = arguments.get("prompt", "")
    assert (told.prompt, told.task_id, told.model) == (prompt, task["task_id"], arguments["model"])
    read = exiftool(path)
    assert read["ExifTool:Validate"] == "OK"
    assert json.loads(read["XMP-apixo:Provenance"]) == told.structure
    assert (read.get("XMP-dc:Description", ""), read.get("XMP-iptcExt:AIPromptInformation", "")) == (prompt, prompt)
    assert (read["XMP-iptcExt:AISystemUsed"], read["XMP-xmp:CreatorTool"]) == (arguments["model"], told.app)
    assert read["XMP-iptcExt:DigitalSourceType"].endswith("/trainedAlgorithmicMedia")


@pytest.mark.parametrize("name", ALL)
def test_every_form_holds_in_the_eyes_of_another_program(tmp_path: Path, name: str):
    before, after = tmp_path / "before", tmp_path / "after"
    before.write_bytes(ALL[name]())
    after.write_bytes(described(ALL[name]()))
    was, read = exiftool(before), exiftool(after)
    assert read["ExifTool:Validate"] == was["ExifTool:Validate"]
    assert json.loads(read["XMP-apixo:Provenance"])["prompt"].startswith("A red <fox>")
    assert not [entry for entry in was if entry.startswith("XMP")]


@pytest.mark.parametrize("name", ["png", "jpeg", "webp, lossless", "mp4"])
def test_it_is_read_after_another_program_changed_a_word_of_it(tmp_path: Path, name: str):
    path = tmp_path / "file"
    path.write_bytes(described(ALL[name]()))
    exiftool(path)
    command = ["exiftool", "-q", "-overwrite_original", "-XMP-dc:Title=A title of mine", str(path)]
    subprocess.run(command, check=True, timeout=60)
    assert exiftool(path)["XMP-dc:Title"] == "A title of mine"
    told = told_by(io.BytesIO(path.read_bytes()))
    assert told is not None
    assert told.inputs["seed"] == 7
