"""The entry of the command `apixo-mcp`: straight to the server on stdio, or to the commands."""

import os
import re
import sys
from collections.abc import Sequence
from io import TextIOWrapper

_STDIO = re.compile(r"(serve(\0--sandbox|\0--transport[\0=]stdio)*)?")


def main() -> None:
    """Runs the command `apixo-mcp`."""
    _open_what_is_closed()
    _replace_what_cannot_be_printed()
    sys.argv[1:] = [_read_anew(word) for word in sys.argv[1:]]
    # The ways hosts start it: straight to the server, without loading the command line.
    sandbox = stdio_sandbox(sys.argv[1:])
    if sandbox is not None:
        _serve(sandbox=sandbox)
        return
    from apixo_mcp.cli.process.loading import begin_loading

    begin_loading()
    from apixo_mcp.cli.program import program

    program()


def _open_what_is_closed() -> None:
    """Puts an empty one in place of each closed standard stream: else the next file that is opened gets its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))


def _replace_what_cannot_be_printed() -> None:
    """Prints to a console of any encoding: a name with a mark in place of a letter is better than none."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="replace")


def _read_anew(word: str) -> str:
    """Reads a word by UTF-8 that the locale (`LANG=C`) could not read; not one that is the name of a file."""
    if word.isascii() or os.path.lexists(word):
        return word
    try:
        word.encode()
    except UnicodeEncodeError:
        return os.fsencode(word).decode(errors="replace")
    return word


def stdio_sandbox(words: Sequence[str]) -> bool | None:
    """Tells whether the server on stdio that is asked for has a sandbox; None where the words ask for a command."""
    return "--sandbox" in words if _STDIO.fullmatch("\0".join(words)) else None


def _serve(*, sandbox: bool) -> None:
    import gc

    if sys.stdin.isatty():  # a person; a host's pipe costs one question to the system
        from apixo_mcp.cli.process.greeting import tell_what_is_awaited

        tell_what_is_awaited(sys.argv[1:])
    from apixo_mcp.cli.process.environment import known_of
    from apixo_mcp.server.stdio.early import Early

    # Before anything that takes long: some clients give up on their first question after a second.
    early = Early(known_of(os.environ, sandbox=sandbox))
    # Imports make many objects and drop none: without the collector the start takes a tenth less.
    gc.disable()
    from apixo_mcp.cli.process.stdio import serve_stdio

    serve_stdio(early, sandbox=sandbox)
