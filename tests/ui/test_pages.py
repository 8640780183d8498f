"""The committed pages, without Node: from which sources they are, and what they may never hold."""

import base64
import hashlib
import re
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
UI = HERE.parents[1] / "apixo_mcp" / "ui"
PAGES = sorted(UI.glob("*.html"))

_spec = spec_from_file_location("pages_build", HERE / "build.py")
assert _spec
assert _spec.loader
build = module_from_spec(_spec)
_spec.loader.exec_module(build)

pages = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)


@pages
def test_a_page_is_of_the_sources_beside_it(path: Path):
    found = re.search(r"source ([0-9a-f]{16});", path.read_text(encoding="utf-8"))
    assert found
    assert found[1] == build.stamp(), "the sources have changed: run `make ui` and commit the pages"


@pages
def test_a_page_is_small_and_whole(path: Path):
    text = path.read_text(encoding="utf-8")
    assert len(text.encode()) < 60 * 1024
    reaches_out = r"<(?:link(?! rel=icon href=\"data:)|img|iframe|script [^>]*src)|@import|url\("
    assert not re.search(rf"{reaches_out}|https?://(?!www\.w3\.org/2000/svg|127|local)", text)


@pages
def test_its_policy_names_its_one_script_and_its_one_style_and_nothing_inline_else(path: Path):
    text = path.read_text(encoding="utf-8")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    assert policy
    assert "unsafe" not in policy[1]
    for tag in ("script", "style"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy[1]
    assert not re.search(r"<[^>]+\s(?:style|on[a-z]+)=", text)


def test_no_source_reads_text_as_html_or_waits_for_a_blob():
    for path in (UI / "src").rglob("*.js"):
        source = path.read_text(encoding="utf-8")
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|createObjectURL", source
        ), path


def test_the_parts_that_a_page_beside_the_server_shares_know_no_host():
    for name in ("ui.js", "task.js", "words.js", "watch.js"):
        source = (UI / "src" / name).read_text(encoding="utf-8")
        assert "bridge" not in source
        assert "postMessage" not in source


def test_users_get_the_pages_and_who_builds_gets_their_sources():
    settings = tomllib.loads((HERE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    assert settings["targets"]["wheel"]["exclude"] == ["apixo_mcp/ui/src"]
    assert {"/apixo_mcp", "/tests", "/Makefile"} <= set(settings["targets"]["sdist"]["include"])
