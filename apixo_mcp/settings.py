"""One frozen `Settings`, read from the environment once, by the command line."""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, Self, cast, get_args, get_origin
from urllib.request import url2pathname

import platformdirs
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.fields import FieldInfo

from apixo_mcp.errors import SettingsError
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.variables import bare_key, is_set, nearest_variable, trimmed

_PREFIX = "APIXO_MCP_"
_KEYS, _BASE_URLS = "keys", "base_urls"  # no variables: gathered from those of the gateways
_OF_THE_EXAMPLES = "APIXO_MCP_COMMAND"  # which command they start


def _variable(name: str) -> str:
    """Returns the variable of a field; of a gateway's key or base URL too, as overrides name them (`apixo_api_key`)."""
    return name.upper() if name.upper() in _of_gateways() else f"{_PREFIX}{name.upper()}"


def _of_gateways() -> list[str]:
    return [variable for listing in GATEWAYS.values() for variable in (listing.key_variable, listing.base_url_variable)]


_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_ABOUT_MONEY = (
    "daily_budget_usd",
    "monthly_budget_usd",
    "daily_task_limit",
    "confirm_above_usd",
    "prices",
    "auto_retry",
)
_SECRET_ENDS = ("_API_KEY", "_NOTIFY_URL", "_NOTIFY_SECRET")  # variables whose value is never shown
_OF_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
TUNNELS = ("cloudflared", "ngrok")
"""The programs that open a tunnel and need no command line."""
IN_THE_CLEAR = (
    "APIXO_MCP_PUBLIC_URL must start with https://: over http:// beyond this machine everybody on the way reads the "
    "tokens, files and callbacks. Put a proxy with a certificate before the server and name its https:// address."
)
"""Said of a public URL without TLS."""
_SECRET_LOOKS = (
    "whsec_ and 24 to 64 random bytes in base64, as `echo whsec_$(openssl rand -base64 32)` prints; its receiver has "
    "the same"
)
"""What a secret of Standard Webhooks is. Their packages take any other text too, and then sign with what is in it."""
NO_SECRET = f"APIXO_MCP_NOTIFY_SECRET is needed with APIXO_MCP_NOTIFY_URL, to sign what is sent there: {_SECRET_LOOKS}."
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_FLAGS = {"enabled": True, "enable": True, "disabled": False, "disable": False}


def _address(value: str) -> str:
    if value and not value.lower().startswith(("http://", "https://")):
        raise ValueError("must start with https:// or http://")
    if re.search(r"[\s\x00-\x1f]", value):
        raise ValueError("must be one address, without spaces")
    return value.rstrip("/")


def _tunnel(value: str) -> str:
    if value and "{port}" not in value and PurePath(value).stem.lower() not in TUNNELS:
        raise ValueError(f"must be {' or '.join(TUNNELS)}, or a command line with {{port}} that prints its https URL")
    return value


def _split_hosts(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(name for part in value.split(",") if (name := part.strip(" \t\r\n\"'")))


def _hosts(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:\d{1,5})?", name):
            raise ValueError("must be names of hosts, as team.example or team.example:8443, with commas between them")
    return names


def _networks(names: tuple[str, ...]) -> tuple[str, ...]:
    import ipaddress  # here: a server on stdio starts without it

    for name in names:
        try:
            ipaddress.ip_network(name, strict=False)
        except ValueError:
            raise ValueError("must be addresses or networks, as 127.0.0.1 or 10.0.0.0/8, with commas between") from None
    return names


def _notify_url(value: str, info: ValidationInfo) -> str:
    host = re.match(r"http://(\[[^\]]*\]|[^/:@]*)", value, re.IGNORECASE)
    is_here = host is not None and host[1].lower() in _LOOPBACK
    if value and not value.lower().startswith("https://") and host is None:
        raise ValueError("must start with https://, or with http:// on this machine")
    if re.search(r"[\s\x00-\x1f]", value):
        raise ValueError("must be one address, without spaces")
    if host is not None and not is_here and not info.data.get("allow_private_hosts"):
        raise ValueError("must start with https:// beyond this machine: what is told is for nobody on the way")
    return value


def _notify_secret(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    from binascii import a2b_base64

    try:
        key = a2b_base64(value.removeprefix("whsec_"), strict_mode=True)
    except ValueError:
        key = b""
    if not value.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise ValueError("must be " + _SECRET_LOOKS)
    return secret


def _absolute(path: Path) -> Path:
    """Returns a folder that means the same wherever the process was started: hosts start it anywhere."""
    text = str(path)
    if text[:5].lower() == "file:":
        text = url2pathname(re.sub(r"^file:/+(?:localhost/)?", "/", path.as_posix(), flags=re.IGNORECASE))
        path = Path(text)
    if os.name != "nt" and _OF_WINDOWS.match(text):
        raise ValueError("is a path of Windows, and this is another system")
    try:
        whole = path.expanduser()
        whole = whole if whole.is_absolute() else Path.home() / whole
        str(whole).encode()  # the task store keeps paths as text
    except RuntimeError:
        raise ValueError("names a user with ~ whose home folder is not known; write the whole path") from None
    except UnicodeError:
        raise ValueError(
            f"holds characters that cannot be read in this locale ({sys.getfilesystemencoding()}); set PYTHONUTF8=1"
        ) from None
    return whole.absolute()


def _flag(value: Any) -> Any:
    return _FLAGS.get(value.lower(), value) if isinstance(value, str) else value


def _split_names(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(name for part in value.strip("[]").split(",") if (name := part.strip(" \t\r\n\"'")))


def _split_paths(value: Any) -> Any:
    return tuple(path for path in _paths(value) if is_set("", path)) if isinstance(value, str) else value


def _paths(listing: str) -> list[str]:
    """Returns the paths of a list; a separator within a placeholder's braces is none."""
    return [trimmed(path) for path in re.split(rf"(?<!\$env){os.pathsep}(?![^{{}}]*}})", trimmed(listing))]


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


WebAddress = Annotated[str, AfterValidator(_address)]
AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Names = Annotated[tuple[str, ...], BeforeValidator(_split_names)]
Folders = Annotated[tuple[AbsolutePath, ...], BeforeValidator(_split_paths)]
Level = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)]


class Settings(BaseModel):
    """Everything that can be set. Each field's variable is `APIXO_MCP_<FIELD>`; the gateways' are in the directory.

    Attributes:
        keys: the API keys that are set, by the gateway's name.
        base_urls: of every gateway.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=_variable)

    keys: Mapping[str, SecretStr] = Field(alias=_KEYS)
    base_urls: Mapping[str, WebAddress] = Field(alias=_BASE_URLS)

    # Checked too: a home folder that is not known would make them relative.
    home: AbsolutePath = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("apixo-mcp", appauthor=False)), validate_default=True
    )
    download_dir: AbsolutePath = Field(
        default_factory=lambda: Path(platformdirs.user_pictures_dir()) / "apixo-mcp", validate_default=True
    )
    allowed_roots: Folders = ()
    allow_private_hosts: Flag = False
    data_urls: Flag = False
    public_url: WebAddress = ""
    tunnel: Annotated[str, AfterValidator(_tunnel)] = ""
    allowed_hosts: Annotated[tuple[str, ...], BeforeValidator(_split_hosts), AfterValidator(_hosts)] = ()
    trusted_proxies: Annotated[Names, AfterValidator(_networks)] = ()
    auth_issuer: WebAddress = ""
    auth_audience: str = ""
    auth_claim: str = "sub"

    notify_url: Annotated[str, AfterValidator(_notify_url)] = ""
    notify_secret: Annotated[SecretStr, AfterValidator(_notify_secret)] = SecretStr("")

    models: Names = ()
    tools: Annotated[Literal["general", "models"], BeforeValidator(_lower)] = "general"
    client_profile: str = ""
    linger: Flag = True
    auto_retry: int = Field(2, ge=0, le=10)
    poll_scale: float = Field(1.0, gt=0, le=100)
    prices: AbsolutePath | None = None
    daily_budget_usd: float | None = Field(None, ge=0, allow_inf_nan=False)
    monthly_budget_usd: float | None = Field(None, ge=0, allow_inf_nan=False)
    confirm_above_usd: float | None = Field(None, ge=0, allow_inf_nan=False)
    daily_task_limit: int | None = Field(None, ge=0)
    log_level: Level = "WARNING"
    log_format: Annotated[Literal["text", "json"], BeforeValidator(_lower)] = "text"
    log_file: AbsolutePath | None = None
    keep_days: int | None = Field(None, ge=1, le=36_500)

    _warnings: Mapping[str, str] = PrivateAttr(default_factory=dict[str, str])
    _is_traced: bool = PrivateAttr(default=False)

    @model_validator(mode="before")
    @classmethod
    def _meant(cls, values: Any) -> Any:
        """Leaves out what says nothing, takes quotes and spaces off the rest, and gathers what is the gateways'."""
        if not isinstance(values, Mapping):
            return values
        meant: dict[str, Any] = {}
        for name, value in cast("Mapping[str, Any]", values).items():
            if isinstance(value, str):
                # A list of folders may lose one of them to a placeholder, and keeps the others.
                is_list = name == _variable("allowed_roots")
                if not is_set(name, value) and not (is_list and trimmed(value)):
                    continue
                value = trimmed(value)
            meant[name] = value
        keys = {name: meant.get(listing.key_variable) for name, listing in GATEWAYS.items()}
        return meant | {
            _KEYS: {name: bare_key(key) if isinstance(key, str) else key for name, key in keys.items() if key},
            _BASE_URLS: {
                name: meant.get(listing.base_url_variable, listing.base_url) for name, listing in GATEWAYS.items()
            },
        }

    @model_validator(mode="after")
    def _warned(self) -> Self:
        environment = os.environ
        self._is_traced = exports_traces(environment)
        warned = [*_placeholders(environment), *_relative_folders(environment), *near_misses(environment)]
        self._warnings = dict(warned) | ({_variable("public_url"): IN_THE_CLEAR} if self.is_public_in_the_clear else {})
        return self

    @property
    def is_traced(self) -> bool:
        """Whether the environment says where the spans of OpenTelemetry go."""
        return self._is_traced

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong with the variables of this process, though it works without."""
        return tuple(self._warnings.values())

    @property
    def is_public_in_the_clear(self) -> bool:
        """Whether the public URL has no TLS, though it leads beyond this machine."""
        match = re.match(r"http://(?:[^/@]*@)?(\[[^\]]*\]|[^/:]*)", self.public_url, re.IGNORECASE)
        return match is not None and match[1].lower() not in _LOOPBACK

    @property
    def money_warnings(self) -> tuple[str, ...]:
        """Those of the warnings that are about limits and prices."""
        about_money = [_variable(name) for name in _ABOUT_MONEY]
        return tuple(sentence for variable, sentence in self._warnings.items() if variable in about_money)

    @property
    def file_level(self) -> str:
        """The level of the log's file: the work is told there, where nothing else was asked for."""
        return self.log_level if "log_level" in self.model_fields_set else "INFO"

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders that files are read from and written to."""
        return (self.download_dir, *self.allowed_roots)


def read_settings(**overrides: Any) -> Settings:
    """Returns the settings of this process: the environment, with `overrides` (by field name) on top.

    Raises:
        SettingsError: one line a variable that cannot be used, never with the value of a key.
    """
    given: dict[str, Any] = {name.upper(): value for name, value in os.environ.items()}
    given |= {_variable(name): value for name, value in overrides.items()}
    try:
        return Settings.model_validate({name: given[name] for name in variables() if name in given})
    except ValidationError as error:
        raise SettingsError("\n".join(_line(entry) for entry in error.errors())) from None


def exports_traces(environment: Mapping[str, str]) -> bool:
    """Tells whether the variables of OpenTelemetry ask for traces: those that its own SDK reads, with its defaults."""
    exporters = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporters == "none":
        return False
    places = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return "otlp" in exporters or any(environment.get(name, "").strip() for name in places)


def variables() -> list[str]:
    """Returns the documented variables: the gateways' and one for each field."""
    return [*_of_gateways(), *_fields()]


def _fields() -> dict[str, FieldInfo]:
    return {
        str(field.alias): field for field in Settings.model_fields.values() if field.alias not in (_KEYS, _BASE_URLS)
    }


def environment_of_others() -> dict[str, str]:
    """Returns the environment for programs that are not ours: without keys and settings of ours."""
    ours = (_PREFIX, *(listing.prefix for listing in GATEWAYS.values()))
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(ours)}


def spelling(variable: str) -> str:
    """Tells how a variable of the network is spelt in this environment, empty where it is not set."""
    return next((name for name in (variable.lower(), variable.upper()) if os.environ.get(name)), "")


def value_of(variable: str) -> str:
    """Returns the value of a variable of the network, or of one with an owner's key, without spaces and quotes."""
    return trimmed(os.environ.get(variable, ""))


def near_misses(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yields the setting that each variable like one was meant for, or the variable itself, and a sentence about it."""
    settings = variables()
    for variable, value in sorted(environment.items()):
        variable = variable.upper()  # as the settings do
        if not value or variable in (*settings, _OF_THE_EXAMPLES):
            continue
        near = nearest_variable(variable, settings, _PREFIX)
        if near is not None:
            hint = f"Did you mean {near}?" if near else "The README lists all settings."
            yield near or variable, f"{variable} is no setting and is ignored. {hint}"


def _placeholders(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yields each documented variable that holds what a host was to fill in, and a sentence about it."""
    proxies = [(name, value) for name, value in sorted(environment.items()) if name.lower() in _PROXIES]
    for variable, value in (*_documented(environment), *proxies):
        parts = _paths(value) if variable == _variable("allowed_roots") else [trimmed(value)]
        if any(part and not is_set(variable, part) for part in parts):
            shown = "" if variable.endswith(_SECRET_ENDS) else f" ({trimmed(value)[:60]})"
            counts = f"{variable} holds a placeholder that nothing filled in{shown}, so it counts as not set."
            yield variable, f"{counts} Write the value itself, or take the variable out."


def _relative_folders(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yields each documented variable that holds a path without a beginning, and a sentence about it."""
    for variable, value in _documented(environment):
        field = _fields().get(variable)
        annotation = str(field.annotation) if field else ""
        if "Path" not in annotation or not is_set(variable, value):
            continue
        for text in filter(None, _paths(value) if "tuple" in annotation else [trimmed(value)]):
            path = Path(text)
            is_whole = path.is_absolute() or text.startswith("~") or text[:5].lower() == "file:"
            if is_set(variable, text) and not is_whole and not _OF_WINDOWS.match(text):
                holds = f"{variable} holds {text[:60]!r}, which is not a whole path and is"
                yield variable, f"{holds} taken as {Path.home() / path}. Write the path from its beginning, or with ~/."


def _documented(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    settings = variables()
    return [(name.upper(), value) for name, value in sorted(environment.items()) if name.upper() in settings and value]


def _line(entry: Mapping[str, Any]) -> str:
    """Tells what pydantic found wrong, as a line for whoever set the variable."""
    variable, *rest = entry["loc"]
    if variable == _BASE_URLS:
        variable = GATEWAYS[rest[0]].base_url_variable
    field = _fields().get(variable)
    allowed = (_allowed(field) if field else "") or str(entry["msg"]).removeprefix("Value error, ")
    given = str(entry["input"])
    # A key may have ended up in the wrong variable.
    is_secret = variable.endswith(_SECRET_ENDS) or "sk-" in given or "whsec_" in given
    return f"{variable}: {allowed}" + ("" if is_secret else f" (got {given[:60]!r})")


def _allowed(field: FieldInfo) -> str:
    """Tells what a number, a flag or a choice may be; empty for anything else."""
    if get_origin(field.annotation) is Literal:
        return f"must be one of {', '.join(get_args(field.annotation))}"
    kinds = get_args(field.annotation) or (field.annotation,)
    if bool in kinds:
        return "must be 1 or 0"
    what = "a whole number" if int in kinds else "a number" if float in kinds else ""
    words = {"ge": "at least", "gt": "above", "le": "at most"}
    limits = [
        f", {word} {getattr(limit, name)}"
        for limit in field.metadata
        for name, word in words.items()
        if hasattr(limit, name)
    ]
    return f"must be {what}{''.join(limits)}" if what else ""
