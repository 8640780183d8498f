"""What is looked at before a task with local files is sent, whichever process sends it."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from support.media_wire import a_task

from apixo_mcp.generation import Failure
from apixo_mcp.media import kinds
from apixo_mcp.media.input_links import InputLinks
from apixo_mcp.media.roots import Roots
from apixo_mcp.outside.reach import FileReach
from apixo_mcp.tasks.running.reach import NoReach, Sendable

pytestmark = pytest.mark.anyio

PNG = kinds.for_extension(".png")
HOST = "https://files.example"


@pytest.mark.parametrize("change", ["painted anew", "deleted", "a link"])
async def test_a_file_that_is_not_what_was_asked_for_keeps_its_task_from_being_sent(tmp_path: Path, change: str):
    picture = tmp_path / "mine.png"
    Image.new("RGB", (8, 8), "red").save(picture)
    links = InputLinks(HOST, b"secret", tmp_path / "served", Roots([tmp_path]))
    assert PNG is not None
    task = replace(a_task(), inputs={"prompt": "a fox", "image_urls": [links.url_of(picture, PNG)]})
    reach = FileReach(NoReach(), links)
    assert isinstance(await reach.prepared(task), Sendable)
    match change:
        case "painted anew":
            Image.new("RGB", (16, 8), "blue").save(picture)
        case "deleted":
            picture.unlink()
        case _:
            picture.rename(tmp_path / "other.png")
            picture.symlink_to(tmp_path / "other.png")
    failure = await reach.prepared(task)
    assert isinstance(failure, Failure)
    assert (failure.code, failure.charged) == ("INPUT_CHANGED", "no")


async def test_the_address_of_another_server_that_looks_alike_is_sent_as_it_is(tmp_path: Path):
    links = InputLinks(HOST, b"secret", tmp_path / "served", Roots([tmp_path]))
    task = replace(a_task(), inputs={"image_urls": [f"https://elsewhere.example/inputs/{'0' * 64}/image.png"]})
    assert isinstance(await FileReach(NoReach(), links).prepared(task), Sendable)
