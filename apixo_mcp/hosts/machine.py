"""The machine that hosts run on, as a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Platform = Literal["linux", "macos", "windows"]


@dataclass(frozen=True, slots=True)
class Machine:
    """A user's machine.

    Attributes:
        environment: the variables of the process; those of Windows in capitals.
    """

    platform: Platform
    home: Path
    environment: Mapping[str, str]

    def folder(self, variable: str, *default: str) -> Path:
        """Returns the folder that a variable names by a whole path, else one of the home folder."""
        named = Path(self.environment.get(variable, ""))
        return named if named.is_absolute() else self.home.joinpath(*default)

    @property
    def configuration(self) -> Path:
        """Where programs of this platform keep their configuration, by its own custom."""
        if self.platform == "windows":
            return self.folder("APPDATA", "AppData", "Roaming")
        if self.platform == "macos":
            return self.home / "Library" / "Application Support"
        return self.xdg_configuration

    @property
    def xdg_configuration(self) -> Path:
        """Where programs keep it that follow the XDG rules on every Unix."""
        return self.folder("XDG_CONFIG_HOME", ".config")


def platform_named(system: str) -> Platform:
    """Returns the platform that `sys.platform` names; every other Unix is taken for Linux."""
    return {"win32": "windows", "cygwin": "windows", "darwin": "macos"}.get(system, "linux")  # type: ignore[return-value]
