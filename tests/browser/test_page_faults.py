"""What looks at the pages sees a fault where there is one."""

from typing import Any

import pytest
from support.page_faults import focus_order, overflowing, violations

pytestmark = pytest.mark.anyio

FAULTY = """<!doctype html><title>x</title><style>a:focus { outline: none }</style>
<h1>Heading</h1><input name="unsaid"><p style="color: #bbb; background: #fff">pale</p>
<div style="width: 900px">wide</div><a href="x">here</a>"""


async def test_faults_are_seen(page: Any) -> None:
    await page.set_content(FAULTY)
    found = await violations(page)
    for rule in ("html-has-lang", "label", "color-contrast"):
        assert any(f" {rule}:" in one for one in found), found
    assert await overflowing(page)
    assert ("here", False) in await focus_order(page)
