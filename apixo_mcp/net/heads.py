"""Answers as servers really send them, made such that a strict parser takes them. Pure."""

import re

LARGEST_HEAD = 256 * 1024
"""Bytes of all heads before a body, those of `100 Continue` included."""

DOUBT = "x-doubt"
"""A header that this module alone makes: why what follows may not be a whole file, or a whole answer."""

HEADLESS = "it came without the head of an HTTP answer"

_LENGTHLESS = "its head says that nothing follows"
_LONGER = "it is longer than its head says"
_MISFRAMED = "its head does not say where it ends"
_ILL_FORMED = "its head is not one of HTTP"
_OVER = (_LENGTHLESS, _LONGER)  # so that little more is to come
_LONGEST_VALUE, _LONGEST_HEAD = 16 * 1024, 32 * 1024  # of what is handed on: the parser has limits of its own
_MOST_LINES = 5_000  # of a head that are read: it takes 10 ms
_READ = re.compile(
    rb"content-(?:type|encoding|range|location)|etag|accept-ranges|retry-after|date|(?:operation-)?location"
    rb"|www-authenticate|mcp-session-id|(?:[a-z0-9]{1,30}[-_]){0,3}task[-_]?ids?",
    re.IGNORECASE,
)
"""The headers that are read, beside those that tell where the body ends."""
LONGEST_START, _LONGEST_CHUNK_LINE = 64, 2048  # bytes in which an answer, or the size of a chunk, can be told

END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"([A-Za-z]{1,8})(?:/([0-9.]{1,5}))? +([0-9]{3})(?![0-9])")
_STRICT_STATUS = re.compile(rb"HTTP/1\.[01] [1-9][0-9]{2}(?: [^\x00-\x08\x0a-\x1f\x7f]*)?")
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x80-\xff]")
_SIZE = re.compile(rb"[0-9]{1,18}")
_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\n]{0,1000})?\r?\n")
_LINE_END = re.compile(rb"\r?\n")
_MAY_BEGIN = {"size": re.compile(rb"[ \t0-9A-Fa-f]"), "behind": re.compile(rb"[\r\n]"), "trailer": re.compile(rb"")}


def is_answer(line: bytes) -> bool:
    """Tells whether the first line of what came is that of an HTTP answer, at least nearly."""
    return _STATUS.match(line) is not None


def status_of(head: bytes) -> int:
    """Returns the status of a head whose first line is an answer's."""
    found = _STATUS.match(head)
    return int(found[3]) if found else 0


def is_head(head: bytes) -> bool:
    """Tells whether what ends in a blank line is a head, at least nearly."""
    return is_answer(head) or b"HTTP" in head[:LONGEST_START].upper() or bool(_fields(head)[0])


def announced(head: bytes) -> tuple[bool, int | None]:
    """Tells whether a body comes in chunks, and how long it is, None where its head does not say."""
    framing = dict(_framing(_fields(head)[0], b"")[0])
    size = framing.get(b"Content-Length")
    return b"Transfer-Encoding" in framing, int(size) if size else None


def begins_chunk(body: bytes) -> bool:
    """Tells whether a body begins with the size of a chunk."""
    return _CHUNK.match(body) is not None


def is_over(clean: bytes) -> bool:
    """Tells whether a clean head says that all that was announced has come, and that there is more."""
    return any(f"\r\n{DOUBT}: {doubt}\r\n".encode() in clean for doubt in _OVER)


def bare(body: bytes, *, keeps_all: bool = False) -> bytes:
    """Returns a body that came without a head, with one; as it is where it may be no body at all."""
    if not body or not (keeps_all or _BINARY.search(body[:LONGEST_START])):
        return body
    return b"HTTP/1.0 200 X\r\n%s: %s\r\n\r\n%s" % (DOUBT.encode(), HEADLESS.encode(), body)


def cleaned(head: bytes, body: bytes = b"", *, keeps_all: bool = False) -> bytes:
    """Returns a head with the lines that are read, and with one readable statement of where the body ends, or none.

    Args:
        head: with its blank line.
        body: the first bytes after it, as far as they are there.
        keeps_all: whether every doubt is told, and all that came is handed on for it.
    """
    head = head.lstrip(b"\r\n")
    status = _STATUS.match(head)
    if status is None and not keeps_all:
        return head
    fields, is_odd = _fields(head)
    framing, doubt = _framing(fields, body, keeps_all=keeps_all)
    number, version = status[3] if status else b"200", b"1.1"
    if status and (status[1].upper() != b"HTTP" or status[2] == b"1.0"):
        version = b"1.0"
    if keeps_all:
        if is_odd or not _STRICT_STATUS.fullmatch(head.partition(b"\n")[0].rstrip(b"\r")):
            doubt = doubt or _ILL_FORMED
        if body and int(number) in (204, 304):  # the parser would not read it
            number, doubt = b"200", _LENGTHLESS
        if int(number) < 200:
            number, doubt = b"200", doubt or _ILL_FORMED
    elif doubt != _LENGTHLESS:
        doubt = ""
    text, size = [b"HTTP/%s %s X" % (version, number)], 0
    if doubt:
        framing = [*framing, (DOUBT.encode(), doubt.encode())]
    for name, value in framing + [field for field in fields if _READ.fullmatch(field[0])]:
        line = b"%s: %s" % (name, _CONTROL.sub(b" ", value).strip())
        size += len(line)
        if size <= _LONGEST_HEAD:
            text.append(line)
    if b"close" in [word.strip().lower() for word in _values(fields, b"connection")]:
        text.append(b"Connection: close")
    return b"\r\n".join([*text, b"", b""])


def _fields(head: bytes) -> tuple[list[tuple[bytes, bytes]], bool]:
    """Returns the fields of a head, and whether it holds anything else."""
    fields: list[tuple[bytes, bytes]] = []
    is_odd = False
    for line in head.strip(b"\r\n").replace(b"\r\n", b"\n").split(b"\n", _MOST_LINES)[1:]:
        if line[:1] in (b" ", b"\t") and fields:  # a value that goes on in the next line
            if len(fields[-1][1]) + len(line) <= _LONGEST_VALUE:
                fields[-1] = (fields[-1][0], fields[-1][1] + b" " + line.strip())
            continue
        name, colon, value = line.partition(b":")
        is_odd = is_odd or not (colon and _TOKEN.fullmatch(name)) or b"\0" in value
        if colon and len(value) <= _LONGEST_VALUE and _TOKEN.fullmatch(name.strip()):
            fields.append((name.strip(), value.strip()))
    return fields, is_odd


def _framing(
    fields: list[tuple[bytes, bytes]], body: bytes, *, keeps_all: bool = False
) -> tuple[list[tuple[bytes, bytes]], str]:
    """Returns the fields that say where the body ends, and why that is in doubt."""
    codings, doubt = [word.lower() for value in _values(fields, b"transfer-encoding") for word in value.split()], ""
    if b"chunked" in codings:
        if len(body) < 20 or begins_chunk(body):
            packed = [word for word in codings if word not in (b"chunked", b"identity")]
            chunked = [(b"Transfer-Encoding", b"chunked")]
            return chunked + ([(b"Content-Encoding", b", ".join(packed))] if packed else []), ""
        doubt = _MISFRAMED
    sizes = {word.strip() for word in _values(fields, b"content-length")}
    size = sizes.pop() if len(sizes) == 1 else b""
    if not _SIZE.fullmatch(size):
        return [], _MISFRAMED if size or sizes else doubt
    if not int(size) and body:
        return [], _LENGTHLESS
    if keeps_all and len(body.rstrip()) > int(size):
        return [], _LONGER
    return [(b"Content-Length", size)], doubt


def _values(fields: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [word for field, value in fields if field.lower() == name for word in value.split(b",")]


class Chunks:
    """The chunks of a body, written anew as a strict parser wants them: with their sizes, and nothing else.

    Args:
        keeps_all: whether what is not a chunk is handed on too, without an end.
    """

    def __init__(self, *, keeps_all: bool = False) -> None:
        self._keeps_all = keeps_all
        self._came = bytearray()
        self._left: int = 0
        self._state = "size"

    @property
    def left(self) -> int:
        """Bytes that are still to come of the present chunk."""
        return self._left if self._state == "bytes" else 0

    def feed(self, data: bytes) -> bytes:
        """Returns what the next bytes are to the parser; nothing while a line is not all there."""
        self._came += data
        chunks = bytearray()
        while self._came and self._state not in ("ended", "broken"):
            if self._state == "bytes":
                piece = self._came[: self._left]
                chunks += b"%x\r\n%s\r\n" % (len(piece), piece)
                del self._came[: len(piece)]
                self._left -= len(piece)
                self._state = "bytes" if self._left else "behind"
            elif not _MAY_BEGIN[self._state].match(self._came):
                self._state = "broken"
            elif b"\n" not in self._came[:_LONGEST_CHUNK_LINE]:
                if len(self._came) < _LONGEST_CHUNK_LINE:
                    break
                self._state = "broken"
            else:
                chunks += self._line()
        if self._state == "broken":
            chunks += self._rest() if self._keeps_all else b"!\r\n"
        return bytes(chunks)

    def end(self) -> bytes:
        """Returns what the end of the connection is to the parser: all that matters came before a trailer."""
        if self._state == "trailer":
            return b"0\r\n\r\n"
        return self._rest() if self._keeps_all else b""

    def _rest(self) -> bytes:
        rest = bytes(self._came)
        self._came.clear()
        return b"%x\r\n%s\r\n" % (len(rest), rest) if rest else b""

    def _line(self) -> bytes:
        pattern = _CHUNK if self._state == "size" else _LINE_END
        line = pattern.match(self._came)
        if self._state == "trailer":
            del self._came[: self._came.index(b"\n") + 1]
            self._state = "ended" if line else "trailer"
            return b"0\r\n\r\n" if line else b""
        if line is None:
            self._state = "broken"
            return b""
        if self._state == "size":
            self._left = int(line[1], 16)
        is_end = self._state == "size" and not self._left
        self._state = "trailer" if is_end else "bytes" if self._state == "size" else "size"
        del self._came[: line.end()]
        return b""
