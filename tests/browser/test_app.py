"""The app in a chat, in a real browser, inside a host made from the protocol's own AppBridge."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from support.app_host import SHOWS_APPS
from support.app_page import ALL, AppPage
from support.chromium import expect, shot
from support.program import program, structure, values_for

from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio

FOX = {"model": "nano-banana", "prompt": "a fox [took:0]", "wait_seconds": 20}
SLOW = {**FOX, "prompt": "a hen [took:60]", "wait_seconds": 0}
VIDEO = {"model": "ruxa/sora-2", "prompt": "a fox runs [took:0]", "wait_seconds": 20}
SONG = {"model": "suno", "prompt": "a fox [took:0]", "options": {"style": "folk", "title": "Fox"}, "wait_seconds": 20}
FAILS = {**FOX, "prompt": "a fox [took:0] [fail:CONTENT_VIOLATION]"}
UNKNOWN = {**FOX, "prompt": "a fox [http:500:html]"}
SEVERAL = {
    "model": "nano-banana",
    "prompts": ["a fox [took:0]", "a hen [took:0]", "a cat [took:0]"],
    "wait_seconds": 20,
}
OTHERWISE = {"running": SLOW, "failed": FAILS, "unknown": UNKNOWN, "several": SEVERAL}
SEEN = {"running": "progress", "failed": "dl.trouble", "unknown": "dl.trouble", "missing": "p.trouble"}
MADE = {"image": ("generate_image", FOX), "video": ("generate_video", VIDEO), "audio": ("generate_audio", SONG)}
SHOWN = """way => {
  const one = document.querySelector('.stage img, .stage video, .stage audio')
  return one?.dataset.by === way && (one.naturalWidth > 0 || one.readyState > 0)
}"""


@pytest.fixture
async def client(box: Sandbox, tmp_path: Path) -> AsyncIterator[Client]:
    async with program("memory", values_for(box, tmp_path)) as dial, Client(dial(), **SHOWS_APPS) as client:
        yield client


@pytest.fixture
async def app(page: Any, client: Client) -> AsyncIterator[AppPage]:
    """The app in a host, not mounted yet. Whatever it says is lawful, and its page complains of nothing."""
    app = AppPage(page, client)
    yield app
    assert await app.unlawful() == []
    methods = [message["method"] for message in await app.messages() if "method" in message]
    assert methods[:2] == ["ui/initialize", "ui/notifications/initialized"]


async def shows_by(app: AppPage, way: str) -> None:
    """Waits until the file is shown in a way."""
    await app.frame.wait_for_function(SHOWN, arg=way, polling=50, timeout=30_000)


async def test_places_stand_at_once_with_the_prompt_in_their_number_and_shape(app: AppPage) -> None:
    await app.open()
    asked = {"model": "nano-banana", "prompt": "a lighthouse", "num_images": 4, "aspect_ratio": "16:9"}
    await app.host("partial", {"prompt": "a light"})
    await app.host("input", asked)
    await app.app.get_by_role("heading", name="a lighthouse").wait_for()
    places = app.app.locator(".place")
    await expect(places).to_have_count(4)
    await expect(places.first).to_have_css("aspect-ratio", "16 / 9")
    assert await app.violations() == []


async def test_each_of_several_prompts_has_its_place_and_then_its_picture(app: AppPage) -> None:
    await app.open()
    await app.host("input", SEVERAL)
    await app.app.locator(".place").nth(2).wait_for()
    told = await app.made("generate_image", **SEVERAL)
    await app.app.locator("[data-act=download]").nth(2).wait_for()
    assert len(told["tasks"]) == 3
    await expect(app.app.locator(".task")).to_have_count(3)
    await expect(app.app.locator("h1")).to_have_count(1)


async def test_a_file_is_not_heard_of_by_the_model_while_its_call_is_open(app: AppPage) -> None:
    """A resource that is read counts as heard of; the model's next equal call would then be charged anew."""
    await app.open(drops_domains=True)
    await app.host("input", FOX)
    await app.client.call_tool("generate_image", FOX)
    await shows_by(app, "bytes")
    assert "app_bytes" in {name for name, _ in app.calls}
    assert "resources/read" not in {message.get("method") for message in await app.messages()}


async def test_the_task_is_followed_while_its_call_is_still_open(app: AppPage) -> None:
    await app.open()
    await app.host("input", SLOW)
    told = structure(await app.client.call_tool("generate_image", SLOW))
    await app.app.locator("progress").wait_for()
    assert told["state"] in ("submitting", "pending", "processing")
    assert "app_tasks" in {name for name, _ in app.calls}
    await expect(app.app.locator(".clock")).to_have_text(re.compile(r"\d+ s so far"))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("state", ["running", "image", "video", "audio", "several", "failed", "unknown", "missing"])
async def test_every_state_is_without_a_fault_in_both_themes_and_narrow(app: AppPage, theme: str, state: str) -> None:
    tool, given = MADE.get(state, ("generate_image", OTHERWISE.get(state, FOX)))
    await app.open(tool, theme=theme)
    if state == "missing":
        answer = {"content": [], "structuredContent": {"task_id": "tsk_" + "a" * 26, "state": "pending"}}
        await app.host("result", answer)
    else:
        await app.made(tool, **given)
    shown = app.app.locator(SEEN.get(state, "[data-act=download]"))
    await expect(shown).to_have_count(len(SEVERAL["prompts"]) if state == "several" else 1)
    if state in MADE:
        await shows_by(app, "url")
    assert await app.violations() == []
    await app.page.set_viewport_size({"width": 320, "height": 700})
    await app.frame.wait_for_function("() => innerWidth <= 320")
    assert await app.frame.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    await shot(app.page, f"app {state} {theme} 320")
    await app.page.set_viewport_size({"width": 720, "height": 700})
    await shot(app.page, f"app {state} {theme}")


async def test_it_speaks_chinese_where_the_host_does(app: AppPage) -> None:
    await app.open(locale="zh-CN")
    await app.made("generate_image", **FOX)
    await app.app.get_by_role("button", name="重新生成").wait_for()
    await expect(app.app.locator("html")).to_have_attribute("lang", "zh-Hans")
    assert await app.violations() == []
    await shot(app.page, "app chinese")


async def test_a_failure_is_named_in_chinese_where_the_host_speaks_it(app: AppPage) -> None:
    await app.open(locale="zh-CN")
    await app.made("generate_image", **FAILS)
    trouble = app.app.locator("dl.trouble")
    await trouble.get_by_text("内容审核未通过").wait_for()
    await expect(trouble).to_contain_text("CONTENT_VIOLATION")


async def test_a_failure_says_its_cause_its_fix_and_whether_it_was_charged(app: AppPage) -> None:
    await app.open()
    told = await app.made("generate_image", **FAILS)
    for words in ("CONTENT_VIOLATION", told["error"]["advice"].split(".")[0], "charged"):
        await expect(app.app.locator("dl.trouble")).to_contain_text(words)
    await expect(app.app.get_by_role("button", name="Regenerate")).to_have_count(0)


@pytest.mark.parametrize("kind", sorted(MADE))
@pytest.mark.parametrize("reads", [True, False])
async def test_bytes_are_shown_where_the_host_lets_no_address_through(app: AppPage, kind: str, reads: bool) -> None:
    tool, given = MADE[kind]
    can = ALL if reads else {name: value for name, value in ALL.items() if name != "serverResources"}
    await app.open(tool, drops_domains=True, can=can)
    await app.made(tool, **given)
    await shows_by(app, "bytes")
    assert ("app_bytes" in {name for name, given in app.calls if not given.get("small")}) is not reads


@pytest.mark.parametrize("drops", [False, True])
async def test_a_video_is_sought_through(app: AppPage, drops: bool) -> None:
    await app.open("generate_video", drops_domains=drops)
    await app.made("generate_video", **VIDEO)
    await shows_by(app, "bytes" if drops else "url")
    place = await app.frame.evaluate(
        """() => new Promise(done => {
          const video = document.querySelector('video')
          video.onseeked = () => done(video.currentTime)
          const seek = () => { video.currentTime = video.duration / 2 }
          video.readyState > 0 ? seek() : video.onloadedmetadata = seek
        })"""
    )
    assert place > 0


@pytest.mark.parametrize("drops", [False, True])
async def test_a_video_shows_a_picture_of_itself_before_it_is_played(app: AppPage, drops: bool) -> None:
    await app.open("generate_video", drops_domains=drops)
    await app.made("generate_video", **VIDEO)
    await shows_by(app, "bytes" if drops else "url")
    await app.app.locator("video[poster^='data:image/']").wait_for()
    poster = """() => new Promise(done => {
      const one = new Image()
      one.onload = () => done(one.naturalWidth)
      one.src = document.querySelector('video').poster
    })"""
    assert await app.frame.evaluate(poster) > 0
    await expect(app.app.locator("video")).to_have_js_property("paused", True)


async def test_a_host_that_can_do_nothing_more_is_given_the_address(app: AppPage) -> None:
    await app.open(can={})
    told = await app.made("generate_image", **FOX)
    await app.app.get_by_role("button", name="Download").click()
    await expect(app.app.locator(".notice")).to_contain_text(told["results"][0]["url"])
    await expect(app.app.get_by_role("button", name="Full screen")).to_have_count(0)
    methods = {message.get("method") for message in await app.messages()}
    assert not {"ui/download-file", "ui/update-model-context"} & methods


async def test_a_file_is_taken_copied_and_opened_and_shown_large(app: AppPage) -> None:
    await app.open(availableDisplayModes=["inline", "fullscreen"])
    told = await app.made("generate_image", **FOX)
    for name in ("Download", "Open", "Copy link", "Full screen"):
        await app.app.get_by_role("button", name=name).click()
    await app.app.get_by_role("button", name="Leave full screen").wait_for()
    ((content,),) = await app.said("download", at_least=1)
    assert content["type"] in ("resource", "resource_link")
    assert await app.said("link", at_least=1) == [told["results"][0]["url"]]
    assert await app.said("mode", at_least=1) == ["fullscreen"]


async def test_a_price_is_shown_first_and_a_double_click_buys_once(app: AppPage, box: Sandbox) -> None:
    await app.open()
    told = await app.made("generate_image", **FOX)
    bought = len(box.submits())
    await app.app.get_by_role("button", name="Regenerate").click()
    buy = app.app.get_by_role("button", name="Make it for $0.03")
    await expect(buy).to_be_enabled()
    assert len(box.submits()) == bought
    assert await app.violations() == []
    await shot(app.page, "app price")
    await buy.dblclick()
    await app.app.locator(".task").nth(1).locator("[data-act=download]").wait_for()
    assert len([given for name, given in app.calls if name == "app_make" and "quote" not in given]) == 1
    assert len(box.submits()) == bought + 1
    assert [one for one in await app.said("context") if told["task_id"] in one[0]["text"]] == []


async def test_an_edit_and_an_animation_ask_for_words_and_name_their_price(app: AppPage, box: Sandbox) -> None:
    await app.open()
    await app.made("generate_image", **FOX)
    for name, label in (("Edit", "What should change?"), ("Animate", "What should happen?")):
        await app.app.get_by_role("button", name=name, exact=True).click()
        await app.app.get_by_label(label).fill("with a hat [took:0]")
        buy = app.app.get_by_role("button", name=re.compile("Make it"))
        await expect(buy).to_be_enabled()
        assert await app.violations() == []
        await app.page.keyboard.press("Escape")
        await expect(buy).to_have_count(0)
    assert len(box.submits()) == 1


async def test_a_chat_that_is_opened_again_shows_the_end_and_not_what_was_told_then(app: AppPage) -> None:
    await app.open()
    told = structure(await app.client.call_tool("generate_image", FOX))
    then = {"task_id": told["task_id"], "state": "pending", "next_step": "Still running."}
    await app.host("input", FOX)
    await app.host("result", {"content": [{"type": "text", "text": "Running."}], "structuredContent": then})
    await app.app.locator("[data-act=download]").wait_for()
    await expect(app.app.locator(".task")).to_have_attribute("data-state", "success")


async def test_a_server_that_is_gone_is_told_and_asked_again_by_a_click(app: AppPage) -> None:
    await app.open()
    told = structure(await app.client.call_tool("generate_image", FOX))
    app.is_dead = True
    await app.host("result", {"content": [], "structuredContent": {"task_id": told["task_id"], "state": "pending"}})
    retry = app.app.get_by_role("button", name="Try again")
    await retry.wait_for(timeout=30_000)
    assert await app.violations() == []
    app.is_dead = False
    await retry.click()
    await app.app.locator("[data-act=download]").wait_for()
    await expect(app.app.get_by_text("Lost contact")).to_have_count(0)


async def test_a_script_in_a_prompt_is_text(app: AppPage) -> None:
    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script> [took:0]"
    await app.open()
    await app.made("generate_image", **{**FOX, "prompt": evil})
    await app.app.locator("[data-act=download]").wait_for()
    await expect(app.app.locator(".prompt")).to_have_text(evil)
    await expect(app.app.locator(".prompt *")).to_have_count(0)
    assert await app.frame.title() == "Generated media"


async def test_an_unsent_task_is_cancelled_for_nothing(app: AppPage, box: Sandbox) -> None:
    await app.open()
    await app.made("generate_image", **{**SLOW, "prompt": "a hen [http:429:after=300]"})
    cancel = app.app.get_by_role("button", name="Cancel")
    await cancel.click()
    await app.app.get_by_text("nothing was sent or charged").wait_for()
    assert box.submits() == []


async def test_a_theme_changes_while_it_is_shown_and_an_end_ends_the_asking(app: AppPage) -> None:
    await app.open()
    await app.made("generate_image", **SLOW)
    await app.app.locator("progress").wait_for()
    await app.host("context", {"theme": "dark"})
    await app.frame.wait_for_function("() => document.documentElement.dataset.theme === 'dark'")
    await app.host("raw", {"jsonrpc": "2.0", "id": "p", "method": "ping"})
    await app.host("raw", {"jsonrpc": "2.0", "id": "u", "method": "no/such"})
    await app.page.wait_for_function(
        "() => window.fromApp.filter(one => one.id === 'p' || one.id === 'u').length === 2"
    )
    answers = {one["id"]: one for one in await app.messages() if one.get("id") in ("p", "u")}
    assert answers["p"]["result"] == {}
    assert answers["u"]["error"]["code"] == -32601
    assert await app.host("teardown") == {}
    await app.page.wait_for_timeout(1500)  # three times as long as the app waits between two questions
    methods = [message.get("method", "answer") for message in await app.messages()]
    last_answer = len(methods) - methods[::-1].index("answer")  # the one to the end
    assert "tools/call" in methods[:last_answer]
    assert "tools/call" not in methods[last_answer:]


async def test_the_model_is_told_of_the_end_that_came_after_its_answer(app: AppPage) -> None:
    await app.open()
    await app.made("generate_image", **{**SLOW, "prompt": "a hen [took:2]"})
    await app.app.locator("[data-act=download]").wait_for(timeout=30_000)
    content, *_ = await app.said("context", at_least=1)
    assert "is done" in content[0]["text"]


async def test_a_refusal_and_a_stop_are_told_in_words(app: AppPage) -> None:
    await app.open()
    await app.host("result", {"content": [{"type": "text", "text": "Nothing was sent."}], "isError": True})
    await app.app.get_by_text("Nothing was sent.").wait_for()
    assert await app.violations() == []
    assert app.calls == []


async def test_outside_of_a_host_it_says_so(page: Any, client: Client) -> None:
    html = (Path(__file__).resolve().parents[2] / "apixo_mcp/ui/app.html").read_text(encoding="utf-8")
    await page.route("https://nowhere.example/**", lambda route: route.fulfill(body=html, content_type="text/html"))
    await page.goto("https://nowhere.example/")
    await page.get_by_text("inside a chat that renders MCP Apps").wait_for()
    assert page.complaints == []
