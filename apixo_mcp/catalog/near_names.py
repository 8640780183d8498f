"""The input that was meant, where its name was written in another way."""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping

from apixo_mcp.foreign import cut

_LONGEST = 60
_NEAR = 0.8  # asp_ratio is as near as that to aspect_ratio; style_reference is not to stylization
_GENERIC = frozenset(
    {"id", "ids", "url", "urls", "mode", "type", "key", "list", "index", "scale", "setting", "settings"}
)
"""Words of which names are made, and which mean none by themselves."""


def _names(meant: tuple[str, ...], *others: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(others, meant)


_MEANT: Mapping[str, tuple[str, ...]] = {
    **_names(("num_images", "max_images"), "n", "count", "num", "batch_size", "num_outputs", "number_of_images"),
    **_names(("num_images", "max_images"), "image_count", "n_images", "n_variants", "samples", "quantity"),
    **_names(("aspect_ratio", "ratio"), "ar", "ratio", "aspect"),
    **_names(("image_urls", "image_input", "input_reference"), "image", "img", "picture", "photo", "input_image"),
    **_names(("duration", "seconds"), "seconds", "secs", "length", "video_length", "clip_length", "duration_seconds"),
    **_names(("sound",), "with_audio", "enable_audio", "with_sound", "audio_enabled", "has_audio"),
    **_names(("negative_prompt", "negativeTags"), "negative", "neg_prompt", "exclude"),
    **_names(("prompt",), "text", "lyrics", "description", "script"),
    **_names(("voice_id",), "voice", "speaker", "speaker_id", "voice_name", "voice_setting"),
    **_names(("speed",), "rate", "speech_rate", "tempo"),
    **_names(("volume",), "vol", "loudness"),
    **_names(("output_format", "format"), "format", "file_format", "image_format", "fmt"),
    **_names(("resolution",), "res", "quality_resolution"),
    **_names(("seed",), "random_seed", "noise_seed"),
    # As older pages of midjourney write them.
    **_names(("stylization",), "stylize"),
    **_names(("variety",), "chaos"),
    **_names(("weirdness",), "weird"),
    **_names(("cfg_scale",), "cfg", "guidance", "guidance_scale"),
}
"""The names by which other interfaces call our inputs, each with ours; the first that a model has is meant."""


def nearest_name(given: str, known: Collection[str]) -> str:
    """Returns the known name that was meant: written otherwise, called otherwise, shortened or misspelt.

    Returns:
        An empty text for a name that is known, and for one that is near none.
    """
    given = cut(given, _LONGEST)
    if given in known:
        return ""
    words, names = _words(given), list(known)
    if same := respelt(given, names):
        return same
    called = "_".join(("with", *words[1:]) if words[:1] == ("generate",) else words)
    for name in _MEANT.get(called, _MEANT.get(called.removesuffix("s"), ())):
        if name in known:
            return name
    if {*words} - _GENERIC:
        for name in names:
            if {*words} < {*_words(name)}:
                return name
    [near] = difflib.get_close_matches(_plain(words), map(_joined, names), n=1, cutoff=_NEAR) or [""]
    return next((name for name in names if near and _joined(name) == near), "")


def respelt(given: str, known: Iterable[str]) -> str:
    """Returns the known name of which another is a mere spelling: its case, separators or number; empty for none."""
    plain = _joined(cut(given, _LONGEST))
    return next((name for name in known if plain and plain == _joined(name)), "")


def _words(name: str) -> tuple[str, ...]:
    """Returns the words of a name: of image_urls, imageUrls and Image-URLs the same."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return tuple(word for word in re.split(r"[^a-z0-9]+", parted.casefold()) if word)


def _plain(words: Iterable[str]) -> str:
    return "".join(words).removesuffix("s")


def _joined(name: str) -> str:
    return _plain(_words(name))
