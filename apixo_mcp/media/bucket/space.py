"""A part of a bucket that is ours, and the copies that this machine has of what is in it."""

from dataclasses import dataclass
from pathlib import Path

from apixo_mcp.media.bucket.bucket import Bucket, Stored
from apixo_mcp.media.bucket.copies import Copies
from apixo_mcp.media.files import ADDRESS


@dataclass(frozen=True, slots=True)
class BucketSpace:
    """A part of a bucket.

    Attributes:
        bucket: that it is of.
        prefix: of all its keys, without a slash at its end; empty where the whole bucket is ours.
        copies: of objects, for programs of this machine.
    """

    bucket: Bucket
    prefix: str
    copies: Copies

    @property
    def address(self) -> str:
        """The address of it, as it stands in the settings."""
        return ADDRESS + "/".join(filter(None, (self.bucket.name, self.prefix)))

    def key(self, *parts: str) -> str:
        """Returns the key of what has these names beneath each other."""
        return "/".join(filter(None, (self.prefix, *parts)))

    def copy_of(self, stored: Stored) -> Path:
        """Returns a copy of an object; raises as `Copies.of`."""
        return self.copies.of(self.bucket, stored)
