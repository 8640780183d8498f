"""What is looked at before a task with local files is sent, whichever process sends it."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from support.media_wire import a_task

from apixo_mcp.generation import Failure
from apixo_mcp.media import kinds
from apixo_mcp.media.inputs.input_links import InputLinks
from apixo_mcp.media.roots import Roots
from apixo_mcp.outside.file_reach import FileReach
from apixo_mcp.outside.reach import PublicReach
from apixo_mcp.outside.set_up import why_not_called_back
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.callbacks import Addresses
from apixo_mcp.tasks.running.reach import NoReach, NotNow, Sendable
from apixo_mcp.tasks.task import TUNNELLED

pytestmark = pytest.mark.anyio

PNG = kinds.for_extension(".png")
HOST = "https://files.example"


async def answers(url: str) -> bool:
    return True


async def is_silent(url: str) -> bool:
    return False


@pytest.mark.parametrize("change", ["painted anew", "deleted", "a link", "a link that leads outside"])
async def test_a_file_that_is_not_what_was_asked_for_keeps_its_task_from_being_sent(tmp_path: Path, change: str):
    picture = tmp_path / "mine" / "mine.png"
    picture.parent.mkdir()
    Image.new("RGB", (8, 8), "red").save(picture)
    links = InputLinks(HOST, b"secret", tmp_path / "served", Roots([picture.parent]))
    assert PNG is not None
    task = replace(a_task(), inputs={"prompt": "a fox", "image_urls": [links.url_of(picture, PNG)]})
    reach = FileReach(NoReach(), links, answers, HOST, HOST)
    assert isinstance(await reach.prepared(task), Sendable)
    match change:
        case "painted anew":
            Image.new("RGB", (16, 8), "blue").save(picture)
        case "deleted":
            picture.unlink()
        case _:
            elsewhere = tmp_path if change == "a link that leads outside" else picture.parent
            picture.rename(elsewhere / "other.png")
            picture.symlink_to(elsewhere / "other.png")
    failure = await reach.confirmed(task, Sendable(task.inputs))
    assert failure == await reach.prepared(task)
    assert isinstance(failure, Failure)
    assert (failure.code, failure.charged) == ("INPUT_CHANGED", "no")


async def test_the_address_of_another_server_that_looks_alike_is_sent_as_it_is(tmp_path: Path):
    links = InputLinks(HOST, b"secret", tmp_path / "served", Roots([tmp_path]))
    task = replace(a_task(), inputs={"image_urls": [f"https://elsewhere.example/inputs/{'0' * 64}/image.png"]})
    assert isinstance(await FileReach(NoReach(), links, answers, HOST, HOST).prepared(task), Sendable)


@pytest.mark.parametrize("address", [HOST, TUNNELLED.rstrip("/")])
async def test_a_file_that_nothing_leads_to_any_more_is_not_paid_for(tmp_path: Path, address: str):
    picture = tmp_path / "mine.png"
    Image.new("RGB", (8, 8), "red").save(picture)
    links = InputLinks(address, b"secret", tmp_path / "served", Roots([tmp_path]))
    assert PNG is not None
    task = replace(a_task(), inputs={"image_urls": [links.url_of(picture, PNG)]})
    for grant in (tmp_path / "served").iterdir():
        grant.unlink()
    failure = await FileReach(NoReach(), links, answers, HOST, HOST).prepared(task)
    assert isinstance(failure, Failure)
    assert (failure.code, failure.charged) == ("INPUT_CHANGED", "no")
    links.url_of(picture, PNG)  # asked for anew
    assert not isinstance(await FileReach(NoReach(), links, answers, HOST, HOST).prepared(task), Failure)


async def test_a_file_outside_the_roots_of_a_process_is_left_to_another(tmp_path: Path):
    picture, other = tmp_path / "mine" / "mine.png", tmp_path / "other"
    picture.parent.mkdir()
    other.mkdir()
    Image.new("RGB", (8, 8), "red").save(picture)
    assert PNG is not None
    links = InputLinks(HOST, b"secret", tmp_path / "served", Roots([picture.parent]))
    task = replace(a_task(), inputs={"image_urls": [links.url_of(picture, PNG)]})
    theirs = FileReach(NoReach(), InputLinks(HOST, b"secret", tmp_path / "served", Roots([other])), answers, HOST, HOST)
    for kept in (await theirs.prepared(task), await theirs.confirmed(task, Sendable(task.inputs))):
        assert isinstance(kept, NotNow)
        assert "APIXO_MCP_ALLOWED_ROOTS" in kept.missing
    assert isinstance(await FileReach(NoReach(), links, answers, HOST, HOST).prepared(task), Sendable)


@pytest.mark.parametrize("served_at", ["", "https://moved.example"], ids=["served elsewhere", "served before"])
async def test_a_file_that_another_process_hands_out_is_asked_for_before_it_is_paid_for(tmp_path: Path, served_at: str):
    picture = tmp_path / "mine.png"
    Image.new("RGB", (8, 8), "red").save(picture)
    assert PNG is not None
    links = InputLinks(HOST, b"secret", tmp_path / "served", Roots([tmp_path]))
    task = replace(a_task(), inputs={"image_urls": [links.url_of(picture, PNG)]})
    kept = await FileReach(NoReach(), links, is_silent, served_at, served_at).confirmed(task, Sendable(task.inputs))
    assert isinstance(kept, NotNow)
    assert HOST in kept.missing
    assert isinstance(await FileReach(NoReach(), links, answers, served_at).prepared(task), Sendable)
    assert isinstance(await FileReach(NoReach(), links, is_silent, HOST).prepared(task), Sendable), (
        "it serves it itself"
    )


REAL = "https://api.apixo.ai"


@pytest.mark.parametrize(
    ("gateway", "url", "asks"),
    [
        (REAL, "https://mcp.example.com", True),
        (REAL, "http://mcp.example.com", False),
        (REAL, "https://192.168.1.5", False),
        (REAL, "https://mcp.internal/here", False),
        (REAL, "http://127.0.0.1:8000", False),
        ("http://127.0.0.1:8765", "http://127.0.0.1:8000", True),
    ],
)
async def test_no_gateway_is_asked_to_call_an_address_that_it_cannot(gateway: str, url: str, asks: bool):
    settings = read_settings(apixo_api_key="sk-x", apixo_base_url=gateway, public_url=url)
    reach = PublicReach(Addresses(url, b"secret"), calls_back=not why_not_called_back(settings))
    sendable = await reach.prepared(a_task())
    assert isinstance(sendable, Sendable)
    assert (sendable.callback_url.startswith(url), sendable.address) == (asks, url)
