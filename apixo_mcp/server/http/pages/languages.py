"""The languages of the pages: the one that a person chose, that their client names, or that their browser asks for."""

import re
from collections.abc import Iterable
from enum import StrEnum

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

CHOICE, NAMED_BY_CLIENT = "lang", "ui_locales"
"""What names a language in an address: a person has chosen it; their client names it (OpenID Connect, 3.1.2.1)."""
COOKIE = "apixo_lang"
_LASTS = 365 * 86_400
_LONGEST = 500  # characters that are read of what a browser or a client sent
_WEIGHED = re.compile(r"\s*([a-z]{1,8})[a-z0-9\-]*\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*)?", re.IGNORECASE)


class Language(StrEnum):
    """A language that the pages speak."""

    ENGLISH = "en"
    """Where nothing else is known."""
    CHINESE = "zh-Hans"
    """Simplified."""


OWN_NAMES = {Language.ENGLISH: "English", Language.CHINESE: "简体中文"}
"""What each language calls itself."""


def language_of(request: Request) -> Language:
    """Returns the language of a page: chosen here, chosen before, named by the client, asked for by the browser."""
    query = request.query_params
    told = (query.get(CHOICE, ""), request.cookies.get(COOKIE, ""), *query.get(NAMED_BY_CLIENT, "")[:_LONGEST].split())
    return first_known(told) or preferred(request.headers.get("accept-language", ""))


def first_known(tags: Iterable[str]) -> Language | None:
    """Returns the first language among tags that the pages speak."""
    known = (_by_tag(tag.partition("-")[0].lower()) for tag in tags)
    return next(filter(None, known), None)


def preferred(accept_language: str) -> Language:
    """Returns the language that a browser asks for."""
    best = dict.fromkeys(Language, 0.0)
    for choice in accept_language[:_LONGEST].split(","):
        if (match := _WEIGHED.fullmatch(choice)) and (language := _by_tag(match[1].lower())):
            best[language] = max(best[language], float(match[2] or 1))
    return max(best, key=lambda one: best[one])


def other_language(request: Request, language: Language, at: str) -> tuple[Language, str]:
    """Returns the other language, and the address of the same page in it.

    Args:
        at: the path of the page where it is not that of the request; empty where it is.
    """
    other = Language.CHINESE if language is Language.ENGLISH else Language.ENGLISH
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != CHOICE]
    return other, f"{at}{'&' if '?' in at else '?'}{QueryParams([*kept, (CHOICE, str(other))])}"


def keep_choice(request: Request, response: Response) -> None:
    """Has the browser keep a language that was chosen, for all pages of this server."""
    if chosen := first_known([request.query_params.get(CHOICE, "")]):
        path = request.scope.get("root_path", "") or "/"
        response.set_cookie(COOKIE, chosen, _LASTS, path=path, httponly=True, samesite="lax")


def _by_tag(tag: str) -> Language | None:
    return next((language for language in Language if language.partition("-")[0] == tag), None)
