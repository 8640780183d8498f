"""The language of a page."""

import pytest
from starlette.requests import Request

from apixo_mcp.server.http.pages.languages import language_of


def request(accepted: str = "", query: str = "", cookie: str = "") -> Request:
    headers = [(b"accept-language", accepted.encode()), (b"cookie", cookie.encode())]
    return Request({"type": "http", "method": "GET", "path": "/", "query_string": query.encode(), "headers": headers})


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("de", "en"),
        ("*", "en"),
        ("zh", "zh-Hans"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("de,zh;q=0.5,en;q=0.4", "zh-Hans"),
        ("zh;q=0,en;q=0.1", "en"),
        ("zh;q=0", "en"),
        (";;;,zh;q=x", "en"),
        ("zh-Hans-CN", "zh-Hans"),
    ],
)
def test_a_browser_gets_the_language_that_it_asks_for(accepted: str, language: str) -> None:
    assert language_of(request(accepted)) == language


@pytest.mark.parametrize(
    ("query", "cookie", "language"),
    [
        ("lang=zh-Hans", "", "zh-Hans"),
        ("lang=en", "apixo_lang=zh-Hans", "en"),
        ("lang=fr", "apixo_lang=zh-Hans", "zh-Hans"),
        ("", "apixo_lang=zh-Hans", "zh-Hans"),
        ("ui_locales=fr-CA+zh-CN+en", "", "zh-Hans"),
        ("ui_locales=zh-CN", "apixo_lang=en", "en"),
        ("lang=%22%3E", "apixo_lang=%22%3E", "en"),
    ],
)
def test_what_was_chosen_counts_before_what_a_client_names(query: str, cookie: str, language: str) -> None:
    assert language_of(request("en", query, cookie)) == language
