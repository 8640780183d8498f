"""The gallery in a real browser: every state of it, by mouse and by keyboard alone, live, however long the list is."""

import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.amounts import in_time
from support.chromium import expect, shot, window
from support.gallery_page import Site, failed, site
from support.page_faults import focus_order, overflowing, violations, wear
from support.person import Raw
from support.store_tasks import make_followed

from apixo_mcp.app import App, open_app
from apixo_mcp.owners.tokens import TOKEN_PREFIX, secret_hash
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.task import FileState, Result, State, Task

pytestmark = pytest.mark.anyio

SLOW = {"prompt": "a hen [took:60]", "wait_seconds": 0}
SONG = {"model": "suno", "prompt": "a song of a fox [took:0]", "options": {"style": "folk", "title": "Fox"}}
OPENED = ("a red fox", "a fox runs", "a song of", "refused for nothing", "refused and paid", "a hen", "file is gone")
SCROLLED = 2_000
AT_THE_END = """many => {
  scrollTo({top: document.body.scrollHeight, behavior: 'instant'})
  return !!document.querySelector(`.tile[aria-posinset='${many}']`)
}"""
"""Scrolls to the end, until the last of so many tiles is there."""
FOCUSED = "document.activeElement?.closest('.tile')?.dataset.id ?? ''"


@pytest.fixture
async def here(box: Sandbox, tmp_path: Path, page: Any) -> AsyncIterator[Site]:
    async with site(box, tmp_path, page) as running:
        yield running
        assert page.complaints == []


async def everything(here: Site) -> None:
    """One task of each state, and of each kind."""
    await here.made()
    await here.made(prompt="a fox in four ways [took:0]", model="minimax-image-01", num_images=4)
    await here.made("generate_video", model="ruxa/sora-2", prompt="a fox runs [took:0]")
    await here.made("generate_audio", **SONG)
    await here.put("refused for nothing", state=State.FAILED, failure=failed("no"))
    await here.put("refused and paid for", state=State.FAILED, failure=failed("yes"), estimate_usd=0.03)
    await here.put("nobody knows", state=State.UNKNOWN, failure=failed("unknown"))
    await here.put("never sent", state=State.CANCELLED, attempts=(), sent_at=None)
    lost = Result(index=0, kind="image", file=FileState.EXPIRED, problem="The gateway had deleted it.")
    await here.put("its file is gone", results=(lost,))
    await here.made(**SLOW)


async def walk(here: Site) -> AsyncIterator[str]:
    """Walks through the states of the page, and stops at each of them."""
    page = here.page
    await here.goto()
    await page.locator(".count b").wait_for()
    yield "empty"
    await everything(here)
    await here.tile("a hen").locator("progress").wait_for()
    await here.tile("a fox runs").locator("img").wait_for()
    yield "all"
    for words in (
        "a red fox",
        "a fox runs",
        "a song of",
        "refused for nothing",
        "refused and paid",
        "a hen",
        "file is",
    ):
        await here.tile(words).locator("a").click()
        await page.locator("dialog .more dt").first.wait_for()
        yield f"task {words}"
        await page.keyboard.press("Escape")
        await page.locator("dialog[open]").wait_for(state="detached")
    await here.tile("a red fox").locator("a").focus()
    await page.keyboard.press("Delete")
    await page.locator("dialog.question").wait_for()
    yield "delete"
    await page.keyboard.press("Escape")
    await page.locator("dialog.question").wait_for(state="detached")
    await page.locator("input[type=search]").fill("no such words")
    await page.locator(".count b").wait_for()
    yield "no hit"
    await here.goto("?task=tsk_aaaaaaaaaaaaaaaaaaaaaaaaaa")
    await page.locator("dialog .trouble").wait_for()
    yield "no such task"
    await here.goto("?group=1")
    await here.tile("a hen").wait_for()
    yield "grouped"


@pytest.mark.parametrize("lang", ["en-GB", "zh-CN"])
async def test_every_state_in_both_themes_and_on_a_narrow_screen(
    box: Sandbox, tmp_path: Path, browser: Any, lang: str
) -> None:
    faults: list[str] = []
    async with (
        window(browser, locale=lang, viewport={"width": 1280, "height": 900}) as page,
        site(box, tmp_path, page) as here,
    ):
        async for state in walk(here):
            await shot(page, f"gallery {lang} {state}")
            faults += [f"{state}: {one}" for one in await violations(page)]
            faults += [f"{state}: {one}" for one in await overflowing(page)]
            if state in ("all", "task a red fox"):
                await wear(page, "dark")
                await shot(page, f"gallery {lang} {state} dark")
                await wear(page, "light")
                await page.set_viewport_size({"width": 320, "height": 640})
                await shot(page, f"gallery {lang} {state} narrow")
                await page.set_viewport_size({"width": 1280, "height": 900})
        await expect(page.locator("html")).to_have_attribute("lang", {"en-GB": "en", "zh-CN": "zh-Hans"}[lang])
    assert faults == []
    assert page.complaints == []


async def test_beside_a_picture_stand_prompt_model_seed_cost_and_owner(here: Site) -> None:
    await here.made(seed=7, model="minimax-image-01", prompt="seeded [took:0]")
    await here.made()
    [unpriced] = await here.put("without a price")
    await here.goto()
    for told in ("a red fox", "nano-banana", "$0.03", "of local"):
        await expect(here.tile("a red fox")).to_contain_text(told)
    await expect(here.tile("without a price")).to_contain_text("price not known")
    await expect(here.tile("without a price")).not_to_contain_text("$0")
    await expect(here.tile("seeded")).to_contain_text("seed 7")
    await expect(here.tile("a red fox").locator("img")).to_have_attribute("loading", "lazy")
    await here.goto(f"?task={unpriced.task_id}")
    await here.page.get_by_text("this model has no price here").wait_for()


async def test_each_has_its_own_shape_in_rows_of_one_height_and_nothing_jumps(here: Site) -> None:
    shapes = [(1600, 900), (900, 1600), (1000, 1000), (1200, 900), (2100, 900)] * 8
    for number, (width, height) in enumerate(shapes):
        result = Result(index=0, kind="image", mime_type="image/png", file=FileState.SAVED, width=width, height=height)
        await here.put(f"picture {number}", results=(result,))
    await here.goto()
    await here.tile("picture 39").wait_for()
    script = """() => [...document.querySelectorAll('.tile')].map(
      one => [one.offsetTop, one.offsetLeft, one.offsetWidth, one.offsetHeight])"""
    first = await here.page.evaluate(script)
    rows: dict[int, list[list[int]]] = {}
    for box in first:
        rows.setdefault(box[0], []).append(box)
    assert all(len({box[3] for box in row}) == 1 for row in rows.values())
    ends = [max(box[1] + box[2] for box in row) for row in rows.values()][:3]
    assert max(ends) - min(ends) <= 2, "all but the last row are as wide as the page"
    await here.page.wait_for_load_state("networkidle")
    assert (await here.page.evaluate(script))[:10] == first[:10]


async def test_the_list_is_narrowed_by_its_address_and_back_and_forth_in_it(here: Site) -> None:
    await here.made()
    await here.put("一只狐狸在雪地里", "a hare")
    await here.put("a hen that failed", state=State.FAILED, failure=failed("no"), model="other")
    await here.goto()
    page, shown = here.page, here.page.locator(".tile")
    await expect(shown).to_have_count(4)
    for words in ("狐", "狐狸"):
        await page.locator("input[type=search]").fill(words)
        await expect(shown).to_have_text([re.compile("一只狐狸")])
        await page.locator("input[type=search]").fill("")
        await expect(shown).to_have_count(4)
    await page.get_by_label("State").select_option("failed")
    await expect(shown).to_have_text([re.compile("a hen that failed")])
    await page.wait_for_url("**/?state=failed")
    await page.get_by_label("Model").fill("none")
    await page.keyboard.press("Enter")
    await page.get_by_text("No task matches.", exact=True).wait_for()
    await page.go_back()
    await expect(shown).to_have_count(1)
    await page.go_back()
    await expect(shown).to_have_count(4)
    await page.go_forward()
    await expect(shown).to_have_count(1)
    await page.reload()
    await here.tile("a hen that failed").wait_for()
    await expect(page.get_by_label("State")).to_have_value("failed")
    await page.get_by_role("button", name="Clear filters").click()
    await expect(shown).to_have_count(4)
    await here.goto("?modality=video&day=2001-01-01")
    await page.get_by_text("No task matches.", exact=True).wait_for()


async def test_a_task_has_a_page_of_its_own_with_all_that_it_was_made_from(here: Site) -> None:
    first = await here.made()
    told = await here.made(prompt="with a hat [took:0]", image_urls=[f"task:{first['task_id']}/0"])
    await here.goto(f"?task={told['task_id']}")
    page = here.page
    await page.locator("dialog .stage img").wait_for()
    for part in ("with a hat", "nano-banana", "$0.03, estimated", "Tries", "local"):
        await expect(page.locator("dialog")).to_contain_text(part)
    await page.get_by_role("link", name=first["task_id"]).click()
    await page.get_by_role("heading", name="a red fox").wait_for()
    await page.wait_for_url(f"**/?task={first['task_id']}")
    async with page.expect_download() as waiting:
        await page.get_by_role("button", name="Download").click()
    download = await waiting.value
    assert Path(await download.path()).stat().st_size == first["results"][0]["bytes"]
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for name, copied in (("Copy prompt", "a red fox [took:0]"), ("Copy link to this page", page.url)):
        await page.get_by_role("button", name=name).click()
        await page.wait_for_function("text => navigator.clipboard.readText().then(one => one === text)", arg=copied)
    await page.get_by_role("link", name="All with this prompt").click()
    await page.locator("dialog[open]").wait_for(state="detached")
    await expect(page.locator(".tile")).to_have_text([re.compile("a red fox")])


async def is_at(page: Any, task: Task) -> None:
    """Waits until the focus is on the tile of a task."""
    await page.wait_for_function(f"id => ({FOCUSED}) === id", arg=task.task_id)


async def test_by_the_keyboard_alone(here: Site) -> None:
    tasks = await here.put(*(f"picture {number}" for number in range(30)))
    await here.goto()
    page = here.page
    await here.tile("picture 29").wait_for()
    order = await focus_order(page, 16)
    assert [name for name, is_shown in order if not is_shown] == []
    assert sum("picture" in name for name, _ in order) == 1, "the list is one stop"
    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press("ArrowRight")
    await is_at(page, tasks[29])
    await page.keyboard.press("/")
    await expect(page.locator("#search")).to_be_focused()
    await page.keyboard.type("picture")
    await page.wait_for_url("**/?query=picture")
    await page.keyboard.press("Escape")
    await is_at(page, tasks[29])
    await page.keyboard.press("ArrowRight")
    await is_at(page, tasks[28])
    await page.keyboard.press("ArrowDown")
    first_row = ["", tasks[28].task_id, tasks[29].task_id]
    await page.wait_for_function(f"above => !above.includes({FOCUSED})", arg=first_row)
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("End")
    await is_at(page, tasks[0])
    await page.keyboard.press("Home")
    await is_at(page, tasks[29])
    await page.keyboard.press("Enter")
    await page.locator("dialog[open]").get_by_role("heading", name="picture 29").wait_for()
    await page.keyboard.press("ArrowRight")
    await page.locator("dialog[open]").get_by_role("heading", name="picture 28").wait_for()
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("Escape")
    await page.locator("dialog[open]").wait_for(state="detached")
    await is_at(page, tasks[29])
    await page.keyboard.press("Delete")
    await expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Delete for good")).to_be_focused()
    await page.keyboard.press("Enter")
    await here.tile("picture 29").wait_for(state="detached")
    await is_at(page, tasks[28])


async def test_a_video_of_which_no_picture_is_had_is_there_all_the_same(here: Site) -> None:
    await here.made("generate_video", model="ruxa/sora-2", prompt="a fox runs [took:0]")
    await here.page.route("**/thumbnails/**", lambda route: route.fulfill(status=404))
    await here.goto()
    await here.tile("a fox runs").locator(".picture.video .sound").wait_for()
    await expect(here.tile("a fox runs")).not_to_contain_text("No file")
    await expect(here.page.locator(".count")).to_have_text("Tasks shown: 1")


async def test_what_is_deleted_and_what_stays_is_said_first(here: Site) -> None:
    told = await here.made()
    path = Path(told["results"][0]["path"])
    spent = (await here.client.call_tool("get_usage", {})).structured_content
    assert spent is not None
    await here.goto(f"?task={told['task_id']}")
    page = here.page
    await page.get_by_role("button", name="Delete", exact=True).click()
    question = page.locator("dialog.question")
    await expect(question).to_contain_text("stays in all sums")
    await question.get_by_role("button", name="Keep it").click()
    await question.wait_for(state="detached")
    assert path.exists()
    await page.get_by_role("button", name="Delete", exact=True).click()
    await question.get_by_label("The files").check()
    await question.get_by_role("button", name="Delete for good").click()
    await page.locator("dialog.page").get_by_text("You deleted this file.").first.wait_for()
    await question.wait_for(state="detached")
    assert not path.exists()
    await page.get_by_role("button", name="Delete", exact=True).click()
    await question.get_by_role("button", name="Delete for good").click()
    await page.get_by_text("Nothing has been made yet.", exact=True).wait_for()
    await expect(page.locator(".grid > *")).to_have_count(0)
    usage = (await here.client.call_tool("get_usage", {})).structured_content
    assert usage is not None
    assert [usage["totals"][name] for name in ("tasks", "spent_usd")] == [1, spent["totals"]["spent_usd"]]


async def test_a_task_of_the_terminal_shows_at_each_change(here: Site) -> None:
    """How soon it does is measured among the benchmarks."""
    await here.goto()
    await here.page.get_by_text("Nothing has been made yet.", exact=True).wait_for()
    async with open_app(here.app.settings, follow=False) as terminal:
        now = time.time()
        task = make_followed(prompt="of the terminal", created_at=now, updated_at=now, answer="given")
        await terminal.store.add([task])
        await here.tile(task.prompt).wait_for()
        now = time.time()
        done = replace(task, state=State.SUCCESS, due=None, updated_at=now, completed_at=now)
        assert await terminal.store.commit(task, done)
        await here.page.locator(f".tile[data-id={task.task_id}][data-state=success]").wait_for()
        assert await terminal.store.delete_entry(done, "gone")
        await here.tile(task.prompt).wait_for(state="hidden")
    told = await here.made(prompt="a hen [took:1]", wait_seconds=0)
    await here.page.locator(f".tile[data-id={told['task_id']}]").wait_for()
    await here.page.locator(f".tile[data-id={told['task_id']}][data-state=success] img").wait_for()


async def test_where_no_stream_comes_through_it_is_asked(here: Site) -> None:
    await here.page.route("**/api/events", lambda route: route.abort())
    await here.goto()
    await here.made(prompt="polled [took:0]")
    await here.tile("polled").wait_for()


async def test_what_happens_while_the_list_is_asked_for_is_asked_for_behind_it(here: Site) -> None:
    lists: list[Any] = []
    arrived, goes_on = anyio.Event(), anyio.Event()

    async def hold(route: Any) -> None:
        lists.append(await route.fetch())
        if len(lists) == 2:
            arrived.set()
            await goes_on.wait()
        await route.fulfill(response=lists[-1])

    await here.page.route("**/api/tasks?*", hold)
    await here.goto()
    with in_time(30):
        await arrived.wait()
    await here.page.evaluate("dispatchEvent(new Event('online'))")  # as after a sleep: whatever is known may be old
    async with here.page.expect_request("**/api/tasks?*"):
        goes_on.set()


async def test_a_dead_server_is_told_and_what_was_shown_stays(here: Site) -> None:
    await here.made()
    await here.goto()
    await here.tile("a red fox").wait_for()
    await here.stop()
    await here.page.get_by_text("The server does not answer.").wait_for(timeout=30_000)
    await expect(here.tile("a red fox")).to_have_count(1)
    assert await violations(here.page) == []
    await shot(here.page, "gallery dead server")
    await here.start()
    await here.page.get_by_text("The server does not answer.").wait_for(state="detached", timeout=30_000)
    await here.made(prompt="after that [took:0]")
    await here.tile("after that").wait_for()


async def test_whoever_signs_in_is_led_there_and_whoever_is_out_is_told(house: tuple[App, Raw], page: Any) -> None:
    app, raw = house
    carol, token = Owner("carol"), f"{TOKEN_PREFIX}{'c' * 43}"
    await app.owners.add(carol, secret_hash(token))
    await app.store.add([make_followed(prompt="hers", owner="carol", state=State.SUCCESS, due=None)])
    await app.store.add([make_followed(prompt="of Bob", owner="bob", state=State.SUCCESS, due=None)])
    await page.goto(f"{raw.url}/")
    await page.get_by_role("textbox").fill(token)
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="See what was made").click()
    await expect(page.locator(".tile")).to_have_text([re.compile("hers")])
    await app.owners.revoke("carol")
    await page.get_by_label("Search prompts").fill("hers")
    await page.get_by_text("You are signed out.").wait_for()
    assert await violations(page) == []
    await shot(page, "gallery signed out")
    await page.get_by_role("link", name="Sign in again").click()
    await page.wait_for_url("**/sign-in")
    assert page.complaints == []


async def test_whoever_signs_out_has_neither_the_page_nor_its_api(house: tuple[App, Raw], page: Any) -> None:
    app, raw = house
    token = f"{TOKEN_PREFIX}{'c' * 43}"
    await app.owners.add(Owner("carol"), secret_hash(token))
    await page.goto(f"{raw.url}/")
    await page.get_by_role("textbox").fill(token)
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="See what was made").click()
    await expect(page.get_by_text("Nothing has been made yet.", exact=True)).to_be_visible()
    api, cookies = f"{raw.url}/api/tasks", await page.context.cookies()
    await expect(await page.request.get(api)).to_be_ok()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_url(f"{raw.url}/sign-in")
    await expect(page.get_by_role("textbox")).to_be_visible()
    for kept in ([], cookies):  # what the browser has now, and what a copy of its cookies still has
        await page.context.add_cookies(kept)
        assert (await page.request.get(api)).status == 401
        await page.goto(f"{raw.url}/")
        await expect(page).to_have_url(re.compile("/sign-in"))
        await expect(page.get_by_role("textbox")).to_be_visible()
    assert page.complaints == []


async def test_a_script_in_a_prompt_is_text(here: Site) -> None:
    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    [task] = await here.put(evil, model="<b>m</b>", inputs={"<i>": evil})
    await here.goto()
    await expect(here.tile("<script>").locator(".words")).to_have_text(evil)
    await here.goto(f"?task={task.task_id}&query=%3Cscript%3E")
    await here.page.locator("dialog .more dt").first.wait_for()
    await here.tile("<script>").wait_for()
    await expect(here.page.locator("dialog .prompt *, dialog i, .tile .words *")).to_have_count(0)
    await expect(here.page).to_have_title("Generated media")


async def test_a_browser_that_sends_nothing_from_elsewhere_loads_nothing_from_elsewhere(here: Site) -> None:
    asked: list[str] = []
    here.page.on("request", lambda request: asked.append(request.url))
    await here.made()
    await here.goto()
    await here.tile("a red fox").locator("a").click()
    await here.page.locator("dialog .stage img").wait_for()
    assert [one for one in asked if not re.match(rf"{re.escape(here.url)}/|data:", one)] == []


async def test_what_is_looked_at_again_while_more_is_asked_for_stands_there_once(here: Site) -> None:
    await here.put(*(f"picture {number}" for number in range(150)))
    page, arrived, goes_on = here.page, anyio.Event(), anyio.Event()

    async def hold(route: Any) -> None:
        arrived.set()
        await goes_on.wait()
        await route.continue_()

    await here.goto()
    await expect(page.locator(".count")).to_contain_text("The newest 100 tasks")
    await page.route("**/api/tasks?*before=*", hold)
    await page.evaluate("scrollTo(0, document.body.scrollHeight)")
    with in_time(30):
        await arrived.wait()
    await page.evaluate("dispatchEvent(new Event('online'))")
    await expect(page.locator(".count")).to_contain_text("The newest 120 tasks")
    goes_on.set()
    await page.wait_for_function(AT_THE_END, arg=150)
    await expect(page.locator(".count")).to_have_text("Tasks shown: 150")


async def test_two_thousand_tasks_are_scrolled_through_with_a_bounded_page(here: Site) -> None:
    """However many were seen: nodes and memory are those of what is near the screen."""
    shape = Result(index=0, kind="image", mime_type="image/png", file=FileState.SAVED, width=900, height=700)
    for _ in range(SCROLLED // 500 + 1):
        await here.put(*(f"picture {number}" for number in range(500)), results=(shape,), remote_id="")
    page = here.page
    await page.set_viewport_size({"width": 1280, "height": 900})
    await here.goto()
    await page.locator(".tile").first.wait_for()
    session = await page.context.new_cdp_session(page)

    async def measured() -> tuple[int, float]:
        await session.send("HeapProfiler.collectGarbage")
        nodes = await page.evaluate("document.getElementsByTagName('*').length")
        return nodes, (await session.send("Runtime.getHeapUsage"))["usedSize"] / 1e6

    _, at_first = await measured()
    seen, most = set[str](), 0
    while len(seen) < SCROLLED:
        ids = await page.evaluate("[...document.querySelectorAll('.tile')].map(one => one.dataset.id)")
        before = len(seen)
        seen.update(ids)
        most = max(most, await page.evaluate("document.getElementsByTagName('*').length"))
        await page.mouse.wheel(0, 2_000)
        await page.wait_for_function("y => scrollY > y", arg=await page.evaluate("scrollY - 1"))
        if len(seen) == before:
            await page.wait_for_timeout(30)
    nodes, in_the_end = await measured()
    print(f"\nnodes {nodes}, at most {most}; heap {at_first:.1f} then {in_the_end:.1f} MB")
    assert most < 2_500
    assert in_the_end < at_first + 6
    while not (await page.locator(".count").inner_text()).startswith("Tasks shown"):  # what is on its way adds to it
        await page.evaluate("scrollTo(0, document.body.scrollHeight)")
        await page.wait_for_timeout(30)
    place = await page.evaluate("document.querySelector('.grid').offsetHeight")
    await page.evaluate("scrollTo(0, 0)")
    await page.locator(".tile[aria-posinset='1'] .words").wait_for()
    await page.wait_for_function(
        "place => Math.abs(document.querySelector('.grid').offsetHeight - place) <= 2", arg=place
    )
