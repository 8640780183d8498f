"""Everything that is checked on a clean checkout: installs what it needs, then runs the steps below, in two lanes.

    .ci/run            all of it
    .ci/run WORD ...   the steps whose command has one of these words, with what is installed

What a step prints is shown when it ends. One that fails stops no other; those that failed are named at the very end,
each with what failed in it.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 40 * 60  # seconds; a step that takes longer hangs
SHOWN = 40  # lines of a step that failed, at the very end

PROGRAMS = {
    "promtool": "prometheus",
    "caddy": "caddy",
    "nginx": "nginx",
    "chromium": "chromium fonts-noto-cjk",
    "exiftool": "libimage-exiftool-perl",
    "buildah": "buildah",
    "mmdebstrap": "mmdebstrap",
    "bwrap": "bubblewrap",
    "systemd-analyze": "systemd",
    "initdb": "postgresql locales",
    "pgbouncer": "pgbouncer",
}
"""What the steps call, and the packages of Debian that bring it."""
BESIDE_PATH = [str(folder) for folder in Path("/usr/lib/postgresql").glob("*/bin")]  # where Debian keeps Postgres
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), *BESIDE_PATH, "/usr/sbin"])
MISSING = " ".join(packages for program, packages in PROGRAMS.items() if shutil.which(program, path=PATH) is None)

# Nothing is installed into the environment after this: the lanes run from it.
INSTALLS = {
    "programs": f"apt-get update -q && apt-get install -yq --no-install-recommends {MISSING}" if MISSING else "true",
    "a fresh environment": "rm -rf .venv && make environment",
}

OPENS = """
from pathlib import Path
from PIL import Image

files = [path for path in Path("demo-output").rglob("*") if path.suffix in (".png", ".jpg", ".webp")]
assert files, "the demo left no picture"
for path in files:
    Image.open(path).load()
    print(f"{path} opens")
"""
# The first lane keeps the cores busy; the second mostly waits for processes, a browser and registries. No step of one
# writes where a step of the other reads.
BUSY = {
    "lint and types": "make lint",
    "tests, with all made-up examples, as make properties has them": "PROPERTIES=whole make test",
    "the program as a process of its own, behind Caddy and nginx too": "make e2e",
    "what people met in the field": "make field",
    "kills, takeovers, and made-up arguments, answers and files (make faults does more of each)": (
        "make faults FAULTS_KILLS=40 FAULTS_EXAMPLES=1000 FAULTS_FILES=300 FAULTS_OF='not postgres'"
    ),
    "end-to-end and fault suites on Postgres; what else needs it is in make test and make e2e": "make postgres-suites",
}
WAITING = {
    "the pages that people see are what their sources make, byte for byte": "make ui-check",
    "the pages that people see, in Debian's Chromium": "make browser",
    "the site of the documentation, strictly": "make docs",
    "the alert rules and the dashboard, by Prometheus' own promtool": "make alerts",
    "the workflows, by actionlint and zizmor": "make workflows",
    "the protocol's conformance suite and the Inspector's lint": "make conformance",
    "files in a bucket, behind a real server of S3": "make s3",
    "the jobs that people give an assistant": "make assistant",
    "the examples, each with its framework's recorded versions": "make examples",
    "real hosts, as install set them up": "make hosts",
    "the bundle, the plugin and the wheel, as hosts start them": "make packages",
    "the sdist and the wheel: contents, metadata, types, size, and the program outside the checkout": "make package",
    # Whether an image can be built and run in it is the machine's: told, not judged. The files are judged.
    "the image, its compose file and the service, without an engine": (
        "make container || { echo 'the image was not built and tried on this machine; see above';"
        " .venv/bin/python tests/container/check.py files; }"
    ),
    "demo": f"rm -rf demo-output && make demo && .venv/bin/python -c '{OPENS}'",
    "faults that befall processes which share a database": "make faults FAULTS_KILLS=40 FAULTS_OF=postgres",
}
# By themselves, so that they measure nothing else.
FIGURES = {
    "start-up, memory and idle figures (told, not judged)": (
        "timeout 300 .venv/bin/python -m pytest tests/benchmarks/test_startup.py tests/benchmarks/test_footprint.py -s"
        " || echo 'a measurement is outside its bound on this machine, or took too long; see above'"
    ),
}
NEEDED = {f"NEED_{what}": "1" for what in ("BROWSER", "CONTAINER", "EXIFTOOL", "POSTGRES", "PROXIES")}
"""A program that is missing is a failure."""

BEGAN = time.monotonic()
printing = threading.Lock()
running: set[int] = set()
failed: dict[str, str] = {}
"""By the name of a step: how it ended, and what failed in it."""
is_over = threading.Event()


def show(text: str) -> None:
    """Prints a text whole."""
    with printing:
        print(f"[{(time.monotonic() - BEGAN) / 60:4.1f} min] {text}", flush=True)


def end(group: int) -> None:
    """Ends a step and whatever is left of it: its processes are a group of their own."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def step(name: str, command: str) -> None:
    """Runs a step, shows what it printed, and notes it if it failed."""
    show(f"-- {name}")
    began = time.monotonic()
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=ROOT,
            env=os.environ | NEEDED,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        running.add(process.pid)
        try:
            if process.wait(LIMIT):
                failed[name] = f"ended with {process.returncode}"
        except subprocess.TimeoutExpired:
            failed[name] = f"was not done after {LIMIT // 60} minutes"
        running.discard(process.pid)
        end(process.pid)
        process.wait()
        printed.seek(0)
        text = printed.read().decode(errors="replace")
        if name in failed:
            failed[name] = "\n".join([failed[name], *failures(text)])
    show(f"== {name}: {'FAILED' if name in failed else 'ok'} ({time.monotonic() - began:.0f} s)\n{text}")


def failures(text: str) -> list[str]:
    """Returns the lines of what a step printed that say what failed in it: of pytest, or else the last."""
    lines = text.splitlines()
    by_pytest = [line for line in lines if re.match(r"(FAILED|ERROR) \S|E  |[\s|]*\w+(Error|Exception)\b", line)]
    return [line[:300] for line in by_pytest or lines][-SHOWN:]


def lane(steps: dict[str, str]) -> None:
    """Runs steps one after the other."""
    words = set(sys.argv[1:])
    for name, command in steps.items():
        if not is_over.is_set() and (not words or words & set(command.split())):
            step(name, command)


def stop(*_: object) -> None:
    """Ends all steps."""
    is_over.set()
    for group in tuple(running):
        end(group)


def main() -> None:
    """Ends with the names of the steps that failed, if there are any."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    lane(INSTALLS)
    if not failed:
        lanes = [threading.Thread(target=lane, args=(steps,)) for steps in (BUSY, WAITING)]
        for thread in lanes:
            thread.start()
        for thread in lanes:
            while thread.is_alive():
                thread.join(1)  # in turns: a signal is heard between them
        lane(FIGURES)
    if is_over.is_set():
        failed["the run"] = "was stopped"
    for name, ending in failed.items():
        show(f"FAILED: {name}: {ending}")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
