"""The page behind a link to upload a file to, without scripts, in English and Chinese."""

from dataclasses import dataclass
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}
_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}"
    "code{overflow-wrap:anywhere;font-size:1.1rem}input,button{font:inherit;margin:.5rem 0;max-width:100%}"
    "button{padding:.4rem 1.2rem}"
)


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence in both languages."""

    english: str
    chinese: str

    def of(self, request: Request) -> str:
        """Returns it in the language that a browser asks for."""
        return self.chinese if _is_chinese(request) else self.english


_TITLE = Words("Upload a file", "上传文件")
_LABEL = Words("A picture, a video or a recording", "图片、视频或音频")
_ONCE = Words(
    "It goes to the server that your assistant works with, is kept there for a day, and can be used by you alone. This "
    "link takes one file.",
    "文件会传到您的助手所使用的服务器，保存一天，只有您能使用。此链接只能上传一个文件。",
)
_SEND = Words("Upload", "上传")
_DONE = Words("The file is there. Give your assistant this:", "文件已上传。请把下面这一行交给您的助手：")


def form_page(request: Request) -> Response:
    """Returns the form."""
    label, once, send = (words.of(request) for words in (_LABEL, _ONCE, _SEND))
    form = (
        f'<form method="post" enctype="multipart/form-data"><p><label for="file">{label}</label><br>'
        '<input id="file" name="file" type="file" accept="image/*,video/*,audio/*" required></p>'
        f"<p><button>{send}</button></p></form><p>{once}</p>"
    )
    return _page(request, form, 200)


def done_page(request: Request, reference: str) -> Response:
    """Returns the page that names what came."""
    return _page(request, f"<p>{_DONE.of(request)}</p><p><code>{escape(reference)}</code></p>", 201)


def refusal_page(request: Request, words: Words, status: int) -> Response:
    """Returns the page that says why nothing was taken."""
    return _page(request, f"<p>{escape(words.of(request))}</p>", status)


def _page(request: Request, inner: str, status: int) -> Response:
    language, title = "zh-Hans" if _is_chinese(request) else "en", _TITLE.of(request)
    return HTMLResponse(
        f'<!doctype html><html lang="{language}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{title}</title>'
        f"<style>{_STYLE}</style><main><h1>{title}</h1>{inner}</main></html>",
        status,
        _HEADERS,
    )


def _is_chinese(request: Request) -> bool:
    """Tells whether a browser asks for Chinese before English."""
    asked = [entry.partition(";")[0].strip().lower() for entry in request.headers.get("accept-language", "").split(",")]
    return next((entry[:2] == "zh" for entry in asked if entry[:2] in ("zh", "en")), False)
