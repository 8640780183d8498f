"""The workflows of GitHub: who may do what, and that each action is pinned by its commit."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def jobs(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]


@each_workflow
def test_each_action_is_pinned_by_its_commit_with_its_version_beside_it(path: Path):
    uses = re.findall(r"^ *(?:- )?uses: (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert uses
    for action in uses:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_an_action_is_of_one_version_everywhere():
    pinned: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for action, version in re.findall(r"uses: ([^@\s]+)@(.+)$", path.read_text(encoding="utf-8"), re.MULTILINE):
            pinned.setdefault(action, set()).add(version)
    assert {action: versions for action, versions in pinned.items() if len(versions) > 1} == {}


@each_workflow
def test_a_workflow_may_do_nothing_but_what_a_job_names(path: Path):
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"] == {}
    assert all(job["permissions"] for job in jobs(path).values())


def test_whatever_runs_the_checkouts_code_may_only_read_it():
    for path in WORKFLOWS:
        for name, job in jobs(path).items():
            steps = job["steps"]
            if any("actions/checkout@" in step.get("uses", "") for step in steps):
                assert job["permissions"] == {"contents": "read"}, f"{path.name}: {name}"


def test_what_is_published_was_built_by_a_job_that_cannot_publish():
    release = jobs(ROOT / ".github" / "workflows" / "release.yml")
    assert release["build"]["permissions"] == {"contents": "read"}
    assert release["index"]["permissions"] == {"id-token": "write"}
    assert release["index"]["needs"] == "build"
    (publish,) = (step for step in release["index"]["steps"] if "pypi-publish" in step.get("uses", ""))
    assert publish["with"]["attestations"] is True


def test_what_make_is_asked_for_exists():
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    asked = {
        word
        for path in WORKFLOWS
        for line in re.findall(r"run: make (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        for word in line.split()
        if "=" not in word
    }
    assert asked <= targets
