"""One frozen `Settings`, read from the environment once, by the command line."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import platformdirs
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from apixo_mcp.errors import SettingsError

_PREFIX = "APIXO_MCP_"
_OF_THE_EXAMPLES = "APIXO_MCP_COMMAND"  # which command they start


def _variable(name: str) -> str:
    gateway = ("apixo_api_key", "apixo_base_url", "ruxa_api_key", "ruxa_base_url")
    return name.upper() if name in gateway else f"{_PREFIX}{name.upper()}"


def _address(value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise ValueError("must start with https:// or http://")
    return value.rstrip("/")


def _absolute(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise ValueError("names a user with ~ whose home folder is not known; write the whole path") from None


def _split_names(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _split_paths(value: Any) -> Any:
    return tuple(part for part in value.split(os.pathsep) if part) if isinstance(value, str) else value


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


WebAddress = Annotated[str, AfterValidator(_address)]
AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_names)]
Folders = Annotated[tuple[AbsolutePath, ...], NoDecode, BeforeValidator(_split_paths)]
Level = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)]


class Settings(BaseSettings):
    """Everything that can be set. Each field's variable is `APIXO_MCP_<FIELD>`, but for the gateways' keys and URLs."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, alias_generator=_variable)

    apixo_api_key: SecretStr | None = None
    apixo_base_url: WebAddress = "https://api.apixo.ai"
    ruxa_api_key: SecretStr | None = None
    ruxa_base_url: WebAddress = "https://api.ruxa.ai"

    home: AbsolutePath = Field(default_factory=lambda: Path(platformdirs.user_data_dir("apixo-mcp", appauthor=False)))
    download_dir: AbsolutePath = Field(default_factory=lambda: Path(platformdirs.user_pictures_dir()) / "apixo-mcp")
    allowed_roots: Folders = ()
    allow_private_hosts: bool = False
    data_urls: bool = False
    public_url: WebAddress = ""

    models: Names = ()
    tools: Literal["general", "models"] = "general"
    client_profile: str = ""
    linger: bool = True
    auto_retry: int = Field(2, ge=0, le=10)
    poll_scale: float = Field(1.0, gt=0, le=100)
    prices: AbsolutePath | None = None
    daily_budget_usd: float | None = Field(None, ge=0)
    confirm_above_usd: float | None = Field(None, ge=0)
    daily_task_limit: int | None = Field(None, ge=0)
    log_level: Level = "WARNING"

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders that files are read from and written to."""
        return (self.download_dir, *self.allowed_roots)


def read_settings(**overrides: Any) -> Settings:
    """The settings of this process: the environment, with `overrides` (by field name) on top.

    Raises:
        SettingsError: one line a variable that cannot be used, never with the value of a key.
    """
    try:
        return Settings(**{_variable(name): value for name, value in overrides.items()})
    except ValidationError as error:
        raise SettingsError("\n".join(_told(entry) for entry in error.errors())) from None


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """A sentence for each variable that is spelt like a setting and is none."""
    settings = [_variable(name) for name in Settings.model_fields]
    found: list[str] = []
    for variable, value in sorted(environment.items()):
        variable = variable.upper()  # as the settings do
        if value and variable.startswith(_PREFIX) and variable not in (*settings, _OF_THE_EXAMPLES):
            import difflib  # most starts need none

            short = {name.removeprefix(_PREFIX).removeprefix("APIXO_"): name for name in settings}
            near = difflib.get_close_matches(variable.removeprefix(_PREFIX), short, n=1, cutoff=0.5)
            hint = f"Did you mean {short[near[0]]}?" if near else "The README lists all settings."
            found.append(f"{variable} is no setting and is ignored. {hint}")
    return found


def _told(entry: Mapping[str, Any]) -> str:
    """What pydantic found, as a line for whoever set the variable."""
    variable = str(entry["loc"][0])
    field = next(field for name, field in Settings.model_fields.items() if _variable(name) == variable)
    allowed = _allowed(field) or str(entry["msg"]).removeprefix("Value error, ")
    given = str(entry["input"])
    # A key may have ended up in the wrong variable.
    is_secret = variable.endswith("_API_KEY") or "sk-" in given
    return f"{variable}: {allowed}" + ("" if is_secret else f" (got {given[:60]!r})")


def _allowed(field: FieldInfo) -> str:
    """What a number, a flag or a choice may be; empty for anything else."""
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
