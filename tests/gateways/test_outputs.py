import json

import pytest

from apixo_mcp.gateways.outputs import modality_of_address, products_of
from apixo_mcp.generation import Produced


def made(result, **beside):
    return products_of({"taskId": "t", "state": "success", "resultJson": json.dumps(result), **beside})


def test_tracks_come_first_under_their_titles_and_covers_last():
    tracks = [
        {
            "id": f"id{n}",
            "audioId": f"id{n}",
            "title": f"Song {n}",
            "audio_url": f"https://r/{n}.mp3",
            "source_audio_url": f"https://s/{n}.mp3",
            "download_url": f"https://d/{n}.mp3",
            "image_url": f"https://r/{n}.jpeg",
            "lyrics": "see https://lyrics/x",
        }
        for n in (1, 2)
    ]
    expected = (
        Produced(url="https://r/1.mp3", kind="audio", label="Song 1"),
        Produced(url="https://r/2.mp3", kind="audio", label="Song 2"),
        Produced(url="https://r/1.jpeg", kind="image", label="cover"),
        Produced(url="https://r/2.jpeg", kind="image", label="cover"),
    )
    assert made({"data": {"tracks": tracks}}) == expected
    assert made(tracks) == expected
    assert made({"resultUrls": ["https://r/1.mp3", "https://r/2.mp3"], "data": tracks}) == expected


def test_a_track_takes_its_other_url_where_the_first_is_missing():
    assert made({"source_audio_url": "https://s/1", "audio_url": ""}) == (Produced(url="https://s/1", kind="audio"),)


def test_the_listed_order_is_kept_and_nothing_comes_twice():
    urls = ["https://r/2.png", "https://r/1.png", "https://r/2.png"]
    assert [one.url for one in made({"resultUrls": urls, "url": "https://r/1.png"})] == [
        "https://r/2.png",
        "https://r/1.png",
    ]


@pytest.mark.parametrize(
    ("result", "url", "kind"),
    [
        ({"video_url": "https://r/clip"}, "https://r/clip", "video"),
        ({"videoUrl": "https://r/clip"}, "https://r/clip", "video"),
        ({"image_url": "https://r/x.mp4"}, "https://r/x.mp4", "video"),
        ({"output": {"url": "https://r/x.webp?s=1"}}, "https://r/x.webp?s=1", "image"),
        ({"images": [{"url": "https://r/x"}]}, "https://r/x", None),
        ({"resultUrls": [{"url": "https://r/x"}]}, "https://r/x", None),
        ({"resultUrls": "https://r/x.gif"}, "https://r/x.gif", "image"),
        ({"result_urls": ["https://r/x"]}, "https://r/x", None),
        ("https://r/x.mp3", "https://r/x.mp3", "audio"),
    ],
)
def test_urls_in_other_places(result, url, kind):
    assert made(result) == (Produced(url=url, kind=kind),)


@pytest.mark.parametrize(
    ("raw", "urls"),
    [
        ('{"resultUrls":["https://r/1.png","https://r/2.p', ["https://r/1.png"]),
        ("{'resultUrls': ['https://r/1.png']}", ["https://r/1.png"]),
        ("https://r/1.png", ["https://r/1.png"]),
        ("{resultUrls:", []),
    ],
)
def test_what_is_whole_in_a_broken_result_is_kept(raw, urls):
    assert [one.url for one in products_of({"resultJson": raw})] == urls


def test_ids_to_use_again():
    assert made({"voice_id": "v1"}, voice_id="v1") == (Produced(asset_id="v1", label="voice"),)
    assert made({"resultUrls": ["https://r/1.mp4"], "character_id_list": ["c1", "c2"]}) == (
        Produced(url="https://r/1.mp4", kind="video"),
        Produced(asset_id="c1", label="character"),
        Produced(asset_id="c2", label="character"),
    )


def test_what_repeats_the_request_is_no_result():
    echo = {"image_urls": ["https://mine/1.png"], "voice_id": "mine"}
    assert made({}, param=echo, input=echo, callback_url="https://mine/hook") == ()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://r/1",
        "javascript:alert(1)",
        "/1.png",
        "https://r/\ud800",
        "https://[",
        "https://",
        "data:text/html,<h1>no</h1>",
        "see https://r/page for more",
        3,
        None,
    ],
)
def test_what_is_no_web_address_is_no_result(url):
    assert made({"resultUrls": [url], "url": url}) == ()


def test_depth_and_number_are_bounded():
    deep = "https://r/1"
    for _ in range(200):
        deep = {"url": deep}
    assert made(deep) == ()
    assert len(made({"resultUrls": [f"https://r/{n}" for n in range(5000)]})) == 5000


@pytest.mark.parametrize(
    ("url", "kind"), [("https://r/a.MP4?x=.png", "video"), ("https://r/a", None), ("https://[", None)]
)
def test_kind_by_extension(url, kind):
    assert modality_of_address(url) == kind
