"""What is said of an extra that is missing fits how the program is installed."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from apixo_mcp.installation import Installation, adding, adding_to, updating, updating_of

PYTHON = "/srv/env/bin/python"


def put(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True)
    (folder / name).write_text("{}", encoding="utf-8")
    return folder


def origin(**told: object) -> str:
    return json.dumps(told)


@pytest.fixture
def plain(tmp_path: Path) -> Installation:
    """Installed from an index, into an environment of its own."""
    return Installation(tmp_path, PYTHON)


def test_an_environment_is_named_by_its_interpreter_as_another_pip_may_be_on_the_path(plain: Installation):
    assert adding_to(plain, "s3") == f"Install it: `{PYTHON} -m pip install 'apixo-mcp[s3]'`."
    uv_pip = f"Install it: `uv pip install --python {PYTHON} 'apixo-mcp[s3]'`."
    assert adding_to(replace(plain, has_pip=False), "s3") == uv_pip


def test_a_tool_keeps_the_extras_that_it_has(tmp_path: Path):
    by_uv = Installation(put(tmp_path / "tools" / "apixo-mcp", "uv-receipt.toml"), PYTHON, extras=["server", "keyring"])
    assert adding_to(by_uv, "postgres") == "Install it: `uv tool install 'apixo-mcp[keyring,postgres,server]'`."
    by_pipx = replace(by_uv, prefix=put(tmp_path / "venvs" / "apixo-mcp", "pipx_metadata.json"), extras=[])
    assert adding_to(by_pipx, "postgres") == "Install it: `pipx install --force 'apixo-mcp[postgres]'`."


@pytest.mark.parametrize(
    ("folders", "command"),
    [
        (("uv", "archive-v0", "RmLDp8Egil"), "uvx --from 'apixo-mcp[server]' apixo-mcp"),
        (("uv", "environments-v2", "apixo-1"), "uvx --from 'apixo-mcp[server]' apixo-mcp"),
        ((".cache", "pipx", "b8aa1be9"), "pipx run --spec 'apixo-mcp[server]' apixo-mcp"),
    ],
)
def test_what_is_run_without_being_installed_is_started_with_the_extra(
    plain: Installation, tmp_path: Path, folders: tuple[str, ...], command: str
):
    run = replace(plain, prefix=put(tmp_path.joinpath(*folders), "pipx_metadata.json"))
    assert adding_to(run, "server") == f"Start it so: `{command}`."


def test_it_is_brought_up_to_date_as_it_was_installed(plain: Installation, tmp_path: Path):
    assert updating_of(plain) == f"`{PYTHON} -m pip install --upgrade apixo-mcp`"
    in_use = put(tmp_path / "venvs" / "apixo-mcp", "pipx_metadata.json")
    assert updating_of(replace(plain, prefix=in_use)) == "`pipx upgrade apixo-mcp`"
    assert (
        updating_of(replace(plain, prefix=put(tmp_path / "tools", "uv-receipt.toml"))) == "`uv tool upgrade apixo-mcp`"
    )
    assert updating_of(replace(plain, prefix=tmp_path / "uv" / "archive-v0" / "x")) == "`uvx apixo-mcp@latest`"
    cached = tmp_path / ".cache" / "pipx" / "x"
    assert updating_of(replace(plain, prefix=cached)) == "`pipx run --no-cache apixo-mcp`"
    checkout = origin(url=tmp_path.as_uri(), dir_info={"editable": True})
    assert updating_of(replace(plain, origin=checkout)) == f"bring {tmp_path} up to date"


def test_what_it_was_installed_from_is_named(plain: Installation, tmp_path: Path):
    checkout = tmp_path / "check out"
    here = replace(plain, origin=origin(url=checkout.as_uri(), dir_info={"editable": True}))
    assert adding_to(here, "s3").endswith(f"-m pip install --editable '{checkout}[s3]'`.")
    copied = replace(plain, origin=origin(url=checkout.as_uri(), dir_info={}))
    assert adding_to(copied, "s3").endswith(f"-m pip install '{checkout}[s3]'`.")
    vcs = {"vcs": "git", "requested_revision": "main"}
    cloned = replace(plain, origin=origin(url="https://git.example/apixo-mcp.git", vcs_info=vcs))
    assert adding_to(cloned, "s3").endswith(" 'apixo-mcp[s3] @ git+https://git.example/apixo-mcp.git'`.")
    wheel = replace(plain, origin=origin(url="https://files.example/apixo.whl", archive_info={}))
    assert adding_to(wheel, "s3").endswith(" 'apixo-mcp[s3] @ https://files.example/apixo.whl'`.")


@pytest.mark.parametrize("told", ["", "{", "[]", "7", "{}", '{"url": 7}', '{"url": "file:///x", "dir_info": 7}'])
def test_an_origin_that_cannot_be_read_costs_no_advice(plain: Installation, told: str):
    assert adding_to(replace(plain, origin=told), "s3").endswith(("'apixo-mcp[s3]'`.", f"'{Path('/x')}[s3]'`."))


def test_this_very_installation_is_known():
    advice = adding("postgres")
    assert advice.startswith("Install it: `")
    assert updating()
    assert sys.executable in advice or "tool install" in advice or "pipx" in advice
