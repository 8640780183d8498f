"""Models found by what people type: English and Chinese, names and purposes, well spelt or not."""

import time
import unicodedata
from pathlib import Path

import pytest

from apixo_mcp.catalog import limits
from apixo_mcp.catalog.model import Model, Price
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.catalog.search import everyday
from apixo_mcp.catalog.search.chinese import simplified
from apixo_mcp.catalog.search.costs import by_price, smallest_call
from apixo_mcp.catalog.search.everyday import WANTS, vocabulary
from apixo_mcp.catalog.search.wording import reduced
from apixo_mcp.errors import InvalidInput
from apixo_mcp.views.model_list import list_text

CATALOG = Catalog()
BANANAS = "nano-banana nano-banana-pro nano-banana-2 ruxa/google/nano-banana ruxa/google/nano-banana-pro"
EDITORS = f"{BANANAS} ruxa/google/nano-banana-edit flux-kontext gpt-image-1 gpt-image-2 seedream-4-5 seedream-5-0"
LETTERS = "nano-banana-pro gpt-image-1 gpt-image-2 seedream-4-5 seedream-5-0 qwen-image qwen-2-image"
SPEAKING = "minimax-speech-2-8 minimax-voice"
SOUNDING = (
    "kling-2-6 kling-3-0-std seedance-1-5-pro seedance-2-0 seedance-2-0-fast seedance-2-0-mini happyHorse vidu-q3 "
    "veo-3-1 sora-2 sora-2-pro"
)
SERIES = "seedream-4-5 seedream-5-0 wan-2-7-image"
FRAMES = (
    "veo-3-1 kling-2-1 kling-2-5-turbo-pro kling-2-6 kling-3-0-std seedance-1-5-pro seedance-2-0 seedance-2-0-fast "
    "seedance-2-0-mini wan-2-7-video"
)
FOUR_K = "nano-banana-pro nano-banana-2 gpt-image-2 seedream-4-5 wan-2-7-image ruxa/google/nano-banana-pro gemini-omni"
KLINGS = "kling-2-1 kling-2-5-turbo-pro kling-2-6 kling-3-0-std kling-3-0-turbo"
CHEAP_PICTURES = "gpt-image-2 nano-banana flux-kontext gpt-image-1"
CHEAP_VIDEOS = "sora-2 veo-3-1 wan-2-5-video"
QUICK_PICTURES = "nano-banana flux-kontext ruxa/google/nano-banana"
QUICK_VIDEOS = "kling-3-0-turbo kling-2-5-turbo-pro ltx-2-19b veo-3-1 seedance-2-0-fast hailuo-2-3-fast wan-2-5-video"
GOOD_PICTURES = "midjourney flux-2 nano-banana-pro nano-banana-2 seedream-4-5 ruxa/google/nano-banana-pro"
GOOD_VIDEOS = "sora-2 sora-2-pro veo-3-1 ruxa/sora-2-hd"

ENGLISH = {
    "4k": FOUR_K,
    "edit": f"{EDITORS} midjourney",
    "edit a photo": f"{EDITORS} midjourney",
    "change the background of this picture": f"{EDITORS} midjourney",
    "restore an old photo": f"{EDITORS} midjourney",
    "voice": SPEAKING,
    "sound": SOUNDING,
    "logo": LETTERS,
    "a logo for my bakery with its name": LETTERS,
    "poster": LETTERS,
    "movie poster": LETTERS,
    "text in pictures": LETTERS,
    "anime": "midjourney vidu-q3",
    "storyboard": SERIES,
    "comic strip": SERIES,
    "background removal": "nano-banana-pro",
    "cheap": f"{CHEAP_PICTURES} {CHEAP_VIDEOS} suno",
    "fast": f"{QUICK_PICTURES} {QUICK_VIDEOS}",
    "best": f"{GOOD_PICTURES} {GOOD_VIDEOS}",
    "cheapest image": CHEAP_PICTURES,
    "cheap video": CHEAP_VIDEOS,
    "fast video": QUICK_VIDEOS,
    "best quality video": GOOD_VIDEOS,
    "fast prototype": "nano-banana",
    "cinematic": "sora-2",
    "lip sync": "infinitetalk",
    "lipsync": "infinitetalk",
    "talking head": "infinitetalk",
    "make a photo talk": "infinitetalk",
    "upscale": "image-upscaler",
    "make this picture bigger": "image-upscaler",
    "watermark removal": "image-watermark-remover",
    "remove watermark": "image-watermark-remover",
    "music": "suno",
    "song": "suno",
    "lyrics": "suno",
    "birthday song for my daughter": "suno",
    "background music for my video": "suno",
    "narration": "minimax-speech-2-8",
    "text to speech": "minimax-speech-2-8",
    "tts": "minimax-speech-2-8",
    "read this text aloud": "minimax-speech-2-8",
    "voice over for a video": "minimax-speech-2-8",
    "voice cloning": "minimax-voice",
    "clone my voice": "minimax-voice",
    "portrait": GOOD_PICTURES + " " + BANANAS,
    "product photo": f"{EDITORS} midjourney flux-2",
    "first and last frame": FRAMES,
    "start and end frame": FRAMES,
    "video with sound": SOUNDING,
    "silent video": SOUNDING,
    "image to video": "sora-2 wan-2-5-video veo-3-1 grok-video hailuo-2-3 kling-2-6 ruxa/sora-2",
    "animate a photo": "sora-2 wan-2-5-video veo-3-1 grok-video hailuo-2-3 kling-2-6 ruxa/sora-2",
    "15 second video": "ruxa/sora-2 ruxa/sora-2-hd grok-video happyHorse kling-3-0-std kling-3-0-turbo vidu-q3",
    "30 s video": "grok-video",
    "video editing": "happyHorse wan-2-7-video",
    "motion control": "kling-3-0-std",
    "lora": "ltx-2-19b",
    "negative prompt": "wan-2-5-video wan-2-5-image wan-2-6-image kling-2-1 kling-2-5-turbo-pro suno wan-2-6-video",
    "nano banana": BANANAS,
    "gemini 2.5 flash image": "nano-banana",
    "gpt-4o image": "ruxa/gpt-4o-image",
    "veo3.1 fast": "veo-3-1",
    "kling 2.6": "kling-2-6",
    "seedream 4": "seedream-4-5 seedream-4-0",
    "hailuo": "hailuo-2-3 hailuo-2-3-fast",
    "flux kontext max": "flux-kontext",
    "mj": "midjourney",
    "elevenlabs": SPEAKING,
    "heygen": "infinitetalk",
    "dall-e 3": "gpt-image-1 gpt-image-2 ruxa/gpt-image-1.5",
}
CHINESE = {
    "海报": LETTERS,
    "去水印": "image-watermark-remover",
    "配音": "minimax-speech-2-8",
    "给视频配音": "minimax-speech-2-8",
    "给影片配音": "minimax-speech-2-8",
    "朗读这段文字": "minimax-speech-2-8",
    "音乐": "suno",
    "歌曲": "suno",
    "写一首生日歌": "suno",
    "動漫": "midjourney vidu-q3",
    "动漫视频": "vidu-q3",
    "抠图": "nano-banana-pro",
    "透明背景": "nano-banana-pro",
    "便宜": f"{CHEAP_PICTURES} {CHEAP_VIDEOS} suno",
    "便宜的视频": CHEAP_VIDEOS,
    "最便宜的图片模型": CHEAP_PICTURES,
    "快": f"{QUICK_PICTURES} {QUICK_VIDEOS}",
    "最快出图": QUICK_PICTURES,
    "高清": f"{FOUR_K} {GOOD_VIDEOS} wan-2-5-video",
    "高清放大": "image-upscaler",
    "图片变清晰": "image-upscaler",
    "对口型": "infinitetalk",
    "讓照片說話": "infinitetalk",
    "数字人口播": "infinitetalk",
    "文字": LETTERS,
    "商品海報": LETTERS,
    "编辑图片": f"{EDITORS} midjourney",
    "换背景": f"{EDITORS} midjourney",
    "首尾帧": FRAMES,
    "分镜": SERIES,
    "儿童绘本": SERIES,
    "声音克隆": "minimax-voice",
    "有声音的视频": SOUNDING,
    "图生视频": "sora-2 wan-2-5-video veo-3-1 grok-video hailuo-2-3 kling-2-6 ruxa/sora-2",
    "10秒的视频": "wan-2-5-video hailuo-2-3 kling-2-6 ruxa/sora-2 ruxa/sora-2-hd grok-video",
    "电影感视频": "sora-2",
    "画质最好的图片": GOOD_PICTURES,
    "可灵 2.6": "kling-2-6",
    "可靈": KLINGS,
    "即梦 4.5": "seedream-4-5",
    "海螺": "hailuo-2-3 hailuo-2-3-fast",
    "通義萬相": "wan-2-5-video wan-2-6-video wan-2-7-video wan-2-5-image wan-2-6-image wan-2-7-image",
    "头像": GOOD_PICTURES + " " + BANANAS,
}
MODALITIES = {
    "video of a dancing cat": "VIDEO",
    "a short film about a lighthouse": "VIDEO",
    "movie": "VIDEO",
    "picture of a lighthouse": "IMAGE",
    "photo": "IMAGE",
    "a painting of two boats": "IMAGE",
    "audio": "AUDIO",
    "podcast": "AUDIO",
    "视频": "VIDEO",
    "影片": "VIDEO",
    "一只猫跳舞的视频": "VIDEO",
    "图片": "IMAGE",
    "畫一張圖": "IMAGE",
    "音频": "AUDIO",
}


def lines_of(query: str, modality: str = "", sort: str = "") -> list[str]:
    """Returns what is listed for a query, without the remarks: the lines of models and those of modalities."""
    lines = list_text(CATALOG, modality, query, sort=sort).splitlines()[1:]
    ids = {model.id for model in CATALOG}
    return [
        line for line in lines if line.partition(":")[0] in ids or line.partition(" ")[0] in ("IMAGE", "VIDEO", "AUDIO")
    ]


def found(query: str, modality: str = "", sort: str = "") -> list[str]:
    return [line.partition(":")[0] for line in lines_of(query, modality, sort) if ": " in line]


def test_the_table_is_large_enough() -> None:
    assert len(ENGLISH) + len(CHINESE) + len(MODALITIES) >= 60
    chinese = len(CHINESE) + sum(any(ord(char) > 0x2E80 for char in query) for query in MODALITIES)
    assert chinese * 3 >= len(ENGLISH) + len(CHINESE) + len(MODALITIES)


@pytest.mark.parametrize(("query", "right"), [*ENGLISH.items(), *CHINESE.items()])
def test_a_right_model_is_among_the_first_three(query: str, right: str) -> None:
    assert set(right.split()) & set(found(query)[:3]), (query, found(query))


@pytest.mark.parametrize(("query", "first"), MODALITIES.items())
def test_what_is_to_be_made_chooses_the_modality(query: str, first: str) -> None:
    lines = lines_of(query)
    assert lines[0].partition(" ")[0] == first
    assert [line for line in lines if line.partition(" ")[0] in ("IMAGE", "VIDEO", "AUDIO")] == lines[:1]


def test_a_query_is_answered_soon_and_the_first_one_too() -> None:
    catalog = Catalog()
    catalog.load()
    best = 1.0
    for query in ("video with sound", "便宜的视频", "kling 2.6", "x" * 100_000):
        for _ in range(5):
            start = time.perf_counter()
            list_text(catalog, "", query)
            best = min(best, time.perf_counter() - start)
        assert best < 0.05


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("join two clips", "No model joins clips"),
        ("字幕", "No model sets subtitles"),
        ("transparent logo", "No model's page offers a transparent background"),
        ("song length", "The length cannot be set"),
        ("a song of 30 seconds", "The length cannot be set"),
        ("三分钟的歌", "The length cannot be set"),
        ("抠圖", "No model's page offers a transparent background"),
    ],
)
def test_what_no_model_does_is_said(query: str, said: str) -> None:
    assert said in list_text(CATALOG, "", query)


def test_what_the_nearest_lacks_is_said() -> None:
    assert "nearest, without 4K" in list_text(CATALOG, "", "lip sync in 4k")
    assert "nearest, without 60 s" in list_text(CATALOG, "", "one minute video")
    assert "No video model has watermark removal" in list_text(CATALOG, "", "视频去水印")
    assert "imagen is not on offer" in list_text(CATALOG, "", "imagen")
    assert "Something else is made by suno (audio)." in list_text(CATALOG, "", "suno video")
    assert "Something else" not in list_text(CATALOG, "", "photo of 2 dogs")
    assert "Something else" not in list_text(CATALOG, "", "video of a dancing cat")


def test_nothing_found_says_what_comes_nearest_or_how_to_ask() -> None:
    assert "Did you mean kling-" in list_text(CATALOG, "", "klling")
    nothing = list_text(CATALOG, "", "klling")
    assert "No offered model fits 'klling'." in nothing
    assert "\n" not in nothing
    assert "makes something else: suno (audio)" in list_text(CATALOG, "image", "music")
    assert "None has lip sync." in list_text(Catalog(["suno", "sora-2"]), "", "lip sync")


@pytest.mark.parametrize(
    ("query", "modality", "kind"),
    [
        ("a fox", "", "image"),
        ("a fox that runs through the snow", "", "image"),
        ("xyzzy", "", "image"),
        ("black cat", "", "image"),
        ("a labyrinth in a black forest, inferred", "", "image"),
        ("一只狐狸", "", "image"),
        ("a fox", "video", "video"),
    ],
)
def test_what_is_to_be_seen_alone_is_answered_with_general_models(query: str, modality: str, kind: str) -> None:
    told = list_text(CATALOG, modality, query)
    said = f"Nothing in it names a model or what one is to have: these are general {kind} models."
    assert (said in told) is (not modality)
    assert len(found(query, modality)) == 8
    assert {CATALOG.find(name).modality for name in found(query, modality)} == {kind}
    assert "infinitetalk" not in found(query, modality)


@pytest.mark.parametrize("query", ["Black Forest Labs", "black-forest-labs picture", "flux by Black Forest Labs"])
def test_a_vendor_of_several_words_counts_as_a_whole(query: str) -> None:
    assert sorted(found(query)) == ["flux-2", "flux-kontext"]


@pytest.mark.parametrize("model", tuple(CATALOG), ids=lambda model: model.id)
def test_a_model_is_found_by_the_name_of_its_vendor(model: Model) -> None:
    assert model in CATALOG.search(model.vendor.removesuffix(" (inferred)"), model.modality).models


def test_without_pictures_on_offer_what_is_to_be_seen_is_a_video() -> None:
    assert "general video models" in list_text(Catalog(["sora-2", "suno"]), "", "a fox")


def test_words_of_a_picture_for_the_desktop_mean_a_wide_one() -> None:
    for query in ("a wide fox for the desktop", "a picture for my desktop"):
        assert "16:9" in str(CATALOG.find(found(query)[0]).input.model_json_schema())
        assert {CATALOG.find(name).modality for name in found(query)} == {"image"}


@pytest.mark.parametrize("query", ["picture of a fox", "a picture for my desktop", "video", "图片"])
def test_a_query_shows_the_first_and_counts_the_rest(query: str) -> None:
    told = list_text(CATALOG, "", query)
    count = len(CATALOG.search(query).models)
    assert len(found(query)) == 8 < count
    assert told.endswith(f"{count - 8} more: ask for one by a name, or by what it is to have.")
    assert len(found("", "image")) == 30, "without a query all are shown"


@pytest.mark.parametrize(
    "query",
    ["nano-banana seedream-4-5 flux-2", "nano-banana, seedream-4-5 and Flux-2", "nano-banana，seedream-4-5、flux-2"],
)
def test_ids_give_just_those(query: str) -> None:
    assert found(query) == ["nano-banana", "seedream-4-5", "flux-2"]
    assert found("seedream-4-5") == ["seedream-4-5"]
    assert found("sora-2 nano-banana", "image") == ["nano-banana"]


def test_by_price_a_query_shows_all_prices_and_few_of_the_rest() -> None:
    listed = found("video", sort="price")
    costs = [smallest_call(CATALOG.find(name)) for name in listed]
    assert costs[-3:] == [None] * 3
    assert None not in costs[:-3]
    videos = [model for model in CATALOG if model.modality == "video"]
    assert f"{len(videos) - len(listed)} more, without a known price: " in list_text(CATALOG, "", "video", sort="price")


@pytest.mark.parametrize("query", ["cheap video", "便宜 视频", "便宜的视频"])
def test_cheap_counts_those_without_a_price_and_sets_a_model_for_one_use_behind(query: str) -> None:
    unpriced = sum(model.modality == "video" and smallest_call(model) is None for model in CATALOG)
    for sort in ("", "price"):
        assert f"{unpriced} video models without a known price." in list_text(CATALOG, "", query, sort=sort)
        assert found(query, sort=sort)[-1] == "infinitetalk"
    assert found("video", sort="price").index("infinitetalk") > found("video", sort="price").index("veo-3-1")
    assert found("lip sync", sort="price")[0] == "infinitetalk"


@pytest.mark.parametrize("query", ["one minute video", "60 s video", "一分钟视频", "45 second clip"])
def test_a_video_longer_than_any_says_how_to_make_one(query: str) -> None:
    told = list_text(CATALOG, "", query)
    assert "none makes more than 30 s (grok-video). Make the clips" in told
    assert found(query)[0] == "grok-video"
    assert "No model joins clips" not in list_text(CATALOG, "", "30 s video")


def test_a_cut_out_is_told_to_be_made_by_none_and_why_one_comes_nearest() -> None:
    for query in ("remove background", "transparent background", "抠图"):
        told = list_text(CATALOG, "", query)
        assert "No model's page offers a transparent background or the removal of one" in told
        assert "nano-banana-pro comes nearest, as its page says that its png keeps transparency" in told
    assert "comes nearest, as" not in list_text(Catalog(["flux-2"]), "", "remove background")


def test_a_modality_that_is_given_counts_more_than_the_words() -> None:
    assert found("fast", "video")
    assert {CATALOG.find(name).modality for name in found("fast", "video")} == {"video"}
    assert {CATALOG.find(name).modality for name in found("video", "image")} == {"image"}


def test_by_price_the_cheapest_call_of_each_modality_is_first_and_the_unpriced_are_last() -> None:
    for modality in ("image", "video", "audio"):
        listed = [CATALOG.find(name) for name in found("", modality, "price")]
        costs = [smallest_call(model) for model in listed]
        known = [cost for cost in costs if cost is not None]
        assert costs == [*sorted(known), *[None] * (len(costs) - len(known))]
        assert len(listed) == len([model for model in CATALOG if model.modality == modality])
    line = next(line for line in lines_of("", "video", "price") if line.startswith("wan-2-5-video"))
    assert "$0.08-0.13/second; $0.40 for 5 s" in line


def test_prices_by_the_second_compare_with_those_of_a_video() -> None:
    wan, veo = CATALOG.find("wan-2-5-video"), CATALOG.find("veo-3-1")
    assert smallest_call(wan) == pytest.approx(0.40)
    assert smallest_call(veo) == pytest.approx(0.20)
    assert by_price([wan, veo]) == (veo, wan)


def test_every_line_of_a_video_tells_its_sound() -> None:
    told = ("with sound", "sound optional", "sound unknown", "sound in", "sound track", "voices", "speaks")
    for line in lines_of("", "video")[1:]:
        assert any(words in line for words in told), line


def test_voices_are_listed_where_voices_are_asked_for() -> None:
    assert "voices preset_general_wise_woman" in list_text(CATALOG, "", "voice")
    assert "preset_general" not in list_text(CATALOG, "", "")


def test_what_is_said_of_quality_speed_and_sound_names_its_document() -> None:
    for model in CATALOG:
        for remark in (model.quality, model.speed, model.sound):
            assert remark is None or (remark.text and remark.source)


MODES_IN_NAMES = {
    "veo-3-1-fast": "fast",
    "flux-kontext-pro": "pro",
    "suno-v5": "V5",
    "speech-2-8-turbo": "speech-turbo",
}


@pytest.mark.parametrize(("name", "mode"), MODES_IN_NAMES.items())
def test_a_name_with_a_mode_means_the_model_that_takes_this_mode_by_itself(name: str, mode: str) -> None:
    assert CATALOG.find(name).quiet_defaults["mode"] == mode


@pytest.mark.parametrize(
    "name",
    ["可灵", "即梦", "kling", "kling 3.0", "imagen", "dall-e 3", "gpt-4o image", "veo 3.1 quality", "flux kontext max"],
)
def test_a_name_that_may_mean_another_model_is_no_name_to_buy_from(name: str) -> None:
    with pytest.raises(InvalidInput):
        CATALOG.find(name)
    assert found(name), "it is found by a search all the same"


def test_no_name_is_that_of_two_models() -> None:
    names: dict[str, set[str]] = {}
    for model in CATALOG:
        for name in (model.id, *model.aliases):
            names.setdefault(reduced(name).replace(" ", ""), set()).add(model.id)
    assert {name: ids for name, ids in names.items() if len(ids) > 1} == {}


def test_a_name_of_no_model_is_refused_with_what_is_meant() -> None:
    with pytest.raises(InvalidInput, match="kling-2-6"):
        CATALOG.find("可灵 2.6")


def test_a_model_of_the_users_own_is_found_by_its_words() -> None:
    base = CATALOG.find("qwen-image")
    own = Model(
        id="my-model",
        title="水墨大师",
        vendor="Me",
        modality="image",
        input=base.input,
        schedule=base.schedule,
        sources=(),
        facts="none",
        tips=("woodcut prints",),
        prices=(Price(0.001, "image", "mine"),),
    )
    catalog = Catalog(extra=[own])
    for query in ("woodcut", "水墨", "大師", "my model", "cheapest picture"):
        assert [model.id for model in catalog.search(query).models][:1] == ["my-model"], query


def test_the_table_of_words_means_something() -> None:
    words = vocabulary()
    for entry in words.entries:
        assert entry.want in ("", *WANTS)
        assert all(reduced(form) for form in entry.forms)
    used = {entry.want for entry in words.entries}
    assert set(WANTS) - used <= {"bgm", "translate"}


def test_chinese_in_either_script_is_the_same() -> None:
    table = Path(everyday.__file__).with_name("everyday.toml").read_text("utf-8") + Path(limits.__file__).read_text(
        "utf-8"
    )
    here = {char for char in table if unicodedata.name(char, "").startswith("CJK UNIFIED")}
    only_simplified = {char for char in here if not _in_big5(char)}
    known = {simplified(chr(code)) for code in range(0x4E00, 0xA000) if simplified(chr(code)) != chr(code)}
    assert sorted(only_simplified - known) == [], "characters without their traditional form"


def _in_big5(char: str) -> bool:
    try:
        char.encode("big5")
    except UnicodeEncodeError:
        return False
    return True
