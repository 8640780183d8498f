"""The start that `install` and `doctor` try: it goes on with nothing."""

import os
import sys
import time
from pathlib import Path

import pytest
from anyio.to_thread import run_sync
from support.scripted_gateway import Gateway
from support.store_tasks import make

from apixo_mcp.app import open_app
from apixo_mcp.cli.checks.start_trial import DoesNotStart, tools_of
from apixo_mcp.hosts.entry import Launch
from apixo_mcp.hosts.machine import Machine
from apixo_mcp.settings import read_settings

pytestmark = [pytest.mark.anyio, pytest.mark.process]


async def test_a_trial_sends_nothing_that_waits_in_the_data_folder(tmp_path: Path) -> None:
    async with Gateway() as gateway:
        settings = read_settings(
            home=tmp_path, apixo_api_key="sk-mine", apixo_base_url=gateway.url, allow_private_hosts=True
        )
        now = time.time()
        async with open_app(settings, follow=False) as app:
            (key,) = app.key_prints
            moments = {"created_at": now, "updated_at": now, "due": now, "wanted_until": now + 600}
            task = make(key_print=key, base_url=gateway.url, **moments)
            await app.store.add([task])
        env = {
            "APIXO_API_KEY": "sk-mine",
            "APIXO_BASE_URL": gateway.url,
            "APIXO_MCP_ALLOW_PRIVATE_HOSTS": "1",
            "APIXO_MCP_HOME": str(tmp_path),
            "APIXO_MCP_TOOLS": "models",  # of which the list is answered by the server itself, once it is loaded
        }
        launch = Launch(sys.executable, ("-m", "apixo_mcp"), env)
        machine = Machine("windows" if sys.platform == "win32" else "linux", tmp_path, {})
        assert await run_sync(tools_of, launch, machine)
        async with open_app(settings, follow=False) as app:
            row = await app.store.get(task.task_id)
        assert gateway.seen == []
    assert row == task


async def test_a_server_that_cannot_be_loaded_is_told_though_its_list_is_answered_before(tmp_path: Path) -> None:
    (tmp_path / "httpx2.py").write_text("raise ImportError('half of an update')\n")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH", "")])])
    launch = Launch(sys.executable, ("-m", "apixo_mcp"), {"APIXO_API_KEY": "sk-mine", "PYTHONPATH": path})
    machine = Machine("windows" if sys.platform == "win32" else "linux", tmp_path, {})
    with pytest.raises(DoesNotStart, match="half of an update"):
        await run_sync(tools_of, launch, machine)
