import base64
import hashlib
from functools import partial
from pathlib import Path

import anyio
import pytest
from support.earlier import Earlier, nobody
from support.media_wire import a_png, a_result, a_task, a_wav, an_mp4, refusal, whole

from apixo_mcp.catalog.marks import Files
from apixo_mcp.generation import NextAction
from apixo_mcp.media.inputs.inputs import Inputs
from apixo_mcp.media.inputs.measured import url_answers
from apixo_mcp.media.inputs.requirement import LARGEST_PICTURE, modality_of_field
from apixo_mcp.media.roots import Roots
from apixo_mcp.tasks.task import FileState, State, Task

pytestmark = pytest.mark.anyio
NOW = 1_000.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.png").write_bytes(a_png())
    (tmp_path / "a.wav").write_bytes(a_wav())
    (tmp_path / "a.mp4").write_bytes(an_mp4())
    (tmp_path / "a.txt").write_text("hello")
    (tmp_path / "large.png").write_bytes(a_png() + bytes(LARGEST_PICTURE))
    return tmp_path


def inputs(folder: Path, *, data_urls: bool = False, allow_private: bool = False) -> Inputs:
    return Inputs(Roots([folder]), allow_private=allow_private, data_urls=data_urls, clock=lambda: NOW)


async def refused(folder: Path, value: str, field: str = "image_urls", find=nobody, **options: bool) -> str:
    urls, problems = await inputs(folder, **options).resolve(field, [value], find)
    assert urls == []
    return "\n".join(map(str, problems))


async def test_public_urls_pass_in_their_order(folder):
    values = ["https://a.example/1.png?x=1", " http://b.example/2.png"]
    assert await inputs(folder).resolve("image_urls", values, nobody) == ([values[0], values[1].strip()], [])


async def test_every_problem_is_told_at_once_with_its_place(folder):
    values = ["http://10.0.0.1/a.png", "https://a.example/1.png", "ftp://a/b", "task:tsk_x/0"]
    urls, problems = await inputs(folder).resolve("image_urls", values, nobody)
    assert urls == [values[1]]
    assert [problem.field for problem in problems] == ["image_urls[0]", "image_urls[2]", "image_urls[3]"]
    assert "10.0.0.1 is a private address" in problems[0].allowed
    assert "set APIXO_MCP_ALLOW_PRIVATE_HOSTS=1" in problems[0].allowed
    assert "http(s) URL, a local path or task:" in problems[1].allowed
    assert problems[2].next_action is NextAction.SEE_TASKS


async def test_private_urls_pass_where_they_are_allowed(folder):
    url = "http://127.0.0.1:9000/a.png"
    assert await inputs(folder, allow_private=True).resolve("image_urls", [url], nobody) == ([url], [])


async def test_a_local_file_goes_inside_the_request_only_where_that_is_set(folder):
    for value in ("a.png", str(folder / "a.png"), (folder / "a.png").as_uri()):
        said = await refused(folder, value)
        assert "no way to hand them a local one" in said
        assert "as task:<task_id>/<n>" in said
        assert "APIXO_MCP_DATA_URLS=1" in said
        urls, problems = await inputs(folder, data_urls=True).resolve("image_urls", [value], nobody)
        assert problems == []
        assert base64.b64decode(urls[0].removeprefix("data:image/png;base64,")) == a_png()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("image_urls", "a.wav", "must be a picture, and this is a WAV recording"),
        ("video_urls", "a.png", "must be a video, and this is a PNG picture"),
        ("audio_urls", "a.png", "must be a recording, and this is a PNG picture"),
        ("image_urls", "a.txt", "must be a picture, and this is text"),
        ("reference", "a.txt", "must be a media file, and this is text"),
        ("image_urls", "large.png", "must be 10,000,000 bytes at most"),
        ("image_urls", "none.png", "there is no such file"),
        ("image_urls", "C:\\x.png", ""),
    ],
)
async def test_files_that_are_not_wanted(folder, field, value, words):
    assert words in await refused(folder, value, field, data_urls=True)
    said = await refused(folder, value, field)
    assert words in said
    assert "APIXO_MCP_DATA_URLS" not in said, "that would not help"


async def test_the_kind_is_told_by_the_fields_name(folder):
    assert [
        modality_of_field(name) for name in ("image_urls", "first_frame", "video_url", "reference_audio", "other")
    ] == [
        "image",
        "image",
        "video",
        "audio",
        None,
    ]
    for field, value in (("audio_urls", "a.mp4"), ("video_urls", "a.mp4"), ("audio_urls", "a.wav"), ("ref", "a.wav")):
        urls, problems = await inputs(folder, data_urls=True).resolve(field, [value], nobody)
        assert len(urls) == 1, problems


async def test_the_first_refusal_of_a_file_outside_is_the_last(folder):
    said = await refused(folder, "../none.png")
    for words in ("must be inside", "APIXO_MCP_ALLOWED_ROOTS", "APIXO_MCP_DATA_URLS=1", "task:<task_id>/<n>"):
        assert words in said
    said = await refused(folder, "../none.png", data_urls=True)
    assert "APIXO_MCP_ALLOWED_ROOTS" in said
    assert "copy it there, or give its URL" in said
    assert "APIXO_MCP_DATA_URLS" not in said, "it is set"


async def test_a_file_inside_the_call_is_taken_from_a_folder_where_files_are_fetched_from_here(folder):
    fetched = Inputs(Roots([folder]), allow_private=False, data_urls=False, publish=lambda *_: "https://here.example")
    _, problems = await fetched.resolve("image_urls", ["data:image/png;base64,AAAA"], nobody)
    assert "save it as a file in an allowed folder" in str(problems[0])


async def test_data_urls(folder):
    good = "data:image/png;base64," + base64.b64encode(a_png()).decode()
    assert "APIXO_MCP_DATA_URLS" in await refused(folder, good)
    assert (await inputs(folder, data_urls=True).resolve("image_urls", [good], nobody))[0] == [good]
    assert "must be base64" in await refused(folder, "data:image/png,abc", data_urls=True)
    assert "broken" in await refused(folder, "data:image/png;base64,a*b", data_urls=True)
    assert "no media file" in await refused(folder, "data:image/png;base64,AAAA", data_urls=True)
    assert "bytes at most" in await refused(folder, good + "A" * (LARGEST_PICTURE * 2), data_urls=True)


async def test_an_earlier_result_while_its_url_lives(folder):
    task = a_task(
        results=(
            a_result("https://cdn.example/0.png", expires_at=NOW + 1),
            a_result("https://cdn.example/1.png", index=1, expires_at=NOW),
            a_result("https://cdn.example/2.mp4", index=2, kind="video"),
            a_result("", index=3, asset_id="voice-7"),
            a_result("https://cdn.example/4.png", index=4, file=FileState.EXPIRED),
            a_result("https://cdn.example/5.png", index=5, expires_at=NOW - 1, path=str(folder / "a.png")),
        )
    )
    name, find = task.task_id, Earlier(task)
    for value in (f"task:{name}/0", f"apixo://results/{name}/0"):
        assert await inputs(folder).resolve("image_urls", [value], find) == (["https://cdn.example/0.png"], [])
    assert "has expired; put it" in await refused(folder, f"task:{name}/1", find=find)
    assert "must be a picture, and that result is a video" in await refused(folder, f"task:{name}/2", find=find)
    assert "voice-7" in await refused(folder, f"task:{name}/3", find=find)
    assert "has expired" in await refused(folder, f"task:{name}/4", find=find)
    assert f"kept at {folder / 'a.png'}" in await refused(folder, f"task:{name}/5", find=find)
    assert "has 6 results" in await refused(folder, f"task:{name}/6", find=find)
    assert "has 6 results" in await refused(folder, f"task:{name}", find=find)
    assert "counting from 0" in await refused(folder, f"task:{name}/x", find=find)
    urls, _ = await inputs(folder, data_urls=True).resolve("image_urls", [f"task:{name}/5"], find)
    assert urls[0].startswith("data:image/png;base64,")


async def test_an_earlier_result_needs_no_number_where_it_is_the_only_one(folder):
    task = a_task(results=(a_result("https://cdn.example/0.png"),))
    urls, _ = await inputs(folder).resolve("image_urls", [f"task:{task.task_id}"], Earlier(task))
    assert urls == ["https://cdn.example/0.png"]
    assert "has 1 result: task:" in await refused(folder, f"task:{task.task_id}/1", find=Earlier(task))


async def test_a_task_that_has_not_succeeded_has_no_results(folder):
    task = a_task(state=State.PROCESSING)
    assert "that task is processing" in await refused(folder, f"task:{task.task_id}/0", find=Earlier(task))
    empty = a_task()
    assert "has 0 results: none" in await refused(folder, f"task:{empty.task_id}/0", find=Earlier(empty))


def saved(path: Path, **changes) -> Task:
    """A task whose one result was saved at a path, and whose URL lives."""
    content = path.read_bytes()
    facts = {"path": str(path.resolve()), "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return a_task(results=(a_result("https://cdn.example/0.png", file=FileState.SAVED, **facts | changes),))


async def test_the_path_of_a_saved_result_is_that_result(folder):
    (folder / "link.png").symlink_to(folder / "a.png")
    task = saved(folder / "a.png")
    for value in ("a.png", str(folder / "a.png"), (folder / "a.png").as_uri(), "./x/../a.png", "link.png"):
        urls, problems = await inputs(folder).resolve("image_urls", [value], Earlier(task))
        assert (urls, problems) == (["https://cdn.example/0.png"], []), value
    assert "that result is a picture" in await refused(folder, "a.png", "video_urls", find=Earlier(task))
    assert "no way to hand them" in await refused(folder, "a.png"), "it is another owner's"


async def test_it_is_that_result_too_where_its_folder_is_allowed_no_more_or_the_file_is_gone(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    task = saved(folder / "a.png")
    urls, _ = await inputs(elsewhere).resolve("image_urls", [str(folder / "a.png")], Earlier(task))
    assert urls == ["https://cdn.example/0.png"]
    (folder / "a.png").unlink()
    urls, _ = await inputs(folder).resolve("image_urls", ["a.png"], Earlier(task))
    assert urls == ["https://cdn.example/0.png"]


async def test_a_saved_file_that_was_changed_is_another_file(folder):
    path = folder / "a.png"
    task = saved(path)
    for changed in (a_png(9, 6), a_png()[:-1] + b"\0"):  # of another size, and of the same
        path.write_bytes(changed)
        urls, _ = await inputs(folder, data_urls=True).resolve("image_urls", ["a.png"], Earlier(task))
        assert base64.b64decode(urls[0].removeprefix("data:image/png;base64,")) == changed
    said = await refused(folder, "a.png", find=Earlier(task))
    assert f"was changed since it was saved as task:{task.task_id}/0" in said


async def test_a_result_whose_file_was_deleted_is_told_to_be_gone(folder):
    task = a_task(results=(a_result("", file=FileState.EXPIRED, problem="It was deleted in the gallery."),))
    said = await refused(folder, f"task:{task.task_id}/0", find=Earlier(task))
    assert "that result is gone (It was deleted in the gallery); give another one" in said
    assert " id " not in said


async def test_the_file_of_a_result_is_sent_where_its_url_has_died(folder):
    task = saved(folder / "a.png", expires_at=NOW - 1)
    urls, _ = await inputs(folder, data_urls=True).resolve("image_urls", ["a.png"], Earlier(task))
    assert base64.b64decode(urls[0].removeprefix("data:image/png;base64,")) == a_png()
    assert "URL has expired" in await refused(folder, "a.png", find=Earlier(task))


@pytest.mark.parametrize("way", ["inside", "fetched"])
@pytest.mark.parametrize("changed", [a_png(9, 6), a_png()[:-1] + b"\0"], ids=["another size", "the same size"])
async def test_a_result_whose_url_has_died_is_never_another_picture_that_took_its_place(folder, way, changed):
    task = saved(folder / "a.png", expires_at=NOW - 1)
    (folder / "a.png").write_bytes(changed)
    publish = None if way == "inside" else lambda path, _: f"https://here.example/{path.name}"
    both = Inputs(Roots([folder]), allow_private=False, data_urls=True, publish=publish, clock=lambda: NOW)
    urls, problems = await both.resolve("image_urls", [f"task:{task.task_id}/0"], Earlier(task))
    assert urls == []
    assert "changed since it was saved" in str(problems[0])
    assert "give this very path" in str(problems[0])
    urls, problems = await both.resolve("image_urls", [str(folder / "a.png")], Earlier(task))
    assert (len(urls), problems) == (1, []), "by its path it is meant as it is"


@pytest.mark.parametrize(
    ("name", "padding", "files", "words"),
    [
        ("a.png", 15_000_000, Files(20, ("jpg", "png")), ""),
        ("a.png", 15_000_000, Files(), "must be 10,000,000 bytes at most"),
        ("a.png", 20_000_000, Files(20), "must be 20,000,000 bytes at most"),
        ("a.webp", 0, Files(20, ("jpg", "png")), "this model takes JPG, PNG, and this is a WebP picture"),
        ("a.webp", 0, Files(), ""),
    ],
)
async def test_sizes_and_formats_are_those_of_the_models_page(tmp_path, name, padding, files, words):
    start = b"RIFF\x20\0\0\0WEBPVP8 " if name.endswith("webp") else a_png()
    (tmp_path / name).write_bytes(start + bytes(padding))
    # Inside the request, and fetched from here.
    for publish in (None, lambda path, _: f"https://here.example/{path.name}"):
        both = Inputs(Roots([tmp_path]), allow_private=False, data_urls=True, publish=publish)
        urls, problems = await both.resolve("image_urls", [name], nobody, files)
        assert (len(urls), [words in str(problem) for problem in problems]) == ((0, [True]) if words else (1, []))


async def test_a_recording_in_an_mp4_file_passes_where_m4a_does(folder):
    files = Files(128, ("mp3", "wav", "m4a"))
    assert not (await inputs(folder, data_urls=True).resolve("audio_urls", ["a.mp4"], nobody, files))[1]
    files = Files(15, ("wav", "mp3"))
    assert (await inputs(folder, data_urls=True).resolve("audio_urls", ["a.mp4"], nobody, files))[1]


@pytest.mark.parametrize(
    ("answer", "is_kept", "data_urls", "expected"),
    [
        (whole(a_png()), True, True, "url"),
        (whole(a_png()), False, False, "url"),
        (refusal(403), True, True, "file"),
        (refusal(404), False, True, "has expired"),
        (refusal(410), True, False, "kept at"),
        (whole(b"<html>Expired</html>"), True, True, "file"),
        (whole(b'{"error": "expired"}'), False, True, "has expired"),
        (refusal(503), True, True, "file"),
        (refusal(503), False, True, "url"),
    ],
)
@pytest.mark.parametrize("state", [FileState.SAVED, FileState.EXPIRED])
async def test_a_date_that_has_passed_is_no_refusal_the_url_is_asked(
    wire, http, folder, answer, is_kept, data_urls, expected, state
):
    url = wire.answers(answer)
    path = str(folder / "a.png") if is_kept else ""
    task = a_task(results=(a_result(url, expires_at=NOW - 1, path=path, file=state),))
    asking = Inputs(
        Roots([folder]),
        allow_private=True,
        data_urls=data_urls,
        answers=partial(url_answers, http),
        clock=lambda: NOW,
    )
    urls, problems = await asking.resolve("image_urls", [f"task:{task.task_id}/0"], Earlier(task))
    match expected:
        case "url":
            assert (urls, problems) == ([url], [])
        case "file":
            assert urls[0].startswith("data:image/png;base64,")
        case words:
            assert words in str(problems[0])
    assert len(wire.asked) == 1


async def test_a_server_that_says_nothing_is_not_waited_for_long(wire, http):

    async def silent(_, send):
        await anyio.sleep_forever()

    assert await url_answers(http, wire.answers(silent), within=0.1) is None


async def test_a_result_that_came_inside_the_answer_is_sent_from_its_file(folder):
    task = a_task(results=(a_result("data:image/png;base64,AAAA", path=str(folder / "a.png")),))
    value = f"task:{task.task_id}/0"
    urls, _ = await inputs(folder, data_urls=True).resolve("image_urls", [value], Earlier(task))
    assert base64.b64decode(urls[0].removeprefix("data:image/png;base64,")) == a_png()
    assert "came inside the answer" in await refused(folder, value, find=Earlier(task))
