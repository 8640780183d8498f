"""Links to files of results: for whoever is given one, for an hour, and for that very file alone."""

import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from mcp import MCPError
from support.house import ALICE, BOB, House, made
from support.program import text_of

from apixo_mcp.server.links import LINK_LASTS, LINKS, ResultLinks, read_link
from apixo_mcp.tasks.ports.lookups import TaskQuery

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("era", ["auto"])]


async def a_link(house: House, **given: Any) -> tuple[dict[str, Any], str]:
    """A picture of hers, as it is told, and where its link leads on this server."""
    async with house.client(ALICE) as alice:
        task = await made(alice, **given)
    return task, urlsplit(task["results"][0]["link"]).path


async def test_an_answer_over_http_has_a_link_in_place_of_a_path(house: House) -> None:
    task, _ = await a_link(house)
    [stored] = await house.app.service.page(ALICE, TaskQuery(limit=1))
    [result] = task["results"]
    assert result["link"].startswith(f"{house.url}/links/")
    assert "path" not in result
    assert "link" in task["next_step"]
    assert "path" not in task["next_step"]
    async with httpx2.AsyncClient(timeout=60) as http:  # whoever they are
        answer = await http.get(result["link"])
        part = await http.get(result["link"], headers={"range": "bytes=-4"})
    assert answer.content == Path(stored.results[0].path).read_bytes()
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert (part.status_code, part.content) == (206, answer.content[-4:])
    folder = str(house.app.settings.download_dir)
    async with house.client(ALICE) as alice:
        task_id = task["task_id"]
        whole = str((await alice.read_resource(f"apixo://tasks/{task_id}")).contents)
        assert "link_expires_at" in whole
        told = [
            whole,
            text_of(await alice.call_tool("list_tasks", {})),
            text_of(await alice.call_tool("view_result", {"task_id": task_id})),
            text_of(await alice.call_tool("download_results", {"task_id": task_id})),
            text_of(several := await alice.call_tool("check_task", {"task_ids": [task_id]})),
        ]
    assert not [words for words in told if folder in words], "a path of the server's machine"
    assert several.structured_content is not None
    [link] = several.structured_content["tasks"][0]["links"]
    async with httpx2.AsyncClient(timeout=60) as http:
        assert (await http.get(link)).content == answer.content


@pytest.mark.parametrize("given", [{"public_url": "https://mcp.example.com/apixo"}])
async def test_links_begin_with_the_public_url(house: House) -> None:
    task, _ = await a_link(house)
    link = task["results"][0]["link"]
    assert link.startswith("https://mcp.example.com/apixo/links/")
    async with house.http(host="mcp.example.com", origin="https://chat.example") as http:
        assert (await http.get(link.removeprefix("https://mcp.example.com/apixo"))).status_code == 200


async def test_who_is_not_here_names_no_folder(house: House) -> None:
    task, _ = await a_link(house)
    async with house.client(ALICE) as alice:
        asked = {"task_id": task["task_id"], "directory": str(house.app.settings.download_dir)}
        answer = await alice.call_tool("download_results", asked)
    assert answer.is_error
    assert "left out, each file comes as a link" in text_of(answer)


def changed(at: str) -> Iterator[str]:
    """A link in which one thing is another."""
    _, _, token, name = at.split("/")
    task_id, index, minute, proof = token.split("-", 3)
    yield f"{LINKS}{'a' * 26}-{index}-{minute}-{proof}/{name}"
    yield f"{LINKS}{task_id}-1-{minute}-{proof}/{name}"
    yield f"{LINKS}{task_id}-{index}-{int(minute, 16) + 60:x}-{proof}/{name}"
    yield f"{LINKS}{task_id}-{index}-{minute}-{proof[:-2]}zA/{name}"
    yield f"{LINKS}{task_id}-{index}-{minute}-{proof[::-1]}/{name}"
    yield f"{LINKS}{token}/page.html"
    yield f"{LINKS}{token}x/{name}"
    yield f"{LINKS}..%2F..%2Ftasks.sqlite3/{name}"


async def test_a_link_that_was_changed_never_was(house: House) -> None:
    _, at = await a_link(house)
    async with house.http() as http:
        for other in changed(at):
            answer = await http.get(other)
            assert answer.status_code == 404, other


async def test_no_guess_of_a_link_is_proved_by_who_knows_all_but_the_proof(house: House) -> None:
    _, at = await a_link(house)
    [task] = await house.app.service.page(ALICE, TaskQuery(limit=1))
    links, good = ResultLinks(house.app.seal), read_link(at.split("/")[2])
    assert good
    assert links.is_proved(good, task, task.results[0])
    guesses = (replace(good, proof=secrets.token_urlsafe(16)) for _ in range(10_000))
    assert not any(links.is_proved(guess, task, task.results[0]) for guess in guesses)


async def test_a_link_is_bound_to_its_owner_and_its_file_and_ends(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, at = await a_link(house)
    [task] = await house.app.service.page(ALICE, TaskQuery(limit=1))
    links = ResultLinks(house.app.seal)
    for other in (
        links.link(replace(task, owner="bob"), task.results[0]),
        links.link(task, replace(task.results[0], sha256="0" * 64)),
        ResultLinks(b"another server").link(task, task.results[0]),
    ):
        async with house.http() as http:
            assert (await http.get(other.url)).status_code == 404
    async with house.http() as http:
        assert (await http.get(at)).status_code == 200
        now = time.time()
        with monkeypatch.context() as patched:
            patched.setattr(time, "time", lambda: now + LINK_LASTS + 61)
            over = await http.get(at)
        assert (over.status_code, "hour" in over.text) == (410, True)
        path = Path(task.results[0].path)
        path.write_bytes(path.read_bytes() + b"more")
        assert (await http.get(at)).status_code == 410


async def test_a_link_dies_with_its_owner(house: House) -> None:
    _, at = await a_link(house)
    async with house.http() as http:
        await house.app.owners.revoke(BOB.name)
        assert (await http.get(at)).status_code == 200
        await house.app.owners.revoke(ALICE.name)
        assert (await http.get(at)).status_code == 404


async def test_a_finished_picture_takes_300_tokens_with_its_link_too(house: House) -> None:
    fox = {"model": "nano-banana", "prompt": "x" * 200 + " [took:0]", "wait_seconds": 20}
    async with house.client(ALICE) as alice:
        answer = await alice.call_tool("generate_image", fox)
        four = await alice.call_tool("generate_image", {**fox, "model": "seedream-4-5", "num_images": 4})
    assert answer.structured_content is not None
    [result] = answer.structured_content["results"]
    # A URL counts as a hundred characters, as elsewhere; that of the server as one of a usual length.
    grown = len("https://mcp.example.com") - len(house.url) + 100 - len(result["url"])
    assert (len(text_of(answer)) + grown) / 4 <= 300
    assert (len(text_of(four)) + 4 * grown) / 4 <= 600


async def test_an_error_of_a_resource_names_no_path(house: House) -> None:
    task, _ = await a_link(house)
    [stored] = await house.app.service.page(ALICE, TaskQuery(limit=1))
    Path(stored.results[0].path).unlink()
    async with house.client(ALICE) as alice:
        with pytest.raises(MCPError) as refused:
            await alice.read_resource(f"apixo://results/{task['task_id']}/0")
    assert str(house.app.settings.download_dir) not in str(refused.value.error)
