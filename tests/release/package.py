"""Builds the sdist and the wheel into dist/, and holds both to what a release must be (`make package`).

    python tests/release/package.py

Contents by the rule in contents.py, metadata by twine and check-wheel-contents, types by mypy and pyright in a program
of somebody else's, the size of an installation, and the program itself, outside the checkout, with nobody's settings.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "packaging"))

import contents  # noqa: E402
import sources  # noqa: E402

DIST = ROOT / "dist"
BIN = Path(sys.executable).parent
INSTALL_MB = 70  # of 10^6 bytes: what the package and all that it needs may take, bytecode left out

IN_A_WORKFLOW = {
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "somebody/apixo-mcp",
    "GITHUB_SHA": "c" * 40,
}
RELATIVE_PICTURE = re.compile(r"!\[[^][]*\]\((?!https://)([^)]*)\)")
PRINT_DESCRIPTION = "import build.util as b, sys; print(b.project_wheel_metadata(sys.argv[1]).get_payload())"


def run(*command: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> str:
    """Runs a program and returns what it printed; ends the script where it fails."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True, timeout=600
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(str(part) for part in command)} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def tell(what: str) -> None:
    print(f"package: {what}", flush=True)


def built(source: Path, kind: str, target: Path) -> Path:
    """Builds one kind of distribution from a source tree, in an environment of its own."""
    run(sys.executable, "-m", "build", "--quiet", f"--{kind}", "--outdir", target, source)
    (path,) = target.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return path


def files_of_wheel(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as wheel:
        return {name: wheel.read(name) for name in wheel.namelist()}


def files_of_sdist(path: Path) -> dict[str, bytes]:
    """Returns the files by their path below the top folder."""
    files: dict[str, bytes] = {}
    with tarfile.open(path) as sdist:
        for member in sdist.getmembers():
            reader = sdist.extractfile(member)
            if reader is not None:
                files[member.name.partition("/")[2]] = reader.read()
    return files


def held_to_the_rule(wheel: Path, sdist: Path, work: Path) -> None:
    """Compares what both hold with the committed rule, and the wheel with that which the sdist makes."""
    tracked = run("git", "ls-files", "-z").split("\0")[:-1]
    tracked = [path for path in tracked if (ROOT / path).is_file()]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    include = project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    packed, source = files_of_wheel(wheel), files_of_sdist(sdist)
    places = {
        str(ROOT),
        str(work),
        str(Path(sys.prefix)),
        str(Path.home()) if len(Path.home().parts) > 2 else str(ROOT),
    }
    with tarfile.open(sdist) as archive:
        archive.extractall(work / "unpacked", filter="data")
    (unpacked,) = (work / "unpacked").iterdir()
    again = built(unpacked, "wheel", work / "again")
    complaints = [
        *contents.of_wheel(packed, tracked),
        *contents.of_sdist(source, tracked, include),
        *contents.leaks(packed, places),
        *contents.leaks(source, places),
        *(
            f"{name} differs in the wheel that the sdist makes"
            for name in contents.differences(packed, files_of_wheel(again))
        ),
    ]
    if complaints:
        raise SystemExit("\n".join(complaints))
    tell(f"{wheel.name}: {len(packed)} files, {wheel.stat().st_size / 1e6:.1f} MB; the sdist makes the same one")
    tell(f"{sdist.name}: {len(source)} files, {sdist.stat().st_size / 1e6:.1f} MB")


def description_stands_alone(source: Path) -> None:
    """Reads the description that an index shows: of a build in a workflow of GitHub, and of one anywhere else."""
    server, repository, commit = IN_A_WORKFLOW.values()
    pictures = RELATIVE_PICTURE.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    elsewhere = {name: value for name, value in os.environ.items() if name not in IN_A_WORKFLOW}
    for added, shown in ((IN_A_WORKFLOW, len(pictures)), ({}, 0)):
        text = run(sys.executable, "-c", PRINT_DESCRIPTION, source, env=elsewhere | added)
        whole = [path for path in pictures if f"]({server}/{repository}/raw/{commit}/{path})" in text]
        if RELATIVE_PICTURE.search(text) or len(whole) != shown or "mcp-name: " not in text:
            raise SystemExit(f"the description shows {whole} of the README's pictures {pictures}:\n{text}")
    tell(f"its description shows {len(pictures)} pictures by whole addresses, and none where these are not known")


def installed(wheel: Path, place: Path) -> Path:
    """Installs the wheel with the recorded versions into a new environment, and returns its folder of programs."""
    run("uv", "venv", "--quiet", "--python", sys.executable, place, env=tools())
    python = place / BIN.name / Path(sys.executable).name
    run("uv", "pip", "install", "--quiet", "--python", python, "-c", ROOT / "constraints.txt", wheel, env=tools())
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file() and path.suffix != ".pyc") / 1e6
    if size > INSTALL_MB:
        raise SystemExit(f"an installation takes {size:.1f} MB; {INSTALL_MB} is the most")
    tell(f"installed: {size:.1f} MB without bytecode ({INSTALL_MB} is the most)")
    return python.parent


def tools() -> dict[str, str]:
    """Returns this environment with the programs of the development environment first."""
    return os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}


def types_are_seen(programs: Path, work: Path) -> None:
    """Checks a program that uses the installed package, by mypy and pyright, both strict."""
    python = programs / Path(sys.executable).name
    consumer = Path(shutil.copy(HERE / "consumer.py", work))
    run(
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--python-executable",
        python,
        "--cache-dir",
        work / "mypy",
        consumer,
        cwd=work,
    )
    (work / "pyrightconfig.json").write_text(
        '{"typeCheckingMode": "strict", "include": ["consumer.py"]}', encoding="utf-8"
    )
    run(sys.executable, "-m", "pyright", "--pythonpath", python, "-p", work, cwd=work)
    tell("its types are seen by mypy and pyright, strict")
    run(python, consumer, cwd=work)


def the_program_works(programs: Path, work: Path) -> None:
    """Runs each command's help, and the demo to a saved picture, in an empty folder with an empty home."""
    home = work / "home"
    home.mkdir()
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP", "TMP", "COMSPEC") if name in os.environ}
    env = kept | {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "LOCALAPPDATA": str(home),
        "APPDATA": str(home),
        "PATH": os.defpath,
    }
    program = programs / ("apixo-mcp.exe" if os.name == "nt" else "apixo-mcp")
    python = programs / Path(sys.executable).name
    version = run(program, "--version", cwd=home, env=env).split()[-1]
    metadata = run(
        python, "-c", "import importlib.metadata as m; print(m.version('apixo-mcp'))", cwd=home, env=env
    ).strip()
    if version != metadata:
        raise SystemExit(f"the program says {version}, its metadata {metadata}")
    run(python, "-m", "apixo_mcp", "--version", cwd=home, env=env)
    commands = re.findall(
        r"^  ([a-z-]+) ", run(program, "--help", cwd=home, env=env).partition("Commands:")[2], re.MULTILINE
    )
    if "serve" not in commands:
        raise SystemExit(f"the help names no commands but {commands}")
    for command in commands:
        run(program, command, "--help", cwd=home, env=env)
    before = time.monotonic()
    run(program, "demo", cwd=home, env=env)
    pictures = [path for path in (home / "demo-output").rglob("*") if path.suffix in {".png", ".jpg", ".webp"}]
    if not pictures:
        raise SystemExit("the demo left no picture")
    run(
        python,
        "-c",
        "import sys; from PIL import Image; Image.open(sys.argv[1]).load()",
        pictures[0],
        cwd=home,
        env=env,
    )
    tell(f"{version} runs outside the checkout; its demo made a picture in {time.monotonic() - before:.1f} s")


def main() -> None:
    shutil.rmtree(DIST, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="package-") as name:
        work = Path(name).resolve()
        (work / "sources").mkdir()
        copy = sources.copied(work / "sources")
        description_stands_alone(copy)
        wheel, sdist = built(copy, "wheel", DIST), built(copy, "sdist", DIST)
        held_to_the_rule(wheel, sdist, work)
        checker = ("uv", "tool", "run", "--quiet", "--constraints", "constraints.txt", "twine", "check", "--strict")
        run(*checker, wheel, sdist, env=tools())
        run(BIN / "check-wheel-contents", wheel)
        tell("its metadata is as indexes want it")
        programs = installed(wheel, work / "environment")
        types_are_seen(programs, work)
        the_program_works(programs, work)


if __name__ == "__main__":
    main()
