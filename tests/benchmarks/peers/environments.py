"""The servers that are compared, and an environment of its own for each."""

import json
import os
import re
import shutil
import subprocess
import tomllib
import venv
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import npm

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PLACE = ROOT / "build" / "peers"
BARE = ROOT / "tests" / "benchmarks" / "bare_server.py"
PATIENCE = 600  # seconds, for one installation


@dataclass(frozen=True, slots=True)
class Peer:
    """A server from a registry: the versions it is held at, and how it is started."""

    name: str
    pypi: Mapping[str, str] = field(default_factory=dict[str, str])
    npm: Mapping[str, str] = field(default_factory=dict[str, str])
    overrides: Mapping[str, str] = field(default_factory=dict[str, str])
    program: str = ""
    arguments: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    compiled: bool = False
    """Whether it has a part in C++, which is compiled while it is installed."""
    note: str = ""

    @property
    def folder(self) -> Path:
        return PLACE / re.sub(r"\W", "_", self.name)

    @property
    def version(self) -> str:
        return next(iter((self.pypi or self.npm).values()), "of this checkout")

    def command(self) -> list[str]:
        """The command that starts it, without a shell or a launcher in between."""
        if not self.npm:
            python = str(self.folder / _SCRIPTS / "python")
            if not self.program:
                return [python, *self.arguments]
            return [python, str(self.folder / _SCRIPTS / self.program), *self.arguments]
        package = self.folder / "node_modules" / next(iter(self.npm))
        programs = json.loads((package / "package.json").read_text(encoding="utf-8"))["bin"]
        script = programs if isinstance(programs, str) else programs[self.program]
        return [str(npm.node()), str(package / script), *self.arguments]

    def sdk(self) -> str:
        """The version of the SDK that it was installed with; empty where it brings one inside its own files."""
        if not self.npm:
            asked = "from importlib.metadata import version; print(version('mcp'))"
            return _output([str(self.folder / _SCRIPTS / "python"), "-c", asked])
        package = self.folder / "node_modules" / "@modelcontextprotocol" / "sdk" / "package.json"
        return json.loads(package.read_text(encoding="utf-8"))["version"] if package.exists() else ""

    def install(self) -> None:
        """Installs it, unless it is there in these versions; raises CalledProcessError or TimeoutExpired."""
        stamp, wanted = self.folder / "installed", repr((self.pypi, self.npm, self.overrides))
        if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        if self.npm:
            self._install_from_npm()
        else:
            self._install_from_pypi()
        stamp.write_text(wanted, encoding="utf-8")

    def _install_from_pypi(self) -> None:
        venv.create(self.folder, with_pip=True)
        pip = [str(self.folder / _SCRIPTS / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        wanted = [f"{name}=={number}" for name, number in self.pypi.items()] or ["--editable", str(ROOT)]
        subprocess.run([*pip, *wanted], check=True, stderr=subprocess.DEVNULL, timeout=PATIENCE)

    def _install_from_npm(self) -> None:
        """Nothing that is installed runs anything of its own, unless it has to be compiled; that is then done here."""
        options = {
            "npm_config_ignore_scripts": "false" if self.compiled else "true",
            "npm_config_build_from_source": "true",
            "npm_config_nodedir": str(npm.node().parents[1]),  # has the headers of that Node
            "CFLAGS": "-O1",  # of SQLite in full a busy machine makes minutes; a start hardly computes in it
        }
        os.environ.update(options)  # in small letters: node-gyp knows no others
        wanted = {"private": True, "dependencies": dict(self.npm), "overrides": dict(self.overrides)}
        (self.folder / "package.json").write_text(json.dumps(wanted), encoding="utf-8")
        npm.install(self.folder)


_SCRIPTS = "Scripts" if os.name == "nt" else "bin"


def ours() -> Peer:
    """This checkout, with the newest of what it depends on."""
    return Peer("apixo-mcp", arguments=("-m", "apixo_mcp"), env={"APIXO_API_KEY": "sk-made-up"})


def bare() -> Peer:
    """The SDK alone, in the version that ours is developed with."""
    return Peer("bare SDK server", pypi={"mcp": version("mcp")}, arguments=(str(BARE),))


def peers() -> list[Peer]:
    """The servers of peers.toml, in its order."""
    entries = tomllib.loads((HERE / "peers.toml").read_text(encoding="utf-8"))["peer"]
    return [Peer(**{**entry, "arguments": tuple(entry.get("arguments", ()))}) for entry in entries]


def install_all() -> dict[str, str]:
    """Installs all; returns by name why one is not there."""
    missing: dict[str, str] = {}
    for peer in (ours(), bare(), *peers()):
        print(f"installs {peer.name} {peer.version}", flush=True)
        try:
            peer.install()
        except (OSError, subprocess.SubprocessError):
            missing[peer.name] = "could not be installed from the registry"
            print(f"  {missing[peer.name]}", flush=True)
    return missing


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
