"""Builds the bundle for Claude Desktop: `python packaging/bundle.py [--output FOLDER]`, or `make bundle`.

The bundle holds the project's wheel, a project that depends on it and on the tested versions of all else, and a file
that starts it; the host's own uv installs that at the first start. The official packer judges and packs it; the archive
is then written anew with one date for all files, so that the same sources give the same bytes.
"""

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

import npm
import sources

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SOURCES = HERE / "mcpb"
_DATE = (2020, 2, 2, 0, 0, 0)  # as hatchling's, of files whose date says nothing


def semantic(version: str) -> str:
    """Returns a version of PyPI as one of semver: hosts compare bundles by it."""
    return re.sub(r"\.?(dev|a|b|rc)(\d+)", r"-\1.\2", version, count=1)


def built_wheel(folder: Path) -> Path:
    """Builds the project's wheel into a folder."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([*command, "--wheel-dir", str(folder), str(sources.copied(Path(scratch)))], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def facts_of(wheel: Path) -> dict[str, str]:
    """Returns name, version and the Python that a wheel says it needs."""
    with zipfile.ZipFile(wheel) as archive:
        path = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        head = HeaderParser().parsestr(archive.read(path).decode())
    return {"name": head["Name"], "version": head["Version"], "requires-python": head["Requires-Python"]}


def manifest(version: str) -> dict[str, Any]:
    """Returns the manifest for a version, with the tools as the server lists them."""
    from apixo_mcp.server.tools.table import COMMON_TOOLS, GENERAL_TOOLS

    written: dict[str, Any] = json.loads((SOURCES / "manifest.json").read_text(encoding="utf-8"))
    tools = [{"name": tool.name, "description": tool.description} for tool in (*GENERAL_TOOLS, *COMMON_TOOLS)]
    return {
        "manifest_version": written.pop("manifest_version"),
        "version": semantic(version),
        **written,
        "tools": tools,
    }


def project(wheel: Path) -> str:
    """Returns the pyproject.toml beside the wheel: it, and the versions that were tested with it."""
    facts = facts_of(wheel)
    tested = [
        line.strip()
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    constraints = "".join(f"  {json.dumps(line)},\n" for line in tested)
    return (
        "[project]\n"
        f'name = "{facts["name"]}-bundle"\n'
        f'version = "{facts["version"]}"\n'
        f'requires-python = "{facts["requires-python"]}"\n'
        f'dependencies = ["{facts["name"]}"]\n\n'
        "[tool.uv]\n"
        "package = false\n"
        f"constraint-dependencies = [\n{constraints}]\n\n"
        "[tool.uv.sources]\n"
        f'{facts["name"]} = {{ path = "{wheel.name}" }}\n'
    )


def stage(folder: Path) -> Path:
    """Puts all that the bundle holds into a folder; returns its manifest."""
    wheel = built_wheel(folder)
    for path in (SOURCES / "server.py", SOURCES / "icon.png", ROOT / "LICENSE"):
        shutil.copy(path, folder / path.name)
    (folder / "pyproject.toml").write_text(project(wheel), encoding="utf-8", newline="\n")
    path = folder / "manifest.json"
    text = json.dumps(manifest(facts_of(wheel)["version"]), indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
    return path


def packer(*words: str) -> str:
    """Runs the official packer; returns what it printed.

    Raises:
        SystemExit: with what it printed, where it refuses.
    """
    cli = npm.install(HERE) / "@anthropic-ai" / "mcpb" / "dist" / "cli" / "cli.js"
    command = [str(npm.node()), str(cli), *words]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, env=npm.environment())
    if done.returncode:
        raise SystemExit(f"mcpb {words[0]}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def write_anew(packed: Path, bundle: Path) -> None:
    """Writes an archive anew, with its files in order and one date for all of them."""
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as to:
        for name in sorted(source.namelist()):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system, entry.external_attr = 3, 0o100644 << 16  # Unix, also where it is built on Windows
            to.writestr(entry, source.read(name))


def build(output: Path) -> Path:
    """Builds the bundle into a folder and returns it."""
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        staged = Path(scratch) / "bundle"
        staged.mkdir()
        path = stage(staged)
        packer("validate", str(path))
        packed = Path(scratch) / "packed.mcpb"
        packer("pack", str(staged), str(packed))
        told = json.loads(path.read_text(encoding="utf-8"))
        bundle = output / f"{told['name']}-{told['version']}.mcpb"
        write_anew(packed, bundle)
    return bundle


def main() -> None:
    """Builds the bundle, and prints where it is and what it weighs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="the folder to build into (dist)")
    bundle = build(parser.parse_args().output)
    data = bundle.read_bytes()
    print(f"{bundle}: {len(data) / 1e6:.2f} MB, sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
