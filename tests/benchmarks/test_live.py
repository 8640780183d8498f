"""How soon a change that one process makes is seen in a chat, on the page, in a terminal: each within a second."""

import statistics
from collections import defaultdict
from pathlib import Path

import pytest
from support.chromium import chromium
from support.sightings import sightings

from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio

LIMIT = 1.0
ROUNDS = 3


async def test_each_change_is_seen_within_a_second(tmp_path: Path) -> None:
    late: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    async with chromium() as browser:
        for number in range(ROUNDS):
            async with Sandbox(speed=1000.0) as box:
                seen = await sightings(box, tmp_path / str(number), browser)
            for who, delays in seen.delays().items():
                for label, seconds in delays.items():
                    late[who, label].append(seconds)
    print()
    for (who, label), seconds in sorted(late.items()):
        print(f"{who:9} {label:11} median {statistics.median(seconds):.2f} s, longest {max(seconds):.2f} s")
    assert max(statistics.median(seconds) for seconds in late.values()) < LIMIT
