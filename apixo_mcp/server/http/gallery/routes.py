"""The routes that a page of pictures asks. All of them are about the owner who asks, and nobody else."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from apixo_mcp.app import App
from apixo_mcp.assembly.lasting import removal_of, shared_thumbnails
from apixo_mcp.errors import ApixoError, InvalidInput, MediaError, NotFound, StoreError
from apixo_mcp.gallery.deleting import Deleting, NotDeleted
from apixo_mcp.gallery.feed import Feed
from apixo_mcp.gallery.revealing import reveal
from apixo_mcp.gallery.sources import sources_of
from apixo_mcp.media.files import is_address
from apixo_mcp.media.preview.thumbnails import Thumbnails, folder_of_thumbnails
from apixo_mcp.media.telling.told import Told
from apixo_mcp.provenance.embedded import told_by
from apixo_mcp.server.caller import owner_of_request
from apixo_mcp.server.http.files.results import no_file
from apixo_mcp.server.http.gallery.answers import in_json
from apixo_mcp.server.http.gallery.asked import days_asked, file_sent, like_asked, size_asked, tasks_asked, what_asked
from apixo_mcp.server.http.gallery.events import event_stream
from apixo_mcp.server.http.gallery.making import Making
from apixo_mcp.server.http.gallery.origin import is_foreign, may_change
from apixo_mcp.server.http.gallery.page import page_routes
from apixo_mcp.server.http.neighbours import is_neighbour
from apixo_mcp.server.http.paths import API, EVENTS, THUMBNAILS, TOLD_BY_FILE
from apixo_mcp.server.tools.cursor import write_cursor
from apixo_mcp.tasks.owner import Owner, Scope
from apixo_mcp.tasks.task import FileState, Task
from apixo_mcp.views.entries import entry_of, whole_entry_of
from apixo_mcp.views.faces import SCREEN, error_text
from apixo_mcp.views.provenance import provenance_structure
from apixo_mcp.views.usage import usage_structure

log = logging.getLogger(__name__)

_BALANCES_WITHIN = 3.0  # seconds
_PICTURES = {
    "cache-control": "private, no-cache",
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "cross-origin-resource-policy": "same-origin",
}
_STATUSES: tuple[tuple[type[ApixoError], int], ...] = (
    (InvalidInput, 400),
    (NotFound, 404),
    (NotDeleted, 409),
    (MediaError, 409),
    (StoreError, 503),
)

_ONLY_READS = "Changes need the scope generate, which this sign-in does not have. Whoever runs this server can give it."

Answer = Callable[[Request], Awaitable[Response]]


class Gallery:
    """Answers a page of pictures.

    Args:
        app: the program.
        feed: what has changed.
        takes_files: whether there is a route that files are uploaded by.
    """

    def __init__(self, app: App, feed: Feed, *, takes_files: bool) -> None:
        self._app = app
        self._feed = feed
        self._making = Making(app, takes_files=takes_files)
        folder = folder_of_thumbnails(app.settings.home)
        self._thumbnails = Thumbnails(app.previews, folder, shared=shared_thumbnails(app))

    def routes(self) -> list[BaseRoute]:
        """Returns the routes; that of the page itself where this build has one."""
        one = f"{API}tasks/{{task_id}}"
        events = Route(EVENTS, _asked(self._watched), methods=["GET"])
        (events.methods or set[str]()).discard("HEAD")  # Starlette adds it to GET, and its answer would never end
        return [
            *page_routes(),
            Route(f"{API}tasks", _asked(self._listed), methods=["GET"]),
            Route(one, _asked(self._shown), methods=["GET"]),
            Route(one, _changing(self._deleted), methods=["DELETE"]),
            Route(f"{one}/inputs", _asked(self._made_from), methods=["GET"]),
            Route(f"{one}/reveal", _changing(self._revealed), methods=["POST"]),
            Route(f"{API}usage", _asked(self._spent), methods=["GET"]),
            Route(f"{API}models", _offering(self._making.offered), methods=["GET"]),
            Route(f"{API}quote", _changing(self._making.priced), methods=["POST"]),
            Route(f"{API}uploads", _changing(self._making.upload_link), methods=["POST"]),
            Route(f"{API}make", _changing(self._making.bought), methods=["POST"]),
            events,
            Route(TOLD_BY_FILE, _sent(self._told_by_file), methods=["POST"]),
            Route(f"{THUMBNAILS}{{task_id}}/{{index}}", _asked(self._thumbnail), methods=["GET"]),
        ]

    async def _listed(self, request: Request) -> Response:
        query, owner = tasks_asked(request.query_params), owner_of_request(request)
        if like := like_asked(request.query_params):
            query = replace(query, like=(await self._own(owner, like)).prompt)
        tasks = await self._app.service.page(owner, replace(query, limit=query.limit + 1))
        shown = tasks[: query.limit]
        told = {"tasks": [self._entry(owner, task) for task in shown]}
        more = {"next": write_cursor(shown[-1])} if len(tasks) > query.limit else {}
        return in_json({**told, **more})

    async def _shown(self, request: Request) -> Response:
        owner = owner_of_request(request)
        task = await self._own(owner, request.path_params["task_id"])
        is_afar = any(is_address(one.path) for one in task.results)
        can_reveal = {"can_reveal": True} if _is_at_screen(request, owner) and not is_afar else {}
        sources = await sources_of(self._app.store, owner, task)
        told = [{"task_id": one.task.task_id, "index": one.index} for one in sources]
        made_from = {"sources": told} if told else {}
        return in_json(whole_entry_of(self._app, task, on_disk=owner.is_here) | made_from | can_reveal)

    async def _made_from(self, request: Request) -> Response:
        owner = owner_of_request(request)
        return in_json(await self._making.made_from(owner, await self._own(owner, request.path_params["task_id"])))

    async def _deleted(self, request: Request) -> Response:
        owner, what = owner_of_request(request), what_asked(request.query_params)
        task = await self._own(owner, request.path_params["task_id"])
        deleting = Deleting(self._app.store, self._app.service, await removal_of(self._app), self._thumbnails)
        deleted = await deleting.delete(owner, task.task_id, what)
        return in_json({"files": deleted.files, "entry": deleted.entry})

    async def _revealed(self, request: Request) -> Response:
        owner = owner_of_request(request)
        if not _is_at_screen(request, owner):
            return _refused(403, "Folders are shown to whoever sits at this server's own machine.")
        task = await self._own(owner, request.path_params["task_id"])
        index = request.query_params.get("index", "0")
        paths = [one.path for one in task.results if str(one.index) == index and one.file is FileState.SAVED]
        if any(map(is_address, paths)):
            return _refused(409, "This file is kept in a bucket, and in no folder of this machine.")
        path = await self._app.reading.run(self._app.files.on_disk, paths[0]) if paths else None
        if path is None:
            raise NotFound("There is no such file.")
        await reveal(Path(path))
        return in_json({})

    async def _spent(self, request: Request) -> Response:
        days = days_asked(request.query_params)
        report = await self._app.spending(owner_of_request(request), days, _BALANCES_WITHIN)
        return in_json(usage_structure(report, SCREEN))

    async def _watched(self, request: Request) -> Response:
        owner = owner_of_request(request)
        return await event_stream(self._feed, owner, lambda task: self._entry(owner, task))

    async def _told_by_file(self, request: Request) -> Response:
        content, size = await request.body(), size_asked(request.query_params)
        provenance = await to_thread.run_sync(told_by, file_sent(content, size))
        if provenance is None:
            return in_json({})
        try:
            await self._own(owner_of_request(request), provenance.task_id)
        except NotFound:
            known = {}
        else:
            known = {"known": True}
        return in_json(provenance_structure(Told(provenance, "file")) | known)

    async def _thumbnail(self, request: Request) -> Response:
        task = await self._own(owner_of_request(request), request.path_params["task_id"])
        index = request.path_params["index"]
        result = next((one for one in task.results if str(one.index) == index), None)
        small = await self._thumbnails.of(task, result) if result else None
        if small is None:
            return no_file()
        etag = f'"{small.name}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={**_PICTURES, "etag": etag})
        return Response(small.content, media_type=small.mime_type, headers={**_PICTURES, "etag": etag})

    async def _own(self, owner: Owner, task_id: str) -> Task:
        """Returns an owner's task by our id: the gateway's leads nowhere here, as of files."""
        task = await self._app.service.find(owner, task_id)
        if task.task_id != task_id:
            raise NotFound("There is no such task.")
        return task

    def _entry(self, owner: Owner, task: Task) -> dict[str, Any]:
        return entry_of(self._app, task, on_disk=owner.is_here)


def gallery_routes(app: App, *, takes_files: bool = False) -> list[BaseRoute]:
    """Returns the routes of a page of pictures; from then on changes of this process are told at once."""
    feed = Feed(app.store)
    app.changes.listen(feed.hear)
    app.changes.listen_elsewhere(feed.hear)
    return Gallery(app, feed, takes_files=takes_files).routes()


def _asked(answer: Answer) -> Answer:
    """Returns what answers a question, whose errors are told as answers; never to a page of another site."""

    async def guarded(request: Request) -> Response:
        if is_foreign(request):
            return _refused(403, "A page of another site asks for this.")
        return await _answer(answer, request)

    return guarded


def _offering(answer: Answer) -> Answer:
    """Returns what answers a question that only matters to whoever may make something."""

    async def guarded(request: Request) -> Response:
        if not owner_of_request(request).scope.includes(Scope.GENERATE):
            return _refused(403, _ONLY_READS)
        return await answer(request)

    return _asked(guarded)


def _sent(answer: Answer) -> Answer:
    """Returns what answers something that is sent, whatever its sender may do: it changes nothing."""

    async def guarded(request: Request) -> Response:
        if not may_change(request):
            return _refused(403, "Files are read for this server's own page, or with the header X-Apixo-Mcp.")
        return await _answer(answer, request)

    return guarded


def _changing(answer: Answer) -> Answer:
    """Returns what changes something, for whoever may, and for no page of another origin."""

    async def guarded(request: Request) -> Response:
        if not may_change(request):
            return _refused(403, "Changes are made by this server's own page, or with the header X-Apixo-Mcp.")
        if not owner_of_request(request).scope.includes(Scope.GENERATE):
            return _refused(403, _ONLY_READS)
        return await _answer(answer, request)

    return guarded


async def _answer(answer: Answer, request: Request) -> Response:
    try:
        return await answer(request)
    except ApixoError as error:
        status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)
        return _refused(status, "There is no such task." if status == 404 else error_text(error, SCREEN))


def _refused(status: int, words: str) -> Response:
    """Returns the answer to what is not done."""
    return in_json({"error": words}, status)


def _is_at_screen(request: Request, owner: Owner) -> bool:
    return owner.is_here and is_neighbour(request.scope)
