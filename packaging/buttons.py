"""Makes the buttons of the README that enter the server into Cursor and VS Code: `python packaging/buttons.py --write`.

A link holds no key: what it enters is what stands in `examples/hosts`, where the key comes from the environment or is
asked for. The links are of https, since GitHub and PyPI take those of `cursor:` and `vscode:` out of a page; each leads
to the program's own (cursor.com/docs/mcp/install-links; code.visualstudio.com/api/extension-guides/ai/mcp).
"""

import argparse
import base64
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

ROOT = Path(__file__).resolve().parent.parent
HOSTS = ROOT / "examples" / "hosts"
NAME = "apixo"
_BEGIN, _END = "<!-- buttons -->", "<!-- /buttons -->"


def entered(host: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Returns the server's entry in a host's documented file, and the questions that it asks."""
    document = json.loads((HOSTS / host / "mcp.json").read_text(encoding="utf-8"))
    servers = document.get("mcpServers") or document["servers"]
    return servers[NAME], document.get("inputs", [])


def link(host: str) -> str:
    """Returns the link that enters the server into a host, `cursor` or `vscode`."""
    entry, inputs = entered(host)
    text = json.dumps(entry, separators=(",", ":"))
    if host == "cursor":
        config = base64.b64encode(text.encode()).decode()
        return f"https://cursor.com/en/install-mcp?{urlencode({'name': NAME, 'config': config}, quote_via=quote)}"
    asked = {"name": NAME, "inputs": json.dumps(inputs, separators=(",", ":")), "config": text}
    return f"https://insiders.vscode.dev/redirect/mcp/install?{urlencode(asked, quote_via=quote)}"


def buttons() -> str:
    """Returns the lines of the README between its marks."""
    return f"{_BEGIN}\n[Add to Cursor]({link('cursor')}) · [Add to VS Code]({link('vscode')})\n{_END}"


def with_buttons(readme: str) -> str:
    """Returns a README with today's buttons between its marks."""
    return re.sub(f"{_BEGIN}.*?{_END}", lambda _: buttons(), readme, count=1, flags=re.DOTALL)


def main() -> None:
    """Prints the buttons, or writes them into the README."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="writes them into the README")
    if parser.parse_args().write:
        path = ROOT / "README.md"
        path.write_text(with_buttons(path.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    else:
        print(buttons())


if __name__ == "__main__":
    main()
