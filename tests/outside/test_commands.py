"""What the programs of tunnels print, and what is taken from it."""

import os
import sys
from pathlib import Path

import pytest

from apixo_mcp.errors import Unreachable
from apixo_mcp.outside.commands import command_of, last_words

CLOUDFLARED = (
    "2026-01-01T00:00:00Z INF Terms: (https://www.cloudflare.com/website-terms/), see https://developers.cloudflare.com/x",
    "2026-01-01T00:00:00Z INF Requesting new quick Tunnel on trycloudflare.com...",
    'failed to request quick Tunnel: Post "https://api.trycloudflare.com/tunnel": dial tcp: no such host',
    "2026-01-01T00:00:01Z INF |  https://four-dashed-word-url.trycloudflare.com            |",
    "2026-01-01T00:00:02Z INF Registered tunnel connection connIndex=0 ip=198.51.100.1 protocol=quic",
)
NGROK = (
    '{"lvl":"info","msg":"client session established","obj":"tunnels.session","t":"2026-01-01"}',
    '{"lvl":"info","msg":"see https://dashboard.ngrok.com/x","t":"2026-01-01"}',
    '{"addr":"http://127.0.0.1:8000","lvl":"info","msg":"started tunnel","url":"https://ab-1.ngrok-free.app"}',
    '{"addr":"http://127.0.0.1:8000","msg":"odd","url":["https://x.example"]}',
    "{broken",
)


@pytest.mark.parametrize(
    ("setting", "lines", "address"),
    [
        ("cloudflared", CLOUDFLARED, "https://four-dashed-word-url.trycloudflare.com"),
        ("/opt/homebrew/bin/cloudflared", CLOUDFLARED, "https://four-dashed-word-url.trycloudflare.com"),
        ("ngrok", NGROK, "https://ab-1.ngrok-free.app"),
        ("lt --port {port}", ("your url is: https://flat-cat-1.example.",), "https://flat-cat-1.example"),
        ("x {port}", ("(https://a.example/) ", "<https://a.example>"), "https://a.example"),
        ("x {port}", ("Forwarding http://127.0.0.1:4000",), "http://127.0.0.1:4000"),
    ],
)
def test_the_address_in_what_a_program_prints(setting: str, lines: tuple[str, ...], address: str) -> None:
    command = command_of(setting)
    assert {url for line in lines for url in command.addresses_in(line)} == {address}


def test_cloudflared_says_when_its_address_leads_here() -> None:
    ready = command_of("cloudflared").ready
    assert ready is not None
    assert [bool(ready.search(line)) for line in CLOUDFLARED] == [False, False, False, False, True]


def test_a_command_line_gets_the_port_and_its_program_by_its_path() -> None:
    setting = f"{sys.executable} -m tunnel '--to=127.0.0.1:{{port}}' {{port}}"
    words = command_of(setting).at(4321)
    assert [Path(words[0]).name, *words[1:]] == [
        Path(sys.executable).name,
        "-m",
        "tunnel",
        "--to=127.0.0.1:4321",
        "4321",
    ]


@pytest.mark.skipif(os.name == "nt", reason="programs have an extension there")
def test_a_known_program_may_be_named_by_its_whole_path(tmp_path: Path) -> None:
    program = tmp_path / "some where" / "cloudflared"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    words = command_of(str(program)).at(80)
    assert words == [str(program), "tunnel", "--no-autoupdate", "--url", "http://127.0.0.1:80"]


@pytest.mark.parametrize(
    ("setting", "words"), [("cloudflared", "Install it \\(https://"), ("nothing-of-the-kind {port}", "Correct the")]
)
def test_a_program_that_is_not_there(setting: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(Unreachable, match="there is no program") as caught:
        command_of(setting).at(80)
    assert caught.value.fix.startswith(words.replace("\\", ""))


def test_the_last_words_are_short_and_hold_no_secret() -> None:
    assert last_words(["first", "| +-- |", "  "]) == "first"
    assert last_words(['{"lvl":"eror","err":"bad token 2abCdEfGhIjKlMnOpQrStUvWx"}']) == "bad token …"
    assert last_words(['{"lvl":"info","msg":"stopped","err":"<nil>"}']) == "stopped"
    assert len(last_words(["x y " * 400])) <= 201
    assert last_words([]) == ""
