"""A query read: which everyday words it holds, and what is left beside them."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from apixo_mcp.catalog.search.chinese import bigrams, simplified
from apixo_mcp.catalog.search.everyday import WANTS, Everyday, vocabulary
from apixo_mcp.foreign import cut
from apixo_mcp.generation import Modality

_LONGEST = 300
_CJK = "\u4e00-\u9fff"
_BORDER = re.compile(rf"(?<=[{_CJK}])(?=[a-z0-9])|(?<=[a-z0-9])(?=[{_CJK}])")
_BETWEEN = re.compile(rf"(?<!\d)[.:]|[.:](?!\d)|[^\w.:{_CJK}]|_")
_LENGTH = re.compile(
    r"(?<![\w.])(\d{1,3}|a|an|one|two|three|five|ten|half a) ?(s|sec|second|秒钟|秒|min|minute|分钟)(?![a-z])"
    r"|([一两二三五十半])(秒钟|秒|分钟)"
)
_NUMBERS: Mapping[str, float] = {
    **{"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "five": 5, "ten": 10, "half a": 0.5},
    **{"一": 1, "两": 2, "二": 2, "三": 3, "五": 5, "十": 10, "半": 0.5},
}
_FOR_VIDEO = re.compile(
    r"\bfor (?:(?:a|an|my|the|our|this|your) )?(?:\w{1,20} )?(?:video|clip|film|movie)\b"
    r"|[给为]\w{0,4}视频|视频的?(?=配|背景)"
)
_TOKEN = re.compile(r"[a-z]+|\d+(?:[.:]\d+)*")
_APART = re.compile(r"(?<=\d)[-_ ](?=\d)")
_FILLER = frozenset(
    (
        *("a", "an", "and", "are", "as", "at", "be", "by", "can", "do", "for", "from", "give", "good", "has"),
        *("have", "i", "in", "is", "it", "like", "make", "making", "me", "model", "my", "need", "new", "of"),
        *("on", "or", "our", "please", "show", "some", "something", "that", "the", "this", "to", "use", "using"),
        *("want", "what", "which", "with", "you", "your", "generate", "generator", "generation", "create"),
        *("creating", "creation", "ai", "tool", "maker", "produce", "get", "find", "let", "into", "out", "up"),
        *("not", "no", "s", "v", "than", "ever", "just", "really", "picturing"),
    )
)
_MODALITIES: tuple[Modality, ...] = ("video", "audio", "image")


@dataclass(frozen=True, slots=True)
class Query:
    """What a query asks for.

    Attributes:
        phrase: all of it, as it is compared.
        name: the same as one word, as names are compared.
        makes: the modality that it speaks of, None where it speaks of none.
        wants: keys of `WANTS`.
        brands: words of names, of each entry one of which is to be there.
        words: what is left: words and versions ("2.6") in Latin letters.
        pairs: what is left of Chinese, in pairs of characters.
        seconds: a length that it names, 0 where it names none.
        absent: a well-known model that it names and that is not to be had.
    """

    phrase: str
    name: str
    makes: Modality | None = None
    wants: tuple[str, ...] = ()
    brands: tuple[tuple[str, ...], ...] = ()
    words: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    seconds: int = 0
    absent: str = ""

    @property
    def is_of_no_use(self) -> bool:
        """Tells whether no use is asked for: nothing, or only a price, a speed and a quality."""
        return {*self.wants} <= {"cheap", "fast", "best"}

    @property
    def is_of_a_modality_alone(self) -> bool:
        """Tells whether nothing but a kind of result is asked for."""
        return not (self.wants or self.brands or self.seconds or self.absent)


def reduced(text: str) -> str:
    """Returns a text as it is compared: lower case, simplified, singular, a space between words."""
    plain = simplified(unicodedata.normalize("NFKC", text).casefold())
    plain = _BORDER.sub(" ", _BETWEEN.sub(" ", plain.replace("/", " ")))
    return " ".join(_singular(word) for word in plain.split())


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.isascii() and word[-1] == "s" and word[-2] not in "sui" else word


def tokens(text: str) -> tuple[str, ...]:
    """Returns the words and versions of a name or a text: `veo3.1` and `veo-3-1` are both `veo`, `3.1`."""
    return tuple(_TOKEN.findall(reduced(_APART.sub(".", text))))


@cache
def _forms() -> tuple[tuple[str, Everyday], ...]:
    """Returns every form with what it means, the longest first."""
    forms: dict[str, Everyday] = {}
    for entry in vocabulary().entries:
        for form in entry.forms:
            forms.setdefault(reduced(form), entry)
    return tuple(sorted(forms.items(), key=lambda item: -len(item[0])))


@cache
def _absent() -> tuple[tuple[str, str, Modality], ...]:
    return tuple((reduced(name), name, modality) for name, modality in vocabulary().absent.items())


def _named_absent(text: str) -> tuple[str, Modality | None]:
    for form, name, kind in _absent():
        if _holds(text, form):
            return name, kind
    return "", None


def _holds(text: str, form: str) -> str:
    """Returns the form as it stands in the text, empty where it does not."""
    # Chinese has no spaces between words.
    as_it_stands = f" {form} " if form.isascii() else form
    return as_it_stands if as_it_stands in text else ""


def read_query(query: str) -> Query:
    """Reads what a query asks for."""
    text = f" {reduced(cut(query, _LONGEST))} "
    for_video = _FOR_VIDEO.search(text) is not None
    absent, kind = _named_absent(text)
    length = _LENGTH.search(text)
    if length:
        text = text.replace(length[0], " | ")
    found: list[Everyday] = []
    for form, entry in _forms():
        while held := _holds(text, form):
            text = text.replace(held, " | ", 1)
            found.append(entry)
    makes = _makes(found, kind, for_video)
    wants = dict.fromkeys(entry.want for entry in found if entry.want)
    return Query(
        phrase=reduced(cut(query, _LONGEST)),
        name="".join(tokens(cut(query, _LONGEST))),
        makes=makes,
        wants=tuple(want for want in wants if makes is None or WANTS[want].of in (None, makes)),
        brands=tuple(dict.fromkeys(entry.names for entry in found if entry.names)),
        words=tuple(dict.fromkeys(word for word in tokens(text) if word not in _FILLER)),
        pairs=tuple(dict.fromkeys(bigrams(text))),
        seconds=_seconds(length) if length else 0,
        absent=absent,
    )


def _seconds(length: re.Match[str]) -> int:
    number, unit = length[1] or length[3], length[2] or length[4]
    return int((_NUMBERS.get(number) or float(number)) * (60 if unit[0] in "m分" else 1))


def _makes(found: list[Everyday], absent: Modality | None, for_video: bool) -> Modality | None:
    """Returns the modality that is spoken of most surely; a video stands above its music, that above its cover."""
    weights: dict[Modality, int] = dict.fromkeys(_MODALITIES, 0)
    for entry in found:
        if entry.makes is not None:
            weights[entry.makes] = max(weights[entry.makes], entry.weight)
    if absent is not None:
        weights[absent] += 5
    if for_video and weights["audio"]:
        return "audio"
    best = max(weights.values())
    return next((makes for makes in _MODALITIES if best and weights[makes] == best), None)
