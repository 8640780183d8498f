"""The entry of the command: what comes before there is a command line."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

import pytest

from apixo_mcp.cli.main import main
from apixo_mcp.cli.process.loading import end_loading


class Interrupted(MetaPathFinder):
    """Interrupts an import, bare or as Python before 3.12 wraps it where a class is just being made."""

    def __init__(self, *, wrapped: bool) -> None:
        self.wrapped = wrapped

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname == "apixo_mcp.cli.program":
            if self.wrapped:
                raise RuntimeError("Error calling __set_name__") from KeyboardInterrupt()
            raise KeyboardInterrupt


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_interrupt_while_the_commands_are_loaded(monkeypatch: pytest.MonkeyPatch, wrapped: bool):
    monkeypatch.setattr(sys, "argv", ["apixo-mcp", "tasks", "list"])
    monkeypatch.setattr(sys, "meta_path", [Interrupted(wrapped=wrapped), *sys.meta_path])
    monkeypatch.delitem(sys.modules, "apixo_mcp.cli.program", raising=False)
    with pytest.raises(SystemExit) as ended:
        main()
    end_loading()
    assert ended.value.code == 130
