"""The fields that most input classes share, so that a family module reads like a table."""

import re
from typing import Any

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from apixo_mcp.catalog.inputs import UNDOCUMENTED_PROMPT

_UNKNOWN = "Its limit is inferred."


def prompt(most: int | None = None, *, least: int = 1, about: str = "What to make.") -> Any:
    """Returns a required prompt of `least` to `most` characters; without `most` the general limit holds."""
    text = about if most is not None else f"{about} {_UNKNOWN}"
    return Field(min_length=least, max_length=most or UNDOCUMENTED_PROMPT, description=text)


def optional_prompt(most: int | None = None, *, least: int | None = None, about: str = "What to make.") -> Any:
    """Returns a prompt that is not needed in every mode."""
    text = about if most is not None else f"{about} {_UNKNOWN}"
    return Field(None, min_length=least, max_length=most or UNDOCUMENTED_PROMPT, description=text)


def items(most: int | None = None, about: str = "", *, least: int = 1) -> Any:
    """Returns a list of `least` to `most` items that may be left out."""
    return Field(None, min_length=least or None, max_length=most, description=about or None)


def text_field(most: int, about: str = "") -> Any:
    """Returns a text of at most `most` characters that may be left out."""
    return Field(None, max_length=most, description=about or None)


def needed(most: int | None, about: str, *, least: int = 1) -> Any:
    """Returns a list of `least` to `most` items that must be given."""
    return Field(min_length=least, max_length=most, description=about)


def span(least: float, most: float, about: str = "", default: float | None = None) -> Any:
    """Returns a number from `least` to `most`."""
    return Field(default, ge=least, le=most, description=about or None)


def about(text: str, default: Any = None) -> Any:
    """Returns a field with a word on what it does."""
    return Field(default, description=text)


def pixels(*presets: str) -> Any:
    """Returns a size in pixels (1280x720, 1280X720 or 1280*720), or one of `presets`."""
    allowed = f"must be {' or '.join((*presets, 'pixels'))}, as in 2048x2048"

    def check(value: str) -> str:
        text = value.strip()
        if text.upper() in presets:
            return text.upper()
        if re.fullmatch(r"[1-9]\d{0,8}[xX*][1-9]\d{0,8}", text) is None:
            raise PydanticCustomError("size", "{allowed}", {"allowed": allowed})
        return text

    return AfterValidator(check)
