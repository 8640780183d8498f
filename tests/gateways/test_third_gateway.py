"""A gateway that nobody sells: one line in the directory and this class, and the whole program knows it."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from anyio.to_thread import run_sync
from click.testing import CliRunner, Result
from mcp import Client as McpClient
from support.amounts import in_time
from support.wire import Wire, picture

from apixo_mcp.app import open_app
from apixo_mcp.cli.commands.demo import surroundings
from apixo_mcp.cli.process.environment import known_of
from apixo_mcp.cli.process.sandboxed import sandbox_settings
from apixo_mcp.cli.program import program
from apixo_mcp.errors import SettingsError
from apixo_mcp.gateways.answers import Question
from apixo_mcp.gateways.client import Client, segment
from apixo_mcp.gateways.directory import GATEWAYS, Listing
from apixo_mcp.gateways.gateway import Polled, Submitted
from apixo_mcp.server.build import build_server
from apixo_mcp.settings import read_settings
from apixo_mcp.settings import variables as documented_variables
from apixo_mcp.variables.oddities import near_misses

pytestmark = pytest.mark.anyio

LINE = Listing("vidra", "Vidra", f"{__name__}:Vidra", "https://api.vidra.example", "https://vidra.example/keys")
MODEL = """
[models."vidra/lake-1"]
gateway = "vidra"
modality = "image"
input = "any"
schedule = { first_wait = 1, interval = 1, maximum = 60 }
"""


class Vidra(Client):
    """Vidra with one key."""

    name = "vidra"

    async def submit(
        self, wire_model: str, inputs: Mapping[str, Any], *, provider: str = "", callback_url: str = ""
    ) -> Submitted:
        return await self._submit(f"/paint/{segment(wire_model)}", {"input": dict(inputs)})

    async def poll(
        self, wire_model: str, remote_id: str, *, inputs: Mapping[str, Any] | None = None, since: float | None = None
    ) -> Polled:
        return await self._poll(f"/paintings/{segment(remote_id)}", Question(remote_id, inputs=inputs or {}))

    async def balance(self) -> None:
        """Vidra has no such call."""


@pytest.fixture(autouse=True)
def _line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GATEWAYS, LINE.name, LINE)


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with Wire() as running:
        yield running


@pytest.fixture
def variables(wire: Wire, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "models.toml").write_text(MODEL, encoding="utf-8")
    return {
        "VIDRA_API_KEY": " 'Bearer sk-lake' ",
        "VIDRA_BASE_URL": f"{wire.url}/",
        "APIXO_MCP_HOME": str(tmp_path / "home"),
        "APIXO_MCP_DOWNLOAD_DIR": str(tmp_path / "pictures"),
        "APIXO_MCP_ALLOW_PRIVATE_HOSTS": "1",
        "APIXO_MCP_POLL_SCALE": "0.01",
    }


@pytest.fixture
def _environment(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


async def typed(variables: Mapping[str, str], *words: str) -> Result:
    with in_time(60):
        return await run_sync(lambda: CliRunner().invoke(program, words, env=dict(variables)))


async def test_generate_saves_its_file(variables: dict[str, str], wire: Wire, tmp_path: Path):
    done = await typed(variables, "generate", "vidra/lake-1", "a lake", "--json")
    assert done.exit_code == 0, done.output
    task = json.loads(done.stdout)
    assert (task["state"], task["gateway"], task["remote_id"]) == ("success", "vidra", "remote1")
    [saved] = [path for path in (tmp_path / "pictures").rglob("*") if path.suffix == ".png"]
    assert saved.read_bytes() == picture()
    assert wire.seen[0][:2] == ("POST", "/api/v1/paint/lake-1")
    assert json.loads(wire.posts[0])["input"]["prompt"] == "a lake"


@pytest.mark.usefixtures("_environment")
async def test_an_assistant_gets_its_file(tmp_path: Path):
    async with open_app(read_settings()) as app, McpClient(build_server(app)) as client:
        answer = await client.call_tool("generate_image", {"model": "vidra/lake-1", "prompt": "a lake"})
        assert answer.structured_content is not None
        task_id = answer.structured_content["task_id"]
        answer = await client.call_tool("check_task", {"task_id": task_id, "wait_seconds": 20})
    assert answer.structured_content is not None
    assert answer.structured_content["state"] == "success"
    assert Path(answer.structured_content["results"][0]["path"]).read_bytes() == picture()


async def test_doctor_tells_of_it(variables: dict[str, str], wire: Wire):
    done = await typed(variables, "doctor")
    assert done.exit_code == 0, done.output
    assert f"ok    gateway vidra: key set for {wire.url}; it documents no call to try it with" in done.stdout
    done = await typed({**variables, "VIDRA_API_KEY": ""}, "doctor")
    assert done.exit_code == 1
    assert "or VIDRA_API_KEY (https://vidra.example/keys)" in done.stdout


async def test_without_a_key_the_way_to_one_is_told(variables: dict[str, str], wire: Wire):
    done = await typed({**variables, "VIDRA_API_KEY": ""}, "generate", "vidra/lake-1", "a lake")
    assert done.exit_code == 1
    assert "No VIDRA_API_KEY is set in this shell" in done.stderr
    assert "https://vidra.example/keys" in done.stderr
    assert not wire.seen


@pytest.mark.usefixtures("_environment")
async def test_its_settings(wire: Wire, monkeypatch: pytest.MonkeyPatch):
    settings = read_settings()
    assert settings.keys["vidra"].get_secret_value() == "sk-lake"
    assert settings.base_urls["vidra"] == wire.url
    assert not settings.warnings
    assert read_settings(vidra_api_key=None).keys == {}
    monkeypatch.setenv("VIDRA_API_KEY", "${VIDRA_KEY}")
    monkeypatch.delenv("VIDRA_BASE_URL")
    settings = read_settings()
    assert (settings.keys, settings.base_urls["vidra"]) == ({}, "https://api.vidra.example")
    assert settings.warnings[0].startswith("VIDRA_API_KEY holds a placeholder that nothing filled in")
    monkeypatch.setenv("VIDRA_BASE_URL", "vidra.example")
    with pytest.raises(SettingsError, match=r"^VIDRA_BASE_URL: must start with https:// or http://"):
        read_settings()


@pytest.mark.parametrize(
    ("miss", "meant"),
    [
        ("VIDRA_KEY", "VIDRA_API_KEY"),
        ("VIDRA_TOKEN", "VIDRA_API_KEY"),
        ("VIRDA_API_KEY", "VIDRA_API_KEY"),
        ("APIXO_MCP_VIDRA_API_KEY", "VIDRA_API_KEY"),
        ("VIDRA_URL", "VIDRA_BASE_URL"),
        ("VIDRA_MCP_DAILY_BUDGET", "APIXO_MCP_DAILY_BUDGET_USD"),
        ("RUXA_KEY", "RUXA_API_KEY"),
        ("APIXO_KEY", "APIXO_API_KEY"),
    ],
)
def test_a_near_miss_of_its_variables_is_told(miss: str, meant: str):
    [(_, words)] = near_misses({miss: "1"}, documented_variables())
    assert words == f"{miss} is no setting and is ignored. Did you mean {meant}?"


def test_the_ids_of_its_models_begin_with_its_name(tmp_path: Path):
    from apixo_mcp.catalog.custom import load_custom

    path = tmp_path / "models.toml"
    for wrong in (MODEL.replace("vidra/lake-1", "lake-1"), MODEL.replace('"vidra"', '"apixo"')):
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(SettingsError, match="the ids of Vidra models, and only theirs, start with vidra/"):
            load_custom(path)


async def test_its_variables_stay_out_of_the_demo_and_lead_to_the_sandbox(variables: dict[str, str], tmp_path: Path):
    assert "VIDRA_API_KEY" not in surroundings(variables, tmp_path, tmp_path)
    settings = read_settings(**sandbox_settings("http://127.0.0.1:1"))
    assert set(settings.base_urls.values()) == {"http://127.0.0.1:1"}
    assert settings.keys["vidra"].get_secret_value() == "sk-sandbox"


def test_the_early_stage_leaves_it_to_the_settings():
    # The table of plain values is made at the start: what is not in it is never greeted for, and never refused.
    known = known_of({"VIDRA_API_KEY": "sk-lake"})
    assert known is None or known.key_set
