"""No pattern takes more than in proportion to the length of its text, whatever that text is."""

import re

import pytest
from support.patterns import every_pattern, slow_on

from apixo_mcp.gateways import failures
from apixo_mcp.media.probing import pictures

PATTERNS, UNREAD = every_pattern()

BUILT = {
    # Patterns that are no literals where they are used, and so are not found by reading the source.
    "apixo_mcp.gateways.failures: part": [
        part for parts, _ in vars(failures)["_BY_WORDS"] for part in ((parts,) if isinstance(parts, str) else parts)
    ],
    "apixo_mcp.media.probing.pictures: _SVG_SIDE % name": [vars(pictures)["_SVG_SIDE"] % b"width"],
    "apixo_mcp.variables.kinds: f'(?<!\\\\$env){os.pathsep}(?![^{{}}]*}})'": [],  # of the user's own settings
    "apixo_mcp.cli.process.environment: PLAIN[name]": [],  # of the user's own settings
    "apixo_mcp.variables.written: f\"(?:{'|'.join(map(re.escape, names))}){_AFTER_A_NAME}\"": [],  # of their names
    "apixo_mcp.sandbox.rules: known.pattern": [],  # of its own reading of the documents
}


def test_every_pattern_is_found():
    assert len(PATTERNS) > 60
    assert sorted(set(UNREAD) - set(BUILT)) == [], "name these in BUILT, with the patterns they may be"


@pytest.mark.parametrize("found", PATTERNS, ids=[found.where for found in PATTERNS])
def test_a_pattern_is_linear(found):
    assert slow_on(found.pattern, found.ways) == ""


@pytest.mark.parametrize("text", [text for texts in BUILT.values() for text in texts])
def test_a_pattern_that_is_built_is_linear(text):
    assert slow_on(re.compile(text)) == ""


@pytest.mark.parametrize(
    "bad",
    [
        r"(a+)+$",
        r"\s*(\d+)\s*s",
        r"image.*url",
        r"https?://[^\s\"']+(?=[\"'])",
        r"(?:x+x+)+y",
        r"^(\w+\s?)*$",
        r"<!--(?:.|\n)*-->",
        rb"a*b*a*c",
        r"([a-z]|[0-9]|[a-z0-9])*!",
        r"\s+$",
    ],
)
def test_a_bad_pattern_is_found_out(bad):
    assert slow_on(re.compile(bad)) != ""
