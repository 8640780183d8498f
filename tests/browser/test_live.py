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
    for who, labels in seen.by.items():
        assert {"processing", "success", "saved"} <= set(labels), who
        # And in their order.
        assert (
            sorted(labels, key=labels.__getitem__)[-2:] == ["success", "saved"] or labels["success"] == labels["saved"]
        )
