"""The pages of the sign-in: plain HTML without scripts, and the headers that keep it so.

Whatever a client or a person sent is escaped where it is put in.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse

from apixo_mcp.owners.consent import Asked
from apixo_mcp.server.http.sign_in.words import PageWords
from apixo_mcp.tasks.owner import Scope

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #fff; --soft: #55555f; --line: #8a8a94 }
:root { --act: #0b57d0; --on: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececf1; --paper: #17171b; --soft: #b4b4be; --line: #8a8a94; --act: #a8c7fa; --on: #06264f }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
main { max-width: 34rem; margin: 0 auto; padding: 1.5rem 1rem }
h1 { font-size: 1.35rem; line-height: 1.3 }
h1, p, li, dd { overflow-wrap: anywhere }
dt, .soft { color: var(--soft) }
dd { margin: 0 0 1rem; font-weight: 600 }
ul { padding-left: 1.2rem }
.note { border-left: .25rem solid var(--line); padding-left: .75rem }
label { display: block; margin: 1.5rem 0 .25rem; font-weight: 600 }
input { width: 100%; padding: .6rem; font: inherit; color: inherit; background: transparent }
input { border: 1px solid var(--line); border-radius: .4rem }
button, .button { display: inline-block; margin: 1rem .5rem 0 0; padding: .6rem 1.2rem; font: inherit }
button, .button { color: var(--act); background: transparent; border: 1px solid var(--act); border-radius: .4rem }
button { cursor: pointer }
.button { text-decoration: none }
button.main { color: var(--on); background: var(--act) }
:focus-visible { outline: 3px solid var(--act); outline-offset: 2px }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()


def html_page(
    words: PageWords, heading: str, *parts: str, status: int = 200, sent_to: str = "", headers: Mapping[str, str] = {}
) -> HTMLResponse:
    """Returns a page.

    Args:
        heading: is escaped here.
        parts: HTML, escaped already.
        sent_to: where a form of it may lead in the end, besides this server.
    """
    body = "\n".join(parts)
    content = (
        f'<!doctype html>\n<html lang="{words.lang}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(heading)} · {escape(words.title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n<h1>{escape(heading)}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    )
    return HTMLResponse(content, status, {**_headers(sent_to), "Content-Language": words.lang, **headers})


def text(words: str, kind: str = "", **filled: str) -> str:
    """Returns a paragraph."""
    told = escape(words.format(**filled))
    return f'<p class="{kind}">{told}</p>' if kind else f"<p>{told}</p>"


def form(action: str, *parts: str, **hidden: str) -> str:
    """Returns a form that is posted, with fields that are not shown."""
    fields = "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in hidden.items())
    return f'<form method="post" action="{escape(action)}">{fields}{"".join(parts)}</form>'


def button(words: str, *, is_main: bool = False, name: str = "", value: str = "") -> str:
    """Returns a button that posts its form, with a value where it has one."""
    kind = ' class="main"' if is_main else ""
    told = f' name="{name}" value="{value}"' if name else ""
    return f'<button type="submit"{kind}{told}>{escape(words)}</button>'


def secret_field(words: PageWords) -> str:
    """Returns the field that an invitation or a token is pasted into."""
    return (
        f'<label for="secret">{escape(words.paste)}</label>'
        '<input id="secret" name="secret" type="password" autocomplete="off" spellcheck="false" required '
        f'maxlength="2000" aria-describedby="hint"><p id="hint" class="soft">{escape(words.paste_hint)}</p>'
    )


def asked_parts(words: PageWords, asked: Asked, scopes: Iterable[Scope]) -> list[str]:
    """Returns what a person has to know of a question."""
    allowed = [words.scopes[scope] for scope in scopes]
    may = "".join(f"<li>{escape(one)}</li>" for one in allowed or [words.nothing])
    return [
        text(words.unchecked, "note"),
        f"<dl><dt>{escape(words.sent_to)}</dt><dd>{escape(destination(words, asked.redirect_uri))}</dd>"
        f"<dt>{escape(words.may)}</dt><dd><ul>{may}</ul></dd></dl>",
    ]


def destination(words: PageWords, redirect_uri: str) -> str:
    """Tells a person where they are sent."""
    parts = urlsplit(redirect_uri)
    if parts.scheme == "http":
        return words.own_machine.format(host=parts.netloc)
    if parts.scheme != "https":
        return words.own_app.format(host=f"{parts.scheme}:")
    return _plain(parts.netloc)


def client_name(words: PageWords, asked: Asked) -> str:
    """Tells a person who asks: the name, and the host that vouches for it where one does."""
    name = "".join(char if char.isprintable() else " " for char in asked.name).strip() or words.nameless
    host = urlsplit(asked.client).hostname if asked.client.startswith("https://") else ""
    return f"{name} ({_plain(host)})" if host else name


def _plain(host: str) -> str:
    """Returns a host in letters that cannot pass for others."""
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return ascii(host)


def _headers(sent_to: str) -> dict[str, str]:
    # Browsers hold the redirect behind a form against `form-action` too.
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'{_source(sent_to)}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        # Nothing leaves this server; with no-referrer a browser would hide the Origin of our own forms as well.
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        # No Cross-Origin-Opener-Policy: hosts open this in a window that tells them of its end by its opener.
        "X-Frame-Options": "DENY",
        "X-Robots-Tag": "noindex",
    }


def _source(sent_to: str) -> str:
    if not sent_to:
        return ""
    parts = urlsplit(sent_to)
    # A policy has no word for an address in brackets, nor for one that is not plain.
    is_plain = parts.scheme in ("http", "https") and all(char.isalnum() or char in ".-:" for char in parts.netloc)
    is_named = is_plain and parts.netloc.isascii() and "[" not in parts.netloc
    return f" {parts.scheme}://{parts.netloc}" if is_named else f" {parts.scheme}:"
