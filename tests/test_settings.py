"""Every setting, read from its variable."""

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from apixo_mcp.cli.environment import PLAIN, key_set
from apixo_mcp.errors import SettingsError
from apixo_mcp.settings import Settings, read_settings, unknown_variables

HERE = Path("here").absolute()
HOME = Path("~").expanduser()

GIVEN: dict[str, tuple[str, str, Any]] = {
    "APIXO_API_KEY": ("apixo_api_key", "sk-mine", SecretStr("sk-mine")),
    "RUXA_API_KEY": ("ruxa_api_key", "sk-mine", SecretStr("sk-mine")),
    "APIXO_BASE_URL": ("apixo_base_url", "https://a.example/eu/", "https://a.example/eu"),
    "RUXA_BASE_URL": ("ruxa_base_url", "http://b.example", "http://b.example"),
    "APIXO_MCP_HOME": ("home", "~/data", HOME / "data"),
    "APIXO_MCP_DOWNLOAD_DIR": ("download_dir", "here", HERE),
    "APIXO_MCP_ALLOWED_ROOTS": ("allowed_roots", f"here{os.pathsep}~/b{os.pathsep}", (HERE, HOME / "b")),
    "APIXO_MCP_ALLOW_PRIVATE_HOSTS": ("allow_private_hosts", "1", True),
    "APIXO_MCP_DATA_URLS": ("data_urls", "on", True),
    "APIXO_MCP_PUBLIC_URL": ("public_url", "https://a.example/mcp/", "https://a.example/mcp"),
    "APIXO_MCP_MODELS": ("models", " nano-*, sora-2 ,", ("nano-*", "sora-2")),
    "APIXO_MCP_TOOLS": ("tools", "models", "models"),
    "APIXO_MCP_CLIENT_PROFILE": ("client_profile", "claude-ai", "claude-ai"),
    "APIXO_MCP_LINGER": ("linger", "0", False),
    "APIXO_MCP_AUTO_RETRY": ("auto_retry", "0", 0),
    "APIXO_MCP_POLL_SCALE": ("poll_scale", "0.5", 0.5),
    "APIXO_MCP_PRICES": ("prices", "here", HERE),
    "APIXO_MCP_DAILY_BUDGET_USD": ("daily_budget_usd", "2.5", 2.5),
    "APIXO_MCP_CONFIRM_ABOVE_USD": ("confirm_above_usd", "0", 0.0),
    "APIXO_MCP_DAILY_TASK_LIMIT": ("daily_task_limit", "20", 20),
    "APIXO_MCP_LOG_LEVEL": ("log_level", "debug", "DEBUG"),
}

WRONG: list[tuple[str, str, str]] = [
    ("APIXO_BASE_URL", "a.example", "must start with https:// or http:// (got 'a.example')"),
    ("RUXA_BASE_URL", "ftp://b.example", "must start with https:// or http:// (got 'ftp://b.example')"),
    ("APIXO_MCP_PUBLIC_URL", "a.example", "must start with https:// or http:// (got 'a.example')"),
    ("APIXO_MCP_ALLOW_PRIVATE_HOSTS", "maybe", "must be 1 or 0 (got 'maybe')"),
    ("APIXO_MCP_LINGER", "2", "must be 1 or 0 (got '2')"),
    ("APIXO_MCP_TOOLS", "all", "must be one of general, models (got 'all')"),
    ("APIXO_MCP_AUTO_RETRY", "twice", "must be a whole number, at least 0, at most 10 (got 'twice')"),
    ("APIXO_MCP_AUTO_RETRY", "11", "must be a whole number, at least 0, at most 10 (got '11')"),
    ("APIXO_MCP_POLL_SCALE", "0", "must be a number, above 0, at most 100 (got '0')"),
    ("APIXO_MCP_DAILY_BUDGET_USD", "$5", "must be a number, at least 0 (got '$5')"),
    ("APIXO_MCP_CONFIRM_ABOVE_USD", "-1", "must be a number, at least 0 (got '-1')"),
    ("APIXO_MCP_DAILY_TASK_LIMIT", "1.5", "must be a whole number, at least 0 (got '1.5')"),
    ("APIXO_MCP_LOG_LEVEL", "loud", "must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL (got 'LOUD')"),
]


@pytest.fixture(autouse=True)
def _none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APIXO_MCP_LINGER")


def test_every_setting_is_here():
    assert {field for field, _, _ in GIVEN.values()} == set(Settings.model_fields)


@pytest.mark.parametrize("variable", GIVEN)
def test_a_setting_is_read_from_its_variable(variable: str, monkeypatch: pytest.MonkeyPatch):
    field, text, value = GIVEN[variable]
    assert getattr(read_settings(), field) != value
    monkeypatch.setenv(variable, text)
    assert getattr(read_settings(), field) == value


def test_defaults():
    settings = read_settings()
    assert settings.apixo_api_key is None
    assert settings.apixo_base_url == "https://api.apixo.ai"
    assert settings.ruxa_base_url == "https://api.ruxa.ai"
    assert settings.home.name == "apixo-mcp"
    assert settings.download_dir.name == "apixo-mcp"
    assert settings.roots == (settings.download_dir,)
    assert (settings.models, settings.tools, settings.public_url) == ((), "general", "")
    assert (settings.auto_retry, settings.poll_scale, settings.linger) == (2, 1.0, True)
    assert (settings.daily_budget_usd, settings.confirm_above_usd, settings.daily_task_limit) == (None, None, None)
    assert settings.log_level == "WARNING"


@pytest.mark.parametrize("variable", GIVEN)
def test_an_empty_variable_is_none(variable: str, monkeypatch: pytest.MonkeyPatch):
    default = read_settings()
    monkeypatch.setenv(variable, "")
    assert read_settings() == default


@pytest.mark.parametrize(("variable", "text", "told"), WRONG)
def test_a_wrong_value_is_told_in_a_line(variable: str, text: str, told: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(variable, text)
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert str(caught.value) == f"{variable}: {told}"
    assert key_set(os.environ) is None, "the early stage must not greet for a server that will not start"


def test_all_wrong_values_are_told_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("APIXO_MCP_AUTO_RETRY", "x")
    monkeypatch.setenv("APIXO_MCP_TOOLS", "y")
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        "APIXO_MCP_TOOLS",
        "APIXO_MCP_AUTO_RETRY",
    ]


def test_a_key_in_the_wrong_variable_is_not_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("APIXO_BASE_URL", "sk-secret")
    with pytest.raises(SettingsError) as caught:
        read_settings()
    assert str(caught.value) == "APIXO_BASE_URL: must start with https:// or http://"


def test_keys_are_not_in_the_settings_text(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("APIXO_API_KEY", "sk-secret")
    assert "sk-secret" not in repr(read_settings())


@pytest.mark.skipif(os.name == "nt", reason="Windows makes a folder's name of it")
@pytest.mark.parametrize("variable", ["APIXO_MCP_HOME", "APIXO_MCP_ALLOWED_ROOTS"])
def test_the_home_of_nobody(variable: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(variable, "~nobody-of-that-name/x")
    with pytest.raises(SettingsError, match=rf"^{variable}: names a user with ~ whose home folder is not known"):
        read_settings()


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("APIXO_MCP_DOWNLOAD_FOLDER", "Did you mean APIXO_MCP_DOWNLOAD_DIR?"),
        ("APIXO_MCP_API_KEY", "Did you mean APIXO_API_KEY?"),
        ("APIXO_MCP_BUDGET", "Did you mean APIXO_MCP_DAILY_BUDGET_USD?"),
        ("apixo_mcp_loglevel", "Did you mean APIXO_MCP_LOG_LEVEL?"),
        ("APIXO_MCP_XYZ", "The README lists all settings."),
    ],
)
def test_an_unknown_variable_is_told_with_the_nearest(variable: str, hint: str):
    [told] = unknown_variables({variable: "1", "PATH": "/bin"})
    assert told == f"{variable.upper()} is no setting and is ignored. {hint}"


def test_known_variables_and_empty_ones_are_not_told():
    known = dict.fromkeys((*GIVEN, "apixo_mcp_home", "APIXO_MCP_COMMAND"), "1")
    assert not unknown_variables({**known, "APIXO_MCP_NOTHING": "", "APIXO_OTHER": "1"})


def test_the_early_stage_knows_no_variable_that_is_no_setting():
    assert set(PLAIN) <= set(GIVEN)
