"""What is to be sung is told from what describes a song: a wrong guess is a song that nobody wanted, paid for."""

import pytest

from apixo_mcp.catalog.lyrics import sign_of_lyrics

SUNG = [
    "[Verse]\nThe river runs\n[Chorus]\nHome again",
    "[Verse 1: soft, whispered] I walk the line",
    "(Verse)\nHello there\n(chorus)\nGoodbye",
    "【副歌】我们一起走",
    "（主歌）\n夜空中最亮的星",
    "[主歌1]\n风吹过山岗",
    "Verse 1:\nI saw you there\nChorus:\nOh oh oh",
    "**Chorus**\nSing with me",
    "{Bridge}\nHold on",
    "[サビ]\n君のそばに",
    "[Estribillo]\nBaila conmigo",
    "Roses are red\nViolets are blue\nSugar is sweet\nAnd so are you",
    "Roses are red / Violets are blue / Sugar is sweet / And so are you",
    "床前明月光\n疑是地上霜\n举头望明月\n低头思故乡",
    "Frère Jacques,\nFrère Jacques,\n\nDormez-vous?\nDormez-vous?",
]
DESCRIBED = [
    "a cheerful song about a fox",
    "A slow ballad with a big chorus and a long guitar solo, sung by a woman (chorus in two voices)",
    "A happy song\nabout my dog Rex\nwith guitar",
    "Genre: pop\nMood: happy\nTempo: 120\nTheme: summer",
    "- upbeat\n- female voice\n- about the sea\n- big ending",
    "1. start slow\n2. build up\n3. big drop\n4. end softly",
    "A song for my mother's birthday that tells how she came over the mountains with two suitcases and a radio.\n"
    "It should be warm, with an accordion and a choir that comes in late, and it should end quietly.\n"
    "Please keep the words simple, because children will sing it too, and do not rhyme everything.\n"
    "The language is English with a line of Italian here and there where it fits the story she tells.",
    "一首欢快的歌，关于夏天的海边，女声，吉他伴奏",
    "",
    "verse",
    "chorus of frogs",
]


@pytest.mark.parametrize("text", SUNG)
def test_tags_and_verses_are_to_be_sung(text: str) -> None:
    assert sign_of_lyrics(text)


@pytest.mark.parametrize("text", DESCRIBED)
def test_a_description_is_not(text: str) -> None:
    assert sign_of_lyrics(text) == ""


def test_a_hostile_text_is_read_in_no_time() -> None:
    for text in ("[" * 100_000, "(verse" * 20_000, "\n" * 100_000, " / " * 50_000, "[verse" + " " * 100_000):
        sign_of_lyrics(text)
