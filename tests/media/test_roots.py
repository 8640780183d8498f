import os
import sys
from pathlib import Path

import pytest

from apixo_mcp.errors import InvalidInput
from apixo_mcp.media.roots import Roots


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "a b.png").write_bytes(b"x")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "secret.png").write_bytes(b"x")
    (tmp_path / "in-too").mkdir()
    return tmp_path


def roots(home: Path) -> Roots:
    return Roots([home / "in", home / "later"])


@pytest.mark.parametrize("form", ["plain", "uri", "uri with host", "relative", "dots"])
def test_a_file_inside_is_found_however_it_is_written(home, form):
    path = home / "in" / "a b.png"
    text = {
        "plain": str(path),
        "uri": path.as_uri(),
        "uri with host": path.as_uri().replace("file://", "FILE://localhost"),
        "relative": "a b.png",
        "dots": str(home / "in" / "sub" / ".." / "a b.png"),
    }[form]
    assert roots(home).readable(text) == path.resolve()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{home}/out/secret.png", "must be inside"),
        ("{home}/in/../out/secret.png", "must be inside"),
        ("../out/secret.png", "must be inside"),
        ("{home}/in-too/x.png", "must be inside"),
        ("{home}/in/none.png", "there is no such file"),
        ("{home}/in/sub", "this is a folder"),
        ("", "is not a path"),
        ("a\0b", "is not a path"),
        ("file://server/share/x.png", "is not a path"),
        ("~nobody-of-this-name/x.png", "is not a path"),
    ],
)
def test_what_is_outside_or_missing_is_refused(home, text, words):
    with pytest.raises(InvalidInput, match=words) as caught:
        roots(home).readable(text.format(home=home.as_posix()), field="image_urls")
    assert caught.value.problems[0].field == "image_urls"


def test_the_refusal_names_what_is_allowed(home):
    with pytest.raises(InvalidInput) as caught:
        roots(home).readable(str(home / "out" / "secret.png"))
    assert str(home / "in") in str(caught.value)
    assert "APIXO_MCP_ALLOWED_ROOTS" in str(caught.value)
    with pytest.raises(InvalidInput, match="an allowed folder"):
        Roots([]).readable(str(home / "out" / "secret.png"))


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_links_are_followed_before_they_are_judged(home):
    (home / "in" / "link.png").symlink_to(home / "out" / "secret.png")
    (home / "in" / "loop.png").symlink_to(home / "in" / "loop.png")
    (home / "way in").symlink_to(home / "in")
    with pytest.raises(InvalidInput, match="must be inside"):
        roots(home).readable(str(home / "in" / "link.png"))
    with pytest.raises(InvalidInput):
        roots(home).readable(str(home / "in" / "loop.png"))
    assert roots(home).readable(str(home / "way in" / "a b.png")) == home.resolve() / "in" / "a b.png"
    assert Roots([home / "way in"]).readable(str(home / "in" / "a b.png"))


@pytest.mark.skipif(os.name == "nt", reason="another system's path there is this system's")
def test_a_drive_is_no_path_here(home):
    with pytest.raises(InvalidInput, match="is not a path"):
        roots(home).readable("C:\\Users\\x.png")


@pytest.mark.skipif(sys.platform != "win32", reason="network shares")
def test_a_network_share_is_never_touched(home):
    with pytest.raises(InvalidInput, match="must be inside"):
        roots(home).readable("\\\\server\\share\\x.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders here")
def test_a_pipe_is_no_file(home):
    os.mkfifo(home / "in" / "pipe.png")
    with pytest.raises(InvalidInput, match="a device"):
        roots(home).readable("pipe.png")


def test_home_is_expanded(home, monkeypatch):
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    assert roots(home).readable("~/in/a b.png") == (home / "in" / "a b.png").resolve()


def test_folders_to_write_to(home):
    allowed = roots(home)
    assert allowed.writable_dir(str(home / "in")) == (home / "in").resolve()
    assert allowed.writable_dir("new/deep") == (home / "in" / "new" / "deep").resolve()
    assert allowed.writable_dir(str(home / "later" / "x")) == (home / "later" / "x").resolve()
    with pytest.raises(InvalidInput, match="directory: must be inside"):
        allowed.writable_dir(str(home / "out"))
    with pytest.raises(InvalidInput, match="this is a file"):
        allowed.writable_dir("a b.png")


# ---------------------------------------------------------------------------------------------------------------------
# Names as they are typed

SHOT = "Screenshot 2026-11-27 at 9.41.07\u202fAM.png"  # as macOS calls them


@pytest.fixture
def shots(home: Path) -> Path:
    folder = home / "in" / "my\u00a0caf\u0065\u0301"
    folder.mkdir()
    for name in (SHOT, "Bob’s cat.png", "u\u0308ber.png", "it's (1) & more.png"):
        (folder / name).write_bytes(b"x")
    return folder


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("my café/Screenshot 2026-11-27 at 9.41.07 AM.png", SHOT),
        ("my café/Screenshot 2026-11-27 at 9.41.07\u00a0AM.png", SHOT),
        ("my\u00a0caf\u0065\u0301/Screenshot 2026-11-27 at 9.41.07 AM.png", SHOT),
        ("my café/Bob's cat.png", "Bob’s cat.png"),
        ("my café/über.png", "u\u0308ber.png"),
        ("my café/../my café/über.png", "u\u0308ber.png"),
        ("my caf%C3%A9/%C3%BCber.png", None),
    ],
)
@pytest.mark.parametrize("around", ["{}", " {}\n", '"{}"', "'{}'", "\u202a{}\u202c"])
@pytest.mark.parametrize("start", ["", "{home}/in/"])
def test_a_name_that_looks_the_same_is_meant(home, shots, typed, name, around, start):
    text = around.format(start.format(home=home) + typed)
    if name is None:
        with pytest.raises(InvalidInput, match="there is no such file"):
            roots(home).readable(text)
    else:
        assert roots(home).readable(text) == (shots / name).resolve()


@pytest.mark.skipif(os.name == "nt", reason="a backslash parts folders there")
def test_a_path_as_a_shell_escapes_it(home, shots):
    escaped = str(shots / "it's (1) & more.png")
    for char in " '()&":
        escaped = escaped.replace(char, f"\\{char}")
    assert roots(home).readable(escaped) == (shots / "it's (1) & more.png").resolve()
    (home / "in" / "a\\ b.png").write_bytes(b"x")
    assert roots(home).readable("a\\ b.png").name == "a\\ b.png", "what stands there is meant first"


@pytest.mark.parametrize("form", ["file://{}", "file:{}", "FILE://localhost{}", '"file://{}"'])
@pytest.mark.parametrize("name", ["a b.png", "a%20b.png"])
def test_a_file_url_may_be_escaped_or_not(home, form, name):
    assert roots(home).readable(form.format((home / "in" / name).as_posix())).name == "a b.png"


def test_a_file_url_with_a_hash_in_its_name(home):
    (home / "in" / "a#b?.png").write_bytes(b"x")
    assert roots(home).readable(f"file://{(home / 'in').as_posix()}/a#b?.png").name == "a#b?.png"
    assert roots(home).readable((home / "in" / "a#b?.png").as_uri()).name == "a#b?.png"


def test_of_several_that_look_the_same_none_is_taken(home, shots):
    (shots / SHOT.replace("\u202f", "\u00a0")).write_bytes(b"y")
    with pytest.raises(InvalidInput, match=r"may mean .*\\xa0.* and .*\\u202f.*exactly"):
        roots(home).readable("my café/" + SHOT.replace("\u202f", " "))
    assert roots(home).readable(str(shots / SHOT)) == (shots / SHOT).resolve()


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_what_looks_the_same_is_judged_by_where_it_leads(home):
    (home / "in" / "a\u202fb").symlink_to(home / "out")
    (home / "out\u00a0side").mkdir()
    (home / "out\u202fside").mkdir()
    with pytest.raises(InvalidInput, match="must be inside"):
        roots(home).readable("a b/secret.png")
    with pytest.raises(InvalidInput, match="must be inside"):
        roots(home).readable(f"{home}/out side/x.png")


def test_a_folder_to_write_to_may_look_the_same_too(home, shots):
    assert roots(home).writable_dir("my café") == shots.resolve()
    assert roots(home).writable_dir("my café/new one") == shots.resolve() / "new one"
    assert roots(home).writable_dir("my  new café") == (home / "in" / "my  new café").resolve()
