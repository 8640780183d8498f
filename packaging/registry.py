"""Writes `server.json` for the MCP registry: `python packaging/registry.py VERSION [--bundle FILE --bundle-url URL]`.

The server's name is that of the README's `mcp-name:` line, by which the registry sees that the package on PyPI is of
the same owner. Variables and their words come from the settings and their page, so that nothing is written twice.
"""

import argparse
import hashlib
import json
import re
import tomllib
from pathlib import Path
from typing import Any

from bundle import semantic

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
DESCRIPTION = "Make images, video, music and speech on APIXO and Ruxa AI; nothing is lost or paid twice."
OFFERED = (
    "APIXO_MCP_DOWNLOAD_DIR",
    "APIXO_MCP_ALLOWED_ROOTS",
    "APIXO_MCP_DAILY_BUDGET_USD",
    "APIXO_MCP_MONTHLY_BUDGET_USD",
    "APIXO_MCP_CONFIRM_ABOVE_USD",
)
"""The settings that a host may ask for, beside the keys: those of the bundle's form."""


def registry_name(readme: str) -> str:
    """Returns the name of the README's `mcp-name:` line.

    Raises:
        ValueError: where it has none.
    """
    line = re.search(r"mcp-name: ([\w.-]+/[\w.-]+)", readme)
    if line is None:
        raise ValueError("the README has no line `mcp-name: NAMESPACE/NAME`")
    return line[1]


def meaning(page: str, variable: str) -> str:
    """Returns what the page of settings says of a variable, without its links and marks."""
    row = re.search(rf"^\| `{variable}`[^|]*\| ([^|]+?) \|", page, re.MULTILINE)
    words = row[1] if row else ""
    words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", words).replace("`", "")
    return words[:1].upper() + words[1:] + "."


def variables(page: str) -> list[dict[str, Any]]:
    """Returns the environment variables that a host may ask for, as the registry describes them."""
    from apixo_mcp.gateways.directory import GATEWAYS

    keys = [
        {
            "name": listing.key_variable,
            "description": f"A key of {listing.title}, from {listing.site}. One of the keys is enough.",
            "isRequired": False,
            "isSecret": True,
        }
        for listing in GATEWAYS.values()
    ]
    kinds = {"DIR": "filepath", "USD": "number"}
    others = [
        {
            "name": name,
            "description": meaning(page, name),
            "isRequired": False,
            "format": kinds.get(name.rpartition("_")[2], "string"),
        }
        for name in OFFERED
    ]
    return keys + others


def server_document(version: str, bundle: tuple[str, str] | None = None) -> dict[str, Any]:
    """Returns the whole document.

    Args:
        version: of the package on PyPI.
        bundle: the address of a published bundle, and its SHA-256.
    """
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    packages: list[dict[str, Any]] = [
        {
            "registryType": "pypi",
            "registryBaseUrl": "https://pypi.org",
            "identifier": project["name"],
            "version": version,
            "runtimeHint": "uvx",
            "transport": {"type": "stdio"},
            "environmentVariables": variables(page),
        }
    ]
    if bundle:
        address, digest = bundle
        packages.append(
            {"registryType": "mcpb", "identifier": address, "fileSha256": digest, "transport": {"type": "stdio"}}
        )
    return {
        "$schema": SCHEMA,
        "name": registry_name(readme),
        "title": "APIXO and Ruxa AI media",
        "description": DESCRIPTION,
        "version": semantic(version),
        "websiteUrl": "https://apixo.ai",
        "packages": packages,
    }


def main() -> None:
    """Prints the document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", help="of the package on PyPI")
    parser.add_argument("--bundle", type=Path, help="the bundle that was published")
    parser.add_argument("--bundle-url", help="where it was published; the registry takes releases of GitHub and GitLab")
    given = parser.parse_args()
    if bool(given.bundle) != bool(given.bundle_url):
        parser.error("--bundle and --bundle-url belong together")
    bundle = (given.bundle_url, hashlib.sha256(given.bundle.read_bytes()).hexdigest()) if given.bundle else None
    print(json.dumps(server_document(given.version, bundle), indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
