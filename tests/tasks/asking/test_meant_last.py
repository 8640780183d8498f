"""What a call buys that says `last` again, after an equal call about an older picture was given up: one table.

In each cell a client makes picture A and asks for an edit of it that it gives up, then makes picture B, and then says
the same words about `last`, which is B. The earlier edit may only be taken up; whatever is bought is an edit of B.
"""

import hashlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Literal, get_args

import pytest
from support.asking import submit
from support.media_wire import a_png
from support.task_steps import Start

from apixo_mcp.app import App
from apixo_mcp.errors import InvalidInput
from apixo_mcp.tasks.asking.repeats import Origin
from apixo_mcp.tasks.asking.request import GenerationRequest, Quote, Submission
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.tasks.task import HEARD_BY_ALL, Attempt, Failure, FileState, Result, State, Task, new_task_id

pytestmark = pytest.mark.anyio

GivenUp = Literal["open", "lost", "lost and done", "answered", "failed", "refused", "cancelled"]
Client = Literal["same session", "same name", "reconnected", "another session", "newcomer", "another name"]

Fate = Literal["open", "lost", "died", "given", "told", "told there", "told elsewhere"]
"""What became of the answer about an edit that is done: `died` with its process; `told`: lost, but named later over the
same line; `there`: over another one of the same client, if it has any; `elsewhere`: to another client."""

BROKEN = Failure(code="X", category="unknown", message="no", advice="", retryable=False, charged="unknown")
REFUSED = replace(BROKEN, charged="no")
STATES: tuple[GivenUp, ...] = get_args(GivenUp)
CLIENTS: tuple[Client, ...] = get_args(Client)
FATES: tuple[Fate, ...] = get_args(Fate)
OWN: tuple[Client, ...] = ("same session", "same name", "reconnected")
LIMIT = 0.001
PICTURE = a_png()
PRINT = hashlib.sha256(PICTURE).hexdigest()
NIGHT = "at night"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One row of the table.

    Attributes:
        state: of the edit of A as the call comes again.
        client: that comes again.
        said: how the edit that was given up named A.
        key: of the call that comes again; the first one has a key where that is the same.
        several: whether it is a purchase of two prompts.
        confirm: whether a yes is asked for.
    """

    state: GivenUp
    client: Client = "same session"
    said: Literal["last", "id", "path"] = "last"
    key: Literal["", "same", "new"] = ""
    several: bool = False
    confirm: bool = False

    @property
    def outcome(self) -> Literal["A", "B", "refused"]:
        """Which picture the purchase is an edit of that the call ends with; `A`: that of before, and nothing new."""
        if self.key == "same":
            if self.state in ("refused", "cancelled"):
                return "B"  # nothing was charged, and the key is free again
            return "A" if self.said == "last" else "refused"
        is_own = self.client in OWN
        is_repeat = not self.key and is_own and self.said == "last" and self.state in ("open", "lost", "lost and done")
        # An open call over another connection lives: both calls are meant.
        return "A" if is_repeat and (self.state, self.client) != ("open", "reconnected") else "B"


def first_origin(client: Client, since: float = 0.0) -> Origin:
    at = time.monotonic() + since
    connection = "" if client in ("same name", "another name") else "one"
    return Origin(connection=connection, client="a chat", at=at, since=at)


def later_origin(client: Client) -> Origin:
    origin = first_origin(client, since=3.0)
    match client:
        case "same session" | "same name":
            return origin
        case "reconnected":
            return replace(origin, connection="two")
        case "another session" | "newcomer":
            return replace(origin, connection="two", client="another chat")
        case "another name":
            return replace(origin, client="another chat")


def call_over(origin: Origin) -> str:
    return f"a process/{origin.connection}/{origin.mark}/{new_task_id()}"


def origin_of_b(client: Client) -> Origin:
    """Whoever says `last` has made B, but for those whose session has nothing of its own."""
    if client in ("reconnected", "newcomer"):
        return replace(first_origin(client), connection="three", client="a third chat")
    return later_origin(client)


@dataclass(frozen=True, slots=True)
class Scene:
    """Pictures of one owner in one program."""

    app: App
    cell: Cell
    owner: Owner

    async def picture(self, name: str, origin: Origin, before: float) -> Task:
        """Adds a finished picture, whose answer was given over a connection."""
        wanted = GenerationRequest(owner=self.owner, model="nano-banana", arguments={"prompt": name})
        [drafted] = (await self.app.drafts.draft(wanted)).tasks
        path = self.app.settings.download_dir / f"{drafted.task_id}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PICTURE)
        saved = Result(index=0, kind="image", file=FileState.SAVED, path=str(path), bytes=len(PICTURE), sha256=PRINT)
        result = replace(saved, url=f"https://files.example.com/{drafted.task_id}.png", mime_type="image/png")
        task = replace(
            drafted,
            created_at=time.time() - before,
            state=State.SUCCESS,
            due=None,
            results=(result,),
            answer="given",
            asked_by=call_over(origin),
            heard_by=" ".join(origin.hearer.words),
        )
        await self.app.store.add([task])
        return task

    async def edited(self, request: GenerationRequest, fate: Fate) -> Task:
        """Adds a finished edit, whose answer became what the fate says."""
        [drafted] = (await self.app.drafts.draft(request)).tasks
        assert request.origin is not None
        result = Result(index=0, url=f"https://files.example.com/{drafted.task_id}.png", mime_type="image/png")
        task = replace(
            drafted,
            state=State.SUCCESS,
            due=None,
            results=(replace(result, file=FileState.FAILED),),
            answer="awaited" if fate in ("open", "died") else "lost",
            asked_by=call_over(request.origin),
            asked_until=time.time() + (50 if fate == "open" else -1),
        )
        await self.app.store.add([task])
        match fate:
            case "given":
                await self.app.store.mark_answer([task.task_id], task.asked_by, "given")
            case "told":
                await self.app.store.mark_heard([task.task_id], request.origin.hearer)
            case "told there":
                there = replace(request.origin, connection=request.origin.connection and "four")
                await self.app.store.mark_heard([task.task_id], there.hearer)
            case "told elsewhere":
                elsewhere = replace(request.origin, connection="five", client="a fifth chat")
                await self.app.store.mark_heard([task.task_id], elsewhere.hearer)
            case "open" | "lost" | "died":
                pass
        return task

    def edit(
        self, reference: str, origin: Origin, key: str = "", words: str = NIGHT, **given: Any
    ) -> GenerationRequest:
        prompts = (words, "at noon") if self.cell.several else ()
        prompt = {} if prompts else {"prompt": words}
        return GenerationRequest(
            owner=self.owner,
            model="nano-banana",
            arguments={**prompt, "image_urls": [reference]},
            prompts=prompts,
            origin=origin,
            idempotency_key=key,
            **given,
        )

    async def given_up(self, request: GenerationRequest, stack: AsyncExitStack) -> tuple[Task, ...]:
        """Buys what is given up, and has it be as the cell says."""
        agreed: Quote | None = None
        if self.cell.confirm:
            async with self.app.admission.asking(request) as quote:
                assert isinstance(quote, Quote)
                agreed = quote
        request = replace(request, agreed=agreed)
        if self.cell.state == "open":
            bought = await stack.enter_async_context(self.app.admission.asking(request))
        elif self.cell.state == "answered":
            async with self.app.admission.asking(request) as bought:
                pass
        else:
            bought = await submit(self.app, request)
        assert isinstance(bought, Submission)
        for task in bought.tasks:
            await self._comes_to_be(task)
        return bought.tasks

    async def _comes_to_be(self, task: Task) -> None:
        store = self.app.store
        match self.cell.state:
            case "cancelled":
                await store.request_cancel(task.task_id)
            case "failed" | "refused":
                failure = REFUSED if self.cell.state == "refused" else BROKEN
                key = "" if self.cell.state == "refused" else task.idempotency_key
                ended = replace(task, state=State.FAILED, failure=failure, due=None, idempotency_key=key)
                assert await store.commit(task, ended)
            case "open" | "lost":
                await self._sent(task)
            case "lost and done" | "answered":
                task = await self._sent(task)
                url = f"https://files.example.com/{task.task_id}.png"
                result = Result(index=0, url=url, kind="image", file=FileState.SAVED, path="/gone.png")
                done = replace(task, state=State.SUCCESS, results=(result,), due=None)
                assert await store.commit(task, done)

    async def _sent(self, task: Task) -> Task:
        remote_id = f"remote {task.task_id}"
        attempts = (Attempt(sent_at=time.time(), remote_id=remote_id),)
        sent = replace(task, state=State.PENDING, remote_id=remote_id, attempts=attempts, sent_at=time.time())
        assert await self.app.store.commit(task, sent)
        return sent

    async def count(self) -> int:
        """Counts what was bought: each is one POST."""
        return len(await self.app.store.page(self.owner, TaskQuery(limit=100)))


class AtThisMachine(Owner):
    """An owner of one scene alone, whose paths are read as those of this machine's owner."""

    @property
    def is_here(self) -> bool:
        return True


@asynccontextmanager
async def scene(app: App, cell: Cell) -> AsyncIterator[tuple[Scene, Task, Task, tuple[Task, ...]]]:
    """Sets the stage of a cell: A, its edit that was given up, and B."""
    here = Scene(app, cell, AtThisMachine(f"owner {new_task_id()}"))
    async with AsyncExitStack() as stack:
        a = await here.picture("picture A", first_origin(cell.client), before=30)
        named = {"last": "task:last/0", "id": f"task:{a.task_id}/0", "path": a.results[0].path}[cell.said]
        key = "k" if cell.key == "same" else ""
        edits = await here.given_up(here.edit(named, first_origin(cell.client), key), stack)
        # B is newer than whatever the edit made.
        b = await here.picture("picture B", origin_of_b(cell.client), before=-1)
        yield here, a, b, edits


def all_cells() -> Iterator[Cell]:
    for state, client, said in product(STATES, CLIENTS, ("last", "id", "path")):
        yield Cell(state=state, client=client, said=said)
    for state, client, said, key in product(STATES, CLIENTS[::5], ("last", "id"), ("same", "new")):
        yield Cell(state=state, client=client, said=said, key=key)
    for state, client, key in product(STATES, CLIENTS[::5], ("", "same", "new")):
        yield Cell(state=state, client=client, key=key, several=True)


CELLS = tuple(all_cells())


def inputs_of(tasks: tuple[Task, ...]) -> set[str]:
    return {url for task in tasks for url in task.inputs["image_urls"]}


async def check(app: App, cell: Cell) -> None:
    async with scene(app, cell) as (here, a, b, edits):
        before = await here.count()
        key = {"": "", "same": "k", "new": "n"}[cell.key]
        again = here.edit("task:last/0", later_origin(cell.client), key)
        if cell.outcome == "refused":
            with pytest.raises(InvalidInput, match="other arguments"):
                async with app.admission.asking(again):
                    pass
            with pytest.raises(InvalidInput, match="other arguments"):
                await app.admission.prospect(again)
            assert await here.count() == before
            return
        prospect = await app.admission.prospect(again)
        assert await here.count() == before
        async with app.admission.asking(again) as bought:
            pass
        if isinstance(bought, Quote):
            assert cell.confirm
            assert cell.outcome == "B"
            assert bought.last == f"task:last is {b.task_id} (picture B)."
            assert await here.count() == before
            async with app.admission.asking(replace(again, agreed=bought)) as bought:
                pass
        else:
            assert not cell.confirm or cell.outcome == "A"
        assert isinstance(bought, Submission)
        notes = " ".join((*bought.notes, *bought.task.notes))
        if cell.outcome == "A":
            assert [task.task_id for task in bought.tasks] == [task.task_id for task in edits]
            assert await here.count() == before
            assert prospect.takes_up is not None
            assert [task.task_id for task in prospect.tasks] == [task.task_id for task in edits]
            assert f"task:last is {a.task_id} (picture A), as when" in notes
            assert b.task_id in notes
        else:
            assert bought.how == "new"
            assert inputs_of(bought.tasks) == {b.results[0].url}
            assert await here.count() == before + len(edits)
            assert prospect.takes_up is None
            assert inputs_of(prospect.tasks) == {b.results[0].url}
            assert f"task:last is {b.task_id} (picture B)" in notes
            assert prospect.quote.last.startswith(f"task:last is {b.task_id} (picture B)")


@pytest.mark.parametrize("state", STATES)
async def test_the_same_words_about_last_take_up_what_was_given_up_or_buy_an_edit_of_the_newest(
    start: Start, state: GivenUp
):
    async with start(follow=False) as app:
        for cell in CELLS:
            if cell.state == state:
                try:
                    await check(app, cell)
                except Exception as error:
                    raise AssertionError(cell) from error


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("several", [False, True], ids=["one", "several"])
async def test_where_a_yes_is_asked_for_it_is_one_to_the_picture_that_is_named(
    start: Start, state: GivenUp, several: bool
):
    async with start(follow=False, confirm_above_usd=LIMIT) as app:
        for client in ("same session", "another name"):
            for said in ("last", "id"):
                cell = Cell(state=state, client=client, said=said, several=several, confirm=True)
                try:
                    await check(app, cell)
                except Exception as error:
                    raise AssertionError(cell) from error


def picture_meant(fate: Fate, client: Client) -> Literal["A", "the edit", "refused"]:
    """What a purchase that says `last` is of, where an edit of A is the newest picture."""
    if fate in ("given", "told"):
        return "the edit"
    if client not in OWN:  # a client that has made nothing: the newest of the owner that anybody has heard of
        return "the edit" if fate in ("told there", "told elsewhere") else "refused"
    if fate == "told there":
        return "refused" if client == "same session" else "the edit"
    return "A" if fate in ("open", "lost") else "refused"


WAYS = ("other words", "a new key", "no key")
"""How a call differs from the one that made the edit: the last says the same without the key that one had."""


@pytest.mark.parametrize("fate", FATES)
async def test_what_is_bought_is_of_a_picture_that_its_caller_has_heard_of(start: Start, fate: Fate):
    async with start(follow=False) as app:
        for client, way in product(CLIENTS, WAYS):
            try:
                await check_heard(app, fate, client, way)
            except Exception as error:
                raise AssertionError((fate, client, way)) from error


async def check_heard(app: App, fate: Fate, client: Client, way: str) -> None:
    here = Scene(app, Cell(state="lost", client=client), AtThisMachine(f"owner {new_task_id()}"))
    a = await here.picture("picture A", first_origin(client), before=30)
    first = here.edit("task:last/0", first_origin(client), "k" if way == "no key" else "")
    edit = await here.edited(first, fate)
    words, key = ("by day" if way == "other words" else NIGHT), ("n" if way == "a new key" else "")
    again = here.edit("task:last/0", later_origin(client), key, words)
    before, meant = await here.count(), picture_meant(fate, client)
    if meant == "refused":
        for _ in range(2):  # that they are named in the refusal makes neither the last one
            with pytest.raises(InvalidInput, match=r"image_urls: .* no answer has told you of") as refused:
                async with app.admission.asking(again):
                    pass
            assert f"task:{edit.task_id}/0 (at night) or task:{a.task_id}/0 (picture A)" in str(refused.value)
        with pytest.raises(InvalidInput, match="no answer has told you of"):
            await app.admission.prospect(again)
        assert await here.count() == before
        return
    prospect = await app.admission.prospect(again)
    async with app.admission.asking(again) as bought:
        pass
    assert isinstance(bought, Submission)
    assert bought.how == "new"
    assert await here.count() == before + 1
    of = a if meant == "A" else edit
    assert inputs_of(bought.tasks) == inputs_of(prospect.tasks) == {of.results[0].url}
    notes = " ".join(bought.task.notes)
    assert f"task:last is {of.task_id}" in notes
    assert (f"Newer is {edit.task_id} (at night), which no answer has told of yet" in notes) == (meant == "A")
    assert ("both are charged" in notes) == (meant == "A" and way != "other words")


@pytest.mark.parametrize("fate", FATES)
async def test_the_same_call_under_its_key_gets_its_edit_whatever_was_heard_of(start: Start, fate: Fate):
    async with start(follow=False) as app:
        for client in CLIENTS:
            here = Scene(app, Cell(state="lost", client=client), AtThisMachine(f"owner {new_task_id()}"))
            await here.picture("picture A", first_origin(client), before=30)
            edit = await here.edited(here.edit("task:last/0", first_origin(client), "k"), fate)
            before = await here.count()
            async with app.admission.asking(here.edit("task:last/0", later_origin(client), "k")) as bought:
                pass
            assert isinstance(bought, Submission)
            assert (bought.how, bought.task.task_id) == ("same_key", edit.task_id), (fate, client)
            with pytest.raises(InvalidInput, match=r"other arguments|no answer has told"):
                async with app.admission.asking(here.edit("task:last/0", later_origin(client), "k", "by day")):
                    pass
            assert await here.count() == before


async def test_the_same_words_take_up_an_edit_of_a_named_picture_whose_process_died(start: Start):
    async with start(follow=False) as app:
        for client in OWN:
            here = Scene(app, Cell(state="lost", client=client), AtThisMachine(f"owner {new_task_id()}"))
            a = await here.picture("picture A", first_origin(client), before=30)
            edit = await here.edited(here.edit(f"task:{a.task_id}/0", first_origin(client)), "died")
            async with app.admission.asking(here.edit("task:last/0", later_origin(client))) as bought:
                pass
            assert isinstance(bought, Submission)
            assert (bought.how, bought.task.task_id) == ("adopted", edit.task_id), client


async def test_where_nobody_was_told_of_any_picture_each_is_named(start: Start):
    async with start(follow=False) as app:
        here = Scene(app, Cell(state="lost"), AtThisMachine("an owner"))
        wanted = GenerationRequest(
            owner=here.owner, model="nano-banana", arguments={"prompt": "a fox"}, origin=first_origin("same session")
        )
        fox = await here.edited(wanted, "lost")
        with pytest.raises(InvalidInput, match=f"give task:{fox.task_id}/3 \\(a fox\\)"):
            async with app.admission.asking(here.edit("task:last/3", first_origin("same session"))):
                pass


async def test_pictures_from_before_it_was_kept_count_as_heard_of(start: Start):
    async with start(follow=False) as app:
        here = Scene(app, Cell(state="lost"), AtThisMachine("an owner"))
        await here.picture("picture A", first_origin("same session"), before=30)
        old = await here.picture("picture B", origin_of_b("newcomer"), before=10)
        older = replace(old, task_id=new_task_id(), created_at=time.time(), heard_by=HEARD_BY_ALL, prompt="picture C")
        await app.store.add([older])
        for client in ("newcomer", "another name"):
            async with app.admission.asking(here.edit("task:last/0", later_origin(client), words=client)) as bought:
                pass
            assert isinstance(bought, Submission)
            assert bought.task.meant_last == older.task_id
