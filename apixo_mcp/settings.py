"""One frozen `Settings`, read from the environment once, by the command line."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from apixo_mcp.errors import SettingsError


def _variable(name: str) -> str:
    gateway = ("apixo_api_key", "apixo_base_url", "ruxa_api_key", "ruxa_base_url")
    return name.upper() if name in gateway else f"APIXO_MCP_{name.upper()}"


Listed = Annotated[tuple[str, ...], NoDecode]
Paths = Annotated[tuple[Path, ...], NoDecode]


def _web_address(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must start with https:// or http://")
    return value.rstrip("/")


class Settings(BaseSettings):
    """Everything that can be set. Each field's variable is `APIXO_MCP_<FIELD>`, but for the gateways' keys and URLs."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, alias_generator=_variable)

    apixo_api_key: SecretStr | None = None
    apixo_base_url: str = "https://api.apixo.ai"
    ruxa_api_key: SecretStr | None = None
    ruxa_base_url: str = "https://api.ruxa.ai"

    home: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("apixo-mcp", appauthor=False)))
    download_dir: Path = Field(default_factory=lambda: Path(platformdirs.user_pictures_dir()) / "apixo-mcp")
    allowed_roots: Paths = ()
    allow_private_hosts: bool = False
    data_urls: bool = False
    public_url: str = ""

    models: Listed = ()
    tools: Literal["general", "models"] = "general"
    client_profile: str = ""
    linger: bool = True
    auto_retry: int = Field(2, ge=0, le=10)
    poll_scale: float = Field(1.0, gt=0, le=100)
    prices: Path | None = None
    daily_budget_usd: float | None = Field(None, ge=0)
    confirm_above_usd: float | None = Field(None, ge=0)
    daily_task_limit: int | None = Field(None, ge=0)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "WARNING"

    @field_validator("models", mode="before")
    @classmethod
    def _split_commas(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("allowed_roots", mode="before")
    @classmethod
    def _split_paths(cls, value: Any) -> Any:
        return tuple(Path(part) for part in value.split(os.pathsep) if part) if isinstance(value, str) else value

    @field_validator("home", "download_dir", "prices")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value.expanduser().absolute() if value is not None else None

    @field_validator("allowed_roots")
    @classmethod
    def _absolute_roots(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(path.expanduser().absolute() for path in value)

    @field_validator("apixo_base_url", "ruxa_base_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        return _web_address(value)

    @field_validator("public_url")
    @classmethod
    def _public_address(cls, value: str) -> str:
        return _web_address(value) if value else ""

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

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
        lines = [
            f"{entry['loc'][0]}: {entry['msg'].removeprefix('Value error, ')}"
            for entry in error.errors(include_input=False)
        ]
        raise SettingsError("\n".join(lines)) from None
