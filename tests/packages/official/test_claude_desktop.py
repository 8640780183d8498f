"""The bundle, judged by the official packer, and unpacked and started as Claude Desktop does."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bundle
import npm
import pytest
from support.started_package import desk, first_picture

pytestmark = pytest.mark.anyio

# The host's own function fills the manifest in: @anthropic-ai/mcpb, dist/shared/config.js.
_FILL_IN = """
import { readFileSync } from "node:fs";
import { getMcpConfigForManifest } from "@anthropic-ai/mcpb";
const [extensionPath, userConfig] = process.argv.slice(1);
const manifest = JSON.parse(readFileSync(`${extensionPath}/manifest.json`, "utf8"));
const systemDirs = { HOME: process.env.HOME };
const options = { manifest, extensionPath, systemDirs, userConfig: JSON.parse(userConfig), pathSeparator: "/" };
console.log(JSON.stringify(await getMcpConfigForManifest(options)));
"""
FillIn = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle.build(tmp_path_factory.mktemp("built"))


@pytest.fixture
def unpacked(built: Path, tmp_path: Path) -> Path:
    bundle.packer("unpack", str(built), str(tmp_path / "Claude Extensions" / "apixo"))
    return tmp_path / "Claude Extensions" / "apixo"


def filled_in(folder: Path, **values: Any) -> dict[str, Any]:
    """What the host starts for what a person wrote into the form."""
    command = [str(npm.node()), "--input-type=module", "-e", _FILL_IN, str(folder), json.dumps(values)]
    done = subprocess.run(command, capture_output=True, check=True, encoding="utf-8", cwd=bundle.HERE)
    return json.loads(done.stdout)


def uv() -> str:
    path = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    assert path, "uv is needed: `make packages` installs it"
    return path


def test_the_packer_takes_it_and_tells_of_it(built: Path, unpacked: Path):
    told = bundle.packer("info", str(built))
    assert built.name in told
    assert "valid" in bundle.packer("validate", str(unpacked / "manifest.json")).lower()
    assert {path.suffix for path in unpacked.iterdir()} == {"", ".json", ".png", ".py", ".toml", ".whl"}
    assert built.stat().st_size < 3_000_000


def test_the_same_sources_give_the_same_bytes(built: Path, tmp_path: Path):
    assert bundle.build(tmp_path).read_bytes() == built.read_bytes()


async def test_it_makes_a_picture_from_an_empty_cache_with_every_field_blank_but_the_switch(
    unpacked: Path, tmp_path: Path
):
    start = filled_in(unpacked, sandbox=True)
    assert start["command"] == "uv"
    assert start["env"]["APIXO_API_KEY"] == "${user_config.apixo_api_key}"
    environment = desk(tmp_path / "home") | start["env"]
    made = await first_picture(uv(), start["args"], environment, tmp_path / "cold")
    assert made.path.is_relative_to(tmp_path / "home")
    assert "placeholder" not in (tmp_path / "cold").read_text(encoding="utf-8")
    again = await first_picture(uv(), start["args"], environment, tmp_path / "warm")
    print(f"\nbundle, empty cache: tools after {made.to_tools:.1f} s, a saved picture after {made.to_picture:.1f} s")
    print(f"bundle, second start: tools after {again.to_tools:.1f} s, a saved picture after {again.to_picture:.1f} s")


async def test_what_is_filled_in_counts(unpacked: Path, tmp_path: Path):
    folders = [tmp_path / "for results", tmp_path / "more"]
    for folder in folders:
        folder.mkdir()
    start = filled_in(
        unpacked,
        sandbox=True,
        apixo_api_key="sk-mine",
        ruxa_api_key="",
        download_folder=str(folders[0]),
        allowed_folders=[str(folder) for folder in folders],
        daily_budget_usd=3,
        tunnel="",
    )
    made = await first_picture(uv(), start["args"], desk(tmp_path / "home") | start["env"], tmp_path / "log")
    assert made.path.is_relative_to(folders[0])
    assert made.structure["budget_left"]
    assert not [note for note in made.structure.get("notes", []) if "placeholder" in note]
