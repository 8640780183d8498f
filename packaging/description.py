"""Makes the description of the package from the README: a hook of hatchling's, which runs it at each build.

An index shows the description without the repository beside it: there, links and pictures must be whole addresses. In a
workflow of GitHub they are those of the commit that is built. Elsewhere nobody knows them, and pictures are left out.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface  # pyright: ignore[reportMissingImports]

_LINK = re.compile(r"(?P<mark>!?)\[(?P<words>[^][]*)\]\((?!\w+:|#)(?P<path>[^)\s]+)\)")
"""A link, or with its mark a picture, to a file of the repository."""


class Description(MetadataHookInterface):
    """Sets `readme`, which pyproject.toml names among `dynamic`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Writes the description into the metadata of the project."""
        readme = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": described(readme, os.environ)}


def described(readme: str, environment: Mapping[str, str]) -> str:
    """Returns the README as it is read away from its repository.

    Args:
        readme: the README in Markdown.
        environment: of the build. GitHub sets the three variables in each workflow
            (docs.github.com, "Variables reference", default environment variables).
    """
    server, repository, commit = (environment.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "SHA"))
    is_known = bool(server and repository and commit)

    def turned(link: re.Match[str]) -> str:
        if not is_known:
            return "" if link["mark"] else link[0]
        shown = "raw" if link["mark"] else "blob"
        return f"{link['mark']}[{link['words']}]({server}/{repository}/{shown}/{commit}/{link['path']})"

    return _LINK.sub(turned, readme)
