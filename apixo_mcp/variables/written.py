"""Environment variables as people and hosts write them: quotes, placeholders and near misses. Pure."""

import re
from collections.abc import Iterable, Sequence

_INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’", "„": "“", "«": "»"}

_PLACEHOLDERS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\$\{",  # ${HOME}, ${user_config.budget}, ${input:key}
        r"\{\{",  # {{budget}}
        r"^\$\(",  # $(cat key)
        r"^\$(?:env:)?[A-Za-z_]\w*(?:$|[/\\:])",  # $HOME, $HOME/Pictures, $env:HOME
        r"^%[A-Za-z_][\w()]*%",  # %APPDATA%
        r"^<[^<>]*>$",  # <your key>
        r"^\{[^{}]*\}$",  # {env:KEY}
    )
)
_SAMPLE_KEY = re.compile(
    r"(?i)(?:sk-)?(?:\u2026|\.{2,}|x{3,}|\*{3,}|\[[^]]{0,60}\])"
    r"|(?:sk[-_ ])?(?:your|my|insert)[-_ ][\w \-]{0,40}(?:key|token)(?:[-_ ]here)?"
    r"|(?:change|replace)[-_ ]?me"
)
_LONGEST_SAMPLE = 80

_WORDS = {
    "KEY": "API_KEY",
    "TOKEN": "API_KEY",
    "SECRET": "API_KEY",
    "SECRET_KEY": "API_KEY",
    "ACCESS_TOKEN": "API_KEY",
    "ACCESS_KEY": "API_KEY",
    "AUTH_TOKEN": "API_KEY",
    "URL": "BASE_URL",
    "API_URL": "BASE_URL",
    "API_BASE": "BASE_URL",
    "ENDPOINT": "BASE_URL",
    "HOST": "BASE_URL",
    "BUDGET": "DAILY_BUDGET_USD",
    "LIMIT": "DAILY_TASK_LIMIT",
    "CONFIRM": "CONFIRM_ABOVE_USD",
    "DATA": "HOME",
    "DATA_DIR": "HOME",
    "OUTPUT": "DOWNLOAD_DIR",
    "OUTPUT_DIR": "DOWNLOAD_DIR",
    "OUT_DIR": "DOWNLOAD_DIR",
    "SAVE_DIR": "DOWNLOAD_DIR",
    "FOLDER": "DOWNLOAD_DIR",
    "DEBUG": "LOG_LEVEL",
    "VERBOSE": "LOG_LEVEL",
}
"""What some call a setting, without its prefix."""

_AFTER_A_NAME = r"(?:_?AI)?_?(?:MCP_?(?:SERVER_?)?)?"
_NEAR, _NEAR_ENOUGH, _NEAR_PREFIX = 0.5, 0.6, 0.76


def trimmed(text: str) -> str:
    """Returns a value without the spaces and invisible characters around it, and without one pair of quotes."""
    text = _bare(text)
    if len(text) > 1 and text[0] in _QUOTES and text[-1] == _QUOTES[text[0]]:
        text = _bare(text[1:-1])
    return text


def _bare(text: str) -> str:
    before = None
    while text != before:
        before, text = text, text.strip().strip(_INVISIBLE)
    return text


def is_placeholder(text: str) -> bool:
    """Tells whether a trimmed value is what a host was to fill in and did not."""
    return any(pattern.search(text) for pattern in _PLACEHOLDERS)


def is_sample_key(text: str) -> bool:
    """Tells whether a trimmed key is the one of an instruction (`sk-…`, `your-api-key`)."""
    return len(text) <= _LONGEST_SAMPLE and _SAMPLE_KEY.fullmatch(text) is not None


def bare_key(text: str) -> str:
    """Returns a trimmed key without the word that goes before it in a header."""
    return trimmed(text[7:]) if text[:7].lower() == "bearer " else text


def is_set(name: str, text: str) -> bool:
    """Tells whether the value of a documented variable says anything."""
    text = trimmed(text)
    if name.endswith("_API_KEY"):
        text = bare_key(text)
        return bool(text) and not is_placeholder(text) and not is_sample_key(text)
    return bool(text) and not is_placeholder(text)


def nearest_variable(variable: str, settings: Sequence[str], prefix: str) -> str | None:
    """Returns the setting that a variable may have been meant for.

    Args:
        variable: in upper case; not a setting.
        settings: the documented variables; those of a gateway are `<GATEWAY>_API_KEY` and `<GATEWAY>_BASE_URL`.
        prefix: what a variable begins with that is certainly ours, `<NAME>_MCP_`.

    Returns:
        None where it is not ours; empty where it is and no setting is near.
    """
    name = re.sub(r"[^A-Z0-9]+", "_", variable).strip("_")
    is_ours = variable.startswith(prefix)
    if name in settings:
        return name
    home = prefix.partition("_")[0]
    others = [
        one.removesuffix("_API_KEY") for one in settings if one.endswith("_API_KEY") and one.partition("_")[0] != home
    ]
    names = (home, *others)
    if not is_ours and not name.startswith(names):
        name = _respelt(name, home, others)
        if not name:
            return None
        if name in settings:
            return name
    head = re.match(f"(?:{'|'.join(map(re.escape, names))}){_AFTER_A_NAME}", name)
    rest = name[head.end() :] if head else name
    gateway = next((one for one in others if name.startswith(one) or rest.startswith(f"{one}_")), home)
    rest = _without(rest, names)
    short = {_without(one.removeprefix(prefix), names): one for one in settings if not _of_other(one, gateway)}
    rest = _WORDS.get(rest, rest)
    if rest in short:
        return short[rest]
    import difflib  # most starts need none

    found = difflib.get_close_matches(rest, short, n=1, cutoff=_NEAR if is_ours else _NEAR_ENOUGH)
    return short[found[0]] if found else "" if is_ours else None


def _without(text: str, names: Iterable[str]) -> str:
    for name in names:
        text = text.removeprefix(f"{name}_")
    return text


def _of_other(setting: str, gateway: str) -> bool:
    return setting.endswith(("_API_KEY", "_BASE_URL")) and not setting.startswith(f"{gateway}_")


def _respelt(name: str, home: str, others: Iterable[str]) -> str:
    """Returns a name whose beginning is nearly ours, with ours; empty for any other."""
    word, _, rest = name.partition("_")
    if not rest:
        return ""
    for other in others:
        if sorted(word) == sorted(other):
            return f"{other}_{rest}"
    if len(set(word) & set(home)) < 4:
        return ""
    import difflib

    for meant, prefix in ((home, home), (f"{home}MCP", f"{home}_MCP")):
        if difflib.SequenceMatcher(None, word, meant).ratio() >= _NEAR_PREFIX:
            return f"{prefix}_{rest}"
    return ""
