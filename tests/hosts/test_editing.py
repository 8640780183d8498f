"""A host's text with the server's entry: whatever stands there is kept, byte for byte."""

import json
import tomllib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from support.amounts import examples

from apixo_mcp.hosts.editing import entry_in, installed, uninstalled
from apixo_mcp.hosts.entry import Launch, launch_in
from apixo_mcp.hosts.host import Host
from apixo_mcp.hosts.jsonc import read_jsonc
from apixo_mcp.hosts.refusal import NotEditable
from apixo_mcp.hosts.table import HOSTS

LAUNCH = Launch("/opt/bin/apixo-mcp", (), {"APIXO_API_KEY": "sk-test-1234567890"})
ENTRY = {"command": LAUNCH.command, "args": [], "env": dict(LAUNCH.env)}
ENTRIES = {
    "typed": {"type": "stdio", **ENTRY},
    "opencode": {"type": "local", "command": [LAUNCH.command], "environment": dict(LAUNCH.env)},
}
JSONC_HOSTS = [name for name, host in HOSTS.items() if host.format == "jsonc"]


def is_within(text: str, longer: str) -> bool:
    """Every character of a text stands in a longer one, in its order."""
    rest = iter(longer)
    return all(character in rest for character in text)


def placed(value: Mapping[str, Any], keys: tuple[str, ...], entry: Any) -> dict[str, Any]:
    inner = entry if len(keys) == 1 else placed(value.get(keys[0], {}), keys[1:], entry)
    return {**value, keys[0]: inner}


def look_in(host: Host, text: str) -> Launch | None:
    return launch_in(host, entry_in(host, text))


# Documents that are made up.

BLANKS = st.sampled_from(["", " ", "\t", "\n", "\n  ", "\n\n    ", "\r\n  ", " \n"])
COMMENTS = st.sampled_from(
    ["// a word, {\n", "/* } */", "/* two\n lines */", '// "apixo": {}\n', "/**/", "// ends\r\n"]
)
TRIVIA = st.lists(st.one_of(BLANKS, COMMENTS), max_size=3).map("".join)
KEYS = st.sampled_from(["mcpServers", "servers", "context_servers", "mcp", "a", "b", "url", "é", 'quo"te', "", "x\\y"])
NUMBERS = st.one_of(st.integers(-9, 10**20), st.floats(allow_nan=False, allow_infinity=False))
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=6))


@st.composite
def rendered(draw: st.DrawFn, depth: int = 0, only_object: bool = False) -> str:
    """A value as JSON with comments, in any layout."""
    kind = "object" if only_object else draw(st.sampled_from(["leaf", "leaf", "array", "object"]))
    if kind == "leaf" or depth > 3:
        return json.dumps(draw(LEAVES), ensure_ascii=draw(st.booleans())) if not only_object else "{}"
    parts: list[str] = []
    for _ in range(draw(st.integers(0, 3))):
        value = draw(rendered(depth + 1))
        if kind == "object":
            key = draw(KEYS)
            is_place = depth == 0 and key in ("mcpServers", "servers", "context_servers", "mcp")
            value = draw(rendered(depth + 1, only_object=True)) if is_place else value
            value = f"{json.dumps(key)}{draw(TRIVIA)}:{draw(TRIVIA)}{value}"
        parts.append(draw(TRIVIA) + value + draw(TRIVIA))
    body = ",".join(parts) + ("," + draw(TRIVIA) if parts and draw(st.booleans()) else "")
    opening, closing = "{}" if kind == "object" else "[]"
    return opening + (body or draw(TRIVIA)) + closing


@st.composite
def documents(draw: st.DrawFn) -> str:
    return draw(TRIVIA) + draw(rendered(only_object=True)) + draw(TRIVIA)


@pytest.mark.parametrize("name", ["cursor", "vscode", "zed", "opencode"])
@settings(max_examples=examples(600), deadline=None)
@given(text=documents())
def test_any_document_keeps_all_that_it_says(name: str, text: str):
    host = HOSTS[name]
    before = read_jsonc(text).value
    entry = ENTRIES.get(host.shape, ENTRY)
    changed = installed(host, text, LAUNCH)
    assert read_jsonc(changed).value == placed(before, host.entry_keys, entry)
    assert is_within(text, changed)
    assert installed(host, changed, LAUNCH) == changed
    left = read_jsonc(uninstalled(host, changed)).value
    assert left in (before, {**before, host.keys[0]: {}})


@settings(max_examples=examples(400), deadline=None)
@given(text=documents(), other=st.text(max_size=5))
def test_taking_it_out_of_any_document_gives_back_what_was_there(text: str, other: str):
    """Without a copy of what was there: white space inside a list that was empty may differ, nothing else."""
    host = HOSTS["cursor"]
    changed = uninstalled(host, installed(host, text, LAUNCH))
    servers = read_jsonc(text).node(host.keys)
    if servers is not None and servers.members:
        assert changed == text


@settings(max_examples=examples(400), deadline=None)
@given(text=st.text(st.sampled_from('{}[]",:/*\\ \n\r\tab1-.e'), max_size=30))
def test_what_is_no_json_is_refused_and_never_read_wrongly(text: str):
    try:
        value = read_jsonc(text).value
    except NotEditable:
        with pytest.raises(ValueError):
            json.loads(text)
        return
    try:
        assert json.loads(text) == value
    except ValueError:
        assert not read_jsonc(text).is_plain or not text.strip()


@pytest.mark.parametrize("name", JSONC_HOSTS)
def test_an_entry_is_laid_out_as_its_neighbours_are(name: str):
    key = HOSTS[name].keys[0]
    text = '{\n\t// mine\n\t"KEY": {\n\t\t"other": { "command": "x" } // keep\n\t},\n\t"theme": "dark",\n}\n'
    text = text.replace("KEY", key)
    changed = installed(HOSTS[name], text, LAUNCH)
    assert '"other": { "command": "x" }, // keep\n\t\t"apixo": {\n' in changed
    assert '\n\t\t\t"command": ' in changed
    assert changed.endswith('\n\t\t}\n\t},\n\t"theme": "dark",\n}\n')
    assert uninstalled(HOSTS[name], changed) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", '{\n  "mcpServers": {\n    "apixo": {'),
        ("{}", '{\n  "mcpServers": {\n    "apixo": {'),
        ("// nothing yet\n", '// nothing yet\n{\n  "mcpServers": {'),
        ('{"mcpServers":{"a":{"command":"x"}}}', '{"mcpServers":{"a":{"command":"x"},"apixo":{"command":"/opt'),
        ('{"mcpServers": {"a": 1}}', '{"mcpServers": {"a": 1, "apixo": {"command": "/opt'),
        ('{\r\n    "a": 1\r\n}', '{\r\n    "a": 1,\r\n    "mcpServers": {\r\n        "apixo": {\r\n'),
        ("{\n  // none\n}", '{\n  // none\n  "mcpServers": {'),
    ],
)
def test_layouts(text: str, expected: str):
    changed = installed(HOSTS["cursor"], text, LAUNCH)
    assert changed.startswith(expected)
    assert read_jsonc(changed).value["mcpServers"]["apixo"] == ENTRY


def test_an_entry_that_is_there_keeps_what_is_its_users():
    text = """{
  "mcpServers": {
    "apixo": {
      // from home
      "command": "uvx",
      "args": ["apixo-mcp"],
      "env": {
        "APIXO_API_KEY": "sk-old-key-000000", // ask Mia
        "APIXO_MCP_DAILY_BUDGET_USD": "5"
      },
      "disabled": false
    }
  }
}
"""
    changed = installed(HOSTS["cursor"], text, Launch("/opt/bin/apixo-mcp", (), {"RUXA_API_KEY": "sk-two"}))
    assert changed == text.replace('"uvx"', '"/opt/bin/apixo-mcp"').replace('["apixo-mcp"]', "[]").replace(
        '"5"\n', '"5",\n        "RUXA_API_KEY": "sk-two"\n'
    )
    without = installed(HOSTS["cursor"], text, Launch("uvx", ("apixo-mcp",), {}, ("APIXO_API_KEY",)))
    assert "sk-old" not in without
    assert '"APIXO_MCP_DAILY_BUDGET_USD": "5"' in without
    assert "// ask Mia" in without


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("cursor", '{"mcpServers": {"a": 1}', "line 1, column 24"),
        ("cursor", '{"a": 1, , }', "line 1, column 10"),
        ("cursor", "[]", "other than an object"),
        ("cursor", '{"mcpServers": []}', "other than an object under mcpServers"),
        ("cursor", '{"mcpServers": {"apixo": {"url": "https://x/mcp"}}}', "over HTTP"),
        ("cursor", '{"mcpServers": {"apixo": 3}}', "no server"),
        ("opencode", '{"mcp": {"apixo": {"command": "x"}}}', "another shape"),
        ("opencode", '{"mcp": {"apixo": {"type": "remote", "url": "https://x/mcp"}}}', "over HTTP"),
        ("zed", '{"context_servers": {"apixo": {"command": {"path": "x"}}}}', "another shape"),
        ("cursor", "{ // a\r}", "carriage return"),
        ("cursor", "[" * 2000, "nested too deeply"),
        ("claude-desktop", '{ // mine\n "a": 1 }', "Claude Desktop does not read"),
        ("claude-code", '{"a": 1,}', "Claude Code does not read"),
        ("codex", "[mcp_servers\n", "not valid TOML"),
        ("codex", "mcp_servers = { a = { command = 'x' } }\n", "cannot be edited|not valid"),
        ("codex", "mcp_servers = 3\n", "cannot be edited|not valid"),
        ("goose", "extensions: [1\n", "not valid YAML"),
        ("goose", "a: 1\n---\nb: 2\n", "not valid YAML"),
        ("goose", "extensions: {a: {cmd: x}}\n", "cannot be edited"),
        ("goose", "{extensions: {}}\n", "a list of settings"),
        ("goose", "- a\n", "cannot be edited|a list of settings|other than"),
        ("goose", "a: 1\r\rb: 2\n", "line ends|not valid"),
    ],
)
def test_what_cannot_be_edited_is_refused_with_its_reason(name: str, text: str, reason: str):
    with pytest.raises(NotEditable, match=reason):
        installed(HOSTS[name], text, LAUNCH)


def test_opencode_gets_one_list_for_the_command_and_keeps_what_is_its_users():
    text = """{
  "mcp": {
    // mine
    "apixo": { "type": "local", "command": ["uvx", "apixo-mcp"], "enabled": false, "environment": { "A": "1" } }
  }
}
"""
    host = HOSTS["opencode"]
    present = look_in(host, text)
    assert present == Launch("uvx", ("apixo-mcp",), {"A": "1"})
    changed = installed(host, text, Launch("/opt/bin/apixo-mcp", ("serve", "--sandbox"), {"B": "2"}))
    assert changed == text.replace('["uvx", "apixo-mcp"]', '["/opt/bin/apixo-mcp", "serve", "--sandbox"]').replace(
        '"A": "1"', '"A": "1", "B": "2"'
    )
    assert look_in(host, changed) == Launch("/opt/bin/apixo-mcp", ("serve", "--sandbox"), {"A": "1", "B": "2"})


# Codex.


@pytest.mark.parametrize(
    "text",
    [
        "",
        'model = "gpt-5"\n',
        'model = "gpt-5"',
        '# mine\r\nmodel = "o3"\r\n\r\n[mcp_servers.a]\r\ncommand = "x"\r\n',
        '[mcp_servers]\n\n[mcp_servers.a.env]\nK = """\n[mcp_servers.apixo]\n"""\n\n[tui]\n',
    ],
)
def test_codex_gets_a_table_at_the_end(text: str):
    host = HOSTS["codex"]
    changed = installed(host, text, LAUNCH)
    assert changed.startswith(text)
    assert tomllib.loads(changed) == placed(tomllib.loads(text), host.entry_keys, ENTRY)
    assert installed(host, changed, LAUNCH) == changed
    assert tomllib.loads(uninstalled(host, changed)).get("mcp_servers", {}) == tomllib.loads(text).get(
        "mcp_servers", {}
    )


def test_codex_keeps_what_is_its_users():
    text = (
        'model = "o3" # mine\n\n[mcp_servers.apixo] # home\ncommand = "uvx"\nargs = ["apixo-mcp"]\n'
        'startup_timeout_sec = 20\n\n[mcp_servers.apixo.env]\nAPIXO_MCP_TOOLS = "models" # all\n\n[tui]\ntheme = "x"\n'
    )
    changed = installed(HOSTS["codex"], text, LAUNCH)
    assert changed == text.replace('"uvx"', '"/opt/bin/apixo-mcp"').replace('["apixo-mcp"]', "[]").replace(
        "# all\n", '# all\nAPIXO_API_KEY = "sk-test-1234567890"\n'
    )
    assert uninstalled(HOSTS["codex"], changed) == 'model = "o3" # mine\n\n[tui]\ntheme = "x"\n'


# Goose.

GOOSE = """# mine
GOOSE_MODEL: gpt-4o # the small one
extensions: # all of them
  # the first
  developer:
    bundled: true
    enabled: true
    name: developer
    type: builtin
    description: |
      # not a comment
      two
  memory:
    enabled: false
    type: builtin
    name: memory

# the end
GOOSE_MODE: auto
"""


def loaded(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text) or {}


@pytest.mark.parametrize(
    "text",
    [
        GOOSE,
        GOOSE.replace("\n", "\r\n"),
        GOOSE.removesuffix("\n"),
        "",
        "# only this\n",
        "GOOSE_MODE: auto",
        "extensions: {}\n",
        "extensions:\nA: 1\n",
        "extensions:",
        "A: 'two\n  lines'\nextensions:\n    a:\n        cmd: x\n",
        "é: '日本 \U0001f98a'\n",
    ],
)
def test_goose_gets_an_extension(text: str):
    host = HOSTS["goose"]
    changed = installed(host, text, LAUNCH)
    before = loaded(text)
    entry = loaded(changed)["extensions"]["apixo"]
    assert entry == {
        **{"enabled": True, "type": "stdio", "name": "apixo", "timeout": 300, "description": entry["description"]},
        **{"cmd": LAUNCH.command, "args": [], "envs": dict(LAUNCH.env)},
    }
    assert loaded(changed) == {**before, "extensions": {**(before.get("extensions") or {}), "apixo": entry}}
    assert is_within(text.replace("extensions: {}", "extensions:"), changed)
    assert installed(host, changed, LAUNCH) == changed
    back = uninstalled(host, changed)
    assert loaded(back) in (before, {**before, "extensions": {}}, {**before, "extensions": None})
    if before.get("extensions"):
        assert back == text


def test_what_would_leave_a_part_of_the_entry_behind_is_refused():
    # A quoted text may go on at any column, where the lines of an entry seem to be over.
    text = 'extensions:\n  apixo:\n    cmd: "x\ny: z"\nGOOSE_MODEL: 1\n'
    with pytest.raises(NotEditable, match="cannot be edited here"):
        uninstalled(HOSTS["goose"], text)


def test_goose_keeps_what_is_its_users():
    text = (
        "extensions:\n  apixo:\n    enabled: false\n    type: stdio\n    name: apixo\n    cmd: uvx\n    args:\n"
        "    - apixo-mcp\n    envs:\n      APIXO_MCP_TOOLS: models\n    timeout: 77\n"
        "  # other\n  b:\n    type: builtin\n"
    )
    changed = installed(HOSTS["goose"], text, LAUNCH)
    entry = loaded(changed)["extensions"]["apixo"]
    assert entry["envs"] == {"APIXO_MCP_TOOLS": "models", **LAUNCH.env}
    assert (entry["enabled"], entry["timeout"], entry["cmd"]) == (False, 77, LAUNCH.command)
    assert changed.endswith("  # other\n  b:\n    type: builtin\n")


YAML_KEYS = st.text(st.sampled_from("abcXYZ_"), min_size=1, max_size=5)
YAML_LEAVES = st.one_of(st.booleans(), st.integers(), st.text(st.characters(codec="utf-8", categories=("L", "N", "P"))))
YAML_VALUES = st.recursive(
    YAML_LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(YAML_KEYS, inner, max_size=3))
)


@settings(max_examples=examples(200), deadline=None)
@given(
    value=st.dictionaries(YAML_KEYS, YAML_VALUES, max_size=3),
    extensions=st.dictionaries(YAML_KEYS, st.dictionaries(YAML_KEYS, YAML_VALUES, min_size=1), min_size=1, max_size=3),
    width=st.sampled_from([20, 80]),
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_any_file_of_goose_keeps_all_that_it_says(
    value: dict[str, Any], extensions: dict[str, Any], width: int, newline: str
):
    import yaml

    dumped = yaml.safe_dump({**value, "extensions": extensions}, allow_unicode=True, width=width, sort_keys=False)
    text = dumped.replace("\n", newline)
    try:
        before = loaded(text)
    except Exception:  # the two libraries differ in what they can print
        return
    changed = installed(HOSTS["goose"], text, LAUNCH)
    after = loaded(changed)
    entry = after["extensions"].pop("apixo")
    assert after == before
    assert entry["cmd"] == LAUNCH.command
    assert is_within(text, changed)
    assert uninstalled(HOSTS["goose"], changed) == text


@pytest.mark.parametrize("name", HOSTS)
def test_an_entry_that_is_put_in_is_found_again(name: str):
    host = HOSTS[name]
    assert entry_in(host, "") is None
    text = installed(host, "", LAUNCH)
    assert look_in(host, text) == LAUNCH
    assert entry_in(host, uninstalled(host, text)) is None
    assert uninstalled(host, "") == ""
