"""The project's wheel, as `uvx` starts it from an empty cache."""

import shutil
import sys
from pathlib import Path

import bundle
import pytest
from support.started_package import desk, first_picture

pytestmark = pytest.mark.anyio


async def test_a_picture_from_a_local_wheel_with_an_empty_cache(tmp_path: Path):
    wheel = bundle.built_wheel(tmp_path)
    uvx = shutil.which("uvx", path=str(Path(sys.executable).parent)) or shutil.which("uvx")
    assert uvx, "uv is needed: `make packages` installs it"
    words = ["--from", str(wheel), "apixo-mcp", "serve", "--sandbox"]
    environment = desk(tmp_path / "home")
    cold = await first_picture(uvx, words, environment, tmp_path / "cold")
    warm = await first_picture(uvx, words, environment, tmp_path / "warm")
    offline = await first_picture(uvx, ["--offline", *words], environment, tmp_path / "offline")
    assert cold.path.is_relative_to(tmp_path / "home")
    for what, made in (("empty cache", cold), ("second start", warm), ("second start, --offline", offline)):
        print(
            f"\nuvx, {what}: tools after {made.to_tools:.1f} s, a saved picture after {made.to_picture:.1f} s", end=""
        )
