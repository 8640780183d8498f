"""What a person is told of the client that asks them: who it says it is, where they are sent, and what it may do."""

import unicodedata
from collections.abc import Iterable
from html import escape
from urllib.parse import urlsplit

from apixo_mcp.owners.consent import Asked
from apixo_mcp.server.http.pages.page import filled, text
from apixo_mcp.server.http.sign_in.words import PageWords
from apixo_mcp.tasks.owner import Scope

_MOST_MARKS = 2  # above a letter: more of them reach into the lines around it


def asked_parts(words: PageWords, asked: Asked, scopes: Iterable[Scope]) -> list[str]:
    """Returns what a person has to know of a question."""
    allowed = [words.scopes[scope] for scope in scopes]
    may = "".join(f"<li>{escape(one)}</li>" for one in allowed or [words.nothing])
    host = document_host(asked)
    told = [(words.document, filled("{host}", host=host))] if host else []
    told += [(words.sent_to, destination(words, asked.redirect_uri)), (words.may, f"<ul>{may}</ul>")]
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in told)
    return [text(words.unchecked, "note"), f"<dl>{listed}</dl>"]


def destination(words: PageWords, redirect_uri: str) -> str:
    """Tells a person where they are sent, as HTML."""
    parts = urlsplit(redirect_uri)
    if is_app(redirect_uri):
        return filled(words.own_app, host=f"{parts.scheme}:")
    if parts.scheme == "http":
        return filled(words.own_machine, host=parts.netloc)
    return filled("{host}", host=plain_host(parts.netloc))


def is_app(redirect_uri: str) -> bool:
    """Tells whether an answer is handed to an app, so that the browser stays where it is."""
    return urlsplit(redirect_uri).scheme not in ("http", "https")


def document_host(asked: Asked) -> str:
    """Returns the host whose document describes the client, empty where it has described itself."""
    return plain_host(urlsplit(asked.client).hostname or "") if asked.client.startswith("https://") else ""


def client_name(words: PageWords, asked: Asked) -> str:
    """Returns what a client calls itself, in letters that stay in their place."""
    seen, marks = "", 0
    for char in unicodedata.normalize("NFC", asked.name):
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks <= _MOST_MARKS:
            seen += char if char.isprintable() else " "
    return " ".join(seen.split()) or words.nameless


def plain_host(host: str) -> str:
    """Returns a host in letters that cannot pass for others."""
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return ascii(host)
