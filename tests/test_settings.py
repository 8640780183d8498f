"""Every setting, read from its variable."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backends.null import Keyring
from pydantic import SecretStr

from apixo_mcp.cli.process.environment import PLAIN, known_of
from apixo_mcp.errors import SettingsError
from apixo_mcp.settings import Settings, read_settings, variables
from apixo_mcp.variables.oddities import near_misses
from apixo_mcp.variables.written import is_placeholder, is_sample_key

HERE = Path("here").absolute()
HOME = Path("~").expanduser()

WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

GIVEN: dict[str, tuple[str, str, Any]] = {
    "APIXO_API_KEY": ("keys.apixo", "sk-mine", SecretStr("sk-mine")),
    "RUXA_API_KEY": ("keys.ruxa", "sk-mine", SecretStr("sk-mine")),
    "APIXO_BASE_URL": ("base_urls.apixo", "https://a.example/eu/", "https://a.example/eu"),
    "RUXA_BASE_URL": ("base_urls.ruxa", "http://b.example", "http://b.example"),
    "APIXO_MCP_HOME": ("home", "~/data", HOME / "data"),
    "APIXO_MCP_DOWNLOAD_DIR": ("download_dir", str(HERE), HERE),
    "APIXO_MCP_ALLOWED_ROOTS": ("allowed_roots", f"{HERE}{os.pathsep}~/b{os.pathsep}", (HERE, HOME / "b")),
    "APIXO_MCP_ALLOW_PRIVATE_HOSTS": ("allow_private_hosts", "1", True),
    "APIXO_MCP_DATA_URLS": ("data_urls", "on", True),
    "APIXO_MCP_TUNNEL": ("tunnel", "cloudflared", "cloudflared"),
    "APIXO_MCP_PUBLIC_URL": ("public_url", "https://a.example/mcp/", "https://a.example/mcp"),
    "APIXO_MCP_ALLOWED_HOSTS": ("allowed_hosts", "a.example, [::2]:84", ("a.example", "[::2]:84")),
    "APIXO_MCP_TRUSTED_PROXIES": ("trusted_proxies", "127.0.0.1, 10.0.0.0/8", ("127.0.0.1", "10.0.0.0/8")),
    "APIXO_MCP_AUTH_ISSUER": ("auth_issuer", "https://id.example/", "https://id.example"),
    "APIXO_MCP_AUTH_AUDIENCE": ("auth_audience", " apixo ", "apixo"),
    "APIXO_MCP_AUTH_CLAIM": ("auth_claim", "email", "email"),
    "APIXO_MCP_NOTIFY_URL": ("notify_url", "https://hooks.example/apixo/", "https://hooks.example/apixo/"),
    "APIXO_MCP_NOTIFY_SECRET": ("notify_secret", WHSEC, SecretStr(WHSEC)),
    "APIXO_MCP_MODELS": ("models", " nano-*, sora-2 ,", ("nano-*", "sora-2")),
    "APIXO_MCP_TOOLS": ("tools", "models", "models"),
    "APIXO_MCP_CLIENT_PROFILE": ("client_profile", "claude-ai", "claude-ai"),
    "APIXO_MCP_LINGER": ("linger", "0", False),
    "APIXO_MCP_AUTO_RETRY": ("auto_retry", "0", 0),
    "APIXO_MCP_POLL_SCALE": ("poll_scale", "0.5", 0.5),
    "APIXO_MCP_PRICES": ("prices", str(HERE), HERE),
    "APIXO_MCP_DAILY_BUDGET_USD": ("daily_budget_usd", "2.5", 2.5),
    "APIXO_MCP_MONTHLY_BUDGET_USD": ("monthly_budget_usd", "50", 50.0),
    "APIXO_MCP_CONFIRM_ABOVE_USD": ("confirm_above_usd", "0", 0.0),
    "APIXO_MCP_DAILY_TASK_LIMIT": ("daily_task_limit", "20", 20),
    "APIXO_MCP_LOG_LEVEL": ("log_level", "debug", "DEBUG"),
    "APIXO_MCP_LOG_FORMAT": ("log_format", "json", "json"),
    "APIXO_MCP_LOG_FILE": ("log_file", str(HERE), HERE),
    "APIXO_MCP_DATABASE_URL": ("database_url", "postgresql://u:p@db/apixo", SecretStr("postgresql://u:p@db/apixo")),
    "APIXO_MCP_RESULTS": ("results", "s3://pictures/team/one/", "s3://pictures/team/one"),
    "APIXO_MCP_KEEP_DAYS": ("keep_days", "30", 30),
    "APIXO_MCP_KEYRING": ("keyring", "1", True),
    "APIXO_MCP_EMBED": ("embed", "1", True),
}

WRONG: list[tuple[str, str, str]] = [
    ("APIXO_BASE_URL", "a.example", "must start with https:// or http:// (got 'a.example')"),
    ("RUXA_BASE_URL", "ftp://b.example", "must start with https:// or http:// (got 'ftp://b.example')"),
    (
        "APIXO_MCP_TUNNEL",
        "frp",
        "must be cloudflared or ngrok, or a command line with {port} that prints its https URL (got 'frp')",
    ),
    ("APIXO_MCP_PUBLIC_URL", "a.example", "must start with https:// or http:// (got 'a.example')"),
    (
        "APIXO_MCP_ALLOWED_HOSTS",
        "https://a.example",
        "must be names of hosts, as team.example or team.example:8443, with commas between them "
        "(got 'https://a.example')",
    ),
    (
        "APIXO_MCP_TRUSTED_PROXIES",
        "10.0.0.0/8, caddy",
        "must be addresses or networks, as 127.0.0.1 or 10.0.0.0/8, with commas between (got '10.0.0.0/8, caddy')",
    ),
    ("APIXO_MCP_AUTH_ISSUER", "id.example", "must start with https:// or http:// (got 'id.example')"),
    ("APIXO_MCP_ALLOW_PRIVATE_HOSTS", "maybe", "must be 1 or 0 (got 'maybe')"),
    ("APIXO_MCP_LINGER", "2", "must be 1 or 0 (got '2')"),
    ("APIXO_MCP_TOOLS", "all", "must be one of general, models (got 'all')"),
    ("APIXO_MCP_AUTO_RETRY", "twice", "must be a whole number, at least 0, at most 10 (got 'twice')"),
    ("APIXO_MCP_AUTO_RETRY", "11", "must be a whole number, at least 0, at most 10 (got '11')"),
    ("APIXO_MCP_POLL_SCALE", "0", "must be a number, above 0, at most 100 (got '0')"),
    ("APIXO_MCP_DAILY_BUDGET_USD", "$5", "must be a number, at least 0 (got '$5')"),
    ("APIXO_MCP_CONFIRM_ABOVE_USD", "-1", "must be a number, at least 0 (got '-1')"),
    ("APIXO_MCP_DAILY_TASK_LIMIT", "1.5", "must be a whole number, at least 0 (got '1.5')"),
    (
        "APIXO_MCP_RESULTS",
        "pictures/team",
        "must be s3://BUCKET or s3://BUCKET/PREFIX, of letters, digits, hyphens, dots and underscores "
        "(got 'pictures/team')",
    ),
    (
        "APIXO_MCP_RESULTS",
        "s3://AKIAEXAMPLE:secret@pictures",
        "must be s3://BUCKET or s3://BUCKET/PREFIX, of letters, digits, hyphens, dots and underscores",
    ),
    ("APIXO_MCP_RESULTS", "s3://pictures/../x", "must have a prefix without . and .. in it (got 's3://pictures/../x')"),
    ("APIXO_MCP_DATABASE_URL", "db:secret", "must be an address such as postgresql://user:password@host:5432/database"),
    ("APIXO_MCP_LOG_LEVEL", "loud", "must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL (got 'LOUD')"),
]


@pytest.fixture(autouse=True)
def _none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APIXO_MCP_LINGER")


@pytest.fixture(autouse=True)
def key_store() -> Iterator[None]:
    """A store of the system that is there and empty, whatever this machine has."""
    usual = keyring.get_keyring()
    keyring.set_keyring(Keyring())
    yield
    keyring.set_keyring(usual)


def test_every_setting_is_here():
    assert set(GIVEN) == set(variables())
    assert {field.partition(".")[0] for field, _, _ in GIVEN.values()} == set(Settings.model_fields)


def value_of(field: str) -> Any:
    name, _, gateway = field.partition(".")
    value = getattr(read_settings(), name)
    return value.get(gateway) if gateway else value


@pytest.mark.parametrize("variable", GIVEN)
def test_a_setting_is_read_from_its_variable(variable: str, monkeypatch: pytest.MonkeyPatch):
    field, text, value = GIVEN[variable]
    assert value_of(field) != value
    monkeypatch.setenv(variable, text)
    assert value_of(field) == value


def test_defaults():
    settings = read_settings()
    assert settings.keys == {}
    assert settings.base_urls == {"apixo": "https://api.apixo.ai", "ruxa": "https://api.ruxa.ai"}
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
    assert known_of(os.environ) is None, "the early stage must not greet for a server that will not start"


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
        ("APIXO_MCP_XYZ", "docs/settings.md lists them all."),
    ],
)
def test_an_unknown_variable_is_told_with_the_nearest(variable: str, hint: str):
    [(_, told)] = near_misses({variable: "1", "PATH": "/bin"}, variables())
    assert told == f"{variable.upper()} is no setting and is ignored. {hint}"


def test_known_variables_and_empty_ones_are_not_told():
    known = dict.fromkeys((*GIVEN, "apixo_mcp_home", "APIXO_MCP_COMMAND"), "1")
    assert not list(near_misses({**known, "APIXO_MCP_NOTHING": "", "APIXO_OTHER": "1"}, variables()))


# ---------------------------------------------------------------------------------------------------------------------
# As people and hosts write them: every documented variable, with each kind of value

PLACEHOLDERS = [
    "${HOME}",
    "${user_config.budget}",
    "${input:key}",
    "${env:BUDGET}",
    "{{budget}}",
    "{env:BUDGET}",
    "$HOME",
    "$env:USERPROFILE",
    "$(cat key)",
    "%APPDATA%",
    "<your key>",
    ' "${BUDGET:-}" ',
]
MONEY = {
    "APIXO_MCP_DAILY_BUDGET_USD",
    "APIXO_MCP_MONTHLY_BUDGET_USD",
    "APIXO_MCP_DAILY_TASK_LIMIT",
    "APIXO_MCP_CONFIRM_ABOVE_USD",
    "APIXO_MCP_PRICES",
    "APIXO_MCP_AUTO_RETRY",
}


@pytest.mark.parametrize("variable", GIVEN)
def test_spaces_and_one_pair_of_quotes_are_taken_off(variable: str, monkeypatch: pytest.MonkeyPatch):
    field, text, expected = GIVEN[variable]
    for around in (" {} ", '"{}"', "'{}'", ' " {} "\n', "\ufeff{}\u200b", "“{}”", "\t{}\r\n"):
        monkeypatch.setenv(variable, around.format(text.strip(f" {os.pathsep}")))
        assert value_of(field) == expected, around
        assert not read_settings().warnings, around


@pytest.mark.parametrize("variable", GIVEN)
def test_a_placeholder_counts_as_not_set_and_is_told(variable: str, monkeypatch: pytest.MonkeyPatch):
    default = read_settings()
    for text in PLACEHOLDERS:
        monkeypatch.setenv(variable, text)
        settings = read_settings()
        assert settings.model_dump() == default.model_dump(), text
        [told] = settings.warnings
        assert told.startswith(f"{variable} holds a placeholder that nothing filled in")
        assert settings.money_warnings == (settings.warnings if variable in MONEY else ())
        known = known_of(os.environ)
        assert (known and known.key_set) is (None if variable not in PLAIN else False)


@pytest.mark.parametrize("text", ["${HOME}/Pictures", "$HOME/Pictures", "%USERPROFILE%\\Pictures", "{{home}}/a"])
@pytest.mark.parametrize("variable", ["APIXO_MCP_HOME", "APIXO_MCP_DOWNLOAD_DIR", "APIXO_MCP_LOG_FILE"])
def test_a_path_that_begins_with_a_placeholder(variable: str, text: str, monkeypatch: pytest.MonkeyPatch):
    default = read_settings()
    monkeypatch.setenv(variable, text)
    assert read_settings().model_dump() == default.model_dump()
    assert variable in read_settings().warnings[0]


def test_a_list_of_folders_loses_the_placeholder_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("APIXO_MCP_ALLOWED_ROOTS", os.pathsep.join(["${HOME}/a", str(HERE)]))
    assert read_settings().allowed_roots == (HERE,)
    assert len(read_settings().warnings) == 1


@pytest.mark.parametrize("text", ["sk-…", "sk-...", "your-api-key", "YOUR_APIXO_API_KEY_HERE", "sk-xxxx", "changeme"])
def test_the_key_of_an_instruction_is_none(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("APIXO_API_KEY", text)
    settings = read_settings()
    assert settings.keys == {}
    assert settings.warnings
    known = known_of(os.environ)
    assert known
    assert known.key_set is False


@pytest.mark.parametrize("text", ["Bearer sk-mine", '"Bearer sk-mine"', " bearer  sk-mine ", "Bearer 'sk-mine'"])
def test_a_key_is_taken_without_its_scheme(text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RUXA_API_KEY", text)
    assert read_settings().keys == {"ruxa": SecretStr("sk-mine")}


@pytest.mark.parametrize("text", ["sk-mine", "abc$def", "a%20b", "https://a.example/%7Bx%7D%20", "/data/$recycle", "5"])
def test_what_is_no_placeholder(text: str):
    assert not is_placeholder(text)
    assert not is_sample_key(text)


@pytest.mark.parametrize("text", ["pictures", "./pictures", "a/pictures", ".."])
@pytest.mark.parametrize(
    "variable",
    ["APIXO_MCP_HOME", "APIXO_MCP_DOWNLOAD_DIR", "APIXO_MCP_ALLOWED_ROOTS", "APIXO_MCP_PRICES", "APIXO_MCP_LOG_FILE"],
)
def test_no_path_is_taken_from_the_working_directory(
    variable: str, text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, text)
    settings = read_settings()
    found = getattr(settings, GIVEN[variable][0])
    assert found in (HOME / text, (HOME / text,))
    [told] = settings.warnings
    assert told.startswith(f"{variable} holds {text!r}, which is not a whole path and is taken as {HOME}")


def test_a_folder_may_be_a_file_url(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("APIXO_MCP_DOWNLOAD_DIR", (tmp_path / "my pictures").as_uri())
    assert read_settings().download_dir == tmp_path / "my pictures"


@pytest.mark.skipif(os.name == "nt", reason="it is a path there")
@pytest.mark.parametrize("variable", ["APIXO_MCP_HOME", "APIXO_MCP_DOWNLOAD_DIR", "APIXO_MCP_PRICES"])
def test_the_path_of_another_system_is_refused(variable: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(variable, "C:\\Users\\me\\Pictures")
    with pytest.raises(SettingsError, match=rf"^{variable}: is a path of Windows"):
        read_settings()


@pytest.mark.parametrize(
    ("text", "meant"), [("Enabled", True), ("YES", True), ("t", True), ("disabled", False), ("No", False)]
)
@pytest.mark.parametrize("field", ["allow_private_hosts", "data_urls", "linger"])
def test_the_usual_words_for_yes_and_no(field: str, text: str, meant: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(f"APIXO_MCP_{field.upper()}", text)
    assert value_of(field) is meant


@pytest.mark.parametrize("text", ["inf", "nan", "-inf", "5 USD", "5,00", "$5"])
@pytest.mark.parametrize(
    "variable", ["APIXO_MCP_DAILY_BUDGET_USD", "APIXO_MCP_MONTHLY_BUDGET_USD", "APIXO_MCP_CONFIRM_ABOVE_USD"]
)
def test_an_amount_is_a_plain_number(variable: str, text: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(variable, text)
    with pytest.raises(SettingsError, match=f"^{variable}: must be a number, at least 0"):
        read_settings()


def variants(variable: str) -> list[str]:
    """Near misses of a documented variable, none of which is one."""
    short = variable.removeprefix("APIXO_MCP_")
    made = [variable[:-1], f"{variable}S", variable.replace("_", "-"), variable.replace("API", "AIP", 1)]
    if short != variable:
        made += [
            f"APIXO_{short}",
            f"APIXOMCP_{short}",
            f"APIXO_MCP{short}",
            f"RUXA_{short}",
            f"APIXO_MCP_SERVER_{short}",
        ]
    return [name for name in made if name not in GIVEN]


@pytest.mark.parametrize(("variable", "miss"), [(name, miss) for name in GIVEN for miss in variants(name)])
def test_a_near_miss_of_every_variable_is_told(variable: str, miss: str):
    [(_, told)] = near_misses({miss: "1"}, variables())
    assert told == f"{miss} is no setting and is ignored. Did you mean {variable}?"


@pytest.mark.parametrize(
    ("miss", "meant"),
    [
        ("APIXO_KEY", "APIXO_API_KEY"),
        ("APIXO_APIKEY", "APIXO_API_KEY"),
        ("APIXO_API_TOKEN", "APIXO_API_KEY"),
        ("APIXO_TOKEN", "APIXO_API_KEY"),
        ("APXIO_API_KEY", "APIXO_API_KEY"),
        ("RUXA_KEY", "RUXA_API_KEY"),
        ("RUXAI_API_KEY", "RUXA_API_KEY"),
        ("RUXA_AI_API_KEY", "RUXA_API_KEY"),
        ("APIXO_URL", "APIXO_BASE_URL"),
        ("RUXA_API_URL", "RUXA_BASE_URL"),
        ("APIXO_MCP_RUXA_API_KEY", "RUXA_API_KEY"),
        ("APIXO_MCP_OUTPUT_DIR", "APIXO_MCP_DOWNLOAD_DIR"),
        ("APIXO_BUDGET", "APIXO_MCP_DAILY_BUDGET_USD"),
        ("APIXO_MCP_DAILY_BUDGET", "APIXO_MCP_DAILY_BUDGET_USD"),
    ],
)
def test_other_words_for_a_setting(miss: str, meant: str):
    [(_, words)] = near_misses({miss: "1"}, variables())
    assert words == f"{miss} is no setting and is ignored. Did you mean {meant}?"


@pytest.mark.parametrize(
    "variable", ["XAI_API_KEY", "OPENAI_API_KEY", "API_KEY", "APIFY_TOKEN", "LUMA_API_KEY", "LOG_LEVEL", "HOME", "PATH"]
)
def test_the_variables_of_others_are_not_ours(variable: str):
    assert not list(near_misses({variable: "1"}, variables()))


def test_warnings_are_with_the_settings(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("APIXO_MCP_BUDGET", "5")
    settings = read_settings()
    assert settings.warnings == settings.money_warnings
    assert settings.warnings[0].endswith("Did you mean APIXO_MCP_DAILY_BUDGET_USD?")


def test_the_early_stage_knows_no_variable_that_is_no_setting():
    assert set(PLAIN) <= set(GIVEN)


@pytest.mark.parametrize("url", ["http://a.example", "http://10.0.0.7:8000/x", "HTTP://localhost.a.example"])
def test_a_public_url_in_the_clear_is_told(url: str):
    assert any(
        "APIXO_MCP_PUBLIC_URL must start with https://" in told for told in read_settings(public_url=url).warnings
    )


@pytest.mark.parametrize(
    "url", ["", "https://a.example", "http://127.0.0.1:8000", "http://localhost/x", "http://[::1]:8"]
)
def test_a_public_url_that_nobody_reads_on_its_way_is_not(url: str):
    assert not any("APIXO_MCP_PUBLIC_URL" in told for told in read_settings(public_url=url).warnings)
