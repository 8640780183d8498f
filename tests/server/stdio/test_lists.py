"""The lists that the early stage gives: those of the server, for every setting and kind of client that it answers."""

import json
import os
from collections.abc import AsyncIterator, Sequence, Set
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp.server import MCPServer
from support.amounts import examples
from support.pipe import META, discover, initialize, line, request
from support.sdk_answers import asked

from apixo_mcp import __version__
from apixo_mcp.app import open_app
from apixo_mcp.cli.process.environment import known_of
from apixo_mcp.cli.process.sandboxed import sandbox_settings
from apixo_mcp.server.build import build_server
from apixo_mcp.server.named_folders import named_folders
from apixo_mcp.server.stdio.handshake import HANDSHAKE_VERSIONS, MODERN_VERSION
from apixo_mcp.server.stdio.lists import FILE, FILES, FOLDERS, METHODS, SERVER, list_result, name_of
from apixo_mcp.server.stdio.opening import Opening
from apixo_mcp.settings import read_settings, variables
from apixo_mcp.variables.folders import plain_folder
from apixo_mcp.variables.written import is_set, trimmed

APPS = {"extensions": {"io.modelcontextprotocol/ui": {"mimeTypes": ["text/html;profile=mcp-app"]}}}
CAPABILITIES: tuple[dict[str, Any], ...] = (
    {},
    APPS,
    {"roots": {"listChanged": True}, "sampling": {}, "elicitation": {"form": {}, "url": {}}},
    {"extensions": {"io.modelcontextprotocol/ui": {"mimeTypes": ["text/html"]}}},
    {"extensions": {"io.modelcontextprotocol/ui": {}, "io.modelcontextprotocol/tasks": {}}, "tasks": {"list": {}}},
    {"extensions": None},
)
VERSIONS = (*HANDSHAKE_VERSIONS, MODERN_VERSION)


def client(version: str, capabilities: dict[str, Any], *then: dict[str, Any]) -> list[bytes]:
    """What a client says that opens a connection and asks for something."""
    if version == MODERN_VERSION:
        meta = META | {"io.modelcontextprotocol/clientCapabilities": capabilities}
        wrapped = [{**one, "params": {"_meta": meta, **one.get("params", {})}} for one in then]
        return [line(one) for one in wrapped]
    return [line(one) for one in (initialize(version, capabilities=capabilities), *then)]


def early(known: Any, lines: list[bytes]) -> Any:
    """The early stage's answer to the last of some lines, None where it leaves it to the server."""
    opening = Opening(known)
    answer = b""
    for entry in lines:
        answer, _ = opening.hear(entry)
    return json.loads(answer) if answer else None


@asynccontextmanager
async def served(**overrides: Any) -> AsyncIterator[MCPServer[Any]]:
    async with open_app(read_settings(**overrides), follow=False) as app:
        yield build_server(app)


# ---------------------------------------------------------------------------------------------------------------------
# The file


def written(stored: dict[str, Any]) -> str:
    """The file's text, an entry of a list on each line."""
    lines = ["{", f'"files": {json.dumps(stored["files"])},', '"results": {']
    for name, result in stored["results"].items():
        fields = {
            field: "[\n" + ",\n".join(json.dumps(entry) for entry in value) + "\n]"
            if isinstance(value, list)
            else json.dumps(value)
            for field, value in result.items()
        }
        lines.append(f'"{name}": {{' + ", ".join(f'"{field}": {text}' for field, text in fields.items()) + "},")
    lines[-1] = lines[-1].removesuffix(",")
    return "\n".join([*lines, "}", "}", ""])


def description(tools: list[dict[str, Any]], name: str, argument: str) -> dict[str, Any]:
    (tool,) = [tool for tool in tools if tool["name"] == name]
    return tool["inputSchema"]["properties"][argument]


def test_the_file_is_what_the_server_says(portal: BlockingPortal, tmp_path: Path) -> None:
    # The ways of local files that there are on stdio.
    ways: dict[str, dict[str, Any]] = {"none": {}, "inside": {"data_urls": True}, "tunnel": {"tunnel": "x {port}"}}
    common: dict[str, Any] = {"home": tmp_path, "download_dir": tmp_path, "apixo_api_key": "sk-test"}
    stored: dict[str, Any] = {"files": {}, "results": {}}
    for way, setting in ways.items():
        with portal.wrap_async_context_manager(served(**common, **setting)) as server:
            answer = portal.call(asked, server, *client("2025-11-25", {}, request("tools/list")))
            stored["files"][way] = description(answer["result"]["tools"], "generate_image", "image_urls")["description"]
            if way != "none":
                continue
            for method, is_modern, shows_apps in product(METHODS, (False, True), (False, True)):
                version = MODERN_VERSION if is_modern else "2025-11-25"
                lines = client(version, APPS if shows_apps else {}, request(method))
                result = portal.call(asked, server, *lines)["result"]
                for tool in result.get("tools", ()):
                    if tool["name"] == "download_results":
                        tool["inputSchema"]["properties"]["directory"]["description"] = FOLDERS
                    if tool["name"].startswith("generate_"):
                        properties = tool["inputSchema"]["properties"]
                        properties["image_urls" if "image_urls" in properties else "audio_urls"]["description"] = FILES
                if is_modern:
                    result["_meta"]["io.modelcontextprotocol/serverInfo"] = SERVER
                stored["results"][name_of(method, is_modern=is_modern, shows_apps=shows_apps)] = result
    text = written(stored)
    assert json.loads(text) == stored
    if os.environ.get("UPDATE_SNAPSHOTS"):
        Path(FILE).write_text(text, encoding="ascii", newline="\n")
        return
    assert Path(FILE).read_text(encoding="ascii") == text, "run `make snapshots`"


# ---------------------------------------------------------------------------------------------------------------------
# Settings

A_FOLDER = "/pictures/with space" if os.name != "nt" else "C:\\pictures\\with space"
SAMPLES: dict[str, tuple[str, ...]] = {
    "APIXO_API_KEY": ("sk-a", "", "${KEY}"),
    "RUXA_API_KEY": ("sk-b",),
    "APIXO_BASE_URL": ("https://gateway.example",),
    "RUXA_BASE_URL": ("https://gateway.example",),
    "APIXO_MCP_HOME": (),  # set in each
    "APIXO_MCP_DOWNLOAD_DIR": (
        A_FOLDER,
        "~/p",
        "~",
        "p",
        "/p/",
        "/a//b",
        "/a/./b",
        "/a/../b",
        "${HOME}/p",
        "/é",
        " /p ",
    ),
    "APIXO_MCP_ALLOWED_ROOTS": (
        A_FOLDER,
        os.pathsep.join([A_FOLDER, "/b", "/" + "x" * 200]),
        os.pathsep.join(["${HOME}/a", A_FOLDER]),
        os.pathsep.join([A_FOLDER, "${HOME}/a"]),
        os.pathsep.join([A_FOLDER, ""]),
        os.pathsep.join([A_FOLDER, " /b "]),
        os.pathsep.join([A_FOLDER, "b"]),
    ),
    "APIXO_MCP_MODELS": ("nano-banana", "suno,ruxa/sora-2"),
    "APIXO_MCP_TOOLS": ("general", "models"),
    "APIXO_MCP_CLIENT_PROFILE": ("cursor",),
    "APIXO_MCP_DAILY_BUDGET_USD": ("5",),
    "APIXO_MCP_MONTHLY_BUDGET_USD": ("5",),
    "APIXO_MCP_DAILY_TASK_LIMIT": ("5",),
    "APIXO_MCP_CONFIRM_ABOVE_USD": ("0.5",),
    "APIXO_MCP_PRICES": (A_FOLDER,),
    "APIXO_MCP_AUTO_RETRY": ("0",),
    "APIXO_MCP_PUBLIC_URL": ("https://apixo.example",),
    "APIXO_MCP_TUNNEL": ("some/program {port}",),
    "APIXO_MCP_DATA_URLS": ("1", "Yes", "off", "enabled"),
    "APIXO_MCP_ALLOW_PRIVATE_HOSTS": ("1",),
    "APIXO_MCP_ALLOWED_HOSTS": ("a.example",),
    "APIXO_MCP_TRUSTED_PROXIES": ("10.0.0.0/8",),
    "APIXO_MCP_AUTH_ISSUER": ("https://issuer.example",),
    "APIXO_MCP_AUTH_AUDIENCE": ("a",),
    "APIXO_MCP_AUTH_CLAIM": ("email",),
    "APIXO_MCP_NOTIFY_URL": ("https://notify.example",),
    "APIXO_MCP_NOTIFY_SECRET": ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",),
    "APIXO_MCP_POLL_SCALE": ("2",),
    "APIXO_MCP_LINGER": ("1",),
    "APIXO_MCP_DATABASE_URL": ("postgresql://db.example/apixo",),
    "APIXO_MCP_RESULTS": ("s3://pictures/team",),
    "APIXO_MCP_KEEP_DAYS": ("7",),
    "APIXO_MCP_EMBED": ("1",),
    "APIXO_MCP_KEYRING": ("1",),
    "APIXO_MCP_LOG_LEVEL": ("DEBUG",),
    "APIXO_MCP_LOG_FORMAT": ("json",),
    "APIXO_MCP_LOG_FILE": ("/nowhere/log",),
}
"""Values of every setting. A new one belongs here: whether it changes a list is tried, and not thought."""

NOT_ANSWERED: dict[str, set[str]] = {
    f"APIXO_MCP_{name}": set(METHODS)
    for name in (
        *("PRICES", "ALLOWED_HOSTS", "TRUSTED_PROXIES", "AUTH_ISSUER", "AUTH_AUDIENCE", "AUTH_CLAIM"),
        *("NOTIFY_URL", "NOTIFY_SECRET", "KEYRING", "RESULTS", "DATABASE_URL"),
    )
}
"""Settings under which the server alone answers: it may not start, or they are not of stdio."""
LEFT_TO_THE_SERVER = {("APIXO_MCP_DOWNLOAD_DIR", value): {"tools/list"} for value in ("/p/", "/a//b", "/a/./b")} | {
    **{("APIXO_MCP_DOWNLOAD_DIR", value): set(METHODS) for value in ("~", "p")},
    ("APIXO_MCP_DATA_URLS", "enabled"): set(METHODS),
    ("APIXO_MCP_TOOLS", "models"): {"tools/list"},
    **{("APIXO_MCP_ALLOWED_ROOTS", value): {"tools/list"} for value in SAMPLES["APIXO_MCP_ALLOWED_ROOTS"][2:]},
}


def left_to_the_server(variable: str, value: str) -> set[str]:
    return NOT_ANSWERED.get(variable, set()) | LEFT_TO_THE_SERVER.get((variable, value), set())


def test_every_setting_is_tried() -> None:
    assert SAMPLES.keys() == set(variables())


@pytest.mark.parametrize(
    ("variable", "value"),
    [("", ""), *((name, value) for name, values in SAMPLES.items() for value in values)],
)
def test_the_lists_under_each_setting(
    variable: str, value: str, portal: BlockingPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("APIXO_MCP_HOME", str(home))
    if variable:
        monkeypatch.setenv(variable, value)
    if variable == "APIXO_MCP_NOTIFY_URL":
        monkeypatch.setenv("APIXO_MCP_NOTIFY_SECRET", SAMPLES["APIXO_MCP_NOTIFY_SECRET"][0])
    check_lists(
        portal, CAPABILITIES[:2], ("2025-11-25", MODERN_VERSION), set(METHODS) - left_to_the_server(variable, value)
    )


def test_the_lists_for_each_kind_of_client(
    portal: BlockingPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APIXO_MCP_HOME", str(tmp_path / "home"))
    check_lists(portal, CAPABILITIES, VERSIONS, {*METHODS})


def check_lists(
    portal: BlockingPortal, capabilities: Sequence[dict[str, Any]], versions: Sequence[str], answered: Set[str]
) -> None:
    """Holds what is answered in this environment to what is to be, and to what the server answers in it."""
    known = known_of(os.environ)
    answers = [
        (lines, method, early(known, lines))
        for method, version, declared in product(METHODS, versions, capabilities)
        for lines in [client(version, declared, request(method))]
    ]
    assert {method for _, method, answer in answers if answer is not None} == answered
    if not answered:
        return
    with portal.wrap_async_context_manager(served()) as server:
        for lines, method, answer in answers:
            if method in answered:
                assert answer == portal.call(asked, server, *lines), lines


def test_the_lists_of_a_sandbox(portal: BlockingPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APIXO_MCP_DOWNLOAD_DIR", str(tmp_path))
    known = known_of(os.environ, sandbox=True)
    assert known
    overrides = {"home": tmp_path / "sandbox", **sandbox_settings("http://127.0.0.1:1")}
    with portal.wrap_async_context_manager(served(**overrides)) as server:
        for method, version in product(METHODS, VERSIONS):
            lines = client(version, {}, request(method))
            expected = None if method == "resources/list" else portal.call(asked, server, *lines)
            assert early(known, lines) == expected
        assert early(known, [line(discover())]) == portal.call(asked, server, line(discover()))


def test_models_of_ones_own_change_no_list(
    portal: BlockingPortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APIXO_MCP_HOME", str(tmp_path))
    (tmp_path / "models.toml").write_text('[models."acme/fast"]\nmodality = "image"\n', encoding="utf-8")
    lines = client("2025-11-25", {}, request("tools/list"))
    with portal.wrap_async_context_manager(served()) as server:
        assert early(known_of(os.environ), lines) == portal.call(asked, server, *lines)


def test_resources_are_left_to_the_server_once_there_is_a_store(tmp_path: Path) -> None:
    environment = {"APIXO_MCP_HOME": str(tmp_path / "home")}
    for version in VERSIONS:
        lines = client(version, {}, request("resources/list"))
        assert early(known_of(environment), lines)
        for name in ("tasks.sqlite3", "tasks.sqlite3.damaged-1", "tasks.sqlite3-wal"):
            path = tmp_path / "home" / name
            path.parent.mkdir(exist_ok=True)
            path.touch()
            assert early(known_of(environment), lines) is None
            path.unlink()
        assert early(known_of(environment), lines)


def test_a_data_folder_that_cannot_be_read_is_left_to_the_server(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("", encoding="utf-8")
    environment = {"APIXO_MCP_HOME": str(tmp_path / "home")}
    assert early(known_of(environment), client("2025-11-25", {}, request("resources/list"))) is None


def test_the_version_is_that_of_the_program() -> None:
    answer = early(known_of({}), client(MODERN_VERSION, {}, request("prompts/list")))
    assert answer["result"]["_meta"]["io.modelcontextprotocol/serverInfo"]["version"] == __version__


def test_a_file_that_is_missing_or_broken_is_made_up_for_by_the_server(tmp_path: Path) -> None:
    known = known_of({})
    assert known
    path = tmp_path / "lists.json"
    assert list_result("prompts/list", known, is_modern=False, shows_apps=False, file=str(path)) is None
    for text in ("", "[]", '{"files": {}, "results": {}}', "\xff"):
        path.write_text(text, encoding="latin-1")
        assert list_result("prompts/list", known, is_modern=False, shows_apps=False, file=str(path)) is None


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0") | st.sampled_from("/.~\\: "), max_size=20))
@settings(max_examples=examples(300), deadline=None)
def test_a_plain_folder_is_the_one_that_the_settings_read(text: str) -> None:
    value = trimmed("/" + text if text[:1] != "~" else text)
    if is_set("APIXO_MCP_DOWNLOAD_DIR", value) and (folder := plain_folder(value)) is not None:
        assert folder == str(read_settings(download_dir=value).download_dir)


@given(st.lists(st.text(max_size=150), max_size=5))
def test_a_name_of_folders_is_never_one_of_the_words_that_are_filled_in(folders: list[str]) -> None:
    assert json.dumps(named_folders(folders)) not in {f'"{word}"' for word in (FILES, FOLDERS, SERVER)}
