"""A wish on its way to the wire: no file is dropped, and names that only this server knows never leave it."""

from pathlib import Path
from typing import Any

import pytest
from support.earlier import Earlier, nobody

from apixo_mcp.catalog.custom import load_custom
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.errors import InvalidInput
from apixo_mcp.media.inputs.inputs import Inputs
from apixo_mcp.media.roots import Roots
from apixo_mcp.tasks.asking.request import GenerationRequest, checked
from apixo_mcp.tasks.owner import LOCAL
from apixo_mcp.tasks.task import Result, State, Task

pytestmark = pytest.mark.anyio
CATALOG = Catalog()
A, B = "https://example.com/a.png", "https://example.com/b.png"
OURS = "tsk_abcdefghijklmnopqrstuvwxyz"


def a_task(model: str, **changes: Any) -> Task:
    gateway = "ruxa" if model.startswith("ruxa/") else "apixo"
    values: dict[str, Any] = {
        "task_id": OURS,
        "owner": "local",
        "gateway": gateway,
        "base_url": "http://127.0.0.1",
        "key_print": "kp",
        "model": model,
        "wire_model": model.removeprefix("ruxa/"),
        "modality": "image",
        "state": State.SUCCESS,
        "prompt": "a fox",
        "inputs": {},
        "created_at": 1.0,
        "updated_at": 1.0,
        "remote_id": "remote-1",
        "results": (Result(index=0, url="https://cdn.example/0.png"),),
    }
    return Task(**(values | changes))


async def wire(model: str, *, task: Task | None = None, own_names: bool = False, **given: Any) -> dict[str, Any]:
    options = given.pop("options", {})
    request = GenerationRequest(owner=LOCAL, model=model, arguments=given, options=options, own_names=own_names)
    inputs = Inputs(Roots([Path(__file__).parent]), allow_private=False, data_urls=False)
    found = (await checked(CATALOG.find(model), request, inputs, Earlier(*([task] if task else [])))).input
    return found.wire()


async def refused(model: str, **given: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        await wire(model, **given)
    return {problem.field: problem.allowed for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("model", "given", "field"),
    [
        ("ruxa/sora-2", {"image_urls": [A, B]}, "image_urls"),
        ("ruxa/sora-2", {"options": {"input_reference": [A, B]}}, "image_urls"),
        ("ruxa/sora-2", {"options": {"input_reference": [A, B]}, "own_names": True}, "input_reference"),
        ("wan-2-5-video", {"mode": "image-to-video", "options": {"image_url": [A, B]}}, "image_url"),
        ("flux-kontext", {"options": {"image_url": [A, B]}}, "image_url"),
    ],
)
async def test_several_files_for_one_are_refused(model: str, given: dict[str, Any], field: str) -> None:
    assert await refused(model, prompt="x", **given) == {field: "takes one value, not a list"}


async def test_one_file_for_one_may_stand_in_a_list() -> None:
    assert (await wire("ruxa/sora-2", prompt="x", image_urls=[A]))["input_reference"] == A
    assert (await wire("ruxa/sora-2", prompt="x", options={"input_reference": []})) == {"prompt": "x"}


async def test_a_model_that_no_page_describes_gets_its_files_as_they_were_given() -> None:
    for files in ([A], [A, B]):
        assert (await wire("qwen-image", prompt="x", image_urls=files))["image_urls"] == files
    assert (await wire("qwen-image", prompt="x", options={"image_urls": A}))["image_urls"] == A


async def test_a_single_file_of_a_users_own_model_is_never_one_of_several(tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    path.write_text(
        '{"models": {"mine": {"gateway": "apixo", "modality": "image", "input": {"properties": '
        '{"photo": {"type": "string", "format": "uri"}, '
        '"more": {"type": ["array", "null"], "items": {"type": "string", "format": "uri"}}}}}}}'
    )
    (model,) = load_custom(path)
    inputs = Inputs(Roots([tmp_path]), allow_private=False, data_urls=False)

    request = GenerationRequest(owner=LOCAL, model="mine", arguments={}, options={"photo": [A, B], "more": A})
    with pytest.raises(InvalidInput, match="photo"):
        await checked(model, request, inputs, nobody)
    request = GenerationRequest(owner=LOCAL, model="mine", arguments={}, options={"photo": [A], "more": A})
    found = (await checked(model, request, inputs, nobody)).input
    assert found.wire() == {"photo": A, "more": [A]}


async def test_what_is_wrong_with_a_file_is_told_under_the_name_it_was_given_by() -> None:
    assert set(await refused("ruxa/sora-2", prompt="x", image_urls=["ftp://a/b", A])) == {"image_urls[0]", "image_urls"}
    assert set(await refused("ruxa/google/nano-banana-pro", prompt="x", image_urls=["ftp://a/b"])) == {"image_urls"}


async def test_files_in_one_text_are_asked_for_as_a_list() -> None:
    assert "list" in (await refused("nano-banana", prompt="x", image_urls=f"{A},{B}"))["image_urls"]


@pytest.mark.parametrize(
    ("model", "field", "source", "more"),
    [
        ("midjourney", "taskId", "midjourney", {"mode": "upscale", "options": {"imageIndex": 1}}),
        ("grok-video", "task_id", "grok-image", {"prompt": "x", "options": {"index": 0}}),
        ("ruxa/sora-2", "character_from_task", "ruxa/sora-2-hd", {"prompt": "x"}),
    ],
)
async def test_an_earlier_task_is_named_as_the_gateway_knows_it(
    model: str, field: str, source: str, more: dict[str, Any]
) -> None:
    task = a_task(source)

    async def sent(given: str, task: Task | None) -> str:
        options = {**more.get("options", {}), field: given}
        return (await wire(model, task=task, **{**more, "options": options}))[field]

    async def said(given: str, task: Task | None) -> str:
        with pytest.raises(InvalidInput) as caught:
            await sent(given, task)
        (problem,) = caught.value.problems
        assert problem.field == field
        return problem.allowed

    assert await sent(OURS, task) == "remote-1"
    assert await sent(f"task:{OURS}", task) == "remote-1"
    assert await sent("the-gateways-own", None) == "the-gateways-own"
    assert "no such task" in await said(OURS, None)
    assert "no id" in await said(OURS, a_task(source, remote_id="", state=State.SUBMITTING, results=()))
    assert "not one of its results" in await said(f"task:{OURS}/0", task)
    other = "nano-banana" if model.startswith("ruxa/") else "ruxa/sora-2"
    assert f"one of {other}" in await said(OURS, a_task(other))


async def test_an_earlier_task_must_be_of_the_model_that_the_page_names() -> None:
    said = await refused(
        "midjourney", mode="upscale", options={"taskId": OURS, "imageIndex": 1}, task=a_task("nano-banana")
    )
    assert said == {"taskId": "must be a task of midjourney, and that is one of nano-banana"}


async def test_our_names_for_files_never_reach_the_wire_in_fields_that_no_page_describes() -> None:
    task = a_task("nano-banana")
    options = {"image": f"task:{OURS}/0", "extra": [{"reference": f"apixo://results/{OURS}/0"}]}
    sent = await wire("qwen-image", prompt="task:x/0", options=options, task=task)
    url = "https://cdn.example/0.png"
    assert sent == {"prompt": "task:x/0", "image": url, "extra": [{"reference": url}]}
    assert "no such task" in (await refused("qwen-image", prompt="x", options={"image": "task:none/0"}))["image"]
    for path in ("/etc/passwd", "cat.png", "C:\\cat.png", "file:///cat.png", "~/cat.png"):
        assert set(await refused("runway-gen4-image", prompt="x", options={"image": path})) == {"image"}
    kept = {
        "image_prompt": "/imagine a fox",
        "image_size": "1:1",
        "image_quality": "high",
        "style": "/imagine",
        "image": A,
    }
    assert (await wire("runway-gen4-image", prompt="x", options=kept)).items() >= kept.items()


async def test_empty_options_count_as_not_given() -> None:
    empty = {"size": "", "image_urls": [], "aspect_ratio": None, "mode": "", "prompt_optimize_mode": None}
    sent = await wire("seedream-4-5", prompt="x", options=empty)
    assert sent == {"prompt": "x", "mode": "text-to-image", "max_images": 1}
    assert (await refused("qwen-image", options={"prompt": ""}))["prompt"] == "must not be empty"
    assert (await wire("nano-banana", prompt="x", image_urls=[A], options={"mode": None}))["mode"] == "image-to-image"
