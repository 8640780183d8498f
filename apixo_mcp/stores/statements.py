"""Every statement of the store, with named parameters."""

from collections.abc import Iterable
from typing import Any

from apixo_mcp.stores.rows import COLUMNS
from apixo_mcp.tasks.ports.leases import LEASE_LASTS
from apixo_mcp.tasks.task import FOLLOWED


def list_of(values: Iterable[str]) -> tuple[str, dict[str, Any]]:
    """Returns the list that a column is compared with, and its parameters."""
    named: dict[str, Any] = {f"key{number}": value for number, value in enumerate(values)}
    return "(" + (", ".join(f":{name}" for name in named) or "null") + ")", named


# Adding and moving tasks

INSERT = f"insert into task ({', '.join(COLUMNS)}) values ({', '.join(f':{name}' for name in COLUMNS)})"

_OWN_VERBS = (
    "task_id owner created_at fingerprint inputs prompt cancel_requested answer fence "
    "asked_by asked_until asked_at wanted_until agreed_attempts lease_holder lease_until meant_last heard_by purchase "
    "place reached_at calls called_at due deleted_at"
)
_SET = ", ".join(f"{name} = :{name}" for name in COLUMNS if name not in _OWN_VERBS.split())
_DUE = """case when :state in ('pending', 'processing') and :due > called_at and called_at > :called_at
        then called_at else :due end"""
_IS_OURS = "task_id = :task_id and fence = :fence and state = :state_before"
_WRITE = f"""update task set {_SET},
    due = {_DUE},
    lease_holder = case when :lease_until = 0 then :lease_holder else lease_holder end,
    lease_until = case when :lease_until = 0 then 0 else lease_until end
  where {_IS_OURS}"""

# Each of its own, so that each has an index: as the present id, as one that waits to be confirmed, and of an earlier
# attempt of a task that goes on.
_SAME = "other.task_id <> :task_id and other.gateway = :gateway and other.base_url = :base_url"
_HOLDERS = (
    f"from task as other where {_SAME} and other.remote_id <> '' and other.remote_id = :claimed",
    f"from task as other where {_SAME} and other.named_id <> '' and other.named_id = :claimed",
    f"""from task as other where {_SAME} and other.key_print = :key_print
        and other.state in ('submitting', 'pending', 'processing') and instr(other.attempts, :quoted) > 0""",
)
_UNTAKEN = " ".join(f"and not exists (select 1 {holder})" for holder in _HOLDERS)

COMMIT = f"{_WRITE} returning task_id"
"""Writes a row of a task over the one that still has the fence and the state before.

Where a callback came since that was read, the next poll is due as it was put down for that.
"""

CLAIM = f"{_WRITE} {_UNTAKEN} returning task_id"
"""The same for a row that takes an id of the gateway, which no other may have."""

NOTE_POLL = f"""update task set state = :state, polls = :polls, tries = :tries, failure = :failure,
    updated_at = :updated_at, due = {_DUE}, lease_holder = '', lease_until = 0
  where {_IS_OURS} returning task_id"""
"""The same for a poll that brought nothing: of a row of fifty columns, those that it changes."""

MOVE_FILES = f"""update task set results = :results, fence = fence + 1
  where {_IS_OURS} and results = :as_read and deleted_at = 0 and due is null and lease_until = 0 returning task_id"""
"""Writes where files are over what was read; `updated_at`, by which they are kept, stays."""

REREAD = f"{_WRITE} and instr(failure, :code) > 0 returning task_id"
"""The same for a row that failed with this code."""

HOLDER = " union all ".join(f"select other.task_id, other.owner {holder}" for holder in _HOLDERS) + " limit 1"
"""Which other row has an id of the gateway."""

_UNSENT = "state = 'submitting' and sent_at is null"

CANCEL = f"""update task set cancel_requested = 1, updated_at = :now,
    due = case when {_UNSENT} then null else due end,
    completed_at = case when {_UNSENT} then :now else completed_at end,
    fence = case when {_UNSENT} then fence + 1 else fence end,
    idempotency_key = case when {_UNSENT} and attempts = '[]' then '' else idempotency_key end,
    state = case when {_UNSENT} then (case when attempts = '[]' then 'cancelled' else 'failed' end) else state end
  where task_id = :task_id and state not in ('success', 'failed', 'cancelled') returning *"""
"""Ends an unsent task. Its fence moves on, so that a process that was just about to send finds its claim gone."""

# Lookups tasks

GET = "select * from task where task_id = :task_id and deleted_at = 0"

GET_EACH = "select * from task where task_id in {task_ids} and deleted_at = 0"

IS_THERE = "select 1 from task where task_id = :task_id"
"""A task whose entry was deleted has its id still."""

FIND = "select * from task where task_id = :id and owner = :owner and deleted_at = 0"

FIND_BY_REMOTE = """select * from task where remote_id = :id and remote_id <> '' and owner || '' = :owner
    and deleted_at = 0
  order by created_at desc limit 1"""
"""By the gateway's id. What is put behind the owner keeps SQLite from going through all tasks of the owner for it."""

FIND_BY_ATTEMPT = """select * from task where owner = :owner and deleted_at = 0 and instr(attempts, :quoted) > 0
  order by created_at desc limit 1"""
"""By the gateway's id of an earlier attempt: rarely asked for, so without an index."""

SAVED_AT = """select * from task where owner = :owner and deleted_at = 0 and state = 'success'
    and instr(results, :quoted) > 0
  order by created_at desc limit 1"""
"""By the path of a saved file or by a result's URL: asked for where a caller gives a path, or a person looks at a task,
so without an index too."""

CHANGED_SINCE = "select * from task where updated_at >= :moment order by updated_at limit :limit"

DELETE_ENTRY = """update task set prompt = '', inputs = '{}', results = '[]', notes = :notes, failure = :failure,
    meant_last = '', answer = 'given', cancel_requested = 0, fence = fence + 1, deleted_at = :now, updated_at = :now
  where task_id = :task_id and fence = :fence and deleted_at = 0 and state in ('success', 'failed', 'cancelled')
    and due is null and lease_until = 0 and instr(results, '"file": "saving"') = 0
    and (answer = 'given' or created_at < :now - :adopted_for)
    and not exists (select 1 from kept where kept.task_id = task.task_id) returning task_id"""
"""An answer that is kept was paid for, and can be read anew: it holds the entry. So does a file that came in one, and
for a while a caller without an answer: the same call made again is to find the task, not to buy another."""

DUMP = "select * from task where task_id > :after order by task_id limit :limit"

LAST_OF_PAGE = """select max(task_id) as last from (
    select task_id from task where task_id > :after order by task_id limit :limit) as page"""

WITH_OLD_FILES = """select * from task where task_id > :after and task_id <= :last and state = 'success'
    and due is null and lease_until = 0 and updated_at < :now - :seconds and instr(results, '"path": "') > 0
  order by task_id"""
"""Tasks whose files are of an age, of one page. StorePart once an hour, so without an index."""

UNDER_KEY = "select * from task where owner = :owner and idempotency_key = :key and idempotency_key <> ''"

UNDER_KEY_OR_PLACES = """select * from task where owner = :owner and idempotency_key <> ''
    and (idempotency_key = :key or (idempotency_key > :at_place and idempotency_key < :behind))
  order by place limit 1"""
"""The first task that has a key, or a key at a place of its purchase."""

PURCHASE = "select * from task where owner = :owner and purchase = :purchase and purchase <> '' order by place"

UNANSWERED = """select * from task where fingerprint = :fingerprint and owner = :owner
    and (idempotency_key = '' or substr(idempotency_key, 1, length(:internal)) = :internal)
    and state not in ('failed', 'cancelled') and (created_at > :since and answer in ('lost', 'awaited')
      or instr(:repeated, '"' || task_id || '"') > 0)
  order by answer = 'given', answer = 'awaited' and asked_until > :now, created_at"""
"""The tasks of a request whose answer did not arrive, then those of calls that may be waited for.

Last are those that have told one call, while another that is open is repeated.
"""

EQUAL = """select * from task where fingerprint = :fingerprint and owner = :owner and created_at > :since
    and deleted_at = 0 and state not in ('failed', 'cancelled') order by created_at desc limit 1"""
"""The newest task that the same was asked for."""

OLD_UNSENT = f"select * from task where {_UNSENT} and created_at not between :now - :age and :now + :age"

PLACE = f"select count(*) as count from task where key_print = :key_print and {_UNSENT} and created_at < :created_at"

WITH_NEXT_STEP = "select task_id from task where due is not null and task_id in {task_ids}"

OPEN_COUNT = "select count(*) as count from task where due is not null and key_print in {keys}"

NEEDS_INPUT = """select 1 from task where (state = 'submitting'
    or (state in ('pending', 'processing') and due is not null)
    or (state = 'unknown' and coalesce(sent_at, created_at) > :now - :unknown_for)
    or completed_at > :now - :ended_within) and instr(inputs, :text) > 0 limit 1"""
"""Whether the input of a task that goes on, or did a moment ago, holds a text. Only for files that there are."""

# Leases, and when a next step is due

# That a POST was cut off takes no key to say: its owner may have another by now, and nobody this one again.
_IS_FOR = "(key_print in {keys} or (state = 'submitting' and sent_at is not null))"

DUE = f"""select task_id, due as due_at, lease_until from task where due <= :moment and {_IS_FOR}
  order by (lease_until <= :now or lease_until > :now + {LEASE_LASTS}) desc, due limit :limit"""

LEASE = f"select lease_until from task where task_id = :task_id and due <= :now and {_IS_FOR}"

TAKE = f"""update task set fence = fence + 1, lease_holder = :holder, lease_until = :now + :lasts
  where task_id = :task_id and due <= :now and (lease_until in (0, :over) or lease_holder = :holder) and {_IS_FOR}
  returning *"""
"""Claims a task that is free, or whose lease is the one that is over, or was left by a step of this very process."""

RENEW = """update task set lease_until = :now + :lasts
  where task_id = :task_id and lease_holder = :holder and lease_until > 0"""

RELEASE = "update task set lease_holder = '', lease_until = 0 where lease_holder = :holder"

STILL_SENDS = """update task set lease_until = :now + :lasts where task_id = :task_id and fence = :fence
  and lease_holder = :holder and state = 'submitting' and sent_at = :sent_at returning task_id"""

WAKE = f"""update task set due = :at where task_id = :task_id and (due is null or due > :at)
    and (state in ({", ".join(f"'{state}'" for state in sorted(FOLLOWED))}) or (state = 'success' and due is not null)
         or (state = 'unknown' and named_id <> '')) returning task_id"""

HOLD = """insert into lease values (:name, :holder, :now + :lasts) on conflict (name) do update
  set holder = :holder, until = :now + :lasts where lease.holder = :holder or lease.until = :over returning name"""

HELD = "select until from lease where name = :name"

LET_GO = "delete from lease where name = :name and holder = :holder"

# Calls and their answers

ASK = """update task set answer = 'awaited', asked_by = :asked_by, asked_until = :asked_until,
  wanted_until = :wanted_until, asked_at = :now, meant_last = coalesce(nullif(:meant_last, ''), meant_last)
  where task_id = :task_id"""

ANSWERED = """update task set answer = :answer, asked_by = coalesce(nullif(:then, ''), asked_by)
  where task_id = :task_id and asked_by = :call"""

HEARD_BY = "select asked_by, heard_by from task where task_id = :task_id"

HEAR = """update task set heard_by = :heard_by where task_id = :task_id and heard_by = :before returning task_id"""

VOUCH = "update task set asked_until = :now + :lasts where task_id = :task_id and asked_by = :call"

WANT = """update task set wanted_until = :now + :lasts where state in ('submitting', 'pending', 'processing')
  and substr(asked_by, 1, length(:asked)) = :asked returning task_id"""

# Money

SENT_ONCE = "state <> 'submitting' and sent_at is not null and attempts <> '[]' and instr(attempts, '}, {') = 0"
# Its only attempt left when the row says. Nearly every task is such a one, and its attempts need not be read.

_USD = "case when estimate_usd < 0 then 0 else estimate_usd end"
_ITS_SENT_AT = "coalesce(cast(json_extract(one.value, '$.sent_at') as double precision), counted_at)"
COUNTS_SINCE = f"counted_at >= :since and {SENT_ONCE}"
_POSTS = f"""
  select * from (
    select task_id, gateway, model, state, {_USD} as usd, sent_at as at, sent_at as left_at
    from task where {{whose}}{COUNTS_SINCE}{{but}}
    union all
    select task_id, gateway, model, state, {_USD}, {_ITS_SENT_AT}, {_ITS_SENT_AT}
    from task, json_each(case when json_valid(attempts) then attempts else '[{{}}]' end) as one
    where {{whose}}counted_at >= :since and not ({SENT_ONCE}) and attempts <> '[]'
    union all
    select task_id, gateway, model, state, {_USD}, coalesce(sent_at, counted_at), sent_at
    from task where {{whose}}counted_at >= :since and state = 'submitting'
  ) as post where at >= :since"""
"""The POSTs of an owner, or of all, since some moment that may cost something, with those that are still to leave.

Which these are: `Task.posts`. One that is to leave counts from when it was decided on. There is no upper end, so that
what was sent before the clock was set back still counts; and no estimate, be it a file's that was imported, takes
anything off the sum. The indexes hold all that is read.
"""

_OF_OWNER = _POSTS.replace("{but}", "").replace("{whose}", "owner = :owner and ")
_OF_ALL = _POSTS.replace("{but}", "").replace("{whose}", "")
_SPENT = """select coalesce(sum(usd), 0) as month_usd,
    coalesce(sum(case when at >= :today then usd else 0 end), 0) as usd,
    count(case when at >= :today then 1 end) as posts
  from ({posts}) as spent where not (left_at is null and task_id = :without)"""

SPENT = _SPENT.replace("{posts}", _OF_OWNER)
"""What an owner's POSTs since some moment add up to, and those of today among them."""

SPENT_BY_ALL = _SPENT.replace("{posts}", _OF_ALL)
"""The same of all owners."""

_DAY = "cast({} / 86400 as integer)"
_AT_ONCE = f"{SENT_ONCE} and {_DAY.format('counted_at')} = {_DAY.format('sent_at')}"
# Nearly every task is such a one too: it and its POST are counted as one row.

_SPENT_EACH_DAY = (
    f"select {_DAY.format('at')} as day, sum(coalesce(usd, 0)) as usd from ({{posts}}) as spent group by 1"
)
SPENT_EACH_DAY = _SPENT_EACH_DAY.format(posts=_OF_OWNER)
"""What an owner's POSTs of each day since some moment add up to."""
SPENT_EACH_DAY_BY_ALL = _SPENT_EACH_DAY.format(posts=_OF_ALL)
"""The same of all owners."""

_USAGE = f"""select day, gateway, model, state, sum(tasks) as tasks, sum(posts) as attempts, sum(usd) as estimate_usd,
    sum(unpriced) as without_price
  from (
    select {_DAY.format("counted_at")} as day, gateway, model, state, count(*) as tasks, count(*) as posts,
      coalesce(sum({_USD}), 0) as usd, count(*) - count(estimate_usd) as unpriced
    from task where {{whose}}counted_at >= :since and {_AT_ONCE} group by 1, 2, 3, 4
    union all
    select {_DAY.format("counted_at")}, gateway, model, state, 1, 0, 0, 0
    from task where {{whose}}counted_at >= :since and not ({_AT_ONCE})
    union all
    select {_DAY.format("at")}, gateway, model, state, 0, case when left_at is null then 0 else 1 end,
      coalesce(usd, 0), case when usd is null then 1 else 0 end
    from ({_POSTS.replace("{but}", f" and not ({_AT_ONCE})")}) as spent
  ) as counted group by 1, 2, 3, 4 order by 1 desc, 3, 2, 4"""

USAGE = _USAGE.replace("{whose}", "owner = :owner and ")
USAGE_OF_ALL = _USAGE.replace("{whose}", "")

OPEN_BY_GATEWAY = """select gateway, state = 'submitting' and sent_at is null as is_queued, count(*) as count from task
  where state in ('submitting', 'pending', 'processing') and (state = 'submitting' or due is not null) group by 1, 2"""
"""How many tasks of each gateway wait to be sent, and how many it has."""

OWNER_NAMES = """with recursive names (owner) as (
    select min(owner) from task
    union all select (select min(owner) from task where owner > names.owner) from names where owner is not null)
  select owner from names where owner is not null"""
"""Owner by owner: each step is a look into an index, however many tasks there are."""

_OPEN_OF_KEY = "from task where key_print = :key_print and state in ('submitting', 'pending', 'processing')"
COUNT_IN_FLIGHT = f"""select
  (select count(*) {_OPEN_OF_KEY} and state in ('pending', 'processing') and due is not null)
  + (select count(*) {_OPEN_OF_KEY} and state = 'submitting' and sent_at is not null) as count"""
"""How many tasks of a key the gateway has. Both have the condition of an index in them, so that no others are read."""

MARK_SENT = """update task set sent_at = :now, updated_at = :now,
    counted_at = case when counted_at > :now then counted_at else :now end,
    reached_at = :reached_at, calls = 0, called_at = 0
  where task_id = :task_id and fence = :fence and lease_holder = :lease_holder and state = 'submitting'
    and sent_at is null and cancel_requested = 0 returning task_id"""

QUOTED = """select usd, attempts from quote where owner = :owner and fingerprint = :fingerprint
  and made_at between :since and :asked_at"""

QUOTE = """insert into quote values (:owner, :fingerprint, :usd, :attempts, :now) on conflict (owner, fingerprint)
  do update set usd = :usd, attempts = :attempts, made_at = :now"""

FORGET_QUOTE = "delete from quote where owner = :owner and fingerprint = :fingerprint"

FORGET_OLD_QUOTES = "delete from quote where made_at not between :now - :lasts and :now + :lasts"

# Texts and secrets

KEEP = """insert into kept values (:task_id, :name, :text)
  on conflict (task_id, name) do update set text = :text"""

SELECT_KEPT = "select text from kept where task_id = :task_id and name = :name"

LET_GO_OF = "delete from kept where task_id = :task_id and name = :name"

MAKE_SECRET = "insert into secret values (:name, :value) on conflict do nothing"

SECRET = "select value from secret where name = :name"
