"""With `APIXO_MCP_EMBED=1` a saved file tells where it came from, and all that looks after files goes on working."""

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest
from support.described import PICTURES, described, pixels
from support.earlier import Earlier
from support.media_wire import (
    Wire,
    a_png,
    a_result,
    a_task,
    a_wav,
    an_mp4,
    content,
    cut,
    files,
    open_ended,
    ranged,
    refusal,
    whole,
)
from support.others_files import OF_OTHERS

from apixo_mcp.media.folder import Folder
from apixo_mcp.media.inputs.inputs import Inputs
from apixo_mcp.media.local import LocalFiles
from apixo_mcp.media.partial import PartialFile
from apixo_mcp.media.places import TransferLimits
from apixo_mcp.media.roots import Roots
from apixo_mcp.media.saver import Saver
from apixo_mcp.media.telling.task_provenance import provenance_of
from apixo_mcp.media.telling.told import told_of
from apixo_mcp.net.http import Http
from apixo_mcp.provenance.embedded import told_by
from apixo_mcp.tasks.task import FileState, Result

pytestmark = pytest.mark.anyio

PNG = a_png(padding=400_000)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def a_telling_saver(http: Http, folder: Path) -> Saver:
    return Saver(http, LocalFiles(folder), TransferLimits(pauses=(0.0, 0.0)), embeds=True)


async def saved_with(http: Http, folder: Path, url: str) -> Result:
    saved = await a_telling_saver(http, folder).save(a_task(), a_result(url))
    assert saved.file is FileState.SAVED, saved.problem
    return saved


async def test_a_saved_file_tells_where_it_came_from(wire: Wire, http: Http, tmp_path: Path):
    saved = await saved_with(http, tmp_path, wire.answers(whole(PNG)))
    on_disk = content(saved)
    told = told_by(on_disk)
    assert told == provenance_of(a_task(), saved)
    assert told is not None
    assert (told.prompt, told.model, told.created_at) == (
        "A red fox, at dawn",
        "nano-banana-pro",
        "2023-11-14T22:13:20Z",
    )
    assert told.inputs == {"image_urls": ["a file of type image/png"]}
    assert pixels(on_disk) == pixels(PNG)
    assert (saved.sha256, saved.file_sha256, saved.bytes) == (sha256(PNG), sha256(on_disk), len(on_disk))
    side = json.loads(Path(f"{saved.path}.json").read_text(encoding="utf-8"))
    assert (side["sha256"], side["file_sha256"], side["bytes"]) == (sha256(PNG), sha256(on_disk), len(on_disk))
    assert files(tmp_path) == sorted([Path(saved.path).name, f"{Path(saved.path).name}.json"])


async def test_without_the_setting_files_stay_as_they_came(wire: Wire, http: Http, tmp_path: Path):
    saver = Saver(http, LocalFiles(tmp_path), TransferLimits(pauses=(0.0, 0.0)))
    saved = await saver.save(a_task(), a_result(wire.answers(whole(PNG))))
    assert content(saved) == PNG
    assert saved.file_sha256 == ""
    assert "file_sha256" not in json.loads(Path(f"{saved.path}.json").read_text(encoding="utf-8"))


async def test_it_is_written_when_the_file_is_whole_and_never_into_the_part(wire: Wire, http: Http, tmp_path: Path):
    saver = a_telling_saver(http, tmp_path)
    url = wire.answers(cut(PNG, 150_000), refusal(503))
    broken = await saver.save(a_task(), a_result(url))
    assert broken.file is FileState.FAILED
    part = next(path for path in tmp_path.rglob(".*.part"))
    assert part.read_bytes() == PNG[:150_000]
    wire.answers(ranged(PNG))
    saved = await saver.save(a_task(), broken)
    assert wire.asked[-1].offset == 150_000
    assert saved.sha256 == sha256(PNG)
    assert told_by(content(saved)) is not None


@pytest.mark.parametrize("name", OF_OTHERS)
async def test_what_others_have_signed_or_described_stays(wire: Wire, http: Http, tmp_path: Path, name: str):
    await stays(wire, http, tmp_path, OF_OTHERS[name][0])


@pytest.mark.parametrize("body", [described(PNG), a_wav(), b"paid for, whatever it is" * 90])
async def test_what_tells_already_and_what_has_no_place_stays(wire: Wire, http: Http, tmp_path: Path, body: bytes):
    await stays(wire, http, tmp_path, body)


async def stays(wire: Wire, http: Http, folder: Path, body: bytes) -> None:
    saved = await saved_with(http, folder, wire.answers(whole(body)))
    assert content(saved) == body
    assert (saved.sha256, saved.file_sha256, saved.bytes) == (sha256(body), "", len(body))


async def test_what_may_be_cut_stays(wire: Wire, http: Http, tmp_path: Path):
    saved = await saved_with(http, tmp_path, wire.answers(open_ended(PNG[:-200])))
    assert saved.problem.startswith("It may be cut")
    assert content(saved) == PNG[:-200]


@pytest.mark.parametrize("body", [PNG, an_mp4(), PICTURES["jpeg"](), PICTURES["webp"]()])
async def test_it_is_found_again_counted_as_there_and_deleted(wire: Wire, http: Http, tmp_path: Path, body: bytes):
    saver, place = a_telling_saver(http, tmp_path), LocalFiles(tmp_path)
    saved = await saver.save(a_task(), a_result(wire.answers(whole(body))))
    assert saved.file_sha256
    asked = len(wire.asked)
    assert await saver.save(a_task(), a_result(saved.url)) == saved, "as after a crash before the row was written"
    assert len(wire.asked) == asked
    assert await saver.is_there(saved)
    copied = await saver.copy(a_task(), saved, tmp_path / "copies")
    assert copied.read_bytes() == content(saved)
    assert await saver.copy(a_task(), saved, tmp_path / "copies") == copied
    assert not place.delete(a_task(), replace(saved, file_sha256=saved.sha256)), "another file"
    assert place.delete(a_task(), saved)


async def test_a_saved_file_stands_for_its_result_as_an_input(wire: Wire, http: Http, tmp_path: Path):
    saved = await saved_with(http, tmp_path, wire.answers(whole(PNG)))
    alive = replace(saved, url="https://cdn.example/0.png", expires_at=2_000.0)
    dead = replace(alive, expires_at=1.0)
    inputs = Inputs(Roots([tmp_path]), allow_private=False, data_urls=True, clock=lambda: 1_000.0)
    for result in (alive, dead):
        find = Earlier(a_task(results=(result,)))
        for value in (saved.path, f"task:{a_task().task_id}/0"):
            urls, problems = await inputs.resolve("image_urls", [value], find)
            assert problems == []
            if result is alive:
                assert urls == ["https://cdn.example/0.png"]
            else:
                assert base64.b64decode(urls[0].removeprefix("data:image/png;base64,")) == content(saved)
    Path(saved.path).write_bytes(content(saved)[:-1] + b"\0")
    urls, problems = await inputs.resolve(
        "image_urls", [f"task:{a_task().task_id}/0"], Earlier(a_task(results=(dead,)))
    )
    assert urls == []
    assert "changed since it was saved" in str(problems[0])


def test_where_it_cannot_be_written_the_file_is_as_before(tmp_path: Path):
    with Folder(tmp_path.resolve()) as folder:
        part = PartialFile(folder, ".x.part")
        part.begin('"one"', 10)
        part.write(b"0123456789")
        part.finish()

        def refuse(source: BinaryIO, target: BinaryIO) -> None:
            target.write(b"half")
            raise OSError("no space left on device")

        def add(source: BinaryIO, target: BinaryIO) -> None:
            target.write(source.read() + b"more")

        with pytest.raises(OSError, match="no space"):
            part.rewrite(refuse)
        assert part.path.read_bytes() == b"0123456789"
        assert files(tmp_path) == [".x.part", ".x.part.json"]
        assert part.rewrite(add) == (14, sha256(b"0123456789more"))
        assert part.path.read_bytes() == b"0123456789more"
        left = part.left()
        assert left is not None
        assert left.is_whole, "what came stays until the file is in its place"
        part.drop()
        assert files(tmp_path) == []


SECRETS = {
    "see https://me:pw@cdn.example:8443/a/b.png?X-Signature=abc#part": "see https://cdn.example:8443/a/b.png",
    "like /home/me/Pictures/fox.png, or C:\\Users\\me\\fox.png": "like fox.png, or fox.png",
    "(~/a/b.jpg) and file:///home/me/c.png": "(b.jpg) and c.png",
    f"https://team.example/inputs/{'0a' * 32}/file.png": "file.png",
    f"https://tunnel.invalid/inputs/{'0a' * 32}/file.png": "file.png",
    "key sk-abcdefghijklmnop1234 amt_abcdefghijklmnopqrst": "key … …",
    "16:9, and/or 24/7, 1/2 of a fox / a cat, /imagine": "16:9, and/or 24/7, 1/2 of a fox / a cat, /imagine",
    "https://[::1]:9/x?y": "https://[::1]:9/x",
    "http://[broken": "…",
}


@pytest.mark.parametrize("text", SECRETS)
def test_no_path_key_or_signed_url_is_told(text: str):
    assert provenance_of(a_task(prompt=text, inputs={"prompt": text}), a_result("u")).prompt == SECRETS[text]
    given = {"note": f"so: {text}", "more": [{"deep": f"so: {text}"}]}
    told = f"so: {SECRETS[text]}"
    assert provenance_of(a_task(inputs=given), a_result("u")).inputs == {"note": told, "more": [{"deep": told}]}


def test_inputs_that_are_about_whoever_asked_are_not_told():
    inputs = {
        "prompt": "A red fox, at dawn",
        "seed": 7,
        "callback_url": "https://mine.example/hook",
        "options": {"api_key": "x", "style": "ink", "webhook": "y", "user_id": "alice"},
        "image_urls": ["/home/me/My Pictures/a fox.png", "data:image/webp;base64,AAAA", "C:\\My Pictures\\b.png"],
    }
    told = provenance_of(a_task(inputs=inputs, owner="alice"), a_result("u"))
    assert told.inputs == {
        "seed": 7,
        "options": {"style": "ink"},
        "image_urls": ["a fox.png", "a file of type image/webp", "b.png"],
    }
    shown = json.dumps(told.structure)
    for secret in ("alice", "kp-secret-print", "/home/me"):
        assert secret not in shown


async def test_the_record_beside_a_file_tells_where_the_file_does_not(wire: Wire, http: Http, tmp_path: Path):
    saver = Saver(http, LocalFiles(tmp_path), TransferLimits(pauses=(0.0, 0.0)))
    saved = await saver.save(a_task(), a_result(wire.answers(whole(PNG))))
    path = Path(saved.path)
    told = told_of(path)
    assert told is not None
    assert (told.by, told.provenance.prompt) == ("record", "A red fox, at dawn")
    path.write_bytes(PNG[:-1] + b"\0")
    assert told_of(path) is None, "it is another picture"
    for wrong in ("[]", '{"bytes": null}', "no JSON", f'{{"bytes": {len(PNG)}}}'):
        Path(f"{path}.json").write_text(wrong)
        assert told_of(path) is None


async def test_a_crash_before_the_file_has_its_place_costs_nothing(wire: Wire, http: Http, tmp_path: Path):
    """The part is whole, and what was being made of it is half done: the next try asks for nothing and tidies up."""
    saver = a_telling_saver(http, tmp_path)
    broken = await saver.save(a_task(), a_result(wire.answers(cut(PNG, 150_000), refusal(503))))
    part = next(path for path in tmp_path.rglob(".*.part"))
    part.write_bytes(PNG)
    part.with_name(f"{part.name}.made").write_bytes(PNG[:5000])
    wire.answers(ranged(PNG))
    saved = await saver.save(a_task(), broken)
    assert (saved.file, saved.sha256) == (FileState.SAVED, sha256(PNG))
    assert told_by(content(saved)) is not None
    assert files(tmp_path) == sorted([Path(saved.path).name, f"{Path(saved.path).name}.json"])


async def test_a_file_that_came_inside_the_answer_tells_too(http: Http, tmp_path: Path):
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    saved = await saved_with(http, tmp_path, url)
    assert saved.sha256 == sha256(PNG)
    assert told_by(content(saved)) is not None
