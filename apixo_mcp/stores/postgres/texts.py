"""Texts as Postgres keeps them: it takes every character but U+0000, which a prompt may hold all the same."""

from psycopg.abc import Buffer
from psycopg.types.string import StrDumper, TextBinaryLoader, TextLoader

_MARK = "\ufdd0"  # no character, and none that is written anywhere: two signs begin with it
_NUL, _ITSELF = f"{_MARK}0", f"{_MARK}1"


def stored(text: str) -> str:
    """Returns a text as it is stored."""
    return text.replace(_MARK, _ITSELF).replace("\0", _NUL) if "\0" in text or _MARK in text else text


def meant(text: str) -> str:
    """Returns what was stored."""
    return text.replace(_NUL, "\0").replace(_ITSELF, _MARK) if _MARK in text else text


class TextsOut(StrDumper):
    """Writes texts."""

    def dump(self, obj: str) -> Buffer | None:
        """See `psycopg.abc.Dumper`."""
        return super().dump(stored(obj))


class TextsIn(TextLoader):
    """Reads texts."""

    def load(self, data: Buffer) -> str | bytes:
        """See `psycopg.abc.Loader`."""
        text = super().load(data)
        return meant(text) if isinstance(text, str) else text


class TextsInBinary(TextBinaryLoader):
    """Reads texts of an answer whose numbers are exact."""

    def load(self, data: Buffer) -> str | bytes:
        """See `psycopg.abc.Loader`."""
        text = super().load(data)
        return meant(text) if isinstance(text, str) else text
