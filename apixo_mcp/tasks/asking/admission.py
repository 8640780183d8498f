"""Where money moves: what lets a paid submit begin.

Waits for an equal call that may still be open: a part of delivery, which `tasks.asking.delivery` tells whole.

A request that says `last` is admitted in two steps, since what it means depends on whether it is a repeat:

    each draft that repeats an unanswered call ──► taken up, in the transaction that would have made it new, or thrown
                                                   away unsent
    none was taken up ──► drafted with what `last` is by then, and bought as any other; where that is a guess, only
                          taken up under its own key
"""

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Literal

import anyio

from apixo_mcp.errors import InvalidInput, MissingKey, Problem
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.generation import NextAction
from apixo_mcp.tasks.alerts import tell_alerts
from apixo_mcp.tasks.asking.delivery import VOUCHED_FOR, WANTED_UNTIL, Call, Delivery
from apixo_mcp.tasks.asking.drafts import Drafted, Drafts
from apixo_mcp.tasks.asking.request import GenerationRequest, Prospect, Quote, Submission
from apixo_mcp.tasks.budget import Allowance, Budget, Verdict, decide, fitting, is_own, reason, together
from apixo_mcp.tasks.changes import ref_of
from apixo_mcp.tasks.owner import Owner
from apixo_mcp.tasks.ports.engine import Engine
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.ports.terms import Admitted, Terms
from apixo_mcp.tasks.purchase import purchase_fingerprint
from apixo_mcp.tasks.task import Task
from apixo_mcp.telemetry.facts import PurchaseRefused, TaskAdmitted, Telemetry

ASK_AGAIN_AFTER = 0.5  # whether the process lives that an equal request is awaited in
UNDER_WAY = 0.1  # seconds in which calls that are sent together have all come
LEAVING_TAKES = 1.2  # seconds until a call of this process whose caller has gone is sure to have noticed


class Admission:
    """Takes a new task on, within the owner's budget and that of all, and never twice.

    The one place that lets a paid submit begin. Whether it, and each further attempt after a failure that passes, may
    leave on the day on which its turn comes is asked in `Store.mark_sent`.

    Args:
        budget: of all owners together; that of an owner's own is read where money is decided on.
        attempts: up to how many may be made of a task (setting `APIXO_MCP_AUTO_RETRY`, and one).
    """

    def __init__(
        self,
        *,
        drafts: Drafts,
        store: Store,
        engine: Engine,
        delivery: Delivery,
        budget: Budget,
        attempts: int,
        telemetry: Telemetry,
    ) -> None:
        self._drafts = drafts
        self._budget = budget
        self._attempts = attempts
        self._telemetry = telemetry
        self._store = store
        self._engine = engine
        self._delivery = delivery
        self._turn = anyio.Lock()  # two calls that repeat others must not both join the task of the same one

    @asynccontextmanager
    async def asking(self, request: GenerationRequest) -> AsyncGenerator[Submission | Quote]:
        """Stores the intents, or finds the tasks that this request has already; the background then sends them.

        Whatever becomes of the caller, the tasks go on. It is noted whether the caller got the answer: the same
        request of one that did not adopts the tasks. The answer counts as given when the context ends, unless the
        submission's call was handed over.

        Raises:
            InvalidInput: it is not valid, the budget does not allow it, or its idempotency key names another request.
                Nothing was stored, sent or spent.
            MissingKey: the model's gateway has no key.
        """
        async with self._delivery.open(request.origin) as call:
            found = await self._earlier(request, call, "take_up")
            submission = found or await self._buy(await self._drafts.draft(request), call, request)
            if isinstance(submission, Submission):
                call.task_ids = tuple(task.task_id for task in submission.tasks)
                seconds = round(time.monotonic() - call.origin.at, 3)
                for task in submission.tasks:
                    self._telemetry.emit(TaskAdmitted(ref_of(task), submission.how, seconds))
                if submission.how == "new":
                    self._drafts.forget_told()
            yield submission

    async def _earlier(
        self, request: GenerationRequest, call: Call, may: Literal["take_up", "look"]
    ) -> Submission | None:
        """Finds the purchase that a request repeats as `last` was to be understood then; None where there is none."""
        for draft in await self._drafts.repeats(request):
            _ask_for_key(draft)
            admitted, after = await self._admitted(draft.tasks, call, request, may)
            if submission := _taken_up(draft, admitted, call, after):
                return submission
        return None

    async def _buy(self, draft: Drafted, call: Call, request: GenerationRequest) -> Submission | Quote:
        _ask_for_key(draft)
        tasks = draft.tasks
        admitted, after = await self._admitted(tasks, call, request, "take_up" if draft.unclear else "buy")
        if draft.unclear and admitted.how != "same_key":
            raise draft.unclear
        if admitted.how == "same_key" and not (submission := _taken_up(draft, admitted, call, after)):
            submission = await self._under_key(draft, admitted.task, call, request, "take_up")
            # Where the key has become free meanwhile, what it stood for was never sent.
            return submission or await self._buy(await self._drafts.draft(request), call, request)
        match admitted.how:
            case "ask_first":
                return self._quote(draft)
            case "new":
                return Submission(admitted.tasks, "new", call)
            case "same_key" | "adopted" | "joined":
                submission = _taken_up(draft, admitted, call, after)
                assert submission is not None
                return submission
            case "awaited" | "none":
                raise AssertionError("that is waited for, or bought")
            case verdict:
                self._telemetry.emit(PurchaseRefused(tasks[0].owner, tasks[0].model, tasks[0].gateway, verdict))
                why = _why_not(verdict, tasks, admitted.limits)
                then = NextAction.RAISE_LIMIT if is_own(admitted.limits, _usd(tasks), len(tasks)) else None
                if len(tasks) == 1:
                    raise InvalidInput([Problem("model", tasks[0].model, why, next_action=then)])
                fits = _fits(tasks, admitted.limits)
                how_many = f"the first {fits} of them alone would be within it" if fits else "not even one would be"
                named = f"{len(tasks)} tasks of {tasks[0].model}"
                raise InvalidInput([Problem(named, "", f"{why}; {how_many}", next_action=then)])

    async def _under_key(
        self, draft: Drafted, earlier: Task, call: Call, request: GenerationRequest, may: Literal["take_up", "look"]
    ) -> Submission | None:
        """Finds the purchase under a key whose call meant another one by `last` than this request would mean now.

        Raises:
            InvalidInput: the key names another request.
        """
        repeat = await self._drafts.repeat_of(request, earlier)
        if repeat is not None:
            admitted, after = await self._admitted(repeat.tasks, call, request, may)
            return _taken_up(repeat, admitted, call, after)
        task = draft.tasks[0]
        is_elsewhere = (earlier.base_url, earlier.key_print) != (task.base_url, task.key_print)
        other = "another API key or address of the gateway" if is_elsewhere else "other arguments"
        allowed = f"already used for task {earlier.task_id} with {other}; use another key"
        raise InvalidInput([Problem("idempotency_key", task.idempotency_key, allowed)])

    def _quote(self, draft: Drafted) -> Quote:
        limit = self._budget.confirm_above_usd or 0.0
        fingerprint, model = purchase_fingerprint(draft.tasks), draft.tasks[0].model
        return Quote(model, fingerprint, _usd(draft.tasks), limit, self._attempts, len(draft.tasks), draft.last)

    async def prospect(self, request: GenerationRequest) -> Prospect:
        """Tells what a request would be, and what the owner's limits say to it; it counts as quoted from then on.

        Raises:
            InvalidInput: it is not valid, or its idempotency key names another request.
        """
        async with self._delivery.open(request.origin) as call:
            found = await self._earlier(request, call, "look")
            draft = await self._drafts.draft(request) if found is None else None
            if draft is not None and draft.tasks[0].key_print:
                found = await self._seen(draft, call, request)
            if draft is not None and draft.unclear and found is None:
                raise draft.unclear
        limits = await self._store.limits(request.owner, self._budget)
        if found is not None:
            return Prospect(found.tasks, self._quote(Drafted(found.tasks)), "within", takes_up=found.notes)
        assert draft is not None
        tasks, quote = draft.tasks, self._quote(draft)
        verdict = decide(limits, quote.usd, posts=len(tasks), confirmed=False)
        why = "" if verdict in ("within", "ask_first") else _why_not(verdict, tasks, limits)
        await self.quoted(request.owner, quote)
        return Prospect(tasks, quote, verdict, why, fits=_fits(tasks, limits) if why else 0)

    async def _seen(self, draft: Drafted, call: Call, request: GenerationRequest) -> Submission | None:
        """Finds what the purchase of a draft would take up in place of making anything new."""
        admitted, after = await self._admitted(draft.tasks, call, request, "look")
        if (submission := _taken_up(draft, admitted, call, after)) or admitted.how != "same_key":
            return submission
        return await self._under_key(draft, admitted.task, call, request, "look")

    async def quoted(self, owner: Owner, quote: Quote) -> None:
        """Notes that the owner was told a quote: a yes to it, given with the very same call, counts for a while."""
        # A yes that is on its way already was said to nothing: it comes before the quote is made.
        await anyio.sleep(UNDER_WAY)
        await self._store.quote(owner, quote.fingerprint, quote.agreement)

    async def declined(self, owner: Owner, quote: Quote) -> None:
        """Notes that the owner said no to a quote: a yes to an earlier one of the same call does not count any more."""
        await self._store.forget_quote(owner, quote.fingerprint)

    async def _admitted(
        self, tasks: Sequence[Task], call: Call, request: GenerationRequest, may: Literal["buy", "take_up", "look"]
    ) -> tuple[Admitted, float]:
        """Has the store admit tasks, once it is sure whether an equal request is still waited for.

        One that only looks does not wait for that.

        Returns:
            What became of them, and how many seconds after the call that it repeats this one came; 0: it repeats none.
        """
        alive: frozenset[str] = frozenset()
        agreed, quoted = request.agreed, purchase_fingerprint(tasks)
        tasks = [replace(task, asked_by=call.name) for task in tasks]
        while True:
            async with self._turn:
                repeated = self._delivery.repeated_by(call)
                terms = Terms(
                    budget=self._budget,
                    confirmed=request.confirmed,
                    only_as_quoted=request.only_as_quoted,
                    seen=request.seen,
                    open_for=lambda: time.monotonic() - call.origin.at,
                    # What was agreed to is that very request: `last` may mean another file since.
                    agreed=agreed.agreement if agreed and agreed.fingerprint == quoted else None,
                    quoted=quoted,
                    process=self._delivery.process,
                    waiting=self._delivery.open_names,
                    alive=alive,
                    repeated=frozenset(repeated),
                    vouched_for=VOUCHED_FOR,
                    wanted_for=WANTED_UNTIL,
                    allows=self._drafts.allows,
                    may=may,
                )
                admitted = await self._store.admit(tasks, terms)
                if admitted.how == "joined" and may != "look":
                    call.task_ids = tuple(task.task_id for task in admitted.tasks)
            tell_alerts(self._telemetry, admitted.alerts)
            if admitted.how == "new":
                for task in tasks:
                    self._engine.wake(task.task_id, time.time())
            if admitted.how != "awaited" or may == "look":
                return admitted, repeated.get(admitted.task.task_id, 0.0) if admitted.how == "joined" else 0.0
            alive |= await self._outlived(admitted.task)

    async def _outlived(self, earlier: Task) -> frozenset[str]:
        """Returns the calls that turn out to be waited for still: that of an earlier task, and others with it."""
        if earlier.asked_by in (waiting := self._delivery.open_names):
            await self._delivery.ended(earlier.asked_by, LEAVING_TAKES)
            return waiting & self._delivery.open_names
        # Its process vouches for it every moment if it lives; if it does not, its task is adopted.
        await anyio.sleep(ASK_AGAIN_AFTER)
        now = await self._store.get(earlier.task_id)
        is_alive = now is not None and now.asked_by == earlier.asked_by and now.asked_until > earlier.asked_until
        return frozenset({earlier.asked_by}) if is_alive else frozenset()


def _usd(tasks: Sequence[Task]) -> float | None:
    return together(task.estimate_usd for task in tasks)


def _why_not(verdict: Verdict, tasks: Sequence[Task], limits: Sequence[Allowance]) -> str:
    return reason(verdict, limits, _usd(tasks), tasks[0], len(tasks))


def _fits(tasks: Sequence[Task], limits: Sequence[Allowance]) -> int:
    return fitting(limits, [task.estimate_usd for task in tasks])


def _ask_for_key(draft: Drafted) -> None:
    """Refuses a draft whose gateway has no key.

    Raises:
        MissingKey: it has none.
    """
    if not draft.tasks[0].key_print:
        listing = GATEWAYS[draft.tasks[0].gateway]
        raise MissingKey(listing.key_variable, listing.site)


def _taken_up(draft: Drafted, admitted: Admitted, call: Call, after: float) -> Submission | None:
    """Returns the earlier purchase that a draft turned out to be; None where it is none, or another under its key."""
    how = admitted.how
    if how not in ("same_key", "adopted", "joined") or admitted.task.fingerprint != draft.tasks[0].fingerprint:
        return None
    notes = (draft.last,) if draft.last and draft.last not in admitted.task.notes else ()
    return Submission(admitted.tasks, how, call, after, notes)
