"""The files of results over HTTP, for the owner of their task and for whoever has a link."""

from contextlib import suppress

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from apixo_mcp.app import App
from apixo_mcp.errors import NotFound
from apixo_mcp.media.files import PlaceTrouble
from apixo_mcp.media.served import OpenedFile, opened_result
from apixo_mcp.outside.file_answer import SAFE, FileAnswer
from apixo_mcp.outside.object_store import callers_reach_store
from apixo_mcp.owners.entrance import Entrance
from apixo_mcp.server.caller import owner_of_request
from apixo_mcp.server.http.neighbours import is_neighbour
from apixo_mcp.server.http.paths import FILES
from apixo_mcp.server.links import LINKS, ResultLinks, link_name, read_link
from apixo_mcp.tasks.task import TERMINAL, FileState, Result, State, Task

_OWN = {**SAFE, "cache-control": "private, no-cache", "cross-origin-resource-policy": "same-origin"}
"""Asked for anew each time, which the etag makes cheap: its owner may have been revoked meanwhile."""

_LINKED = {**SAFE, "cache-control": "private, no-cache", "cross-origin-resource-policy": "cross-origin"}
"""A link may be shown in a page of another: a chat shows pictures by their links."""

_SOON = 3  # seconds after which to ask again for what is being saved
_LATER = 60  # the same for what cannot be reached
_STRAIGHT_LASTS = 300.0
"""Seconds in which the address that a link leads on to must be asked; a transfer that has begun goes on."""


def file_routes(app: App, entrance: Entrance) -> list[Route]:
    """Returns the routes of the files.

    Args:
        app: has them.
        entrance: knows for whom links are good no longer.
    """

    async def own_file(request: Request) -> Response:
        task_id, index = request.path_params["task_id"], request.path_params["index"]
        try:
            task = await app.service.find(owner_of_request(request), task_id)
        except NotFound:
            return no_file()
        if task.task_id != task_id:  # it is found by the gateway's id too
            return no_file()
        return await answer_with(app, task, index)

    async def linked_file(request: Request) -> Response:
        token = read_link(request.path_params["token"])
        task = await app.store.get(token.task_id) if token else None
        result = next((one for one in task.results if token and one.index == token.index), None) if task else None
        if token is None or task is None or result is None or not links.is_proved(token, task, result):
            return no_file()
        if link_name(result) != request.path_params["name"] or await entrance.is_gone(task.owner):
            return no_file()
        if token.is_over:
            return in_plain_words(410, "This link was good for an hour, which is over. Ask for a new one.")
        if request.method == "GET" and (elsewhere := await _straight_link(app, result, request)):
            return RedirectResponse(elsewhere, 307, {**SAFE, "cache-control": "no-store"})
        return await answer_with(app, task, str(result.index), is_linked=True)

    links = ResultLinks(app.seal)
    return [
        Route(f"{FILES}{{task_id}}/{{index}}", own_file, methods=["GET"]),
        Route(f"{LINKS}{{token}}/{{name}}", linked_file, methods=["GET"]),
    ]


async def answer_with(app: App, task: Task, index: str, *, is_linked: bool = False) -> Response:
    """Answers with the file of a result; or says why there is none, and whether there will be.

    Args:
        is_linked: whether it is for whoever has a link: then it is what was saved, and no other file of its name.
    """
    result = next((one for one in task.results if str(one.index) == index), None)
    if result is None or result.file is not FileState.SAVED:
        return _without_file(task, result)
    try:
        file = await app.reading.run(opened_result, app.files, result.path, afterwards=_close)
    except PlaceTrouble:
        return _away()
    except OSError:
        return _moved()
    if is_linked and file.size != result.bytes:
        file.content.close()
        return _moved()
    return FileAnswer(file, _LINKED if is_linked else _OWN)


async def _straight_link(app: App, result: Result, request: Request) -> str:
    """Returns an address at which whoever asks gets a file from where it is kept; empty where it comes through here.

    It is made anew each time: one that was signed with the key of a role ends with that.
    """
    if app.space is None or result.file is not FileState.SAVED:
        return ""
    if not callers_reach_store(is_near=is_neighbour(request.scope)):
        return ""
    with suppress(PlaceTrouble):
        size = await app.reading.run(app.files.size, result.path)
        if size is not None and size == result.bytes:
            return await app.reading.run(app.files.link, result.path, _STRAIGHT_LASTS)
    return ""


def _close(file: OpenedFile | None) -> None:
    if file is not None:
        file.content.close()


def no_file() -> Response:
    """Returns the one answer about all that is not there, or not for whoever asks."""
    return in_plain_words(404, "There is no such file.")


def in_plain_words(status: int, sentence: str) -> Response:
    """Returns an answer in words."""
    return PlainTextResponse(f"{sentence}\n", status, SAFE)


def _away() -> Response:
    answer = in_plain_words(503, "Where the file is kept cannot be reached just now. Ask again in a minute.")
    answer.headers["retry-after"] = str(_LATER)
    return answer


def _moved() -> Response:
    return in_plain_words(410, "The file is no longer where it was saved.")


def _without_file(task: Task, result: Result | None) -> Response:
    if result is None:
        if task.results or task.state in (TERMINAL - {State.SUCCESS}):
            return no_file()
        return _later("The task has not ended yet, so that there is no file. Ask again when it has.")
    match result.file:
        case FileState.SAVING:
            return _later("The file is being saved. Ask again in a few seconds.")
        case FileState.EXPIRED:
            return in_plain_words(410, "The gateway no longer had the file when it was to be saved. Generate it anew.")
        case FileState.FAILED:
            return in_plain_words(
                409, "The file could not be saved yet. Ask for its download; then it is fetched again."
            )
        case _:
            return no_file()  # an id, and no file


def _later(sentence: str) -> Response:
    answer = in_plain_words(409, sentence)
    answer.headers["retry-after"] = str(_SOON)
    return answer
