"""Why a host's file stays as it is."""

from apixo_mcp.errors import ApixoError


class NotEditable(ApixoError):
    """A host's configuration cannot be changed without loss. The message is the rest of a sentence about the file."""
