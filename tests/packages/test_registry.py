"""The entry for the MCP registry is what the registry's own schema wants.

`server.schema.json` is that of github.com/modelcontextprotocol/static, schemas/2025-12-11, commit a9ba437 of 2025,
which is served at the address of its `$id`.
"""

import json
from pathlib import Path

import pytest
import registry
from jsonschema.validators import validator_for

from apixo_mcp.settings import variables

SCHEMA = json.loads((Path(__file__).parent / "server.schema.json").read_text(encoding="utf-8"))
BUNDLE = ("https://github.com/someone/apixo-mcp/releases/download/v1.2.3/apixo-mcp-1.2.3.mcpb", "0" * 64)


@pytest.mark.parametrize("bundle", [None, BUNDLE])
def test_the_official_schema_takes_it(bundle: tuple[str, str] | None):
    document = registry.server_document("1.2.3", bundle)
    validator = validator_for(SCHEMA)
    checked = validator(SCHEMA, format_checker=validator.FORMAT_CHECKER)
    assert [error.message for error in checked.iter_errors(document)] == []
    assert document["$schema"] == SCHEMA["$id"]
    assert [package["registryType"] for package in document["packages"]] == ["pypi"] + ["mcpb"] * bool(bundle)


def test_it_asks_for_settings_that_there_are_and_keeps_keys_secret():
    asked = registry.server_document("1.2.3")["packages"][0]["environmentVariables"]
    assert {entry["name"] for entry in asked} <= set(variables())
    assert all(len(entry["description"]) > 10 for entry in asked)
    secret = {entry["name"] for entry in asked if entry.get("isSecret")}
    assert secret == {"APIXO_API_KEY", "RUXA_API_KEY"}


def test_the_name_is_that_of_the_readme_on_pypi():
    assert (
        registry.registry_name("words\n<!-- mcp-name: io.github.someone/a-server -->\n") == "io.github.someone/a-server"
    )
    with pytest.raises(ValueError, match="mcp-name"):
        registry.registry_name("words")


def test_a_version_of_pypi_becomes_one_of_semver():
    versions = ("1.2.3", "1.2.3.dev4+g0123456", "1.2.3rc1", "1.2.3a2")
    assert [registry.semantic(version) for version in versions] == [
        "1.2.3",
        "1.2.3-dev.4+g0123456",
        "1.2.3-rc.1",
        "1.2.3-a.2",
    ]
