"""The connections that SQLite gives, seen from outside."""

import sqlite3
from typing import Any

import pytest


def connections(monkeypatch: pytest.MonkeyPatch) -> dict[str, sqlite3.Connection]:
    """Notes the last connection to each file from now on."""
    real, opened = sqlite3.connect, dict[str, sqlite3.Connection]()

    def connect(path: Any, *given: Any, **options: Any) -> sqlite3.Connection:
        opened[str(path)] = real(path, *given, **options)
        return opened[str(path)]

    monkeypatch.setattr(sqlite3, "connect", connect)
    return opened
