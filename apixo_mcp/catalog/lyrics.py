"""Tells whether a text is one to be sung: by the tags of its sections, or by the shape of its verses."""

import re

from apixo_mcp.foreign import cut

_LONGEST = 6000
_VERSES = 4
"""The fewest lines that count as verses; a description in fewer lines is common."""
_LONG_LINE = 64
_LONG_LINE_WIDE = 28  # of Chinese, Japanese and Korean, whose characters say more

_SECTION = (
    r"verses?|chorus|pre-?\s?chorus|post-?\s?chorus|bridge|intro|outro|hook|refrain|interlude|breakdown|drop|coda"
    r"|solo|ad-?libs?|instrumental|end|fade\s?out|couplet|strophe|refr[aã]o|estribillo|coro|verso|puente|estrofa|ritornello"
    r"|strofa|припев|куплет|副歌|主歌|前奏|间奏|間奏|尾奏|桥段|橋段|导歌|導歌|预副歌|說唱|说唱|结尾|サビ|[ABＡＢ]メロ|イントロ|アウトロ"
    r"|후렴|벌스|코러스|브릿지|절"
)
# In square brackets more may stand beside the name of a section; in round ones it stands alone.
_TAG = re.compile(rf"[\[【〔［]\s{{0,3}}(?:{_SECTION})(?![a-z])[^\]】〕］\n]{{0,40}}[\]】〕］]", re.IGNORECASE)
_ROUND_TAG = re.compile(rf"[(（{{]\s{{0,3}}(?:{_SECTION})\s{{0,3}}\d{{0,2}}\s{{0,3}}:?[)）}}]", re.IGNORECASE)
_HEADING = re.compile(rf"^\s{{0,9}}\W{{0,3}}(?:{_SECTION})\s{{0,3}}\d{{0,2}}\s{{0,3}}\W{{0,3}}$", re.IGNORECASE)
_LISTED = re.compile(r"^\s{0,9}(?:[-*•·–]|\d{1,2}[.)、]|#)\s")
_FIELD = re.compile(r"^\s{0,9}[^\s:：][^:：]{0,30}[:：]\s{0,3}\S")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def sign_of_lyrics(text: str) -> str:
    """Tells by what a text reads like one to be sung, as a noun with its article; empty where it does not."""
    text = cut(text, _LONGEST)
    for pattern in (_TAG, _ROUND_TAG):
        if tag := pattern.search(text):
            return f"a section tag, {tag[0]}"
    lines = [line.strip() for line in re.split(r"\n|\s/{1,2}\s", text) if line.strip()]
    if heading := next((line for line in lines if len(lines) > 1 and _HEADING.fullmatch(line)), ""):
        return f"a section tag, {heading}"
    if any(_LISTED.match(line) or _FIELD.match(line) for line in lines):
        return ""
    short = [line for line in lines if len(line) <= (_LONG_LINE_WIDE if _WIDE.search(line) else _LONG_LINE)]
    if len(short) >= max(_VERSES, len(lines) * 3 / 4):
        return f"the shape of verses, {len(lines)} short lines"
    return ""
