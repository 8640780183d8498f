"""What a model cannot do is said where it is asked for, and not left to a prompt."""

from typing import Any

import pytest
from support.catalog_facts import CATALOG, KNOWN, Entry

from apixo_mcp.catalog.limits import LENGTHS, LIMITS
from apixo_mcp.catalog.translate import COMMON_ARGUMENTS, inputs, translate
from apixo_mcp.catalog.unmet import explained, remarks, unmet
from apixo_mcp.errors import Problem


def noted(name: str, prompt: str, **given: Any) -> str:
    model = CATALOG.find(name)
    draft = translate(model, {"prompt": prompt, **given}, {})
    return " ".join(remarks(model, {"prompt": prompt, **given}, draft.values))


@pytest.mark.parametrize(
    ("model", "name", "value", "says"),
    [
        ("gpt-image-2", "background", "transparent", "transparent background"),
        ("nano-banana", "transparent", True, "transparent background"),
        ("flux-2", "output_format", "svg", "vector files"),
        ("suno", "duration", 120, "The length cannot be set"),
        ("suno", "length", "2:00", "The length cannot be set"),
        ("minimax-speech-2-8", "seconds", 10, "as long as its text"),
        ("veo-3-1", "duration", 8, "veo-3-1 has no input for it"),
        ("kling-2-6", "duration", 60, "No model joins clips"),
        ("sora-2", "clips", ["a", "b"], "No model joins clips"),
    ],
)
def test_an_input_that_asks_for_it_is_answered_with_the_reason(model: str, name: str, value: Any, says: str) -> None:
    assert says in unmet(CATALOG.find(model), name, value)


@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        ("gpt-image-2", "background", "white"),
        ("gpt-image-2", "transparent", False),
        ("nano-banana", "output_format", "png"),
        ("kling-2-6", "duration", 7),
        ("ruxa/veo3", "duration", 8),
        ("flux-2", "duration", 8),
    ],
)
def test_another_is_not(model: str, name: str, value: Any) -> None:
    assert unmet(CATALOG.find(model), name, value) == ""


def test_the_reason_stands_in_place_of_a_list_of_inputs() -> None:
    model = CATALOG.find("suno")
    problem = explained(model, Problem("options.duration", "30", "not an input of suno; it takes mode", "mode"))
    assert str(problem) == (
        "options.duration: The length cannot be set: suno decides how long a song is, and speech lasts as long as its "
        "text (got 30)."
    )
    problem = explained(CATALOG.find("kling-2-6"), Problem("duration", "60", "must be one of 5, 10", "10"))
    assert str(problem).startswith("duration: must be one of 5, 10. No model joins clips")
    assert str(problem).endswith("(got 60). Did you mean 10?")
    kept = Problem("duration", "7", "must be one of 5, 10", "5")
    assert explained(CATALOG.find("kling-2-6"), kept) is kept


@pytest.mark.parametrize(
    ("model", "prompt", "says"),
    [
        ("suno", "a cheerful song of 2 minutes", "2 minutes: the length of a song cannot be set"),
        ("suno", "一首两段的歌，3分钟", "3分钟"),
        ("veo-3-1", "a 20 second video of the sea", "20 s: veo-3-1 has no input for the length"),
        ("kling-2-6", "a 10-second clip of a fox", "10 s: the length is set by duration, which is 5."),
        ("ruxa/sora-2", "a 15 seconds cinematic video", "15 s: the length is set by duration, which was left out."),
        ("kling-2-6", "一只狐狸，10秒视频", "10 s: the length is set by duration"),
        ("grok-video", "the sea, lasting 1 minute", "60 s: the length is set by duration, which is 6."),
        ("nano-banana", "a logo with a transparent background", "No model's page offers a transparent background"),
        ("gpt-image-2", "一个透明背景的标志", "No model's page offers a transparent background"),
    ],
)
def test_a_prompt_that_asks_for_it_is_noted(model: str, prompt: str, says: str) -> None:
    assert says in noted(model, prompt)


@pytest.mark.parametrize(
    ("model", "prompt", "given"),
    [
        ("suno", "a song about the last five minutes", {}),
        ("kling-2-6", "a 10-second clip of a fox", {"duration": 10}),
        ("kling-2-6", "a 5 second video", {}),
        ("kling-2-6", "an 80s video of a man who waits for 3 seconds", {}),
        ("sora-2", "a transparent glass on a table", {}),
        ("nano-banana", "a transparent glass on a table, vector style, 30 seconds to midnight", {}),
        ("minimax-speech-2-8", "The train leaves in 2 minutes.", {}),
        ("ruxa/veo3", "a 20 second video", {}),
    ],
)
def test_a_prompt_that_does_not_is_left_alone(model: str, prompt: str, given: dict[str, Any]) -> None:
    assert noted(model, prompt, **given) == ""


def test_minutes_that_are_sung_are_no_length() -> None:
    model = CATALOG.find("suno")
    given = {"prompt": "[Verse] five minutes, 5 minutes", "style": "folk", "title": "x"}
    assert (
        remarks(model, given, translate(model, {"prompt": given["prompt"]}, {"style": "a", "title": "b"}).values) == ()
    )


@pytest.mark.parametrize("entry", KNOWN, ids=str)
def test_no_documented_value_is_called_impossible(entry: Entry) -> None:
    model = CATALOG.find(entry.id)
    for name in (*entry.params, *inputs(model)):
        for value in entry.params.get(name, {}).get("enum", ["x", True, 5]):
            assert unmet(model, name, value) == ""
    assert not set(COMMON_ARGUMENTS) - set(LENGTHS) & {name for limit in LIMITS for name in limit.inputs} - {
        "output_format"
    }


def test_a_voice_that_is_not_known_is_noted() -> None:
    said = noted("minimax-speech-2-8", "Hello", voice_id="Wise_Woman")
    assert "voice_id 'Wise_Woman' is sent as given: known here is preset_general_wise_woman" in said
    assert noted("minimax-speech-2-8", "Hello", voice_id="preset_general_wise_woman") == ""
    assert noted("minimax-speech-2-8", "Hello") == ""
