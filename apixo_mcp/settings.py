"""One frozen `Settings`, read from the environment once, by the command line."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self, cast, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo

from apixo_mcp.errors import SettingsError
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.variables.addresses import (
    IN_THE_CLEAR,
    BucketAddress,
    DatabaseUrl,
    HostNames,
    Networks,
    NotifySecret,
    NotifyUrl,
    WebAddress,
    is_in_the_clear,
)
from apixo_mcp.variables.environment import SETTINGS_PREFIX, exports_traces
from apixo_mcp.variables.folders import data_folder, pictures_folder
from apixo_mcp.variables.kinds import AbsolutePath, Flag, Folders, Level, LogFormat, Names, ToolSet, TunnelProgram
from apixo_mcp.variables.oddities import SECRET_ENDS, near_misses, placeholders, relative_folders
from apixo_mcp.variables.written import bare_key, is_set, trimmed

_KEYS, _BASE_URLS = "keys", "base_urls"  # no variables: gathered from those of the gateways


def _variable(name: str) -> str:
    """Returns the variable of a field; of a gateway's key or base URL too, as overrides name them (`apixo_api_key`)."""
    return name.upper() if name.upper() in _of_gateways() else f"{SETTINGS_PREFIX}{name.upper()}"


def _of_gateways() -> list[str]:
    return [variable for listing in GATEWAYS.values() for variable in (listing.key_variable, listing.base_url_variable)]


_ABOUT_MONEY = (
    "daily_budget_usd",
    "monthly_budget_usd",
    "daily_task_limit",
    "confirm_above_usd",
    "prices",
    "auto_retry",
)


class Settings(BaseModel):
    """Everything that can be set. Each field's variable is `APIXO_MCP_<FIELD>`; the gateways' are in the directory.

    Attributes:
        keys: the API keys that are set, by the gateway's name.
        base_urls: of every gateway.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=_variable)

    keys: Mapping[str, SecretStr] = Field(alias=_KEYS)
    base_urls: Mapping[str, WebAddress] = Field(alias=_BASE_URLS)
    keyring: Flag = False

    # Folders. Checked too: a home folder that is not known would make them relative.
    home: AbsolutePath = Field(default_factory=lambda: Path(data_folder()), validate_default=True)
    download_dir: AbsolutePath = Field(default_factory=lambda: Path(pictures_folder()), validate_default=True)
    allowed_roots: Folders = ()

    # Models and tools.
    models: Names = ()
    tools: ToolSet = "general"
    client_profile: str = ""

    # Money.
    daily_budget_usd: float | None = Field(None, ge=0, allow_inf_nan=False)
    monthly_budget_usd: float | None = Field(None, ge=0, allow_inf_nan=False)
    daily_task_limit: int | None = Field(None, ge=0)
    confirm_above_usd: float | None = Field(None, ge=0, allow_inf_nan=False)
    prices: AbsolutePath | None = None
    auto_retry: int = Field(2, ge=0, le=10)

    # Inputs, and what gateways reach.
    public_url: WebAddress = ""
    tunnel: TunnelProgram = ""
    data_urls: Flag = False
    allow_private_hosts: Flag = False

    # A team.
    allowed_hosts: HostNames = ()
    trusted_proxies: Networks = ()
    auth_issuer: WebAddress = ""
    auth_audience: str = ""
    auth_claim: str = "sub"
    notify_url: NotifyUrl = ""
    notify_secret: NotifySecret = SecretStr("")

    # More than one machine.
    database_url: DatabaseUrl = SecretStr("")
    results: BucketAddress = ""

    # Running.
    poll_scale: float = Field(1.0, gt=0, le=100)
    linger: Flag = True
    keep_days: int | None = Field(None, ge=1, le=36_500)
    embed: Flag = False
    log_level: Level = "WARNING"
    log_format: LogFormat = "text"
    log_file: AbsolutePath | None = None

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
        folders = {name: str(field.annotation) for name, field in _fields().items() if "Path" in str(field.annotation)}
        lists = [name for name, annotation in folders.items() if "tuple" in annotation]
        self._warnings = dict(
            [
                *placeholders(environment, variables(), lists),
                *relative_folders(environment, list(folders), lists),
                *near_misses(environment, variables()),
            ]
        ) | ({_variable("public_url"): IN_THE_CLEAR} if self.is_public_in_the_clear else {})
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
        return is_in_the_clear(self.public_url)

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
    given = _given(overrides)
    try:
        settings = Settings.model_validate(given)
        return Settings.model_validate({**given, **_stored_keys(settings)}) if settings.keyring else settings
    except ValidationError as error:
        raise SettingsError("\n".join(_line(entry) for entry in error.errors())) from None


def usable_settings(stand_in: Path) -> tuple[Settings, tuple[str, ...]]:
    """Returns the settings of this process as far as they can be used, and a line for each variable that cannot be.

    Such a variable counts as not set. Where it is the address of a gateway, so does the key that would go there.

    Args:
        stand_in: the folder that is taken in place of the data or download folder, where that is unusable: there may
            be none to fall back on.
    """
    given = _given({})
    try:
        settings, problems = Settings.model_validate(given), ()
    except ValidationError as error:
        problems = tuple(_line(entry) for entry in error.errors())
        unusable = {variable_of(line) for line in problems}
        given = {name: value for name, value in given.items() if name not in unusable}
        given |= {name: stand_in for name in map(_variable, ("home", "download_dir")) if name in unusable}
        keyless = [one.key_variable for one in GATEWAYS.values() if one.base_url_variable in unusable]
        settings = Settings.model_validate({name: value for name, value in given.items() if name not in keyless})
    else:
        keyless = []
    if settings.keyring:
        try:
            given |= _stored_keys(settings)
        except SettingsError as error:
            problems = (*problems, str(error))
        settings = Settings.model_validate({name: value for name, value in given.items() if name not in keyless})
    return settings, problems


def variable_of(line: str) -> str:
    """Returns the variable that a line of a `SettingsError` is about."""
    return line.partition(": ")[0]


def _given(overrides: Mapping[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {name.upper(): value for name, value in os.environ.items()}
    given |= {_variable(name): value for name, value in overrides.items()}
    return {name: given[name] for name in variables() if name in given}


def _stored_keys(settings: Settings) -> dict[str, str]:
    """Returns the keys of the system's store, by their variables; a key that is set as a variable outranks one."""
    from apixo_mcp.key_store import stored_key  # loaded where it is asked for alone

    missing = [listing.key_variable for name, listing in GATEWAYS.items() if name not in settings.keys]
    return {variable: key for variable in missing if (key := stored_key(variable))}


def variables() -> list[str]:
    """Returns the documented variables: the gateways' and one for each field."""
    return [*_of_gateways(), *_fields()]


def _fields() -> dict[str, FieldInfo]:
    return {
        str(field.alias): field for field in Settings.model_fields.values() if field.alias not in (_KEYS, _BASE_URLS)
    }


def _line(entry: Mapping[str, Any]) -> str:
    """Tells what pydantic found wrong, as a line for whoever set the variable."""
    variable, *rest = entry["loc"]
    if variable == _BASE_URLS:
        variable = GATEWAYS[rest[0]].base_url_variable
    field = _fields().get(variable)
    allowed = (_allowed(field) if field else "") or str(entry["msg"]).removeprefix("Value error, ")
    given = str(entry["input"])
    # A key may have ended up in the wrong variable, or in an address.
    is_secret = variable.endswith(SECRET_ENDS) or any(mark in given for mark in ("sk-", "whsec_", "@"))
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
