"""The entry of the command: what comes before there is a command line."""

import os
import signal
import subprocess
import sys

import pytest

INTERRUPTED_IN_AN_IMPORT = """
import os, signal, sys

class Finder:
    def find_spec(self, name, path, target=None):
        if name == "apixo_mcp.cli.{module}":
            try:
                os.kill(os.getpid(), signal.SIGINT)
            except {swallowed}:
                pass

sys.meta_path.insert(0, Finder())
sys.argv = ["apixo-mcp", "models", "list"]
from apixo_mcp.cli.main import main
main()
"""


@pytest.mark.process
@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process by such a signal at once")
@pytest.mark.parametrize("module", ["program", "commands.models"])
@pytest.mark.parametrize("swallowed", ["BaseException", "()"], ids=["lost", "raised"])
def test_an_interrupt_while_a_command_is_loaded(folders: dict[str, str], module: str, swallowed: str):
    code = INTERRUPTED_IN_AN_IMPORT.format(module=module, swallowed=swallowed)
    env = {**os.environ, **folders}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGINT, b"", b"")
