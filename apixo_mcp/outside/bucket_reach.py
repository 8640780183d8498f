"""Has the gateways fetch input files from a bucket, by addresses signed right before the POST and kept nowhere."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import anyio
from anyio import to_thread

from apixo_mcp.media.bucket.endpoint import has_lasting_key
from apixo_mcp.media.files import PlaceTrouble
from apixo_mcp.media.inputs.input_links import InputLinks, Standing
from apixo_mcp.outside.file_reach import INPUT_UNKNOWN
from apixo_mcp.outside.object_store import gateways_reach_store
from apixo_mcp.settings import Settings
from apixo_mcp.tasks.running.reach import NO_BUCKET, NotNow, Prepared, Reach, Sendable
from apixo_mcp.tasks.task import BUCKETED, Task, with_texts

SIGNED_FOR = 24 * 3600.0
"""Seconds that a gateway has to fetch a file. No page of APIXO or Ruxa says when it does: inferred from the day for
which a task is followed at most. An address that was signed with the key of a role or a session ends with that key."""

if TYPE_CHECKING:
    from apixo_mcp.media.bucket.inputs import BucketInputs
    from apixo_mcp.media.bucket.space import BucketSpace

_SIGNED_WITHIN = 5.0  # seconds: a role may have to be asked for its key
_FILE = re.compile(re.escape(BUCKETED) + r"inputs/([0-9a-f]{64})/([\w.-]{1,80})")


@dataclass(frozen=True, slots=True)
class InBucket:
    """Input files in a bucket.

    Attributes:
        space: has them.
        inputs: knows them.
        is_direct: whether the gateways fetch them from the bucket itself; else this server hands them out.
    """

    space: "BucketSpace"
    inputs: "BucketInputs"
    is_direct: bool


def in_bucket(space: "BucketSpace", secret: bytes, local: InputLinks, settings: Settings, url: str) -> InBucket:
    """Returns input files in a bucket.

    Args:
        space: has them.
        secret: that addresses are made with.
        local: has those that were given an address before there was a bucket.
        settings: tell where the gateways are.
        url: the public URL that this process serves, empty where it serves none. It does not run out: what is signed
            with the key of a role or a session may before a gateway asks for it.
    """
    from apixo_mcp.media.bucket.inputs import BucketInputs

    is_direct = gateways_reach_store(settings) and (has_lasting_key() or not url)
    return InBucket(space, BucketInputs(space, secret, BUCKETED.rstrip("/") if is_direct else url, local), is_direct)


@dataclass(frozen=True, slots=True)
class BucketReach:
    """Sees before each POST whether the files are in the bucket, and puts their addresses into what is sent.

    Attributes:
        reach: sees to the rest.
        space: has the files; None where this process has no bucket.
        inputs: knows them.
    """

    reach: Reach
    space: "BucketSpace | None" = None
    inputs: "BucketInputs | None" = None

    async def prepared(self, task: Task) -> Prepared:
        """See `Reach.prepared`."""
        if task.is_bucketed:
            if self.inputs is None:
                return NO_BUCKET
            for text in task.texts:
                if text.startswith(BUCKETED) and not await self._is_there(text):
                    return INPUT_UNKNOWN
        return await self.reach.prepared(task)

    async def confirmed(self, task: Task, sendable: Sendable) -> Prepared:
        """See `Reach.confirmed`."""
        confirmed = await self.reach.confirmed(task, sendable)
        if not isinstance(confirmed, Sendable) or not task.is_bucketed:
            return confirmed
        if self.space is None or self.inputs is None:
            return NO_BUCKET
        try:
            with anyio.fail_after(_SIGNED_WITHIN):
                signed = await to_thread.run_sync(self._signed, confirmed.inputs, abandon_on_cancel=True)
        except TimeoutError:
            return NotNow()
        except PlaceTrouble as trouble:
            return NotNow(f"an address of its input file cannot be signed here: {trouble.strerror}")
        return replace(confirmed, inputs=signed)

    async def _is_there(self, text: str) -> bool:
        match = _FILE.fullmatch(text)
        if match is None or self.inputs is None:
            return False
        return await to_thread.run_sync(self.inputs.standing, match[1], match[2]) is Standing.HERE

    def _signed(self, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        return with_texts(inputs, self._address)

    def _address(self, text: str) -> str:
        match = _FILE.fullmatch(text)
        if match is None or self.space is None or self.inputs is None:
            return text
        return self.space.bucket.sign(self.inputs.key(match[1], match[2]), SIGNED_FOR)
