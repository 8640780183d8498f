import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from support.media_wire import a_result, a_task

from apixo_mcp.media import names

RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}


def assert_legal(name: str) -> None:
    assert 0 < len(name) <= names.LONGEST_NAME
    assert name not in (".", "..")
    assert not set(name) & set('<>:"/\\|?*')
    assert all(ord(char) >= 32 and not 0x7F <= ord(char) < 0xA0 for char in name)
    assert name == name.rstrip(". ") == name.lstrip()
    assert name.partition(".")[0].strip().lower() not in RESERVED
    name.encode()


@given(prompt=st.text(), ident=st.text(), several=st.booleans(), day=st.floats(0, 4e9))
def test_whatever_is_asked_for_the_name_is_legal_and_the_folder_ours(prompt, ident, several, day):
    task = a_task(prompt=prompt, task_id=ident, created_at=day)
    result = a_result("u", index=int(several))
    name = names.stem(task, result) + ".png"
    assert_legal(name)
    assert_legal(names.part_name(task, result))
    assert names.legal(name) == name
    assert len(names.slug(prompt)) <= names.SLUG
    assert len(f"{name}.json".encode()) < 255
    root = Path("root").absolute()
    path = Path(os.path.normpath(root / names.day(day) / name))
    assert path.parent.parent == root


@given(st.text() | st.sampled_from(["con", "CON.png", "nul ", "com1.a.b", "..", ". .", "a.", "x" * 300, "lpt¹.png"]))
def test_any_text_becomes_a_legal_name(text):
    assert_legal(names.legal(text))


@given(st.text())
def test_the_names_tried_in_turn_are_legal_and_all_different(text):
    tried = [name for name, _ in zip(names.candidates(names.legal(text)), range(30), strict=False)]
    assert len({name.lower() for name in tried}) == 30
    for name in tried:
        assert_legal(name)


def test_names_people_can_read():
    task = a_task(prompt="A  Red/Fox: at dawn…", created_at=0.0)
    assert names.stem(task, a_result("u")) == "a-red-fox-at-dawn-uvwxyz"
    assert names.stem(task, a_result("u", index=2)) == "a-red-fox-at-dawn-uvwxyz-3"
    assert names.slug("日本の庭園、朝") == "日本の庭園-朝"
    assert names.slug("word " * 20) == "-".join(["word"] * 8)
    assert names.slug("w" * 50) == "w" * 40
    assert names.stem(a_task(prompt="!!!"), a_result("u")) == "image-uvwxyz"
    assert names.day(0.0) == "1970-01-01"
    assert list(zip(names.candidates("a.png"), range(2), strict=False)) == [("a.png", 0), ("a (2).png", 1)]


@given(st.text())
def test_where_names_are_ascii_one_is_found_that_can_be_written(text):
    assert names.writable(names.legal(text), "ascii").isascii()
    assert names.writable(names.legal(text), "utf-8") == names.legal(text)


def test_what_is_left_of_a_name_in_ascii():
    assert names.writable("über-den-wolken-狐-x", "ascii") == "uber-den-wolken-x"
    assert names.writable("狐", "ascii") == ""
    assert names.writable("über", "cp1252") == "über"
