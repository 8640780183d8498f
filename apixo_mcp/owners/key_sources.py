"""Where the key of an owner is read: a variable of the process, or a file that holds nothing else. Never the key."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from apixo_mcp.variables.written import bare_key, is_placeholder, is_sample_key, trimmed

ENV, FILE = "env:", "file:"
LARGEST = 4096  # bytes of a file that holds a key
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


@dataclass(frozen=True, slots=True)
class KeyMissing:
    """Why there is no key where one is to be read.

    Attributes:
        why: as a sentence, which says what to do.
    """

    why: str


def of_variable(name: str) -> str:
    """Returns the source that is a variable.

    Raises:
        ValueError: it can be no variable's name. The message does not repeat it: it may be a key.
    """
    if not _VARIABLE.fullmatch(name):
        raise ValueError("is not the name of an environment variable; the key itself is never stored")
    return ENV + name


def of_file(path: Path) -> str:
    """Returns the source that is a file."""
    return FILE + str(path.expanduser().absolute())


def read_key(source: str, value_of: Callable[[str], str]) -> str | KeyMissing:
    """Reads a key.

    Args:
        source: as `of_variable` or `of_file` returned it.
        value_of: returns the value of a variable of this process, empty where it is not set.
    """
    if source.startswith(ENV):
        name = source.removeprefix(ENV)
        text = value_of(name)
        where, then = f"the variable {name}", f"Set {name} for the server and start it again."
    elif source.startswith(FILE):
        path = Path(source.removeprefix(FILE))
        where, then = f"the file {path}", f"Put the key into {path}, alone on a line, where the server can read it."
        try:
            with path.open("rb") as file:
                content = file.read(LARGEST + 1)
            text = content.decode("utf-8-sig") if len(content) <= LARGEST else ""
        except OSError as error:
            return KeyMissing(f"{where} cannot be read ({error.strerror or error}). {then}")
        except UnicodeError:
            return KeyMissing(f"{where} holds no key. {then}")
    else:
        return KeyMissing("where the key is read is not understood; a newer version of this program may have set it.")
    key = bare_key(trimmed(text))
    is_one = key and key.isprintable() and " " not in key and not is_placeholder(key) and not is_sample_key(key)
    return key if is_one else KeyMissing(f"{where} holds no key. {then}")
