"""What a terminal makes is seen as it goes by all who watch, though another process follows it."""

from pathlib import Path
from typing import Any

import pytest
from support.sightings import sightings

from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio


async def test_a_task_of_a_terminal_shows_in_chat_page_and_terminal_at_each_change(
    browser: Any, box: Sandbox, tmp_path: Path
) -> None:
    seen = await sightings(box, tmp_path, browser)
    assert set(seen.by) == {"stream", "page", "app", "terminal"}
    for who in ("stream", "page"):
        assert {"processing", "success", "saved"} <= set(seen.by[who]), who
    for who, labels in seen.by.items():
        # In their order; a terminal that has only just started may see the end alone.
        assert labels.get("processing", 0) < labels.get("success", labels["saved"]) <= labels["saved"], who
