"""The buttons of the README enter what the documented files of these hosts hold."""

import base64
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import buttons
import pytest

ROOT = Path(__file__).resolve().parents[2]


def documented(host: str) -> dict[str, object]:
    return json.loads((ROOT / "examples" / "hosts" / host / "mcp.json").read_text(encoding="utf-8"))


def test_the_one_for_cursor():
    where = urlsplit(buttons.link("cursor"))
    asked = parse_qs(where.query, strict_parsing=True)
    assert (where.scheme, where.netloc, where.path) == ("https", "cursor.com", "/en/install-mcp")
    entry = json.loads(base64.b64decode(asked["config"][0], validate=True))
    assert {"mcpServers": {asked["name"][0]: entry}} == documented("cursor")


def test_the_one_for_vs_code():
    where = urlsplit(buttons.link("vscode"))
    asked = {name: values[0] for name, values in parse_qs(where.query, strict_parsing=True).items()}
    assert (where.scheme, where.netloc, where.path) == ("https", "insiders.vscode.dev", "/redirect/mcp/install")
    entered = {"inputs": json.loads(asked["inputs"]), "servers": {asked["name"]: json.loads(asked["config"])}}
    assert entered == documented("vscode")


@pytest.mark.parametrize("host", ["cursor", "vscode"])
def test_no_key_is_in_a_link(host: str):
    entry, _ = buttons.entered(host)
    keys = [value for name, value in entry["env"].items() if name.endswith("_KEY")]
    assert keys
    assert all(key.startswith("${") for key in keys)
    assert "sk-" not in buttons.link(host) + json.dumps(entry)


def test_the_readme_has_them():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert buttons.buttons() in readme, "run `.venv/bin/python packaging/buttons.py --write`"
