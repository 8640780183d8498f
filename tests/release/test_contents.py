"""The rule of what a wheel and an sdist hold: what is missing, strange or secret is told by its name."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

_spec = spec_from_file_location("release_contents", Path(__file__).resolve().parent / "contents.py")
assert _spec
assert _spec.loader
contents = module_from_spec(_spec)
_spec.loader.exec_module(contents)

TRACKED = ("apixo_mcp/app.py", "apixo_mcp/py.typed", "apixo_mcp/ui/app.html", "apixo_mcp/ui/src/app-main.js", "LICENSE")
WHEEL = (
    "apixo_mcp/app.py",
    "apixo_mcp/py.typed",
    "apixo_mcp/ui/app.html",
    "apixo_mcp/_version.py",
    *(
        f"apixo_mcp-1.dist-info/{name}"
        for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")
    ),
)
SDIST = tuple(dict.fromkeys((*TRACKED, *contents.NEEDED_IN_SDIST, "PKG-INFO", "apixo_mcp/_version.py")))
INCLUDE = ("/apixo_mcp", "/tests", "/LICENSE")


def test_a_wheel_of_all_that_the_repository_keeps_is_right():
    assert contents.of_wheel(WHEEL, TRACKED) == []


@pytest.mark.parametrize("name", WHEEL)
def test_what_a_wheel_lacks_is_named(name: str):
    (complaint,) = contents.of_wheel([each for each in WHEEL if each != name], TRACKED)
    assert name.rpartition(".dist-info/")[2] in complaint


@pytest.mark.parametrize(
    "name", ["apixo_mcp/ui/src/app-main.js", "tests/test_app.py", "apixo_mcp/.env", "apixo_mcp-1.dist-info/notes"]
)
def test_what_a_wheel_should_not_hold_is_named(name: str):
    (complaint,) = contents.of_wheel([*WHEEL, name], TRACKED)
    assert name.rpartition(".dist-info/")[2] in complaint


def test_a_kind_of_file_that_no_package_needs_is_named_though_it_is_committed():
    (complaint,) = contents.of_wheel([*WHEEL, "apixo_mcp/tasks.db"], [*TRACKED, "apixo_mcp/tasks.db"])
    assert "apixo_mcp/tasks.db" in complaint


@pytest.mark.parametrize("name", SDIST)
def test_what_an_sdist_lacks_is_named(name: str):
    assert contents.of_sdist(SDIST, TRACKED, INCLUDE) == []
    (complaint,) = contents.of_sdist([each for each in SDIST if each != name], TRACKED, INCLUDE)
    assert name in complaint


def test_an_sdist_holds_nothing_that_is_not_committed():
    (complaint,) = contents.of_sdist([*SDIST, "tests/notes.txt"], TRACKED, INCLUDE)
    assert "tests/notes.txt" in complaint


@pytest.mark.parametrize(
    "data",
    [
        b"see /home/somebody/checkout/x.py",
        b"APIXO_API_KEY=sk-" + b"0123456789abcdef" * 2,
        b"-----BEGIN PRIVATE KEY-----\n" + b"A" * 64,
        b"token: ghp_" + b"a1" * 18,
    ],
)
def test_a_place_of_the_machine_and_a_key_are_leaks(data: bytes):
    assert len(contents.leaks({"a.py": data, "b.py": b"sk-your-key"}, ["/home/somebody/checkout"])) == 1


def test_archives_differ_where_a_file_is_missing_or_other():
    assert contents.differences({"a": b"1", "b": b"2"}, {"b": b"3", "c": b"4"}) == ["a", "b", "c"]
    assert contents.differences({"a": b"1"}, {"a": b"1"}) == []
