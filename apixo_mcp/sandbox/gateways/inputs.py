"""The input files of tasks: fetched as a gateway does, from addresses of this machine; no others are asked."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncGenerator, Iterator
from typing import Any, cast
from urllib.parse import urlsplit

import anyio

from apixo_mcp.sandbox.backend import Backend
from apixo_mcp.sandbox.tasks import RemoteTask

FETCHED_WITHIN = 20.0
LARGEST = 100_000_000
_HERE = ("127.0.0.1", "localhost", "::1")
_CODES = {"audio": "INVALID_AUDIO_URL", "video": "GENERATION_FAILED"}


class Inputs:
    """Fetches what the tasks of a backend are given, while its context is open; a task whose file is missing fails."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Fetches the files of whatever is accepted from now on."""
        async with anyio.create_task_group() as group:

            def follow(task: RemoteTask) -> None:
                for name, url in local_urls(task):
                    group.start_soon(self._fetch, task, name, url)

            with self._backend.following(follow):
                yield
            group.cancel_scope.cancel()

    async def _fetch(self, task: RemoteTask, name: str, url: str) -> None:
        import httpx2

        status: int | str = "none"
        content = b""
        with contextlib.suppress(httpx2.HTTPError, httpx2.InvalidURL):
            async with httpx2.AsyncClient(timeout=FETCHED_WITHIN, trust_env=False) as client:
                answer = await client.get(url)
                status, content = answer.status_code, answer.content[:LARGEST]
        is_there = status == 200
        about = {"url": url, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()} if is_there else {}
        self._backend.note("input", status, "fetched" if is_there else "missing", **task.names, **about)
        if is_there:
            self._backend.inputs[url] = content
            return
        code = next((code for kind, code in _CODES.items() if kind in name), "IMAGE_DOWNLOAD_FAILED")
        if task.phase(self._backend.now()) not in ("success", "failed"):
            self._backend.store.fail(task.remote_id, code)


def local_urls(task: RemoteTask) -> Iterator[tuple[str, str]]:
    """Yields each field and URL of a task's input that leads to this machine, but not to the sandbox itself."""
    for name, value in task.input.items():
        values = cast("list[Any]", value) if isinstance(value, list) else [value]
        for url in values:
            if isinstance(url, str) and is_local(url) and not url.startswith(f"{task.base_url}/"):
                yield name, url


def is_local(url: str) -> bool:
    """Tells whether a URL leads to this machine."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and (parts.hostname or "") in _HERE
    except ValueError:
        return False
