"""No key is ever printed: not ours, and not those of others that stand around the change."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.amounts import examples

from apixo_mcp.hosts.difference import difference
from apixo_mcp.hosts.editing import installed
from apixo_mcp.hosts.entry import Launch
from apixo_mcp.hosts.masking import MASK, masked
from apixo_mcp.hosts.table import HOSTS

KEY = "sk-own-0123456789abcdef"
LAUNCH = Launch("/opt/bin/apixo-mcp", (), {"APIXO_API_KEY": KEY})
THEIRS = "hunter2-of-theirs"

FILES = {
    "cursor": f'{{\n  "mcpServers": {{\n    "b": {{\n      "command": "x",\n      "args": ["--pw", "{THEIRS}"],\n'
    f'      "env": {{"PIN": "{THEIRS}"}} // "{THEIRS}"\n    }}\n  }}\n}}\n',
    "zed": f'{{"context_servers": {{"b": {{"env": {{"PIN": "{THEIRS}"}}}}}}, "x": "{THEIRS}"}}',
    "codex": f'a = "{THEIRS}"\n[mcp_servers.b]\ncommand = "x"\nargs = ["--pw", "{THEIRS}"]\n'
    f'env = {{ PIN = "{THEIRS}" }}\n',
    "goose": f"extensions:\n  b:\n    cmd: x\n    args:\n      - {THEIRS}\n    envs: {{PIN: {THEIRS}}}\n"
    f"    note: |\n      {THEIRS}\nA: {THEIRS}\n",
}


@pytest.mark.parametrize("name", FILES)
def test_a_difference_tells_no_key_of_anybody(name: str):
    host, text = HOSTS[name], FILES[name]
    after = installed(host, text, LAUNCH)
    for one, other in ((text, after), (after, text)):
        printed = "\n".join(difference(host, one, other, [KEY]))
        assert KEY not in printed
        assert THEIRS not in printed
        assert "/opt/bin/apixo-mcp" in printed
        assert MASK in printed


def test_the_tables_of_our_own_entry_are_shown_so_that_a_print_can_be_copied():
    host = HOSTS["codex"]
    printed = difference(host, FILES["codex"], installed(host, FILES["codex"], LAUNCH), [KEY])
    assert "+[mcp_servers.apixo]" in printed
    assert "+[mcp_servers.apixo.env]" in printed


FORMER = {
    "cursor": f'{{"mcpServers": {{"apixo": {{"command": "uvx", "args": ["--token", "{THEIRS}", "apixo-mcp"],'
    f'"env": {{"PIN": "{THEIRS}", "APIXO_MCP_TOOLS": "models"}}}}}}}}',
    "opencode": f'{{"mcp": {{"apixo": {{"command": ["uvx", "{THEIRS}"], "environment": {{"PIN": "{THEIRS}"}}}}}}}}',
    "codex": f'[mcp_servers.apixo]\ncommand = "uvx"\nargs = ["serve", """\n{THEIRS}\n[x]\n{THEIRS}""", \n"{THEIRS}"]\n'
    f'env = {{ PIN = """\n{THEIRS}\n""" }}\n',
    "goose": f"extensions:\n  apixo:\n    cmd: uvx\n    args:\n      - serve\n      - |\n        {THEIRS}\n"
    f"      - {THEIRS}\n    envs:\n      PIN: >-\n        {THEIRS}\n",
}


@pytest.mark.parametrize("name", FORMER)
def test_a_former_entry_of_ours_tells_no_secret_however_it_is_written(name: str):
    host, text = HOSTS[name], FORMER[name]
    after = installed(host, text, LAUNCH)
    for one, other in ((text, after), (after, text)):
        printed = "\n".join(difference(host, one, other))
        assert THEIRS not in printed
        assert "uvx" in printed
        assert "/opt/bin/apixo-mcp" in printed


def test_what_is_known_of_a_former_entry_is_shown():
    printed = "\n".join(difference(HOSTS["cursor"], FORMER["cursor"], installed(HOSTS["cursor"], "", LAUNCH)))
    assert '["--token", "********", "apixo-mcp"]' in printed
    assert '"APIXO_MCP_TOOLS": "models"' in printed


@pytest.mark.parametrize("name", FORMER)
def test_an_address_that_is_told_of_ends_is_a_secret_in_an_entry_that_was_there(name: str):
    host, hook = HOSTS[name], "https://hooks.example/T0/B0/xyz"
    before = installed(host, "", Launch("/opt/bin/apixo-mcp", (), {"APIXO_MCP_NOTIFY_URL": hook}))
    after = installed(host, before, LAUNCH)
    assert hook in before
    for one, other in (("", before), (before, after), (after, "")):
        assert hook not in "\n".join(difference(host, one, other))


def test_only_a_key_changes_and_nothing_is_told(tmp_path: object):
    one = installed(HOSTS["cursor"], "", LAUNCH)
    other = installed(HOSTS["cursor"], one, Launch("/opt/bin/apixo-mcp", (), {"APIXO_API_KEY": "sk-another-123456"}))
    assert one != other
    assert difference(HOSTS["cursor"], one, other) == []


def test_a_long_file_is_compared_at_once():
    members = "".join(f'  "k{number}": {number},\n' for number in range(50_000))
    text = f'{{\n{members}  "mcpServers": {{\n    "a": 1\n  }},\n{members.replace("k", "l")}  "z": 1\n}}\n'
    lines = difference(HOSTS["cursor"], text, installed(HOSTS["cursor"], text, LAUNCH))
    assert 8 < len(lines) < 20


@pytest.mark.parametrize(
    "text",
    [
        f'"OPENAI_API_KEY": "{THEIRS}"',
        f"API_TOKEN = '{THEIRS}'",
        f"password: {THEIRS}",
        f"postgresql://me:{THEIRS}@host/db",
        "sk-proj-abcdefgh1234",
        "x-0123456789abcdef0123456789abcdef",
    ],
)
def test_what_looks_like_a_key_is_hidden(text: str):
    assert THEIRS not in masked(text)
    assert MASK in masked(text)


def test_what_is_no_key_is_shown():
    text = '"command": "/opt/bin/apixo-mcp", "args": ["serve", "--sandbox"], "APIXO_MCP_DAILY_BUDGET_USD": "5"'
    assert masked(text) == text


@settings(max_examples=examples(300), deadline=None)
@given(
    key=st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=20, max_size=60),
    around=st.text(max_size=20),
)
def test_a_key_that_is_known_is_hidden_wherever_it_stands(key: str, around: str):
    assert key not in masked(f"{around}{key}{around}", [key]).replace(MASK, "")
