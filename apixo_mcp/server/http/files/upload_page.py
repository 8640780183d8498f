"""The page behind a link to upload a file to, in English and Chinese."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from apixo_mcp.server.http.pages.languages import Language, language_of
from apixo_mcp.server.http.pages.page import button, field, field_to_copy, html_page, text

_HEADERS = {"Referrer-Policy": "no-referrer"}  # the link is a secret


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence in both languages."""

    english: str
    chinese: str

    def of(self, request: Request) -> str:
        """Returns it in the language of a page."""
        return self.chinese if language_of(request) is Language.CHINESE else self.english


_SITE = Words("apixo-mcp", "apixo-mcp")
_TITLE = Words("Upload a file", "上传文件")
_LABEL = Words("A picture, a video or a recording", "图片、视频或音频")
_LARGEST = Words("At most {largest} MB.", "最大 {largest} MB。")
_ONCE = Words(
    "It goes to the server that your assistant works with, is kept there for a day, and can be used by you alone. This "
    "link takes one file.",
    "文件会传到你的助手所使用的服务器，保存一天，只有你能使用。此链接只能上传一个文件。",
)
_SEND = Words("Upload", "上传")
_DONE = Words("The file is there", "文件已上传")
_USED = Words("This link has taken its file", "此链接已上传过文件")
_GIVE = Words("Give your assistant this:", "请把下面这一行交给你的助手：")
_ANOTHER = Words("For another file ask your assistant for another link.", "如需上传其他文件，请让助手再给一个链接。")


def form_page(request: Request, largest: int, problem: Words | None = None, status: int = 200) -> Response:
    """Returns the form.

    Args:
        largest: bytes that a file may have.
        problem: why the file that came before was not taken.
    """
    hint = _LARGEST.of(request).format(largest=largest // 1_000_000)
    attributes = 'type="file" accept="image/*,video/*,audio/*" required'
    chosen = field(_LABEL.of(request), "file", attributes, hint, problem.of(request) if problem else "")
    send = button(_SEND.of(request), is_main=True)
    form = f'<form method="post" enctype="multipart/form-data">{chosen}{send}</form>'
    return _page(request, _TITLE, text(_ONCE.of(request)), form, status=status)


def done_page(request: Request, reference: str) -> Response:
    """Returns the page that names what came."""
    return _page(request, _DONE, _handle(request, reference), status=201)


def used_page(request: Request, reference: str) -> Response:
    """Returns the page of a link that has taken its file, and names that."""
    return _page(request, _USED, _handle(request, reference), text(_ANOTHER.of(request)), status=410)


def refusal_page(request: Request, words: Words, status: int) -> Response:
    """Returns the page that says why nothing can be taken."""
    return _page(request, _TITLE, text(words.of(request), "note"), status=status)


def _handle(request: Request, reference: str) -> str:
    return field_to_copy(_GIVE.of(request), "handle", reference)


def _page(request: Request, heading: Words, *parts: str, status: int) -> Response:
    language = language_of(request)
    return html_page(request, language, _SITE.of(request), heading.of(request), *parts, status=status, headers=_HEADERS)
