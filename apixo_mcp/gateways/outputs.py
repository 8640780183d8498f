"""Finding what a task produced in whatever shape a gateway answers it. Pure.

A file may also stand in the answer itself, as a `data:` URL or as bare Base64. Its `Produced.url` is then the whole
`data:` URL; the steps of a task take it out before the row is written (`tasks.embedded`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, cast

from apixo_mcp.foreign import read_json
from apixo_mcp.gateways import keys
from apixo_mcp.gateways.addresses import (
    Sent,
    addresses_in,
    addresses_within,
    canonical,
    clean_url,
    data_url,
    embedded,
    is_no_file,
    modality_of_address,
    split_data_urls,
)
from apixo_mcp.generation import Produced

MOST_RESULTS = 1000
LONGEST_ID = 200
_DEEPEST = 40
_MOST_VALUES = 20_000  # that are looked at, so that an answer of 5 MB takes no longer than one with a thousand results
_LONGEST_TEXT = 256 * 1024  # of a list of addresses


def products_of(data: Mapping[str, Any], base: str = "", sent: Sent | None = None) -> tuple[Produced, ...]:
    """Returns everything that a finished task's `data` names, in the gateway's order: URLs first, then asset ids.

    `resultJson` is a string that holds JSON (APIXO model pages), or already an object. `resultUrls` (there, or beside
    it) leads; without one every URL under a telling key counts. Covers of tracks and thumbnails come last.

    Args:
        base: what a relative address is relative to.
        sent: the addresses in the request, which are no results where the answer repeats them.
    """
    found = _Reader(base, sent or Sent())
    result = _decoded(data.get("resultJson"))
    beside = {key: value for key, value in data.items() if key != "resultJson"}
    listed = _listed(found, result) or _listed(found, beside)
    files = found.under_keys(result, "result") or found.under_keys(beside, "")
    if listed:
        known = {canonical(one.url): one for one in files}
        covers = [one for one in files if one.label in _ASIDE]
        files = [*(known.get(canonical(one.url)) or one for one in listed), *covers]
    files.sort(key=lambda one: one.label in _ASIDE)
    unique: dict[str, Produced] = {}
    for one in files:
        unique.setdefault(canonical(one.url), one)
    return (*unique.values(), *asset_ids([result, beside]))


def last_resort(answer: Any, base: str = "", sent: Sent | None = None) -> tuple[Produced, ...]:
    """Returns any address in an answer that may be a file: where no key that is known names one, and it is paid for."""
    found = _Reader(base, sent or Sent())
    files = found.anywhere(_decoded(answer) if isinstance(answer, str) else answer)
    return tuple({canonical(one.url): one for one in reversed(files)}.values())[::-1]


def asset_ids(value: Any) -> tuple[Produced, ...]:
    """Returns the ids that a next request can use: a voice, a character, an audio asset."""
    found = {one.asset_id: one for one in _assets(value, 0)}
    return tuple(found.values())


def clean_id(value: Any) -> str:
    """Returns an id as it can be used and stored, empty for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**20:
        return str(value)
    if not isinstance(value, str) or len(value) > 2 * LONGEST_ID:
        return ""
    text = value.strip()
    return text if len(text) <= LONGEST_ID and text.isprintable() and not re.search(r"[\ud800-\udfff]", text) else ""


_ASIDE = ("cover", "thumbnail")


def _decoded(value: Any) -> Any:
    """Tells what a text of JSON holds, encoded once or several times; a text that holds none stays as it is."""
    for _ in range(4):
        if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "[", '"'):
            return value
        inner = read_json(value)
        if inner is None:
            return value
        value = inner
    return value


def _listed(reader: "_Reader", value: Any) -> list[Produced]:
    """Lists the URLs of `resultUrls`, in order: the gateway itself says that they are the results."""
    value = _decoded(value)
    if not isinstance(value, dict):
        return []
    urls = keys.normal(cast("dict[Any, Any]", value)).get("resulturls")
    return [one.produced for one in reader.walk(urls, "resulturls", 0, True) if one.url]


@dataclass(frozen=True, slots=True)
class _Named:
    """A file under a telling key.

    Attributes:
        is_strong: whether its key, or one around it, is that of a result.
        is_doubtful: whether it may be an address to ask at, as by its key and ending.
    """

    produced: Produced
    is_strong: bool
    is_doubtful: bool = False

    @property
    def url(self) -> str:
        """The address of the file."""
        return self.produced.url


@dataclass(slots=True)
class _Reader:
    """Reads one answer.

    Attributes:
        left: how many values may still be looked at.
    """

    base: str
    sent: Sent
    left: int = _MOST_VALUES

    def under_keys(self, value: Any, key: str) -> list[Produced]:
        """Collects what stands under telling keys; an address that looks like no file only where there is no other."""
        is_strong = keys.is_strong(key) and not isinstance(value, dict)
        named = [one for one in self.walk(value, key, 0, is_strong) if not self.sent.holds(one.url)]
        files = [one for one in named if not is_no_file(one.url)]
        if any(not one.is_doubtful for one in files):
            files = [one for one in files if not one.is_doubtful]
        files = files or [one for one in named if one.is_strong and not _is_interface(one.url)]
        return [one.produced for one in files]

    def anywhere(self, value: Any) -> list[Produced]:
        """Returns whatever address may be a file's."""
        found: list[Produced] = []
        for text, key in self._texts(value, "", 0):
            for url, at in islice(addresses_within(text.replace("\\/", "/")), 4 * MOST_RESULTS):
                named = _key_before(text, at)
                if keys.is_other(named) or not (url := data_url(url) or clean_url(url)):
                    continue
                if not self.sent.holds(url) and not is_no_file(url):
                    found.append(_produced(url, named or key))
        return found

    def _texts(self, value: Any, key: str, depth: int) -> Iterator[tuple[str, str]]:
        self.left -= 1
        if depth > _DEEPEST or self.left < 0:
            return
        value = _decoded(value)
        if isinstance(value, str):
            yield value, key
        elif isinstance(value, list | tuple):
            for one in cast("list[Any]", value):
                yield from self._texts(one, key, depth + 1)
        elif isinstance(value, dict):
            for name, one in keys.normal(cast("dict[Any, Any]", value)).items():
                if not keys.is_other(name) and not _is_prose(name, one):
                    yield from self._texts(one, name, depth + 1)

    def walk(self, value: Any, key: str, depth: int, is_strong: bool) -> Iterator[_Named]:
        """Yields the files under telling keys."""
        self.left -= 1
        if depth > _DEEPEST or self.left < 0:
            return
        value = _decoded(value)
        if isinstance(value, str):
            if is_strong or keys.is_link(key):
                for url in self._addresses(value, is_strong):
                    is_doubtful = not is_strong and keys.is_qualified(key) and modality_of_address(url) is None
                    yield _Named(_produced(url, key), is_strong, is_doubtful)
        elif isinstance(value, list | tuple):
            for one in cast("list[Any]", value):
                yield from self.walk(one, key, depth + 1, is_strong)
        elif isinstance(value, dict):
            fields = keys.normal(cast("dict[Any, Any]", value))
            if any(clean_url(fields.get(name)) for name in keys.TRACK):
                yield from (_Named(one, True) for one in _track(fields))
                fields = {name: one for name, one in fields.items() if not isinstance(one, str)}
            for name, one in fields.items():
                if not keys.is_other(name) and not _is_prose(name, one):
                    inner = f"{key}{name}" if keys.label(key) else name  # a bare `url` in `thumbnails`
                    yield from self.walk(one, inner, depth + 1, is_strong or keys.is_strong(name))

    def _addresses(self, text: str, is_strong: bool) -> Iterator[str]:
        inside = [*map(data_url, split_data_urls(text)), embedded(text)]
        if any(inside):
            yield from filter(None, inside)
            return
        text = text[:_LONGEST_TEXT].replace("\\/", "/")
        pieces = list(addresses_in(text))
        if not pieces and text[:1] in "{[":  # JSON that is broken: what stands whole between quotes
            whole = ((url, at) for url, at in addresses_within(text) if text.startswith(('"', "'"), at + len(url)))
            pieces = [url for url, at in whole if not keys.is_other(_key_before(text, at))]
        for piece in pieces:
            if url := data_url(piece) or clean_url(piece):
                yield url
        if not pieces and self.base:
            for line in text.replace(",", "\n").split("\n") if is_strong else [text]:
                if _is_relative(line.strip()) and (url := clean_url(line, self.base)):
                    yield url


def _is_prose(name: str, value: Any) -> bool:
    return keys.is_prose(name) and not (keys.is_wrapper(name) and isinstance(value, dict | list))


def _produced(url: str, key: str) -> Produced:
    return Produced(url=url, kind=modality_of_address(url) or keys.kind(key), label=keys.label(key))


def _is_relative(text: str) -> bool:
    """Tells whether a text is a relative address: `//host/a`, `/a`, `./a`, or a path that ends like a file."""
    if not text or len(text) > 2048 or any(char in text for char in "\r\n<>{}"):
        return False
    if text.startswith(("//", "/", "./", "../")):
        return len(text.strip("./")) > 0
    return modality_of_address(text) is not None and " " not in text and ":" not in text


def _is_interface(url: str) -> bool:
    return re.search(r"/(statusTask|generateTask|tasks/(query|create))/?", url, re.IGNORECASE) is not None


def _key_before(text: str, at: int) -> str:
    """Returns the key of the value that begins there, in JSON that is broken; empty where none stands there."""
    before = text[max(0, at - 120) : at].rstrip("\"'\\ \t\r\n[")
    if not before.endswith(":"):
        return ""
    name = before[:-1].rstrip("\"'\\ \t")
    cut = max(name.rfind(mark) for mark in "\"'{,\\ ")
    return keys.plain(name[cut + 1 :])


def _track(fields: Mapping[str, Any]) -> Iterator[Produced]:
    """Reads one track: its audio once, however many URLs it has, under its title; and its cover."""
    title = fields.get("title")
    label = "".join(char for char in title[:500] if char.isprintable())[:120].strip() if isinstance(title, str) else ""
    url = next(url for name in keys.AUDIO_KEYS if (url := clean_url(fields.get(name))))
    yield Produced(url=url, kind="audio", label=label)
    for name in ("imageurl", "coverurl", "imagelargeurl", "sourceimageurl"):
        if cover := clean_url(fields.get(name)):
            yield Produced(url=cover, kind="image", label="cover")
            break
    if video := clean_url(fields.get("videourl")):
        yield replace(Produced(url=video, kind="video"), label=label)


def _assets(value: Any, depth: int) -> Iterator[Produced]:
    if depth > _DEEPEST or not isinstance(value, dict | list | tuple):
        return
    if not isinstance(value, dict):
        for one in cast("list[Any]", value):
            yield from _assets(one, depth + 1)
        return
    fields = keys.normal(cast("dict[Any, Any]", value))
    if any(clean_url(fields.get(name)) for name in keys.AUDIO_KEYS):
        return  # a track's own ids are of no use in any request
    for name, one in fields.items():
        if name in keys.ASSETS:
            for entry in cast("list[Any]", one) if isinstance(one, list | tuple) else [one]:
                if asset := clean_id(entry):
                    yield Produced(asset_id=asset, label=keys.ASSETS[name])
        elif not keys.is_other(name):
            yield from _assets(one, depth + 1)
