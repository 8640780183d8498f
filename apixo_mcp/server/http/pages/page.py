"""What all pages have: plain HTML without scripts, and the headers that keep it so.

Whatever a client or a person sent is escaped where it is put in, and stands apart from the words around it (`bdi`): a
name that is written from right to left turns nothing but itself.
"""

import base64
import hashlib
from collections.abc import Mapping
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse

from apixo_mcp.server.http.pages.languages import OWN_NAMES, Language, keep_choice, other_language

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --soft: #55555f; --line: #85858f; --paper: #fff; --ground: #f3f3f7 }
:root { --act: #0b57d0; --on: #fff; --bad: #b3261e }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececf1; --soft: #b4b4be; --line: #8a8a94; --paper: #1f1f25; --ground: #131317 }
  :root { --act: #a8c7fa; --on: #06264f; --bad: #f6b5b0 }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif }
main, footer { max-width: 36rem; margin: 0 auto; overflow-wrap: anywhere }
main { margin-top: clamp(0rem, 6vw, 3rem); padding: clamp(1.25rem, 5vw, 2.25rem); background: var(--paper) }
main { border-radius: .75rem; box-shadow: 0 1px 3px #0003 }
footer { padding: 1rem clamp(1.25rem, 5vw, 2.25rem) 2rem }
h1 { margin: 0 0 1rem; font-size: 1.4rem; line-height: 1.3 }
p { margin: 0 0 1rem }
dt, .soft { color: var(--soft) }
dd { margin: 0 0 1rem; font-weight: 600 }
ul { margin: 0; padding-left: 1.2rem }
.note, .problem { padding-left: .75rem; border-left: .25rem solid var(--line) }
.problem { color: var(--bad); border-color: var(--bad); font-weight: 600 }
label { display: block; margin: 1.5rem 0 .35rem; font-weight: 600 }
input { display: block; width: 100%; margin: 0 0 .35rem; padding: .6rem; font: inherit; color: inherit }
input { background: transparent; border: 1px solid var(--line); border-radius: .4rem }
[aria-invalid] { border: 2px solid var(--bad) }
button, .button { display: inline-block; margin: .75rem .5rem 0 0; padding: .6rem 1.3rem }
button, .button { font: inherit; font-weight: 600 }
button, .button { color: var(--act); background: transparent; border: 1px solid var(--act); border-radius: .4rem }
button { cursor: pointer }
.button { text-decoration: none }
.main { color: var(--on); background: var(--act) }
a { color: var(--act) }
footer a { display: inline-block; padding: .25rem 0 }
:focus-visible { outline: 3px solid var(--act); outline-offset: 2px }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()


def html_page(
    request: Request,
    language: Language,
    site: str,
    heading: str,
    *parts: str,
    named: Mapping[str, str] = {},
    status: int = 200,
    at: str = "",
    leads_to: str = "",
    is_left: bool = False,
    headers: Mapping[str, str] = {},
) -> HTMLResponse:
    """Returns a page.

    Args:
        site: what the page is a part of.
        heading: in which what is named is filled in.
        parts: HTML, escaped already.
        at: the path of the page in another language, where it is not that of the request.
        leads_to: where a browser goes from here by itself.
        is_left: whether a form of it leads away from this server in the end.
    """
    title = f"{heading.format(**named)} · {site}"
    onward = f'<meta http-equiv="refresh" content="0;url={escape(leads_to)}">\n' if leads_to else ""
    other, place = other_language(request, language, at)
    body = "\n".join(part for part in parts if part)
    content = (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n{onward}'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n<h1>{filled(heading, **named)}</h1>\n{body}\n</main>\n"
        f'<footer><a href="{escape(place)}" lang="{other}" hreflang="{other}">{OWN_NAMES[other]}</a></footer>\n'
        "</body>\n</html>\n"
    )
    told = {**_headers(is_left=is_left), "Content-Language": str(language), **headers}
    response = HTMLResponse(content, status, told)
    keep_choice(request, response)
    return response


def filled(words: str, **names: str) -> str:
    """Returns words as HTML, with what is filled in apart from them."""
    return escape(words).format(**{name: f"<bdi>{escape(value)}</bdi>" for name, value in names.items()})


def text(words: str, kind: str = "", **names: str) -> str:
    """Returns a paragraph."""
    told = filled(words, **names)
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


def link(words: str, place: str, *, is_main: bool = False) -> str:
    """Returns a link that looks like a button."""
    kind = "button main" if is_main else "button"
    return f'<p><a class="{kind}" href="{escape(place)}">{escape(words)}</a></p>'


def field(label: str, name: str, attributes: str, hint: str = "", problem: str = "") -> str:
    """Returns a field with its label, and what is said of it tied to it.

    Args:
        attributes: of the field, as HTML.
        problem: what was wrong with what came before; empty where nothing was.
    """
    told = [("problem", problem)] if problem else []
    told += [("soft", hint)] if hint else []
    described = f' aria-describedby="{" ".join(f"{name}-{kind}" for kind, _ in told)}"' if told else ""
    invalid = ' aria-invalid="true" autofocus' if problem else ""
    notes = "".join(f'<p id="{name}-{kind}" class="{kind}">{escape(words)}</p>' for kind, words in told)
    return (
        f'<label for="{name}">{escape(label)}</label>'
        f'<input id="{name}" name="{name}" {attributes}{described}{invalid}>{notes}'
    )


def field_to_copy(label: str, name: str, value: str) -> str:
    """Returns a field to copy from: all of it is chosen as soon as the keyboard steps into it."""
    return field(label, name, f'value="{escape(value)}" readonly spellcheck="false"')


def _headers(*, is_left: bool) -> dict[str, str]:
    # Chromium holds every redirect behind a form against `form-action`, those of a client's own callback too, and some
    # go on from there to an app: no list names them all.
    ends = "" if is_left else "form-action 'self'; "
    policy = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; {ends}base-uri 'none'; frame-ancestors 'none'"
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
