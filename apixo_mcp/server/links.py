"""Links to the files of results, for whoever is given them: signed, good for an hour, and for that very file alone.

The proof in a link covers the task, the result, its owner, what the file holds and until when: whoever has the store's
secret takes it, a replica and the next version too. It ends earlier where its owner is revoked, and one that was given
to a neighbour of this machine once there is somebody who could sign in (`server.http.files.results`).
"""

import base64
import hashlib
import hmac
import math
import re
import time
from dataclasses import dataclass, field

from apixo_mcp.tasks.task import Result, Task
from apixo_mcp.views.whereabouts import LINK_LASTS, Link

LINKS = "/links/"
UPLOADS = "/uploads/"

_TOKEN = re.compile(r"([a-z2-7]{26})-(\d{1,4})-([0-9a-f]{1,8})-([\w-]{22})", re.ASCII)
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,8}$")


@dataclass(frozen=True, slots=True)
class LinkToken:
    """What stands in a link; nothing in it is believed before its proof.

    Attributes:
        minute: that it is good until, counted as Unix time is.
    """

    task_id: str
    index: int
    minute: int
    proof: str

    @property
    def is_over(self) -> bool:
        """Whether its time is over."""
        return time.time() >= self.minute * 60


@dataclass(frozen=True, slots=True)
class ResultLinks:
    """Makes links and proves them.

    Attributes:
        secret: stays with the task store.
        base: the URL of this server as its reader reaches it, without a trailing slash.
    """

    secret: bytes = field(repr=False)
    base: str = ""

    def link(self, task: Task, result: Result) -> Link:
        """Returns a link to a saved file."""
        minute = math.ceil((time.time() + LINK_LASTS) / 60)
        token = f"{task.task_id.removeprefix('tsk_')}-{result.index}-{minute:x}-{self._proof(task, result, minute)}"
        return Link(f"{self.base}{LINKS}{token}/{link_name(result)}", minute * 60.0)

    def is_proved(self, token: LinkToken, task: Task, result: Result) -> bool:
        """Tells whether this server made a link to this very file."""
        return hmac.compare_digest(self._proof(task, result, token.minute).encode(), token.proof.encode())

    def _proof(self, task: Task, result: Result, minute: int) -> str:
        told = ("result link", task.task_id, str(result.index), task.owner, result.sha256, str(minute))
        digest = hmac.new(self.secret, "\0".join(told).encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")


def read_link(token: str) -> LinkToken | None:
    """Reads what stands in a link, None where it is no token of one."""
    match = _TOKEN.fullmatch(token)
    return LinkToken(f"tsk_{match[1]}", int(match[2]), int(match[3], 16), match[4]) if match else None


def link_name(result: Result) -> str:
    """Returns the last part of a link, which tells what it is and not what it is about."""
    ending = _ENDING.search(result.path)
    return f"{result.kind}{ending[0].lower() if ending else ''}"
