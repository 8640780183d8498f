"""Checks what containers and services are made of, and runs the steps of the image without an engine.

    python tests/container/check.py        what this machine has the programs for
    python tests/container/check.py files  the files alone, without the image
    NEED_CONTAINER=1 python …              a program that is missing is a failure

hadolint reads the Dockerfile, systemd-analyze the units, the compose specification's types the compose files, and
kubernetes-validate the objects of Kubernetes.
buildah builds the image on a Debian that mmdebstrap makes, as that needs neither an engine nor a registry of images;
bubblewrap runs it as its user, with a root that nothing writes to, no capabilities, and a network of its own.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml
from compose_spec import PyCompose  # pyright: ignore[reportMissingImports] - of the extra `dev-container`

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BASE = ROOT / "build" / "container" / "base.tar"
PROGRAM = "/opt/apixo-mcp/bin/apixo-mcp"
EXPOSURE = 25  # tenths: the most that systemd-analyze may find; 10.0 is a service without any bounds
USER = "10001"
COMPOSE_FILES = {"compose.yaml": "Caddyfile-for-compose", "examples/compose/compose.yaml": "Caddyfile-for-replicas"}
KUBERNETES_FILE = "examples/kubernetes/apixo-mcp.yaml"
KUBERNETES = ("1.34", "1.37")
# How pip finds its packages on this machine is handed into the build, where it says so.
OF_PIP = ("/etc/ssl/certs", "/etc/pip.conf", "/etc/xdg/pip")


def run(*command: str | Path, env: dict[str, str] | None = None, quiet: bool = True) -> str:
    """Runs a program and returns what it printed; ends the script where it fails."""
    text = [str(part) for part in command]
    done = subprocess.run(text, cwd=ROOT, env=env, capture_output=True, text=True, timeout=900)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(text)} failed:\n{done.stdout}\n{done.stderr}")
    if not quiet:
        print(done.stdout, end="")
    return done.stdout


def tell(what: str) -> None:
    print(f"container: {what}", flush=True)


def are_here(*programs: str) -> bool:
    """Returns whether all of these programs are on this machine; ends the script where they must be."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing and os.environ.get("NEED_CONTAINER"):
        raise SystemExit(f"{', '.join(missing)} is missing, and NEED_CONTAINER says that it must be here")
    if missing:
        tell(f"left out, as {', '.join(missing)} is not here")
    return not missing


def dockerfile() -> None:
    """Has hadolint read the Dockerfile."""
    run(Path(sys.executable).with_name("hadolint"), "Dockerfile")
    tell("hadolint has nothing against the Dockerfile")


def compose() -> None:
    """Reads the compose files as the compose specification has it, and their Caddyfiles as Caddy does."""
    for path, caddyfile in COMPOSE_FILES.items():
        # What services have in common (`<<`) is merged here: the specification has none of it.
        merged = yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))
        PyCompose.from_yaml(yaml.safe_dump(merged)).validate()
        if shutil.which("caddy"):
            env = os.environ | {"DOMAIN": "team.example", "UPSTREAM": "server:8000", "UPSTREAMS": "one:8000 two:8000"}
            recipe = ROOT / "examples" / "proxies" / caddyfile
            run("caddy", "adapt", "--adapter", "caddyfile", "--config", recipe, env=env)
        tell(f"{path} is as the compose specification has it")


def kubernetes() -> None:
    """Validates the objects of the example as the newest and the oldest Kubernetes that is still kept have them."""
    for version in KUBERNETES:
        command = [Path(sys.executable).with_name("kubernetes-validate"), "--strict", "-k", version, KUBERNETES_FILE]
        run(*command)
    tell(f"{KUBERNETES_FILE} is as Kubernetes {' and '.join(KUBERNETES)} have it")


def units(work: Path) -> None:
    """Has systemd-analyze verify the units, their program being one that is here, and judge their bounds."""
    if not are_here("systemd-analyze"):
        return
    there: list[Path] = []
    for path in sorted((ROOT / "examples" / "systemd").glob("*.*")):
        text = path.read_text(encoding="utf-8")
        assert path.suffix != ".service" or PROGRAM in text, path
        there.append(work / path.name)
        there[-1].write_text(text.replace(PROGRAM, sys.executable), encoding="utf-8")
    run("systemd-analyze", "verify", *(path for path in there if path.suffix in (".service", ".socket")))
    for service in (path for path in there if path.suffix == ".service"):
        judged = run("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", service)
        tell(f"systemd-analyze: {judged.strip().splitlines()[-1].lstrip('→ ')}")


def image(work: Path) -> None:
    """Builds the image with buildah, and runs it with bubblewrap."""
    if not are_here("buildah", "mmdebstrap", "bwrap", "setpriv"):
        return
    if not BASE.is_file():
        BASE.parent.mkdir(parents=True, exist_ok=True)
        packages = "python3,python3-pip,python3-venv,python-is-python3,ca-certificates"
        run("mmdebstrap", "--quiet", "--variant=minbase", f"--include={packages}", "bookworm", BASE)
    buildah = ("buildah", "--root", work / "storage", "--runroot", work / "run")
    base = run(*buildah, "from", "scratch").strip()
    run(*buildah, "add", "--quiet", base, BASE, "/")
    run(*buildah, "commit", "--quiet", "--disable-compression", base, "localhost/base")
    volumes = [f"--volume={path}:{path}:ro" for path in OF_PIP if Path(path).exists()]
    arguments = ("--build-arg=BASE=localhost/base", "--build-arg=VERSION=9.8.7", "--format=docker", "--layers=false")
    run(*buildah, "bud", "--isolation=chroot", "--network=host", *volumes, *arguments, "--tag=apixo-mcp", ".")
    about = json.loads(run(*buildah, "inspect", "--type=image", "apixo-mcp"))["Docker"]["config"]
    assert about["User"] == f"{USER}:{USER}", about["User"]
    assert "/data" in about["Volumes"], about["Volumes"]
    container = run(*buildah, "from", "apixo-mcp").strip()
    root = work / "root"
    run("cp", "--archive", run(*buildah, "mount", container).strip(), root)
    run(*buildah, "umount", container)
    own = sum(path.lstat().st_size for path in (root / "opt").rglob("*") if not path.is_symlink()) / 1e6
    as_its_user(root, work, about)
    tell(f"the image builds, its own layer takes {own:.0f} MB; it serves, is well, ends, and makes a picture")


def as_its_user(root: Path, work: Path, about: dict[str, Any]) -> None:
    """Runs inside.py in the image's files."""
    data = work / "data"
    data.mkdir()
    os.chown(data, int(USER), int(USER))
    environment: list[str] = []
    for variable in about["Env"]:
        environment += ["--setenv", *variable.split("=", 1)]
    version = ("apixo-mcp", "--version")
    inside = ("python", "/tmp/inside.py", json.dumps(about))
    bounds = (
        *("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--bounding-set=-all", "bwrap"),
        *("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv", *environment),
        *("--ro-bind", root, "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--bind", data, "/data"),
        *("--ro-bind", HERE / "inside.py", "/tmp/inside.py", "--chdir", "/data"),
    )
    told = run(*bounds, *version).split()[-1]
    assert told == "9.8.7", told
    run(*bounds, *inside)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="container-") as name:
        work = Path(name)
        work.chmod(0o755)  # the image's user goes through it
        dockerfile()
        compose()
        kubernetes()
        units(work)
        if sys.argv[1:] != ["files"]:
            image(work)


if __name__ == "__main__":
    main()
