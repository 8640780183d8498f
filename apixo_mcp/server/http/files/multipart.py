"""The file in a form that a browser sends, as it comes."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from python_multipart.multipart import MultipartParser, parse_options_header

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks


class BrokenForm(ValueError):
    """A form cannot be read, or has no file."""


async def file_in_form(content_type: str, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yields the bytes of the first file in a form; nothing of it is kept.

    Raises:
        BrokenForm: there is none.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise BrokenForm("it has no boundary")
    reader = _Reader()
    try:
        parser = MultipartParser(boundary, reader.callbacks)
        async for piece in body:
            parser.write(piece)
            for part in reader.taken():
                yield part
        parser.finalize()
    except ValueError as error:  # all that the parser raises
        raise BrokenForm(str(error)) from None
    if not reader.is_found:
        raise BrokenForm("it has no file")


class _Reader:
    """Hears what a parser finds.

    Attributes:
        is_found: whether there was a file.
    """

    def __init__(self) -> None:
        self.is_found = False
        self._is_inside = False
        self._name, self._value = b"", b""
        self._names_file = False
        self._parts: list[bytes] = []
        self.callbacks: MultipartCallbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._add_name,
            "on_header_value": self._add_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._add_data,
            "on_part_end": self._end,
        }

    def taken(self) -> list[bytes]:
        """Returns what has come of the file since."""
        parts, self._parts = self._parts, []
        return parts

    def _begin(self) -> None:
        self._names_file = False

    def _add_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._names_file = bool(parse_options_header(self._value)[1].get(b"filename"))
        self._name, self._value = b"", b""

    def _end_headers(self) -> None:
        self._is_inside = self._names_file and not self.is_found
        self.is_found = self.is_found or self._is_inside

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_inside:
            self._parts.append(data[start:end])

    def _end(self) -> None:
        self._is_inside = False
